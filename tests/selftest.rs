//! `faregate selftest` on real bytes: a camera's pipe, a barrier board on a pty, a journal.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::{OPTICS, event, riders};
use common::{Process, Site, program};
use fare_sim::board::{Board, BoardEvent, Habits};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn selftest(config: &Path, args: &[&str]) -> Command {
    let mut command = program("faregate");
    command.args(["selftest", "--json"]).args(args);
    command.arg("--config").arg(config);
    command
}

fn outcomes(done: &Output) -> Vec<(String, String)> {
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let checks = said["checks"].as_array().unwrap().iter();
    checks
        .map(|check| (text(check, "name"), text(check, "outcome")))
        // The computer that tests run on may be full or hot.
        .filter(|(name, _)| !["disk", "temperature"].contains(&name.as_str()))
        .collect()
}

/// Notes of self-tests, and records, in a journal.
fn notes_and_records(journal: &Path) -> (i64, i64) {
    let db = rusqlite::Connection::open(journal).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get(0)).unwrap();
    (
        count("SELECT count(*) FROM events WHERE kind = 'selftest'"),
        count("SELECT count(*) FROM records"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_devices_work_passes_and_then_runs() {
    let site = Site::new(51);
    let files = site.entry(None);
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let (mut crowd, watched) = riders(&site, &files, OPTICS);
    let mut command = selftest(&files.config, &["--wait", "60"]);
    let tried = tokio::task::spawn_blocking(move || command.output().unwrap());
    watched.await;
    crowd.show(files.gate, 1).unwrap();
    event(&mut board, BoardEvent::Opened).await;
    event(&mut board, BoardEvent::Closed).await;
    let done = tried.await.unwrap();
    for (name, outcome) in outcomes(&done) {
        assert_eq!(outcome, "passed", "{name}: {done:?}");
    }
    assert_eq!(notes_and_records(&files.journal), (1, 0));
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.contains("a ride code was read in frame"), "{text}");
    Process::gate(&files.config).wait_for("ready");
}

#[test]
fn what_does_not_work_is_named_with_what_to_do() {
    let site = Site::new(52);
    let files = site.entry(None);
    let done = selftest(&files.config, &["--wait", "1"]).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let passed = |name: &str| (name.to_owned(), "passed".to_owned());
    let failed = |name: &str| (name.to_owned(), "failed".to_owned());
    let expected = [
        passed("clock"),
        passed("journal"),
        failed("frames"),
        failed("barrier"),
    ];
    assert_eq!(outcomes(&done), expected);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("check the board's power and cable"), "{said}");

    let done = selftest(&files.config, &["--skip", "frames", "--skip", "barrier"]).output();
    let done = done.unwrap();
    assert!(outcomes(&done).contains(&("barrier".to_owned(), "skipped".to_owned())));
    assert_eq!(notes_and_records(&files.journal), (2, 0));
}

#[test]
fn it_does_not_fight_with_a_daemon() {
    let site = Site::new(53);
    let files = site.entry(None);
    let daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    let done = selftest(&files.config, &[]).output().unwrap();
    assert_eq!(done.status.code(), Some(2), "{done:?}");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("systemctl stop faregate"), "{said}");
    assert_eq!(notes_and_records(&files.journal), (0, 0));
}
