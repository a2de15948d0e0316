//! What a start begins with, whatever happened before it.
#![allow(clippy::unwrap_used)]

use super::kept::{place, read};
use super::*;
use crate::config::tests::{ENTRY, folder};
use crate::config::{ConfigError, GateConfig};
use fare_protocol::{CommandId, ConfigCommand, ConfigHash, ConfigOutcome, Millis, UnixMs};
use std::path::PathBuf;
use tempfile::TempDir;

const ALL: Parts = Parts {
    frames: true,
    scanner: true,
    barrier: true,
    lamps: true,
    server: true,
};

/// A gate's folder, from one start to the next.
struct Folder {
    _dir: TempDir,
    path: PathBuf,
    now: i64,
}

impl Folder {
    fn new() -> Self {
        let dir = folder(&ENTRY.replace("/var/lib/faregate/gate.journal", "gate.journal"));
        let path = dir.path().join("gate.toml");
        Self {
            _dir: dir,
            path,
            now: 0,
        }
    }

    fn starts(&mut self) -> Begun {
        self.now += 1_000;
        begin(&self.path, UnixMs(self.now)).unwrap()
    }

    fn own(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    /// Whether frames are shown for so many milliseconds: what tells one configuration from another here.
    fn shown(begun: &Begun) -> u32 {
        begun.config.policy.refusal_shown.0
    }

    fn command(&self, n: u8, shown_ms: u32) -> ConfigCommand {
        let toml = self.own();
        assert!(toml.contains("refusal_shown_ms = 2000"));
        ConfigCommand {
            id: CommandId([n; 16]),
            gate: "PGY-01".parse().unwrap(),
            toml: toml.replace(
                "refusal_shown_ms = 2000",
                &format!("refusal_shown_ms = {shown_ms}"),
            ),
            prove_ms: Millis(60_000),
            reason: "longer".parse().unwrap(),
        }
    }

    fn kept(&self) -> Kept {
        let journal = GateConfig::journal_of(&self.path).unwrap();
        read(&place(&journal)).unwrap().unwrap_or_default()
    }

    /// Stages `command` in a gate that runs, which then ends.
    fn stages(&mut self, command: &ConfigCommand) {
        let mut keeper = self.starts().keeper.unwrap();
        assert!(keeper.is_new(command) && !keeper.is_in_force(command));
        keeper.check(command).unwrap();
        keeper.stage(command, ALL, UnixMs(self.now)).unwrap();
        assert!(keeper.on_trial().is_none(), "not before the next start");
    }
}

fn outcome(kept: &Kept) -> Option<ConfigOutcome> {
    kept.last.as_ref().map(|last| last.outcome)
}

#[test]
fn one_that_proves_itself_is_in_force_from_then_on() {
    let mut gate = Folder::new();
    gate.stages(&gate.command(1, 3_000));
    let begun = gate.starts();
    assert_eq!(Folder::shown(&begun), 3_000);
    let mut keeper = begun.keeper.unwrap();
    assert_eq!(keeper.on_trial().unwrap().must, ALL);
    keeper.proved(UnixMs(9)).unwrap();
    let change = keeper.last_change().unwrap();
    assert_eq!(change.outcome, ConfigOutcome::Live);
    assert_eq!(
        change.in_force,
        ConfigHash::of(&gate.command(1, 3_000).toml)
    );
    drop(keeper);
    for _ in 0..2 {
        let begun = gate.starts();
        assert_eq!(Folder::shown(&begun), 3_000);
        assert!(begun.keeper.unwrap().on_trial().is_none());
    }
    assert_eq!(
        config_in_force(&gate.path).unwrap().policy.refusal_shown.0,
        3_000
    );
    assert!(
        gate.own().contains("refusal_shown_ms = 2000"),
        "never written to"
    );
}

#[test]
fn a_gate_that_ends_before_it_has_shown_that_it_works_goes_back() {
    let mut gate = Folder::new();
    gate.stages(&gate.command(1, 3_000));
    gate.starts().keeper.unwrap().proved(UnixMs(9)).unwrap();
    gate.stages(&gate.command(2, 4_000));
    assert_eq!(Folder::shown(&gate.starts()), 4_000);
    // As after SIGKILL or a power cut.
    let begun = gate.starts();
    assert_eq!(
        Folder::shown(&begun),
        3_000,
        "the one before, not the gate's own"
    );
    assert!(begun.said.iter().any(|said| said.contains("taken back")));
    drop(begun);
    let kept = gate.kept();
    assert_eq!(outcome(&kept), Some(ConfigOutcome::RolledBack));
    assert!(kept.trial.is_none());
    assert_eq!(Folder::shown(&gate.starts()), 3_000);
    let keeper = gate.starts().keeper.unwrap();
    assert!(
        !keeper.is_new(&gate.command(2, 4_000)),
        "it is not taken up again"
    );
    assert!(keeper.is_new(&gate.command(3, 4_000)));
}

#[test]
fn one_that_is_told_to_stop_begins_anew() {
    let mut gate = Folder::new();
    gate.stages(&gate.command(1, 3_000));
    gate.starts().keeper.unwrap().stopped().unwrap();
    let begun = gate.starts();
    assert_eq!(Folder::shown(&begun), 3_000);
    let mut keeper = begun.keeper.unwrap();
    keeper.take_back("no frames".to_owned(), UnixMs(9)).unwrap();
    let change = keeper.last_change().unwrap();
    assert_eq!(
        (change.outcome, change.why.as_str()),
        (ConfigOutcome::RolledBack, "no frames")
    );
    assert_eq!(change.in_force, ConfigHash::of(&gate.own()));
    drop(keeper);
    assert_eq!(Folder::shown(&gate.starts()), 2_000);
}

#[test]
fn who_changes_the_gates_own_file_has_the_last_word() {
    let mut gate = Folder::new();
    gate.stages(&gate.command(1, 3_000));
    gate.starts().keeper.unwrap().proved(UnixMs(9)).unwrap();
    let by_hand = gate.command(0, 5_000).toml;
    std::fs::write(&gate.path, by_hand).unwrap();
    assert_eq!(
        config_in_force(&gate.path).unwrap().policy.refusal_shown.0,
        5_000
    );
    let begun = gate.starts();
    assert_eq!(Folder::shown(&begun), 5_000);
    drop(begun);
    assert_eq!(outcome(&gate.kept()), Some(ConfigOutcome::SetAside));
    assert_eq!(Folder::shown(&gate.starts()), 5_000);
}

#[test]
fn a_newer_one_takes_the_place_of_one_that_waits() {
    let mut gate = Folder::new();
    gate.stages(&gate.command(1, 3_000));
    let mut keeper = gate.starts().keeper.unwrap();
    // Not tried yet in this story: somebody stopped it at once.
    keeper.stopped().unwrap();
    keeper
        .stage(&gate.command(2, 4_000), ALL, UnixMs(9))
        .unwrap();
    drop(keeper);
    let kept = gate.kept();
    assert_eq!(outcome(&kept), Some(ConfigOutcome::SetAside));
    assert_eq!(Folder::shown(&gate.starts()), 4_000);
}

#[test]
fn what_is_kept_and_cannot_be_read_leaves_the_gate_its_own_file() {
    let mut gate = Folder::new();
    let journal = GateConfig::journal_of(&gate.path).unwrap();
    for broken in ["", "{", "[]", "{\"live\": 7}"] {
        std::fs::write(place(&journal), broken).unwrap();
        assert_eq!(Folder::shown(&gate.starts()), 2_000, "{broken}");
    }
    // What another process has in its hands is left alone.
    let first = gate.starts();
    let second = gate.starts();
    assert!(first.keeper.is_some() && second.keeper.is_none());
    assert!(second.said[0].contains("kept"), "{:?}", second.said);
}

#[test]
fn one_whose_files_have_gone_is_taken_back_without_being_tried() {
    let mut gate = Folder::new();
    let mut command = gate.command(1, 3_000);
    let tariff = gate.path.with_file_name("other-tariff.toml");
    std::fs::copy(gate.path.with_file_name("tariff-beijing.toml"), &tariff).unwrap();
    command.toml = command
        .toml
        .replace("tariff-beijing.toml", "other-tariff.toml");
    gate.stages(&command);
    std::fs::remove_file(&tariff).unwrap();
    let begun = gate.starts();
    assert_eq!(Folder::shown(&begun), 2_000);
    drop(begun);
    let kept = gate.kept();
    assert_eq!(outcome(&kept), Some(ConfigOutcome::RolledBack));
    let why = kept.last.unwrap().why;
    assert!(
        why.contains("server's gate.toml:") && why.contains("other-tariff"),
        "{why}"
    );
}

#[test]
fn a_server_cannot_take_the_gate_away() {
    let gate = Folder::new();
    let own = gate.own();
    let refused = |from: &str, to: &str| -> ConfigError {
        assert!(own.contains(from), "{from}");
        GateConfig::served(&gate.path, &own, &own.replace(from, to)).unwrap_err()
    };
    for (from, to, key) in [
        ("gate = \"PGY-01\"", "gate = \"PGY-02\"", "gate"),
        ("station = \"PGY\"", "station = \"GMO\"", "location.station"),
        ("keys/gate.key", "keys/other.key", "keys.signing_key"),
        ("keys/servers.json", "keys/issuers.json", "keys.servers"),
        ("# file = \"/run", "file = \"/run", "status.file"),
        ("https://", "https://elsewhere.", "server.url"),
    ] {
        let said = refused(from, to).to_string();
        let wanted = format!("{key} is the gate's own");
        assert!(
            said.starts_with("server's gate.toml:") && said.contains(&wanted),
            "{said}"
        );
    }
    let player =
        "[voice]\nfolder = \"voice\"\nlanguages = [\"en\"]\nplayer = [\"sh\", \"-c\"]\n[lane]";
    let said = refused("[lane]", player).to_string();
    assert!(said.contains("voice.player is the gate's own"), "{said}");
    let said = refused("refusal_shown_ms = 2000", "refusal_shown_ms = \"two\"").to_string();
    assert!(said.starts_with("server's gate.toml:"), "{said}");
    assert!(GateConfig::served(&gate.path, &own, &own).is_ok());
}

#[test]
fn what_did_not_work_before_need_not_work_now_and_what_is_new_must() {
    let none = Parts::default();
    let camera = Parts {
        frames: true,
        barrier: true,
        ..none
    };
    let both = Parts {
        scanner: true,
        ..camera
    };
    let due = Parts::due(both, camera, camera);
    assert_eq!(due, both);
    let due = Parts::due(both, camera, none);
    assert_eq!(
        due,
        Parts {
            scanner: true,
            ..none
        }
    );
    assert_eq!(due.missing(none), ["the scanner is not there"]);
    assert!(due.missing(both).is_empty());
    assert_eq!(Parts::due(camera, both, both), camera);
}
