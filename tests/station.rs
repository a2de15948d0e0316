//! The page of a station in a real browser, before a real gate: sign in by keyboard, watch the gate, close it
//! with a confirmation, find the rider, sign out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::browser::Browser;
use common::lane::Lane;
use common::{Process, Site, program, until};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::process::Stdio;

const PASSWORD: &str = "a long enough one";

/// A page of staff in a browser.
struct Page {
    browser: Browser,
    console: String,
}

impl Page {
    fn sees(&self, script: &str, wanted: &Value) {
        let seen = self.browser.waits_for(&format!("return {script}"), wanted);
        assert!(seen, "{script} is not {wanted}: {}", self.text());
    }

    fn text(&self) -> String {
        let text = self.browser.run("return document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    fn says(&self, words: &str) {
        let said = until(|| self.text().contains(words).then_some(()));
        assert!(said.is_some(), "no {words:?} in {}", self.text());
    }

    /// Presses keys as a person does; what is between `<` and `>` is a key's name.
    fn types(&self, keys: &str) {
        let mut rest = keys;
        while let Some(letter) = rest.chars().next() {
            let (params, taken) = match rest
                .strip_prefix('<')
                .and_then(|named| named.split_once('>'))
            {
                Some((name, _)) => (key(name), name.len() + 2),
                None => (json!({ "text": letter.to_string() }), letter.len_utf8()),
            };
            for kind in ["keyDown", "keyUp"] {
                let mut params = params.clone();
                params["type"] = json!(kind);
                self.browser.devtools("Input.dispatchKeyEvent", &params);
            }
            rest = &rest[taken..];
        }
    }

    fn is_accessible(&self, where_: &str) {
        let axe = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/wallet/node_modules/axe-core/axe.min.js"
        );
        let axe = fs::read_to_string(axe).expect("axe-core is missing: run make wallet");
        self.browser.run(&format!("if (!window.axe) {{ {axe} }}"));
        let found = self.browser.run_async(
            "const done = arguments[arguments.length - 1]; axe.run().then(found => done(\
             found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; '))))",
        );
        assert_eq!(found, json!([]), "{where_}");
    }
}

fn key(name: &str) -> Value {
    let (code, text) = match name {
        "Tab" => (9, ""),
        "Enter" => (13, "\r"),
        "Space" => (32, " "),
        "Escape" => (27, ""),
        other => panic!("which key is {other}?"),
    };
    let key = if name == "Space" { " " } else { name };
    json!({ "key": key, "code": name, "windowsVirtualKeyCode": code, "text": text })
}

fn add_staff(site: &Site, person: &str, role: &str) {
    let mut add = program("fareserver");
    add.args([
        "staff",
        "add",
        person,
        "--role",
        role,
        "--password-stdin",
        "--database",
    ])
    .arg(site.city.database())
    .stdin(Stdio::piped())
    .stdout(Stdio::null());
    let mut child = add.spawn().unwrap();
    let mut typed = child.stdin.take().unwrap();
    writeln!(typed, "{PASSWORD}").unwrap();
    drop(typed);
    assert!(child.wait().unwrap().success());
}

fn listeners(site: &Site) -> (std::net::SocketAddr, String) {
    let ready = until(|| fs::read_to_string(site.city.server_ready()).ok()).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let gates = ready["listen"].as_str().unwrap().parse().unwrap();
    (gates, ready["console_listen"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
// long: one supervisor, every part of the page
async fn a_supervisor_watches_a_gate_closes_it_and_finds_the_rider() {
    let site = Site::new(41);
    let server: Process = site.serve(None);
    let (gates, console) = listeners(&site);
    let entry = site.entry(Some(gates));
    site.register(&[&entry]);
    add_staff(&site, "Wang", "supervisor");
    let id = entry.gate.to_string();
    let mut lane = Lane::open(&site, entry).await;
    lane.enters(1).await;

    let page = Page {
        browser: Browser::start(),
        console,
    };
    page.browser.resize(1280, 900);
    let url = |path: &str| format!("http://{}{path}", page.console);
    page.browser.open(&url("/login?next=/stations/PGY"));
    page.is_accessible("signing in");
    page.browser.keep_screenshot("login");
    page.types("Wang<Tab>wrong password<Enter>");
    page.says("no account has this name");
    page.types(&format!("{PASSWORD}<Enter>"));
    page.sees("location.pathname", &json!("/stations/PGY"));
    page.sees(
        "document.getElementById('link').textContent",
        &json!("live"),
    );
    page.says("online");
    // The rider who went in is counted.
    page.sees(
        "document.querySelector('#gates .number').textContent",
        &json!("1"),
    );
    page.is_accessible("the station");
    page.browser.keep_screenshot("station");

    // Close the gate, by keyboard alone: tick it, say why, look it over, tell it.
    page.browser
        .run("document.querySelector('input[name=gate]').focus()");
    page.types("<Space>");
    page.browser
        .run("const m = document.getElementById('mode'); m.value = 'closed'");
    page.browser
        .run("document.getElementById('reason').focus()");
    page.types("crowd<Enter>");
    page.sees("document.getElementById('sure').open", &json!(true));
    page.sees(
        "document.getElementById('sure-gates').textContent",
        &json!(id),
    );
    page.is_accessible("the confirmation");
    page.browser.keep_screenshot("station-sure");
    page.types("<Escape>");
    page.sees("document.getElementById('sure').open", &json!(false));
    page.browser
        .run("document.getElementById('reason').focus()");
    page.types("<Enter>");
    page.sees("document.getElementById('sure').open", &json!(true));
    page.types("<Tab><Enter>");
    // The gate itself says so: its signed record of the change has come back.
    page.sees(
        "document.querySelector('#gates td:nth-of-type(2)').textContent",
        &json!("closed"),
    );
    page.browser.keep_screenshot("station-closed");

    // The rider beside the gate, by the receipt's last digits.
    let taps = until(|| {
        let mut log = program("faregate");
        let output = log
            .args(["log", "--json", "--config"])
            .arg(&lane.files.config);
        let output = output.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut receipts = lines.filter_map(|line| line["receipt"].as_str().map(str::to_owned));
        receipts.next_back()
    });
    let receipt = taps.expect("a receipt in the gate's log");
    page.browser.run("document.getElementById('tail').focus()");
    page.types(&format!("{}<Enter>", &receipt[receipt.len() - 8..]));
    page.says("The rider is inside.");
    page.is_accessible("the rider");
    page.browser.keep_screenshot("station-rider");

    // A small screen and the dark scheme.
    page.browser.resize(390, 844);
    let wide = "document.scrollingElement.scrollWidth - innerWidth";
    page.sees(&format!("{wide} <= 0"), &json!(true));
    page.browser.keep_screenshot("station-small");
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    page.browser.devtools("Emulation.setEmulatedMedia", &dark);
    page.browser.resize(1280, 900);
    page.is_accessible("the station in the dark");
    page.browser.keep_screenshot("station-dark");

    page.browser
        .run("document.getElementById('sign-out').click()");
    page.sees("location.pathname", &json!("/login"));
    let audit = program("fareserver")
        .args(["audit", "--database"])
        .arg(site.city.database())
        .output()
        .unwrap();
    let audit = String::from_utf8(audit.stdout).unwrap();
    for deed in ["sign-in-refused", "gate-mode", "rider-find", "sign-out"] {
        assert!(audit.contains(deed), "{deed} is not in {audit}");
    }
    assert!(audit.contains(": crowd"), "{audit}");
    drop(server);
}
