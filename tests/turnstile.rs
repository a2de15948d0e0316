//! The real daemon and an old turnstile that speaks bytes of its own on a pty.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::{Lane, OPTICS, event, riders};
use common::{Process, Site, change, program};
use fare_sim::board::{Board, BoardCommand, BoardEvent, Habits, TURNSTILE_SETTINGS};
use fare_sim::city::GateFiles;

/// An entry gate whose barrier is a turnstile.
fn gate(site: &Site) -> GateFiles {
    let files = site.entry(None);
    let modbus = "baud = 115200\nunit = 1\npoll_ms = 20\n";
    change(&files.config, modbus, TURNSTILE_SETTINGS);
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rider_walks_through_a_turnstile() {
    let site = Site::new(71);
    let files = gate(&site);
    let board = Board::spawn_turnstile(&files.board, Habits::default()).unwrap();
    let (crowd, watched) = riders(&site, &files, OPTICS);
    let daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    watched.await;
    let mut lane = Lane {
        files,
        board,
        crowd,
        daemon,
    };
    for rider in 1..=2 {
        lane.enters(rider).await;
        lane.sees(BoardEvent::Closed).await;
    }
    lane.daemon.wait_for("\"passed\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fire_opens_the_turnstile_for_all_and_a_plug_may_be_pulled() {
    let site = Site::new(72);
    let files = gate(&site);
    let mut board = Board::spawn_turnstile(&files.board, Habits::default()).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    board.command(BoardCommand::Hold);
    board.command(BoardCommand::Fire(true));
    event(&mut board, BoardEvent::Opened).await;
    daemon.wait_for("fire alarm");
    board.command(BoardCommand::Fire(false));
    event(&mut board, BoardEvent::Closed).await;
    drop(board);
    daemon.wait_for("barrier board lost");
    let _board = Board::spawn_turnstile(&files.board, Habits::default()).unwrap();
    daemon.wait_for("barrier board is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_selftest_moves_it() {
    let site = Site::new(73);
    let files = gate(&site);
    let mut board = Board::spawn_turnstile(&files.board, Habits::default()).unwrap();
    let mut selftest = program("faregate");
    selftest.args(["selftest", "--skip", "frames", "--config"]);
    selftest.arg(&files.config);
    let tried = tokio::task::spawn_blocking(move || selftest.output().unwrap());
    event(&mut board, BoardEvent::Opened).await;
    event(&mut board, BoardEvent::Closed).await;
    let said = String::from_utf8(tried.await.unwrap().stdout).unwrap();
    assert!(said.contains("it opened and shut"), "{said}");
}
