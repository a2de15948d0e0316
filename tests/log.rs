//! `faregate log` beside a real daemon, and on a copy of its journal.
#![allow(clippy::unwrap_used)]

mod common;

use common::lane::Lane;
use common::{Process, Site, program, until};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// `faregate log`, in UTC, of a journal that these arguments name.
fn log(args: &[&str], journal: &Path) -> Output {
    let mut command = program("faregate");
    command.args(["log", "--utc"]).args(args);
    if journal.extension().is_some_and(|end| end == "toml") {
        command.arg("--config");
    }
    command.arg(journal).output().unwrap()
}

fn lines(args: &[&str], journal: &Path) -> Vec<Value> {
    let done = log(&[args, &["--json"]].concat(), journal);
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.success(), !text.is_empty(), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
// long: one gate, every way to look at it
async fn staff_read_what_happened_while_the_gate_works_and_from_a_copy() {
    let site = Site::new(31);
    let mut lane = Lane::open(&site, site.entry(None)).await;
    lane.enters(1).await;
    // The same rider with a new code, who has not left.
    lane.crowd.show(lane.files.gate, 1).unwrap();
    lane.daemon.wait_for("passback");
    let config = lane.files.config.clone();
    let both = until(|| Some(lines(&[], &config)).filter(|lines| lines.len() >= 2)).unwrap();
    let tail = lane.crowd.account(1).to_string();
    let (admitted, refused) = (&both[0], &both[1]);
    assert_eq!(admitted["kind"], "admitted");
    assert_eq!(admitted["passage"], "passed");
    assert_eq!(admitted["direction"], "entry");
    assert_eq!(admitted["account"], tail.as_str());
    assert_eq!(admitted["gate"], lane.files.gate.as_str());
    assert_eq!(
        (&refused["kind"], &refused["refusal"]),
        (&"refused".into(), &60.into())
    );
    assert_eq!(
        (&refused["account"], &refused["direction"]),
        (&tail.as_str().into(), &"entry".into())
    );

    let (tap, receipt) = (
        admitted["tap"].as_str().unwrap(),
        admitted["receipt"].as_str().unwrap(),
    );
    let one = |args: &[&str]| lines(args, &config).len();
    assert_eq!(one(&["--refused"]), 1);
    assert_eq!(one(&["--reason", "passback", "--since", "10m"]), 1);
    assert_eq!(one(&["--reason", "41"]), 0);
    assert_eq!(one(&["--receipt", receipt]), 1);
    assert_eq!(one(&["--account-tail", &tail]), 2);
    assert_eq!(one(&["--until", "1h"]), 0);
    assert_eq!(one(&["--last", "1"]), 1);

    let story = &lines(&["--explain", tap], &config)[0];
    for stage in [
        "wait", "decode", "verify", "lookup", "decide", "commit", "open",
    ] {
        assert!(story["stages_us"][stage].is_u64(), "no {stage} in {story}");
    }
    let told = log(&["--explain", refused["tap"].as_str().unwrap()], &config);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(
        told.contains("refused 60") && told.contains("signatures checked"),
        "{told}"
    );

    lane.daemon.terminate();
    let copy = site.path("copied.journal");
    std::fs::copy(&lane.files.journal, &copy).unwrap();
    let said = String::from_utf8(log(&[], &copy).stdout).unwrap();
    let heading = format!(
        "# gate {} at PGY, line 1, lane 1; times: UTC\n",
        lane.files.gate
    );
    assert!(said.starts_with(&heading), "{said}");
    assert!(
        said.contains(&format!("entry  {tail}  refused 60")),
        "{said}"
    );
    assert!(!said.contains(&lane.crowd.account(1).to_hex()), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_sees_the_next_tap() {
    let site = Site::new(32);
    let mut lane = Lane::open(&site, site.entry(None)).await;
    let mut command = program("faregate");
    command
        .args(["log", "--utc", "--follow", "--json", "--config"])
        .arg(&lane.files.config);
    // Its lines go where those of daemons go.
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" >&2"])
        .arg(command.get_program())
        .args(command.get_args());
    let follower = Process::start(shell);
    lane.enters(1).await;
    let line: Value = serde_json::from_str(&follower.wait_for("admitted")).unwrap();
    assert_eq!(line["passage"], "passed");
}

#[test]
fn the_exit_status_says_whether_anything_was_found() {
    let site = Site::new(33);
    let files = site.entry(None);
    let status = |args: &[&str], journal: &Path| log(args, journal).status.code();
    assert_eq!(status(&[], &files.config), Some(2), "no journal yet");
    assert_eq!(status(&[], &site.path("absent.toml")), Some(2));
    let mut daemon = Process::gate(&files.config);
    daemon.wait_for("ready");
    assert_eq!(status(&[], &files.config), Some(1), "nothing happened yet");
    assert_eq!(status(&["--since", "soon"], &files.config), Some(2));
    assert_eq!(status(&["--reason", "0"], &files.config), Some(2));
    assert_eq!(status(&["--explain", "abcdef"], &files.config), Some(1));
    daemon.terminate();
}
