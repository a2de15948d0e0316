//! A small reconnection storm with real programs: gates that find no room come again when told, and
//! nothing is lost. `make storm` lets loose a whole one.
#![allow(clippy::unwrap_used)]

mod common;

use common::program;

#[test]
fn gates_that_come_back_at_once_are_all_served_and_none_is_lost() {
    let output = program("fare-sim")
        .args([
            "storm",
            "--gates",
            "40",
            "--backlog",
            "20",
            "--within-s",
            "1",
        ])
        .args(["--uploads-max", "1"])
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{out}\n{log}");
    let figure = |name: &str| -> f64 {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap();
        let figure = line[name.len()..].split_whitespace().next().unwrap();
        figure.parse().unwrap()
    };
    assert_eq!(figure("records"), 1600.0);
    assert_eq!(figure("journeys"), 400.0);
    assert_eq!(figure("conflicts"), 0.0);
    assert!(figure("turned away") > 0.0, "{out}");
    assert!(figure("requests") >= 40.0 + figure("turned away"), "{out}");
}
