//! The real daemon on a named pipe for a camera and a pty for a barrier board.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::{Lane, event};
use common::{Process, Site, change, program, until};
use fare_protocol::{Annulment, Millis, PassageOutcome, RecordBody, SignedRecord};
use fare_sim::board::{Board, BoardCommand, BoardEvent, Habits};
use std::time::Duration;

/// Longest that a stopping daemon may take.
const STOP_MAX: Duration = Duration::from_secs(2);

impl Lane {
    fn show_a_code(&mut self) {
        self.crowd.show(self.files.gate, 1).unwrap();
    }

    fn stop(&mut self) {
        let (status, took) = self.daemon.terminate();
        let log = self.daemon.log();
        assert!(
            status.success() && took < STOP_MAX,
            "{status} after {took:?}: {log:#?}"
        );
    }

    /// What the journal holds, in chain order, once the daemon has stopped.
    fn records(&self) -> Vec<RecordBody> {
        let journal = rusqlite::Connection::open(&self.files.journal).unwrap();
        let mut rows = journal
            .prepare("SELECT envelope FROM records ORDER BY seq")
            .unwrap();
        let envelopes = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        let body = |bytes: Vec<u8>| SignedRecord::parse(&bytes).unwrap().record().body;
        envelopes.map(|bytes| body(bytes.unwrap())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_walks_through_and_leaves_two_records() {
    let site = Site::new(11);
    let mut lane = Lane::open(&site, site.entry(None)).await;
    lane.show_a_code();
    lane.sees(BoardEvent::Opened).await;
    lane.sees(BoardEvent::Passed).await;
    lane.daemon.wait_for("\"passed\"");
    lane.stop();
    let records = lane.records();
    let [
        RecordBody::Confirmation(confirmation),
        RecordBody::Passage(passage),
    ] = records[..]
    else {
        panic!("one confirmation and its passage, got {records:#?}");
    };
    assert_eq!(confirmation.account, lane.crowd.account(1));
    assert_eq!(passage.outcome, PassageOutcome::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_is_looked_at_and_carried_off_beside_the_daemon() {
    let site = Site::new(19);
    let mut lane = Lane::open(&site, site.entry(None)).await;
    lane.show_a_code();
    lane.sees(BoardEvent::Passed).await;
    lane.daemon.wait_for("\"passed\"");
    let outbox = |args: &[&str]| {
        let mut command = program("faregate");
        command.arg("outbox").args(args);
        let done = command.arg("--config").arg(&lane.files.config).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let kinds = || -> Vec<String> {
        let list = outbox(&["list", "--json"]);
        let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let kind = |line: &str| row(line)["kind"].as_str().unwrap().to_owned();
        list.lines().map(kind).collect()
    };
    let both = until(|| Some(kinds()).filter(|kinds| kinds.len() == 2));
    assert_eq!(both.unwrap(), ["confirmation", "passage"]);
    assert!(
        outbox(&["list"])
            .ends_with("2 pending, 0 quarantined; 0 diagnostic notes evicted so far\n")
    );
    let stick = site.path("stick");
    let said = outbox(&["export", stick.to_str().unwrap()]);
    assert!(said.ends_with("2 records in 1 parts\n"), "{said}");
    assert!(std::fs::read(&stick).unwrap().starts_with(b"FAREOUT1"));
    assert!(outbox(&["retry", "--all"]).starts_with("0 records wait again"));
    lane.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_the_open_passage_first() {
    let site = Site::new(12);
    let mut lane = Lane::open(&site, site.entry(None)).await;
    lane.board.command(BoardCommand::Hold);
    lane.show_a_code();
    lane.sees(BoardEvent::Opened).await;
    lane.stop();
    let records = lane.records();
    let [RecordBody::Confirmation(_), RecordBody::Passage(passage)] = records[..] else {
        panic!("one confirmation and its passage, got {records:#?}");
    };
    assert_eq!(
        passage.outcome,
        PassageOutcome::Annulled(Annulment::Cancelled)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_passing_annuls_the_tap() {
    let site = Site::new(13);
    let files = site.entry(None);
    change(
        &files.config,
        "passage_timeout_ms = 5000",
        "passage_timeout_ms = 300",
    );
    let mut lane = Lane::open(&site, files).await;
    lane.board.command(BoardCommand::Hold);
    lane.show_a_code();
    lane.sees(BoardEvent::Opened).await;
    lane.sees(BoardEvent::Closed).await;
    lane.daemon.wait_for("annulled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_alarm_opens_for_everybody() {
    let site = Site::new(14);
    let files = site.entry(None);
    let habits = Habits {
        passage_after: Millis(60_000),
        ..Habits::default()
    };
    let mut board = Board::spawn(&files.board, habits).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    board.command(BoardCommand::Fire(true));
    event(&mut board, BoardEvent::Opened).await;
    daemon.wait_for("fire alarm");
    board.command(BoardCommand::Fire(false));
    event(&mut board, BoardEvent::Closed).await;
}

#[test]
fn neither_camera_nor_board_is_needed_to_run() {
    let site = Site::new(15);
    let mut daemon = Process::gate(&site.entry(None).config);
    for line in ["ready", "no frames", "barrier board lost"] {
        daemon.wait_for(line);
    }
    assert!(daemon.is_running());
    let (status, took) = daemon.terminate();
    assert!(
        status.success() && took < STOP_MAX,
        "{status} after {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_comes_late_is_found() {
    let site = Site::new(16);
    let files = site.entry(None);
    let daemon = Process::gate(&files.config);
    daemon.wait_for("barrier board lost");
    let board = Board::spawn(&files.board, Habits::default()).unwrap();
    daemon.wait_for("barrier board is back");
    drop(board);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_offline_arrives_when_the_server_comes() {
    let site = Site::new(17);
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let files = site.entry(Some(address));
    site.register(&[&files]);
    let mut lane = Lane::open(&site, files).await;
    lane.show_a_code();
    lane.sees(BoardEvent::Passed).await;
    lane.daemon.wait_for("\"passed\"");

    let mut server = site.serve(Some(address));
    let waiting = "SELECT count(*) FROM records WHERE state = 0";
    let pending = || {
        let journal = rusqlite::Connection::open(&lane.files.journal).unwrap();
        journal
            .query_row(waiting, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let sent = until(|| (pending() == 0).then_some(()));
    assert!(
        sent.is_some(),
        "gate: {:#?}\nserver: {:#?}",
        lane.daemon.log(),
        server.log()
    );
    lane.stop();
    assert!(server.terminate().0.success());
    let mut books = program("fareserver");
    let books = books
        .args(["books", "--database"])
        .arg(site.city.database())
        .output()
        .unwrap();
    assert!(books.status.success(), "{books:?}");
}
