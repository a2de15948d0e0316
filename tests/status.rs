//! `faregate status` and the metrics beside a real daemon.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::Lane;
use common::{Process, Site, change, program, until};
use fare_sim::board::BoardEvent;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

fn status(config: &Path, args: &[&str]) -> Output {
    let mut command = program("faregate");
    command.args(["status", "--utc"]).args(args);
    command.arg("--config").arg(config).output().unwrap()
}

fn json(config: &Path) -> (Option<i32>, Value) {
    let done = status(config, &["--json"]);
    (
        done.status.code(),
        serde_json::from_slice(&done.stdout).unwrap(),
    )
}

/// The codes of what somebody should look after. The computer that tests run on may be full or hot.
fn problems(said: &Value) -> Vec<&str> {
    let codes = said["problems"].as_array().unwrap().iter();
    codes
        .map(|problem| problem["code"].as_str().unwrap())
        .filter(|code| !["disk-full", "hot"].contains(code))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
// long: one gate's life, from before its first start to after its end
async fn a_gate_says_how_it_is_doing_and_that_it_is_gone() {
    let site = Site::new(41);
    let files = site.entry(None);
    let metrics = site.path("faregate.prom");
    change(
        &files.config,
        "[frames]",
        &format!("[status]\nevery_s = 1\nmetrics = {metrics:?}\n\n[frames]"),
    );
    let (code, said) = json(&files.config);
    assert_eq!((code, problems(&said)), (Some(1), vec!["not-running"]));

    let mut lane = Lane::open(&site, files).await;
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.sees(BoardEvent::Passed).await;
    let (files, crowd) = (&lane.files, &lane.crowd);
    let told = until(|| {
        let (_, said) = json(&files.config);
        let done = said["daemon"]["taps"]["passed"] == 1
            && said["daemon"]["eyes"]["frames_per_s"].as_f64() > Some(0.0);
        done.then_some(said)
    });
    let said = told.unwrap();
    assert_eq!(problems(&said), [] as [&str; 0]);
    assert_eq!(said["runs"], true);
    assert_eq!(said["daemon"]["gate"]["id"], files.gate.as_str());
    assert_eq!(said["daemon"]["taps"]["entries"], 1);
    assert_eq!(said["daemon"]["taps"]["open_times"]["count"], 1);
    assert_eq!(said["daemon"]["barrier"]["answers"], true);
    assert_eq!(said["journal"]["waiting"], 2);
    let screen = String::from_utf8(status(&files.config, &[]).stdout).unwrap();
    assert!(screen.contains("riders     1 in, 0 out; last"), "{screen}");
    assert!(!screen.contains(&crowd.account(1).to_string()), "{screen}");

    let counted = "faregate_passages_total{gate=\"PGY-01\",outcome=\"passed\"} 1";
    let page = until(|| {
        std::fs::read_to_string(&metrics)
            .ok()
            .filter(|page| page.contains(counted))
    });
    assert!(page.is_some(), "{:?}", std::fs::read_to_string(&metrics));

    assert!(lane.daemon.terminate().0.success());
    let (code, said) = json(&files.config);
    assert_eq!((code, problems(&said)), (Some(1), vec!["not-running"]));
    assert_eq!(
        said["daemon"]["taps"]["passed"], 1,
        "what it said last is kept"
    );
}

#[test]
fn a_gate_without_its_devices_says_so() {
    let site = Site::new(42);
    let files = site.entry(None);
    change(
        &files.config,
        "[frames]",
        "[status]\nevery_s = 1\n\n[frames]",
    );
    let daemon = Process::gate(&files.config);
    daemon.wait_for("barrier board lost");
    let missing = until(|| {
        let said = json(&files.config).1;
        let missing = problems(&said) == ["no-frames", "barrier-away"];
        missing.then_some(())
    });
    assert!(missing.is_some(), "{:?}", json(&files.config));
    assert_eq!(
        status(&site.path("absent.toml"), &[]).status.code(),
        Some(2)
    );
}
