//! The outbox carried to the server by hand, with the two real programs: out on a stick, in, and the
//! answers back; each of the three twice.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Site, program};
use fare_protocol::{
    AccountId, CodeRef, Direction, Millis, Mode, Passage, PassageOutcome, RecordId, RiderClass,
    Signer, Stamp, UnixMs,
};
use fare_rules::{ConfirmationDraft, Draft, PassageDraft, RULES_VERSION, Used};
use fare_sim::city::GateFiles;
use faregate::config::GateConfig;
use faregate::journal::{CommitRequest, Journal, JournalHandle};
use rusqlite::Connection;
use std::path::Path;
use std::process::Command;

/// Two records each: more than one part holds.
const RIDERS: u64 = 300;

fn id(n: u64) -> RecordId {
    RecordId(u128::from(n).to_be_bytes())
}

/// Rider `n` enters and goes through.
fn ride(journal: &JournalHandle, n: u64, key: &dyn Signer, from: UnixMs) {
    let at = from.after(Millis(u32::try_from(n).unwrap() * 1_500));
    let account = AccountId(u128::from(n).to_be_bytes());
    let confirmation = ConfirmationDraft {
        id: id(2 * n),
        direction: Direction::Entry,
        code_ref: CodeRef(u128::from(n).to_be_bytes()),
        account,
        class: RiderClass::Adult,
        used: Used::Code {
            device_key: key.public(),
            counter: 1,
        },
        mode: Mode::Normal,
        fare_quoted: None,
        tariff: None,
        rules: RULES_VERSION,
        first_ride: None,
    };
    let passage = PassageDraft {
        id: id(2 * n + 1),
        passage: Passage {
            confirmation: confirmation.id,
            outcome: PassageOutcome::Passed,
        },
        direction: Direction::Entry,
        account: Some(account),
        confirmed_at: at,
    };
    for draft in [Draft::Confirmation(confirmation), Draft::Passage(passage)] {
        let error_ms = Millis(50);
        let stamp = Stamp { at, error_ms };
        journal
            .commit_blocking(CommitRequest { draft, stamp })
            .unwrap();
    }
}

/// What a program says when it succeeds.
fn said(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

fn outbox(files: &GateFiles, command: &str, file: &Path) -> String {
    let mut gate = program("faregate");
    gate.args(["outbox", command]).arg(file);
    said(gate.arg("--config").arg(&files.config))
}

fn number(database: &Path, sql: &str) -> i64 {
    let db = Connection::open(database).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_carried_twice_is_taken_and_answered_once() {
    let site = Site::new(23);
    let files = site.entry(None);
    site.register(&[&files]);
    let config = GateConfig::load(&files.config).unwrap();
    let journal = Journal::open(&files.journal, config.identity()).unwrap();
    let from = UnixMs(faregate::clock::now().0 - 3_600_000);
    for n in 1..=RIDERS {
        ride(&journal, n, config.signing_key.as_ref(), from);
    }
    journal.close().unwrap();
    drop(journal);

    let stick = site.path("stick");
    for _ in 0..2 {
        let exported = outbox(&files, "export", &stick);
        assert!(exported.ends_with("600 records in 2 parts\n"), "{exported}");
    }
    let import = || {
        let mut server = program("fareserver");
        server.args(["import", "--config"]);
        said(server.arg(site.city.server_config()).arg(&stick))
    };
    let first = import();
    for line in [
        "part 1: gate PGY-01: 500 accepted, 0 known already, 0 refused",
        "part 2: gate PGY-01: 100 accepted, 0 known already, 0 refused",
    ] {
        assert!(first.contains(line), "{first}");
    }
    let again = import();
    assert_eq!(again.matches(" 0 accepted").count(), 2, "{again}");
    assert!(again.contains("500 known already, 0 refused"), "{again}");
    let there = |sql| number(&site.city.database(), sql);
    assert_eq!(there("SELECT count(*) FROM record"), 600);
    assert_eq!(
        there("SELECT count(*) FROM journey WHERE state = 'open'"),
        300
    );
    assert_eq!(there("SELECT count(*) FROM conflict"), 0);
    said(
        program("fareserver")
            .args(["books", "--database"])
            .arg(site.city.database()),
    );

    let waiting = "SELECT count(*) FROM records WHERE state = 0";
    assert_eq!(number(&files.journal, waiting), 600, "until it is answered");
    let answers = site.path("stick.ack");
    let taken = outbox(&files, "ack", &answers);
    let all = "2 parts; 600 records accepted, 0 quarantined, 0 answered before or not here\n";
    assert!(taken.ends_with(all), "{taken}");
    assert_eq!(number(&files.journal, waiting), 0);
    let taken = outbox(&files, "ack", &answers);
    assert!(
        taken.contains("0 records accepted, 0 quarantined, 600 answered"),
        "{taken}"
    );
    assert!(outbox(&files, "export", &stick).starts_with("nothing to export"));
}
