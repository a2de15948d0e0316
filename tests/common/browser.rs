//! A real Chromium, driven by ChromeDriver (WebDriver, W3C Recommendation of 2018-06-05).
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use super::{PATIENCE, until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
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

impl Browser {
    pub fn start() -> Self {
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
        let options = json!({ "binary": "/usr/bin/chromium", "args": args });
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

    fn path(&self, command: &str) -> String {
        format!("/session/{}{command}", self.session)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
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
