//! `faregate diag` beside a real daemon with a rider.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::Lane;
use common::{Site, program};
use fare_sim::board::BoardEvent;
use std::path::Path;
use std::process::{Command, Output};

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
    let mut lane = Lane::open(&site, files).await;
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.sees(BoardEvent::Passed).await;
    let (files, daemon, crowd) = (&lane.files, &lane.daemon, &lane.crowd);
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
