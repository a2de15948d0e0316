//! The real daemon with a scanner on a pty, in place of the camera and beside it.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::{Lane, event};
use common::{Process, Site, change, program, until};
use fare_sim::board::{Board, BoardEvent, Habits};
use fare_sim::cast::Cast;
use fare_sim::city::GateFiles;
use fare_sim::rider::Rider;
use fare_sim::scanner::{Scanner, Settings};
use faregate::clock;
use serde_json::Value;
use std::path::PathBuf;

/// Gives the gate a scanner; the answer is where its line is to be.
fn with_scanner(site: &Site, files: &GateFiles, settings: &str) -> PathBuf {
    let link = site.path("scanner");
    let section =
        format!("[scanner]\nkind = \"serial\"\ndevice = \"scanner\"\n{settings}\n[barrier]");
    change(&files.config, "[barrier]", &section);
    link
}

fn without_camera(files: &GateFiles) {
    let gate = files.gate;
    let frames = format!("[frames]\nsource = \"y4m\"\npath = \"{gate}.camera\"\n");
    change(&files.config, &frames, "[status]\nevery_s = 1\n");
}

fn rider(site: &Site, number: u64) -> Rider {
    Cast::new(&site.seed, clock::now()).rider(number)
}

fn faregate(command: &str, args: &[&str], files: &GateFiles) -> Value {
    let mut faregate = program("faregate");
    faregate.args([command, "--json"]).args(args);
    let done = faregate
        .arg("--config")
        .arg(&files.config)
        .output()
        .unwrap();
    serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"))
}

fn problems(said: &Value) -> Vec<&str> {
    let codes = said["problems"].as_array().unwrap().iter();
    codes
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_with_a_scanner_alone_opens_for_a_ride_code() {
    let site = Site::new(61);
    let files = site.entry(None);
    let link = with_scanner(&site, &files, "");
    without_camera(&files);
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let mut scanner = Scanner::plug_in(&link, Settings::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("the scanner is there");
    // What is no line is dropped, what is no code of ours is refused; neither harms anybody.
    scanner.say(b"\x00\xffnoi\x07se\r\n").await.unwrap();
    scanner.read("https://example.org/").await.unwrap();
    daemon.wait_for("not-ours");
    let code = rider(&site, 1).make_code(clock::now());
    scanner.read(&code).await.unwrap();
    event(&mut board, BoardEvent::Opened).await;
    event(&mut board, BoardEvent::Passed).await;
    let said = until(|| {
        let said = faregate("status", &[], &files);
        (said["daemon"]["taps"]["passed"] == 1).then_some(said)
    });
    let said = said.unwrap();
    assert_eq!(said["daemon"]["scanner"]["read"], 2);
    assert_eq!(said["daemon"]["scanner"]["dropped"], 1);
    assert_eq!(said["daemon"]["eyes"], Value::Null);
    assert!(!problems(&said).contains(&"no-frames"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_camera_the_rider_behind_waits_for_the_one_before() {
    let site = Site::new(62);
    let files = site.entry(None);
    let settings = r#"prefix = "\u0002"
suffix = "\u0003"
aim = true"#;
    let link = with_scanner(&site, &files, settings);
    let settings = Settings {
        prefix: vec![2],
        suffix: vec![3],
        aim: true,
    };
    let mut scanner = Scanner::plug_in(&link, settings).unwrap();
    let mut lane = Lane::open(&site, files).await;
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.sees(BoardEvent::Opened).await;
    let code = rider(&site, 2).make_code(clock::now());
    scanner.read(&code).await.unwrap();
    for seen in [
        BoardEvent::Passed,
        BoardEvent::Closed,
        BoardEvent::Opened,
        BoardEvent::Passed,
    ] {
        lane.sees(seen).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_was_unplugged_is_found_again() {
    let site = Site::new(63);
    let files = site.entry(None);
    let link = with_scanner(&site, &files, "");
    without_camera(&files);
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("cannot open the scanner");
    let away = until(|| {
        let said = faregate("status", &[], &files);
        let away = problems(&said).contains(&"scanner-away");
        away.then_some(())
    });
    assert!(away.is_some());
    for round in 1..=2 {
        let mut scanner = Scanner::plug_in(&link, Settings::default()).unwrap();
        let there = |line: &String| line.contains("the scanner is there");
        let found = until(|| {
            let count = daemon.log().iter().filter(|line| there(line)).count();
            (count == round).then_some(())
        });
        assert!(found.is_some(), "{:#?}", daemon.log());
        let code = rider(&site, round as u64).make_code(clock::now());
        scanner.read(&code).await.unwrap();
        event(&mut board, BoardEvent::Passed).await;
        event(&mut board, BoardEvent::Closed).await;
        drop(scanner);
        daemon.wait_for("went away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selftest_tries_the_scanner() {
    let site = Site::new(64);
    let files = site.entry(None);
    let link = with_scanner(&site, &files, "");
    without_camera(&files);
    let mut scanner = Scanner::plug_in(&link, Settings::default()).unwrap();
    let tried = |files: GateFiles, wait: &'static str| {
        tokio::task::spawn_blocking(move || {
            faregate("selftest", &["--skip", "barrier", "--wait", wait], &files)
        })
    };
    let outcome = |said: &Value| {
        let mut checks = said["checks"].as_array().unwrap().iter();
        let check = checks.find(|check| check["name"] == "scanner").unwrap();
        (check["outcome"].clone(), check["saw"].to_string())
    };
    let silent = outcome(&tried(files.clone(), "1").await.unwrap());
    assert_eq!(silent.0, "failed");
    let trying = tried(files, "20");
    scanner.read("FG1:ANY").await.unwrap();
    let (passed, saw) = outcome(&trying.await.unwrap());
    assert_eq!(passed, "passed", "{saw}");
    assert!(saw.contains("a ride code came: 7 bytes"), "{saw}");
}
