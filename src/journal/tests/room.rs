//! A disk without room, and the limits of what is kept.

use super::*;
use Direction::{Entry, Exit};
use fare_rules::Refusal;

const NOTES: &str = "
    WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
    INSERT INTO events (at_ms, kind, detail) SELECT i, 'refused', hex(zeroblob(100)) FROM n;";

impl Gate {
    /// Lets the file grow by so many pages and no more, as a full disk would.
    fn pages_left(&self, pages: i64) {
        let used = self.number("SELECT page_count FROM pragma_page_count");
        self.execute(&format!("PRAGMA max_page_count = {}", used + pages));
    }

    /// Commits confirmations from `n` on until one fails; how many were committed, and why not.
    fn fill(&self, n: u64) -> (u64, JournalError) {
        for more in 0..5_000 {
            if let Err(err) = self.try_commit(confirmation(n + more, Entry, 7), 10_000) {
                return (more, err);
            }
        }
        panic!("the disk never filled");
    }
}

#[test]
fn a_full_disk_commits_nothing_and_hurts_nothing() {
    let gate = Gate::new();
    gate.ride(1, Entry, 7, 10_000);
    gate.pages_left(4);
    let (fitted, err) = gate.fill(3);
    assert!(matches!(err, JournalError::CommitFailed { .. }), "{err}");
    assert!(err.to_string().contains("full"), "{err}");
    let there = 2 + fitted;
    assert_eq!(
        gate.number("SELECT count(*) FROM records"),
        i64::try_from(there).unwrap()
    );

    gate.pages_left(1_000);
    gate.commit(confirmation(3 + fitted, Entry, 7), 20_000);
    let chain = verified(&envelopes(&gate.path()), &gate.key);
    assert_eq!(
        chain.len() as u64,
        there + 1,
        "the chain goes on where the disk says"
    );
}

