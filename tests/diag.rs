//! `faregate diag` beside a real daemon with a rider.
#![allow(clippy::unwrap_used)]

mod common;

use common::{PATIENCE, Process, Site, program};
use fare_sim::board::{Board, BoardEvent, Habits};
use fare_sim::crowd::{Crowd, Optics};
use fare_sim::shot::{Difficulty, FrameSize};
use std::path::Path;
use std::process::{Command, Output};
use tokio::time::timeout;

fn diag(file: &Path, config: &Path) -> Output {
    let mut command = program("faregate");
    command.arg("diag").arg(file).arg("--config").arg(config);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
// long: a rider first, then a bundle looked through
async fn a_bundle_is_made_while_the_gate_works_and_names_no_rider() {
    let site = Site::new(61);
    let files = site.entry(None);
    let mut board = Board::spawn(&files.board, Habits::default()).unwrap();
    let optics = Optics {
        size: FrameSize::VGA,
        fps: 15,
        difficulty: Difficulty::Easy,
    };
    let mut crowd = Crowd::new(&site.seed, optics);
    let watched = crowd.add_camera(files.gate, &files.camera).unwrap();
    let daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    watched.await;
    crowd.show(files.gate, 1).unwrap();
    let passed = async {
        while let Some(happening) = board.next_event().await {
            if happening.event == BoardEvent::Passed {
                return;
            }
        }
    };
    timeout(PATIENCE, passed).await.unwrap();
    daemon.wait_for("\"passed\"");

    let bundle = site.path("bundle.tar");
    let done = diag(&bundle, &files.config);
    assert!(done.status.success(), "{done:?}");
    let unpacked = Command::new("tar")
        .arg("-xOf")
        .arg(&bundle)
        .output()
        .unwrap();
    assert!(unpacked.status.success(), "{unpacked:?}");
    let text = String::from_utf8(unpacked.stdout).unwrap();
    for said in [
        "\"kind\":\"admitted\"",
        "quick check: ok",
        "runs       faregate",
    ] {
        assert!(text.contains(said), "no {said} in\n{text}");
    }
    let rider = crowd.account(1);
    for hidden in [rider.to_hex(), rider.to_string(), "\"receipt\"".to_owned()] {
        assert!(!text.contains(&hidden), "{hidden} in\n{text}");
    }
    let key = std::fs::read_to_string(files.config.with_file_name("keys/PGY-01.key")).unwrap();
    assert!(
        !text.contains(key.trim()),
        "the gate's key is in the bundle"
    );

    assert_eq!(
        diag(&bundle, &files.config).status.code(),
        Some(1),
        "it is there already"
    );
    let absent = site.path("absent.toml");
    assert_eq!(
        diag(&site.path("other.tar"), &absent).status.code(),
        Some(2)
    );
}
