//! What an installed wallet takes from being opened to a code on the screen, in a real Chromium that is slowed down
//! to a quarter, without a network and with nothing compiled beforehand. Prints a table; `make bench-wallet`.
//!
//! Each start is a renderer process of its own, with the browser's caches of files and of compiled scripts cleared;
//! the page comes from what its service worker keeps. Beside it stands a page without scripts of the same worker.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::browser::{Browser, Screen};
use common::{Site, until};
use fare_sim::cast::Cast;
use serde_json::json;
use std::path::Path;

/// Starts of each page.
const STARTS: usize = 20;

/// How much slower the browser's processor is made.
const THROTTLE: u32 = 4;

const PHONE: Screen = Screen {
    width: 390,
    height: 844,
    scale: 2.0,
};

/// Notes when the code has been painted, in ms since the page was asked for.
const WATCH: &str = "
    const look = () => {
      const code = document.querySelector('canvas.code');
      if (code?.dataset.text) requestAnimationFrame(() => setTimeout(() => { window.codeAt = performance.now(); }));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);";

/// Whether the page and all it needs are kept for use without a network.
const SAVED: &str = "
    const done = arguments[arguments.length - 1];
    navigator.serviceWorker.ready.then(() => caches.match('./')).then(page => done(page !== undefined));";

fn main() {
    let wallet = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/wallet/dist"));
    assert!(wallet.join("index.html").exists(), "run make wallet");
    let site = Site::new(91);
    let cast = Cast::new(&site.seed, faregate::clock::now());
    site.city
        .open_to_riders(cast.issuer_key(), Some(wallet))
        .unwrap();
    let mut server = site.serve(None);
    let ready = site.ready();
    let page = format!("http://{}/", ready["riders_listen"].as_str().unwrap());
    let browser = Browser::phone(PHONE);
    browser.open(&page);
    let click = "document.querySelector('[data-testid=start]')?.click();
                 return document.querySelector('canvas.code')?.dataset.text !== undefined";
    assert!(browser.waits_for(click, &json!(true)), "no code");
    let saved = until(|| (browser.run_async(SAVED) == json!(true)).then_some(()));
    assert!(saved.is_some(), "not saved for use without a network");
    assert!(server.terminate().0.success(), "{:#?}", server.log());

    let watch = json!({ "source": WATCH });
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &watch);
    let rate = json!({ "rate": THROTTLE });
    browser.devtools("Emulation.setCPUThrottlingRate", &rate);
    let code = starts(&browser, &page, "return window.codeAt ?? null");
    let loaded = "const [way] = performance.getEntriesByType('navigation'); return way?.loadEventEnd || null";
    let bare = starts(&browser, &format!("{page}icon.svg"), loaded);
    println!("{STARTS} starts each, processor slowed to 1/{THROTTLE}, no network; ms");
    println!("                             p50      p95      max");
    row("wallet: code on the screen", &code);
    row("a page without scripts", &bare);
    println!(
        "ratio of the medians: {:.2}",
        code[STARTS / 2] / bare[STARTS / 2]
    );
}

/// How long each start of a page took by what the script answers, the shortest first.
fn starts(browser: &Browser, page: &str, script: &str) -> Vec<f64> {
    let mut times: Vec<f64> = (0..STARTS)
        .map(|_| {
            // Another site: the next page gets a process of its own.
            browser.open("chrome://version");
            browser.devtools("Network.clearBrowserCache", &json!({}));
            browser.open(page);
            until(|| browser.run(script).as_f64()).unwrap()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn row(what: &str, times: &[f64]) {
    let at = |percent: usize| times[times.len() * percent / 100];
    let max = times.last().unwrap();
    println!("{what:<26} {:>7.0}  {:>7.0}  {max:>7.0}", at(50), at(95));
}