#[tokio::test]
async fn a_full_disk_fails_all_who_wait_for_the_same_transaction() {
    let gate = Gate::new();
    let chore = |reply| {
        let sql = "PRAGMA max_page_count = 1".to_owned();
        gate.journal
            .0
            .shared
            .queue
            .chore(Chore::Execute { sql, reply })
    };
    gate.journal.answer(chore).await.unwrap();
    let commits: Vec<_> = (1..=200)
        .map(|n| {
            let request = CommitRequest {
                draft: confirmation(n, Entry, 7),
                stamp: stamp(1),
            };
            let journal = gate.journal.clone();
            tokio::spawn(async move { journal.commit(request).await })
        })
        .collect();
    let (mut recorded, mut failed) = (0, 0);
    for commit in commits {
        match commit.await.unwrap() {
            Ok(_) => recorded += 1,
            Err(JournalError::CommitFailed { .. }) => failed += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(failed > 0, "200 records fitted");
    assert_eq!(gate.number("SELECT count(*) FROM records"), recorded);
    assert_eq!(
        verified(&envelopes(&gate.path()), &gate.key).len() as i64,
        recorded
    );
}

#[test]
fn diagnosis_gives_way_to_money() {
    let gate = Gate::new();
    gate.execute(NOTES);
    gate.pages_left(2);
    let (fitted, err) = gate.fill(1);
    assert!(matches!(err, JournalError::CommitFailed { .. }), "{err}");
    assert!(
        fitted > 250,
        "only {fitted} records fitted where 1500 notes had been"
    );
    assert!(gate.journal.counts().unwrap().events_evicted >= 1_000);
    assert_eq!(
        verified(&envelopes(&gate.path()), &gate.key).len() as u64,
        fitted
    );
}

#[test]
fn notes_are_kept_masked_and_the_oldest_go() {
    let gate = Gate::new();
    let refused = Note::Refused {
        refusal: Refusal::Denied,
        shown: CodeRef([1; 16]),
        account: Some(account(0xab)),
    };
    gate.journal.note(refused, stamp(5));
    gate.commit(confirmation(1, Entry, 7), 10);
    let none = gate.number("SELECT count(*) FROM events");
    assert_eq!(none, 0, "a note rode with a confirmation");
    gate.commit(passage(2, 1, Entry, 7, 10, PassageOutcome::Passed), 11);
    let row = |db: &Connection| {
        db.query_row("SELECT at_ms, kind, code, detail FROM events", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
    };
    let row: (i64, String, String, String) =
        row(&schema::open_reader(&gate.path()).unwrap()).unwrap();
    assert_eq!(
        (row.0, row.1.as_str(), row.2.as_str()),
        (5, "refused", "denied")
    );
    assert!(
        row.3.contains("account=…abab") && !row.3.contains("ababab"),
        "{}",
        row.3
    );

    gate.execute(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100010)
         INSERT INTO events (at_ms, kind, detail) SELECT i, 'passed', '' FROM n;",
    );
    gate.journal.note(Note::FireAlarm(true), stamp(6));
    gate.commit(confirmation(3, Entry, 7), 12);
    gate.commit(passage(4, 3, Entry, 7, 12, PassageOutcome::Passed), 13);
    assert_eq!(gate.number("SELECT count(*) FROM events"), 100_000);
    assert_eq!(gate.journal.counts().unwrap().events_evicted, 12);
}

#[test]
fn notes_never_wait() {
    let gate = Gate::new();
    // Notes alone are no reason to write at once, so these pile up.
    for _ in 0..2_000 {
        gate.journal.note(Note::FreePassage, stamp(1));
    }
    gate.journal.close().unwrap();
    let kept = u64::try_from(gate.number("SELECT count(*) FROM events")).unwrap();
    let dropped = gate.journal.0.shared.queue.notes_dropped();
    assert_eq!(kept + dropped, 2_000);
    assert!(kept >= 512 && dropped > 0, "{kept} kept, {dropped} dropped");
}

/// A gate of which so much is kept.
fn keeping(keep_ms: i64, size_max: u64) -> Gate {
    let Gate { dir, key, journal } = Gate::new();
    drop(journal);
    let retention = Retention { keep_ms, size_max };
    let path = dir.path().join("journal");
    let journal = Journal::open_keeping(&path, identity(&key), retention).unwrap();
    Gate { dir, key, journal }
}

/// Rides `1..=rides`, of which the server accepted all but the last ten.
async fn accepted_rides(gate: &Gate, rides: u64) {
    use fare_protocol::wire::{Answer, AnswerOutcome};
    for n in 1..=rides {
        gate.ride(2 * n - 1, Entry, 7, 10_000);
    }
    let outcome = AnswerOutcome::Accepted { voucher: None };
    let answer = |n| RawAnswer {
        answer: Answer {
            id: id(n),
            outcome: outcome.clone(),
        },
        json: "{}".to_owned(),
    };
    let answers = (1..=2 * rides - 20).map(answer).collect();
    let done = gate.journal.acknowledge(answers, UnixMs(20_000)).await;
    assert_eq!(done.unwrap().accepted as u64, 2 * rides - 20);
}

/// Waits for lulls until `sql` answers `expected`.
fn settles(gate: &Gate, sql: &str, expected: i64) {
    for _ in 0..400 {
        if gate.number(sql) == expected {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(gate.number(sql), expected, "{sql}");
}

#[tokio::test]
async fn old_accepted_records_are_forgotten_and_the_file_shrinks() {
    let mut gate = keeping(1_000_000, u64::MAX);
    accepted_rides(&gate, 150).await;
    gate.execute(
        "CREATE TABLE ballast (b BLOB); INSERT INTO ballast VALUES (zeroblob(16000000));
         DROP TABLE ballast; PRAGMA wal_checkpoint(truncate);",
    );
    let long = std::fs::metadata(gate.path()).unwrap().len();
    // Days later: what was accepted is old.
    gate.commit(confirmation(900, Entry, 8), 2_000_000);
    settles(&gate, "SELECT count(*) FROM records", 65);
    settles(
        &gate,
        "SELECT freelist_count FROM pragma_freelist_count",
        1_024,
    );
    assert_eq!(
        gate.number("SELECT count(*) FROM records WHERE state = 0"),
        21
    );
    assert_eq!(gate.number("SELECT count(*) FROM answers"), 44);
    gate = gate.restarted();
    let short = std::fs::metadata(gate.path()).unwrap().len();
    assert!(short < long / 2, "{short} bytes, {long} before");
    assert_eq!(gate.journal.counts().unwrap().pending, 21);
    gate.commit(confirmation(901, Entry, 8), 2_000_001);
}

#[tokio::test]
async fn young_records_stay_while_there_is_room() {
    let gate = keeping(1_000_000, u64::MAX);
    accepted_rides(&gate, 50).await;
    gate.commit(confirmation(900, Entry, 8), 500_000);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(gate.number("SELECT count(*) FROM records"), 101);
}

#[tokio::test]
async fn over_the_size_limit_notes_go_first_then_accepted_records() {
    let gate = keeping(i64::MAX, 50_000);
    gate.execute(NOTES);
    accepted_rides(&gate, 150).await;
    settles(&gate, "SELECT count(*) FROM events", 0);
    settles(&gate, "SELECT count(*) FROM records WHERE state = 1", 44);
    assert_eq!(gate.journal.counts().unwrap().events_evicted, 1_500);
    let waiting = gate.journal.counts().unwrap().pending;
    assert_eq!(waiting, 20, "money that the server has not accepted stays");
}

#[test]
fn a_journal_of_the_first_version_learns_to_shrink() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(schema::ALL_STEPS[0]).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    let key = SigningKey::from_bytes(&[3; 32]);
    let journal = Journal::open(&path, identity(&key)).unwrap();
    let gate = Gate { dir, key, journal };
    assert_eq!(gate.number("SELECT auto_vacuum FROM pragma_auto_vacuum"), 2);
    assert_eq!(
        gate.number("SELECT user_version FROM pragma_user_version"),
        i64::try_from(schema::ALL_STEPS.len()).unwrap()
    );
    gate.commit(confirmation(1, Entry, 7), 10_000);
}

#[test]
fn phones_and_ways_of_long_ago_are_forgotten_in_lulls() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let gate = Gate::new();
    for rider in 1..=40 {
        gate.ride(u64::from(rider) * 2, Entry, rider, 0);
    }
    // Days later, as many transactions as make the thread tidy.
    let later = |n: u64, days: i64| {
        for more in 0..33 {
            gate.ride(n + 2 * more, Entry, 99, days * DAY_MS);
        }
    };
    later(1_000, 8);
    settles(&gate, "SELECT count(*) FROM moves", 1);
    assert_eq!(gate.number("SELECT count(*) FROM devices"), 41);
    later(2_000, 31);
    settles(&gate, "SELECT count(*) FROM devices", 1);
    assert_eq!(
        gate.number("SELECT count(*) FROM records"),
        212,
        "money stays"
    );
}

#[test]
fn a_journal_of_the_second_version_goes_on_with_all_that_it_holds() {
    let gate = Gate::new();
    for n in 0..20 {
        gate.ride(2 * n + 1, Entry, 7, 10_000);
    }
    gate.commit(confirmation(900, Entry, 8), 20_000);
    let before = envelopes(&gate.path());
    let Gate { dir, key, journal } = gate;
    drop(journal);
    let old = dir.path().join("old");
    let db = Connection::open(&old).unwrap();
    db.pragma_update(None, "auto_vacuum", "incremental")
        .unwrap();
    db.execute_batch(&schema::ALL_STEPS[..2].concat()).unwrap();
    let new = dir.path().join("journal");
    db.execute("ATTACH ?1 AS new", [new.to_str().unwrap()])
        .unwrap();
    let moves = "account, direction, confirmation, station, line, at_ms";
    for (table, columns) in [
        ("records", "*"),
        ("unfinished", "*"),
        ("devices", "*"),
        ("moves", moves),
    ] {
        db.execute_batch(&format!(
            "INSERT INTO main.{table} SELECT {columns} FROM new.{table}"
        ))
        .unwrap();
    }
    let said = "INSERT INTO answers VALUES (1, 5, '{}', NULL);
                INSERT INTO quarantine SELECT 2, id, 5, 'fork', 'why' FROM records WHERE seq = 2;
                UPDATE records SET state = seq WHERE seq < 3; DETACH new; PRAGMA user_version = 2";
    db.execute_batch(said).unwrap();
    drop(db);
    std::fs::rename(&old, &new).unwrap();

    let journal = Journal::open(&new, identity(&key)).unwrap();
    let gate = Gate { dir, key, journal };
    assert_eq!(envelopes(&gate.path()), before);
    assert_eq!(
        gate.number("SELECT count(*) FROM pragma_foreign_key_check"),
        0
    );
    let counts = gate.journal.counts().unwrap();
    assert_eq!((counts.pending, counts.quarantined), (39, 1));
    assert_eq!(gate.facts(7).last_counter, Some(39));
    let again = gate.try_commit(passage(950, 1, Entry, 7, 1, NOBODY), 30_000);
    assert!(again.is_err(), "a second passage of one confirmation");
    assert_eq!(
        gate.journal
            .recover(stamp(30_000), || id(960))
            .unwrap()
            .len(),
        1
    );
    gate.ride(970, Exit, 7, 40_000);
    assert_eq!(verified(&envelopes(&gate.path()), &gate.key).len(), 44);
}
