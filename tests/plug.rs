//! The plug of a real gate is pulled at moments drawn from a seed, and disks lose what was not synced.
//! `make plug` and `make cuts` do more of it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::program;

/// What `fare-sim` printed, when all was well.
fn said(args: &[&str]) -> String {
    let output = program("fare-sim").args(args).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {out}\n{log}");
    println!("{out}");
    out
}

fn figure(out: &str, name: &str) -> u64 {
    let line = out.lines().find(|line| line.starts_with(name)).unwrap();
    let figure = line[name.len()..].split_whitespace().next().unwrap();
    figure.parse().unwrap()
}

#[test]
fn twenty_cuts_lose_nothing_and_double_nothing() {
    let out = said(&["plug", "--cycles", "20", "--seed", "4"]);
    assert_eq!(figure(&out, "cycles"), 20);
    assert_eq!(
        (figure(&out, "lost"), figure(&out, "duplicated")),
        (0, 0),
        "{out}"
    );
    assert!(figure(&out, "opened") >= 10, "{out}");
    assert!(figure(&out, "unknown") > 0, "no cut in mid passage: {out}");
}

#[test]
fn no_answered_record_is_among_what_an_unsynced_disk_loses() {
    let out = said(&["cuts", "--images", "60", "--riders", "48", "--seed", "4"]);
    assert_eq!((figure(&out, "lost"), figure(&out, "broken")), (0, 0));
    assert!(figure(&out, "answered") > 1_000, "{out}");
    assert!(figure(&out, "unsynced") > 1_000, "{out}");
    assert!(figure(&out, "control") > 0, "the check cannot fail: {out}");
}
