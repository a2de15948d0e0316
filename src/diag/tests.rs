//! A bundle of a gate with riders: complete, unpacked by the system's own tar, and about nobody.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::journal::tests::{Gate, account};
use fare_protocol::Direction::{Entry, Exit};
use std::process::Command;

const CONFIG: &str = include_str!("../../gate-config/entry.toml");

fn wish(gate: &Gate, limit: Duration) -> Wish {
    let config = gate.dir.path().join("gate.toml");
    let journal = gate.path();
    let path = format!("path = {journal:?}");
    let text = CONFIG.replace("path = \"/var/lib/faregate/gate.journal\"", &path);
    std::fs::write(&config, text).unwrap();
    Wish {
        config,
        since: UnixMs(0),
        limit,
    }
}

/// The bundle's files as the system's tar unpacks them, joined.
fn unpacked(file: &Path) -> String {
    let listed = Command::new("tar").arg("-xOf").arg(file).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    String::from_utf8(listed.stdout).unwrap()
}

#[test]
fn a_bundle_says_everything_about_the_gate_and_nothing_about_riders() {
    let gate = Gate::new();
    gate.ride(1, Entry, 0xab, 1_000);
    gate.ride(3, Exit, 0xcd, 9_000);
    let file = gate.dir.path().join("bundle.tar");
    let parts = write(&file, &wish(&gate, Duration::from_secs(60))).unwrap();
    assert_eq!(parts.len(), 8);
    let text = unpacked(&file);
    for said in [
        "\"kind\":\"admitted\"",
        "\"passage\":\"passed\"",
        "SQLite's quick check: ok",
        "chain: 4 records, each follows the one before",
        "gate = \"PGY-01\"",
        "the daemon has never said how it is",
        "/proc/meminfo",
        "journal schema",
    ] {
        assert!(text.contains(said), "no {said} in\n{text}");
    }
    for rider in [0xab, 0xcd] {
        let id = account(rider);
        assert!(
            !text.contains(&id.to_hex()) && !text.contains(&id.to_string()),
            "{text}"
        );
    }
    for hidden in [
        "\"receipt\"",
        "\"account\"",
        "\"fare\"",
        "gate.key",
        "gate-tls.key",
    ] {
        assert!(!text.contains(hidden), "{hidden} in\n{text}");
    }
    let again = write(&file, &wish(&gate, Duration::from_secs(60)));
    assert!(
        again.unwrap_err().to_string().contains("bundle.tar"),
        "it took the place of another"
    );
}

#[test]
fn a_bundle_without_time_is_cut_off_and_whole_all_the_same() {
    let gate = Gate::new();
    gate.ride(1, Entry, 0xab, 1_000);
    let file = gate.dir.path().join("bundle.tar");
    write(&file, &wish(&gate, Duration::ZERO)).unwrap();
    let text = unpacked(&file);
    assert!(
        text.contains("the time or the room for this bundle was over"),
        "{text}"
    );
    assert!(
        text.contains("not done in time") && text.contains("then the time was over"),
        "{text}"
    );
}

#[test]
fn a_broken_chain_is_named() {
    let gate = Gate::new();
    gate.ride(1, Entry, 0xab, 1_000);
    gate.ride(3, Exit, 0xcd, 9_000);
    gate.execute(
        "UPDATE records SET envelope = (SELECT envelope FROM records WHERE seq = 1) WHERE seq = 3",
    );
    let file = gate.dir.path().join("bundle.tar");
    write(&file, &wish(&gate, Duration::from_secs(60))).unwrap();
    let text = unpacked(&file);
    assert!(text.contains("chain: BROKEN at record 3"), "{text}");
}
