//! The lane's screen: the real daemon's page in a real browser.
#![allow(clippy::unwrap_used)]

mod common;

use common::browser::Browser;
use common::lane::{self, OPTICS};
use common::{Process, Site, change, until};
use fare_protocol::Millis;
use fare_rules::Refusal;
use fare_sim::board::{BoardCommand, BoardHandle, Habits};
use fare_sim::city::GateFiles;
use fare_sim::crowd::Crowd;
use faregate::decode::Unread;
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;

/// Sizes of screens that gates have.
const SCREENS: [(u32, u32); 2] = [(1280, 800), (480, 800)];

/// Riders take their time, so that a browser on a busy machine sees what they are shown.
const WALK: Habits = Habits {
    passage_after: Millis(3_500),
    beam: Millis(150),
    annul_every: None,
};

const VIEW: &str = "return document.documentElement.dataset.view";
const TEXT: &str = "return document.getElementById('words').innerText";

/// A gate for both ways with a screen: its board, its camera, the daemon, a browser at its page.
struct Lane {
    files: GateFiles,
    board: BoardHandle,
    crowd: Crowd,
    daemon: Process,
    browser: Browser,
}

impl Lane {
    async fn open(site: &Site) -> Self {
        let files = site.entry(None);
        change(&files.config, "role = \"entry\"", "role = \"both\"");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let display = format!(
            "\n[display]\nlisten = \"{}\"\nlanguages = [\"en\", \"zh\"]\n",
            address
        );
        let config = fs::read_to_string(&files.config).unwrap() + &display;
        fs::write(&files.config, config).unwrap();
        let riding = (OPTICS, WALK);
        let lane = lane::Lane::open_as(site, files, riding, "the screen's page is served");
        let lane::Lane {
            files,
            board,
            crowd,
            daemon,
        } = lane.await;
        let browser = Browser::start();
        browser.open(&format!("http://{address}/"));
        Self {
            files,
            board,
            crowd,
            daemon,
            browser,
        }
    }

    #[track_caller]
    fn shows(&self, view: &str, text: &str) {
        let browser = &self.browser;
        let seen = || [browser.run(VIEW), browser.run(TEXT)];
        let there = || {
            let [now, words] = seen();
            (now == json!(view) && words.as_str().unwrap().contains(text)).then_some(())
        };
        assert!(
            until(there).is_some(),
            "{view} with {text:?} was wanted, and there is {:?}",
            seen()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn riders_are_shown_the_way_and_the_fare() {
    let site = Site::new(31);
    let mut lane = Lane::open(&site).await;
    lane.shows("ready", "Show your code");
    lane.shows("ready", "请出示乘车码");
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.shows("admitted", "Welcome");
    lane.shows("ready", "Show your code");
    lane.crowd.leave(lane.files.gate).unwrap();
    // The same rider walks out again: from a station to itself it costs the first step.
    lane.board.command(BoardCommand::Hold);
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.shows("admitted", "¥3.00");
    lane.browser.keep_screenshot("admitted");
}

/// Prints how long it takes from the lane's decision to the picture; judges no figure, this machine
/// is shared.
#[tokio::test(flavor = "multi_thread")]
async fn changes_come_at_once_and_a_daemon_that_is_gone_shows() {
    let site = Site::new(32);
    let mut lane = Lane::open(&site).await;
    lane.shows("ready", "Show your code");
    let mut lags = Vec::new();
    for turn in 0..30 {
        let (on, view) = if turn % 2 == 0 {
            (true, "free-passage")
        } else {
            (false, "ready")
        };
        let change = "return document.documentElement.dataset.change";
        let before = lane.browser.run(change);
        lane.board.command(BoardCommand::Fire(on));
        lane.shows(view, "");
        let drawn = until(|| Some(lane.browser.run(change)).filter(|now| *now != before));
        assert!(drawn.is_some(), "nothing was drawn");
        let lag = lane
            .browser
            .run("return Number(document.documentElement.dataset.lagMs)");
        lags.push(lag.as_f64().unwrap());
    }
    lags.sort_by(f64::total_cmp);
    println!(
        "decision to picture: median {} ms, slowest {} ms of {}",
        lags[lags.len() / 2],
        lags[lags.len() - 1],
        lags.len()
    );
    assert!(lane.daemon.terminate().0.success());
    lane.shows("out-of-service", "Out of service");
    lane.daemon = Process::gate(&lane.files.config);
    lane.shows("ready", "Show your code");
}

#[test]
fn everything_the_screen_says_has_room_in_large_type() {
    let site = Site::new(33);
    let files = site.entry(None);
    let listen = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let display =
        format!("\n[display]\nlisten = \"{listen}\"\nlanguages = [\"zh\", \"en\", \"ar\"]\n");
    let config = fs::read_to_string(&files.config).unwrap() + &display;
    fs::write(&files.config, config).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("the screen's page is served");
    let browser = Browser::start();
    for (width, height) in SCREENS {
        browser.resize(width, height);
        browser.open(&format!("http://{listen}/"));
        assert!(browser.waits_for("return look !== null", &json!(true)));
        for screen in screens() {
            let measured = browser.run(&format!(
                "show({screen}); const w = words; \
                 return [w.scrollHeight <= w.clientHeight && w.scrollWidth <= w.clientWidth, \
                         parseFloat(getComputedStyle(w).fontSize), w.children.length]"
            ));
            let [has_room, size, languages] = &measured.as_array().unwrap()[..] else {
                panic!("{measured}");
            };
            // A finger's breadth on a 10-inch screen; half of that on a hand-sized one.
            let least = f64::from(width.min(height)) / 16.0;
            assert_eq!(
                (has_room, languages),
                (&json!(true), &json!(3)),
                "{width}x{height}: {screen}"
            );
            assert!(
                size.as_f64().unwrap() >= least,
                "{size} px at {width}x{height}: {screen}"
            );
        }
        browser.keep_screenshot(&format!("refused-{width}x{height}"));
    }
}

/// All that can be on the screen.
fn screens() -> Vec<Value> {
    let fare = json!({"minor": 12_300, "currency": "CNY"});
    let mut screens = vec![
        json!({"view": "ready"}),
        json!({"view": "wait"}),
        json!({"view": "admitted", "direction": "entry"}),
        json!({"view": "admitted", "direction": "exit", "fare": fare}),
        json!({"view": "admitted", "direction": "exit", "fare": fare, "as_of_ms": 1_780_000_000_000_i64}),
        json!({"view": "admitted", "direction": "exit", "fare": null}),
        json!({"view": "admitted", "direction": "exit", "fare": fare, "balance": fare, "as_of_ms": 1_780_000_000_000_i64,
               "by": {"pass": true, "rides_left": 999, "coupon": true}}),
        json!({"view": "closed"}),
        json!({"view": "free-passage"}),
        json!({"view": "out-of-service"}),
    ];
    let hints = Unread::ALL.map(|why| json!({"view": "ready", "hint": why.code()}));
    screens.extend(hints);
    let refusals =
        Refusal::ALL.map(|refusal| json!({"view": "refused", "number": refusal.number()}));
    screens.extend(refusals);
    screens
}
