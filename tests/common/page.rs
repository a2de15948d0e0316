//! A page of staff in a real browser, and who may sign in at it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::browser::Browser;
use super::{Site, program, until};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

pub const PASSWORD: &str = "a long enough one";

/// A page of staff in a browser.
pub struct Page {
    pub browser: Browser,
    pub console: String,
}

impl Page {
    /// Somebody signs in at the page of the station PGY.
    pub fn signed_in(console: String, person: &str) -> Self {
        let page = Self {
            browser: Browser::start(),
            console,
        };
        page.browser.resize(1280, 900);
        let url = format!("http://{}/login?next=/stations/PGY", page.console);
        page.browser.open(&url);
        page.types(&format!("{person}<Tab>{PASSWORD}<Enter>"));
        page.sees("location.pathname", &json!("/stations/PGY"));
        page.sees(
            "document.getElementById('link').textContent",
            &json!("live"),
        );
        page
    }

    pub fn sees(&self, script: &str, wanted: &Value) {
        let seen = self.browser.waits_for(&format!("return {script}"), wanted);
        assert!(seen, "{script} is not {wanted}: {}", self.text());
    }

    pub fn text(&self) -> String {
        let text = self.browser.run("return document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    pub fn says(&self, words: &str) {
        let said = until(|| self.text().contains(words).then_some(()));
        assert!(said.is_some(), "no {words:?} in {}", self.text());
    }

    /// Presses keys as a person does; what is between `<` and `>` is a key's name.
    pub fn types(&self, keys: &str) {
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

pub fn add_staff(site: &Site, person: &str, role: &str) {
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

pub fn listeners(site: &Site) -> (std::net::SocketAddr, String) {
    let ready = site.ready();
    let gates = ready["listen"].as_str().unwrap().parse().unwrap();
    (gates, ready["console_listen"].as_str().unwrap().to_owned())
}
