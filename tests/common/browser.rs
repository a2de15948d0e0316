//! A real Chromium, driven by ChromeDriver (WebDriver, W3C Recommendation of 2018-06-05).
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::{PATIENCE, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What Chromium is started with: no window, and nothing of its own on the network.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --no-first-run --disable-sync \
                     --disable-background-networking --disable-component-update";

/// One browser with one page. Ends when dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

/// A phone's screen: CSS pixels, and device pixels for each of them.
#[derive(Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub scale: f64,
}

impl Browser {
    pub fn start() -> Self {
        Self::with(json!({}))
    }

    /// A browser that takes itself for a phone.
    pub fn phone(screen: Screen) -> Self {
        let Screen {
            width,
            height,
            scale,
        } = screen;
        let metrics =
            json!({ "width": width, "height": height, "pixelRatio": scale, "touch": true });
        Self::with(json!({ "mobileEmulation": { "deviceMetrics": metrics } }))
    }

    fn with(mut options: Value) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is missing: run scripts/setup test");
        let said = BufReader::new(driver.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut ports = said.filter_map(|line| {
            line.split_once("successfully on port ")?
                .1
                .trim_end_matches('.')
                .parse()
                .ok()
        });
        let port = ports.next().expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = FLAGS.split_whitespace().map(str::to_owned).collect();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        options["binary"] = json!("/usr/bin/chromium");
        options["args"] = json!(args);
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let wanted = json!({ "alwaysMatch": { "goog:chromeOptions": options } });
        let made = browser.call("POST", "/session", &json!({ "capabilities": wanted }));
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    pub fn open(&self, url: &str) {
        self.call("POST", &self.path("/url"), &json!({ "url": url }));
    }

    /// Runs a script in the page until it answers what is wanted; answers whether it did.
    pub fn waits_for(&self, script: &str, wanted: &Value) -> bool {
        until(|| (self.run(script) == *wanted).then_some(())).is_some()
    }

    /// What a script in the page returns.
    pub fn run(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.call("POST", &self.path("/execute/sync"), &body)
    }

    /// Gives the page this many pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What a script in the page gives to its callback, its last argument.
    pub fn run_async(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.call("POST", &self.path("/execute/async"), &body)
    }

    /// A command of the Chrome DevTools protocol.
    pub fn devtools(&self, command: &str, params: &Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.call("POST", &self.path("/goog/cdp/execute"), &body)
    }

    /// Nothing that axe, an accessibility checker, complains about.
    pub fn is_accessible(&self, where_: &str) {
        let axe = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/wallet/node_modules/axe-core/axe.min.js"
        );
        let axe = std::fs::read_to_string(axe).expect("axe-core is missing: run make wallet");
        self.run(&format!("if (!window.axe) {{ {axe} }}"));
        let found = self.run_async(
            "const done = arguments[arguments.length - 1]; axe.run().then(found => done(\
             found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; '))))",
        );
        assert_eq!(found, json!([]), "{where_}");
    }

    /// What is on the screen, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let png = self.call("GET", &self.path("/screenshot"), &Value::Null);
        STANDARD.decode(png.as_str().unwrap()).unwrap()
    }

    /// Keeps what is on the screen, for people: `target/tmp/NAME.png`.
    pub fn keep_screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = folder.join(name).with_extension("png");
        std::fs::write(file, self.screenshot()).unwrap();
    }

    fn path(&self, command: &str) -> String {
        format!("/session/{}{command}", self.session)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        // ChromeDriver says that it closes the connection, and does not.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        for line in answer
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .take_while(|l| !l.is_empty())
        {
            if let Some(("content-length", value)) = line.to_ascii_lowercase().split_once(':') {
                length = value.trim().parse().unwrap();
            }
        }
        let mut json = vec![0; length];
        answer.read_exact(&mut json).unwrap();
        let answer: Value = serde_json::from_slice(&json).unwrap();
        assert!(
            answer["value"]["error"].is_null(),
            "{method} {path}: {answer}"
        );
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &self.path(""), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
