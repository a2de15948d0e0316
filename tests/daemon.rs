//! The real daemon on a named pipe for a camera and a pty for a barrier board.
#![allow(clippy::unwrap_used)]

mod common;

use common::{PATIENCE, Process, Site, program};
use fare_protocol::{Millis, RecordBody, SignedRecord};
use fare_sim::board::{Board, BoardCommand, BoardEvent, BoardHandle, Habits};
use fare_sim::crowd::{Crowd, Optics};
use fare_sim::shot::{Difficulty, FrameSize};
use std::time::Duration;
use tokio::time::timeout;

/// Longest that a stopping daemon may take.
const STOP_MAX: Duration = Duration::from_secs(2);

fn crowd(site: &Site) -> Crowd {
    let optics = Optics {
        size: FrameSize::VGA,
        fps: 15,
        difficulty: Difficulty::Easy,
    };
    Crowd::new(&site.seed, optics)
}

async fn event(board: &mut BoardHandle, wanted: BoardEvent) {
    let found = async {
        while let Some(happening) = board.next_event().await {
            if happening.event == wanted {
                return;
            }
        }
        panic!("the board is gone");
    };
    timeout(PATIENCE, found)
        .await
        .unwrap_or_else(|_| panic!("no {wanted:?}"));
}

/// What the journal holds, in chain order; the gate has stopped.
fn records(site: &Site, role: &str) -> Vec<RecordBody> {
    let journal = rusqlite::Connection::open(site.path(&format!("{role}.journal"))).unwrap();
    let mut rows = journal
        .prepare("SELECT envelope FROM records ORDER BY seq")
        .unwrap();
    let envelopes = rows.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    envelopes
        .map(|bytes| SignedRecord::parse(&bytes.unwrap()).unwrap().record().body)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_walks_through_and_leaves_two_records() {
    let site = Site::new(11);
    let config = site.gate("entry", None);
    let mut board = Board::spawn(&site.path("entry.tty"), Habits::default()).unwrap();
    let mut crowd = crowd(&site);
    let gate_id = Site::gate_id("entry");
    let watched = crowd.add_camera(gate_id, &site.path("entry.y4m")).unwrap();
    let mut gate = Process::gate(&config);
    gate.wait_for("ready");
    watched.await;
    crowd.show(gate_id, 1).unwrap();
    event(&mut board, BoardEvent::Opened).await;
    event(&mut board, BoardEvent::Passed).await;
    gate.wait_for("\"passed\"");
    let (status, took) = gate.terminate();
    assert!(
        status.success() && took < STOP_MAX,
        "{status} after {took:?}: {:#?}",
        gate.log()
    );
    let records = records(&site, "entry");
    let [
        RecordBody::Confirmation(confirmation),
        RecordBody::Passage(passage),
    ] = records[..]
    else {
        panic!("one confirmation and its passage, got {records:#?}");
    };
    assert_eq!(confirmation.account, crowd.account(1));
    assert_eq!(passage.outcome, fare_protocol::PassageOutcome::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_the_open_passage_first() {
    let site = Site::new(12);
    let config = site.gate("entry", None);
    let mut board = Board::spawn(&site.path("entry.tty"), Habits::default()).unwrap();
    board.command(BoardCommand::Hold);
    let mut crowd = crowd(&site);
    let gate_id = Site::gate_id("entry");
    let watched = crowd.add_camera(gate_id, &site.path("entry.y4m")).unwrap();
    let mut gate = Process::gate(&config);
    gate.wait_for("ready");
    watched.await;
    crowd.show(gate_id, 1).unwrap();
    event(&mut board, BoardEvent::Opened).await;
    let (status, took) = gate.terminate();
    assert!(
        status.success() && took < STOP_MAX,
        "{status} after {took:?}: {:#?}",
        gate.log()
    );
    let records = records(&site, "entry");
    let [RecordBody::Confirmation(_), RecordBody::Passage(passage)] = records[..] else {
        panic!("one confirmation and its passage, got {records:#?}");
    };
    let cancelled = fare_protocol::PassageOutcome::Annulled(fare_protocol::Annulment::Cancelled);
    assert_eq!(passage.outcome, cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_passing_annuls_the_tap() {
    let site = Site::new(13);
    let config = site.gate("entry", None);
    let hurried = std::fs::read_to_string(&config).unwrap();
    let hurried = hurried.replace("passage_timeout_ms = 5000", "passage_timeout_ms = 300");
    std::fs::write(&config, hurried).unwrap();
    let mut board = Board::spawn(&site.path("entry.tty"), Habits::default()).unwrap();
    board.command(BoardCommand::Hold);
    let mut crowd = crowd(&site);
    let gate_id = Site::gate_id("entry");
    let watched = crowd.add_camera(gate_id, &site.path("entry.y4m")).unwrap();
    let gate = Process::gate(&config);
    gate.wait_for("ready");
    watched.await;
    crowd.show(gate_id, 1).unwrap();
    event(&mut board, BoardEvent::Opened).await;
    event(&mut board, BoardEvent::Closed).await;
    gate.wait_for("annulled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_alarm_opens_for_everybody() {
    let site = Site::new(14);
    let config = site.gate("entry", None);
    let habits = Habits {
        passage_after: Millis(60_000),
        ..Habits::default()
    };
    let mut board = Board::spawn(&site.path("entry.tty"), habits).unwrap();
    let gate = Process::gate(&config);
    gate.wait_for("ready");
    board.command(BoardCommand::Fire(true));
    event(&mut board, BoardEvent::Opened).await;
    gate.wait_for("fire alarm");
    board.command(BoardCommand::Fire(false));
    event(&mut board, BoardEvent::Closed).await;
}

#[test]
fn neither_camera_nor_board_is_needed_to_run() {
    let site = Site::new(15);
    let config = site.gate("entry", None);
    let mut gate = Process::gate(&config);
    gate.wait_for("ready");
    gate.wait_for("no frames");
    gate.wait_for("barrier board lost");
    assert!(gate.is_running());
    let (status, took) = gate.terminate();
    assert!(
        status.success() && took < STOP_MAX,
        "{status} after {took:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_comes_late_is_found() {
    let site = Site::new(16);
    let gate = Process::gate(&site.gate("entry", None));
    gate.wait_for("barrier board lost");
    let board = Board::spawn(&site.path("entry.tty"), Habits::default()).unwrap();
    gate.wait_for("barrier board is back");
    drop(board);
}

/// A server that answers nonsense, and one that is not there, lose nothing; the real one gets it all.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_offline_arrives_when_the_server_comes() {
    let site = Site::new(17);
    let spare = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let config = site.gate(
        "entry",
        Some(&format!("https://localhost:{}", spare.port())),
    );
    site.gate("exit", None);
    let server_config = site.server(&spare.to_string());
    let mut board = Board::spawn(&site.path("entry.tty"), Habits::default()).unwrap();
    let mut crowd = crowd(&site);
    let gate_id = Site::gate_id("entry");
    let watched = crowd.add_camera(gate_id, &site.path("entry.y4m")).unwrap();
    let mut gate = Process::gate(&config);
    gate.wait_for("ready");
    watched.await;
    crowd.show(gate_id, 1).unwrap();
    event(&mut board, BoardEvent::Passed).await;
    gate.wait_for("\"passed\"");

    let mut server = program("fareserver");
    server.args(["run", "--config"]).arg(server_config);
    let mut server = Process::start(server);
    let journal = site.path("entry.journal");
    let pending = || {
        let journal = rusqlite::Connection::open(&journal).unwrap();
        let count = "SELECT count(*) FROM records WHERE state = 0";
        journal
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let sent = common::until(|| (pending() == 0).then_some(()));
    assert!(
        sent.is_some(),
        "gate: {:#?}\nserver: {:#?}",
        gate.log(),
        server.log()
    );
    assert!(gate.terminate().0.success());
    assert!(server.terminate().0.success());
    let books = program("fareserver")
        .args(["books", "--database"])
        .arg(site.path("fares.sqlite3"))
        .output()
        .unwrap();
    assert!(books.status.success(), "{books:?}");
}
