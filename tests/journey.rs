//! The whole way as one command, and the console page in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Process, Site, program, until};
use std::fs;
use std::process::Command;

#[test]
fn the_demo_charges_every_journey_once_and_the_right_fare() {
    let output = program("fare-sim")
        .args(["demo", "--journeys", "3"])
        .output()
        .unwrap();
    let (out, log) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
    let log = String::from_utf8(log).unwrap();
    assert!(output.status.success(), "{out}\n{log}");
    assert_eq!(out.matches("CNY 6.00").count(), 3, "{out}");
    assert!(out.contains("fares            CNY 18.00"), "{out}");
    assert!(out.contains("books balanced   yes"), "{out}");
}

/// The page as Chromium has it after running its script.
fn dom(url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = Command::new("timeout");
    chromium.args("30 chromium --headless --no-sandbox --disable-gpu --no-first-run".split(' '));
    chromium.args("--disable-background-networking --disable-component-update".split(' '));
    chromium.arg(format!("--user-data-dir={}", profile.path().display()));
    chromium.args(["--disable-sync", "--dump-dom", url]);
    let output = chromium
        .output()
        .expect("chromium is missing: run scripts/setup test");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_console_is_alive_in_a_browser() {
    let site = Site::new(21);
    site.gate("entry", None);
    site.gate("exit", None);
    let mut server = program("fareserver");
    server
        .args(["run", "--config"])
        .arg(site.server("127.0.0.1:0"));
    let mut server = Process::start(server);
    let ready = until(|| fs::read_to_string(site.path("ready.json")).ok());
    let ready: serde_json::Value = serde_json::from_str(&ready.unwrap()).unwrap();
    let url = format!("http://{}/", ready["console_listen"].as_str().unwrap());
    let live = r#"<span id="link" class="state good">live</span>"#;
    // Chromium writes the page down once it has loaded; the events may come a moment later.
    let page = until(|| Some(dom(&url)).filter(|page| page.contains(live)));
    let page = page.unwrap_or_else(|| panic!("no events arrived: {}", dom(&url)));
    for expected in [
        "<title>",
        "PGY-01",
        "GMO-02",
        "Pingguoyuan",
        "Books balanced",
        "<caption",
    ] {
        assert!(page.contains(expected), "{expected} is not in {page}");
    }
    assert!(server.terminate().0.success(), "{:#?}", server.log());
}
