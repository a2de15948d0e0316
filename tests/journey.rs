//! The whole way as one command, and the console page in a real browser.
#![allow(clippy::unwrap_used)]

mod common;

use common::browser::Browser;
use common::{Site, program};
use serde_json::json;

#[test]
fn the_demo_charges_every_journey_once_and_the_right_fare() {
    let output = program("fare-sim")
        .args(["demo", "--journeys", "3"])
        .output()
        .unwrap();
    let (out, log) = (String::from_utf8(output.stdout).unwrap(), output.stderr);
    let log = String::from_utf8(log).unwrap();
    assert!(output.status.success(), "{out}\n{log}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("CNY 6.00").count(), 3, "{out}");
    for expected in ["journeys 3", "fares CNY 18.00", "books balanced yes"] {
        assert!(words.contains(expected), "{expected} is not in {out}");
    }
}

#[test]
fn the_console_is_alive_in_a_browser() {
    let site = Site::new(21);
    site.register(&[&site.entry(None), &site.exit(None)]);
    let mut server = site.serve(None);
    let ready = site.ready();
    let console = format!("http://{}/", ready["console_listen"].as_str().unwrap());

    let browser = Browser::start();
    browser.open(&console);
    let link = "return document.getElementById('link').textContent";
    assert!(
        browser.waits_for(link, &json!("live")),
        "{}",
        browser.run(link)
    );
    let text = browser.run("return document.body.innerText");
    for expected in ["PGY-01", "GMO-01", "Pingguoyuan", "Books balanced"] {
        assert!(
            text.as_str().unwrap().contains(expected),
            "{expected} is not in {text}"
        );
    }
    let unnamed = "return [...document.querySelectorAll('table')].filter(t => !t.caption).length";
    assert_eq!(browser.run(unnamed), json!(0), "every table has a caption");
    let pressed = "const b = document.getElementById('pause'); b.focus(); b.click();\
                   return [document.activeElement === b, b.getAttribute('aria-pressed')]";
    assert_eq!(browser.run(pressed), json!([true, "true"]));
    assert!(browser.waits_for(link, &json!("paused")));

    assert!(server.terminate().0.success(), "{:#?}", server.log());
    browser.run("document.getElementById('pause').click()");
    let warned = "return document.getElementById('link').classList.contains('warn')";
    assert!(
        browser.waits_for(warned, &json!(true)),
        "a lost connection shows"
    );
}
