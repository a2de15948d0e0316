//! What a gate's daemon takes, measured from outside with real programs. `make bench-load` does it for longer.
#![allow(clippy::unwrap_used)]

mod common;

use common::program;
use serde_json::Value;

#[test]
fn a_gate_is_measured_idle_and_with_riders() {
    let mut load = program("fare-sim");
    load.args(["load", "--seconds", "4", "--starts", "2", "--json"]);
    let output = load.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["camera"], serde_json::json!([1280, 720, 30]));
    let starts = said["first_open_ms"].as_array().unwrap();
    assert!(
        starts.len() == 2 && starts.iter().all(|ms| ms.as_u64() > Some(0)),
        "{said}"
    );
    assert!(
        said["opened"].as_u64() > Some(0) && said["opened"].as_u64() <= said["riders"].as_u64()
    );
    let (idle, busy) = (&said["idle"], &said["busy"]);
    for share in [idle, busy] {
        assert!(share["seconds"].as_f64() >= Some(4.0), "{said}");
        assert!(share["cpu_percent"].as_f64() > Some(0.0), "{said}");
        let (all, own) = (share["resident_kib"].as_u64(), share["own_kib"].as_u64());
        assert!(
            own > Some(0) && own < all && all <= said["peak_kib"].as_u64(),
            "{said}"
        );
    }
}
