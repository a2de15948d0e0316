//! Records, their chain, and what a tap finds.

use super::*;
use Direction::{Entry, Exit};
use fare_rules::FirstRide;

#[test]
fn the_bundled_sqlite_has_the_fixes_we_rely_on() {
    assert!(
        rusqlite::version_number() >= 3_051_003,
        "got {}",
        rusqlite::version()
    );
}

#[test]
fn the_chain_goes_on_after_a_restart() {
    let mut gate = Gate::new();
    gate.ride(1, Entry, 7, 10_000);
    gate = gate.restarted();
    gate.ride(3, Exit, 7, 20_000);
    gate.journal.close().unwrap();
    let chain = verified(&envelopes(&gate.path()), &gate.key);
    let ids: Vec<_> = chain.iter().map(|record| record.record().id).collect();
    assert_eq!(ids, [id(1), id(2), id(3), id(4)]);
    assert_eq!(chain[2].record().stamp, stamp(20_000));
}

#[test]
fn what_is_committed_is_what_is_stored() {
    let gate = Gate::new();
    let record = gate.commit(confirmation(1, Entry, 7), 10_000);
    assert_eq!(envelopes(&gate.path()), [record.bytes().to_vec()]);
    let RecordBody::Confirmation(said) = record.record().body else {
        panic!()
    };
    assert_eq!(said.location, identity(&gate.key).location);
    assert_eq!(said.account, account(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_share_a_transaction() {
    let gate = Gate::new();
    let before = gate.journal.counts().unwrap().transactions;
    // Keeps the thread busy while all the commits arrive.
    let (done, busy) = oneshot::channel();
    let sql = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)
               UPDATE events SET at_ms = 0 WHERE id = (SELECT max(i) FROM n);";
    let reply: Reply<()> = Box::new(move |result| drop(done.send(result)));
    let chore = Chore::Execute {
        sql: sql.to_owned(),
        reply,
    };
    gate.journal.0.shared.queue.chore(chore).ok().unwrap();
    let commits: Vec<_> = (1..=100)
        .map(|n| {
            let request = CommitRequest {
                draft: confirmation(n, Entry, 7),
                stamp: stamp(10_000),
            };
            let journal = gate.journal.clone();
            tokio::spawn(async move { journal.commit(request).await })
        })
        .collect();
    busy.await.unwrap().unwrap();
    for commit in commits {
        commit.await.unwrap().unwrap();
    }
    let transactions = gate.journal.counts().unwrap().transactions - before;
    assert!(
        transactions <= 5,
        "100 commits took {transactions} transactions"
    );
    assert_eq!(verified(&envelopes(&gate.path()), &gate.key).len(), 100);
}

#[tokio::test]
async fn one_that_contradicts_leaves_the_others_alone() {
    let gate = Gate::new();
    gate.journal
        .commit(CommitRequest {
            draft: confirmation(1, Entry, 7),
            stamp: stamp(1),
        })
        .await
        .unwrap();
    let commit = |draft| {
        gate.journal.commit(CommitRequest {
            draft,
            stamp: stamp(2),
        })
    };
    let (repeated, stray, good, again) = tokio::join!(
        commit(confirmation(1, Entry, 7)),
        commit(passage(2, 99, Entry, 7, 1, NOBODY)),
        commit(passage(3, 1, Entry, 7, 1, NOBODY)),
        commit(passage(4, 1, Entry, 7, 1, NOBODY)),
    );
    for rejected in [repeated, stray, again] {
        let err = rejected.unwrap_err();
        assert!(matches!(err, JournalError::Rejected { .. }), "{err}");
    }
    assert_eq!(good.unwrap().get().record().id, id(3));
    assert_eq!(verified(&envelopes(&gate.path()), &gate.key).len(), 2);
}

#[test]
fn a_tap_finds_counter_and_journey_of_this_gate() {
    let mut gate = Gate::new();
    let nothing = Facts {
        first_ride: Some(FirstRide::default()),
        ..Facts::default()
    };
    assert_eq!(gate.facts(7), nothing);
    gate.commit(confirmation(10, Entry, 7), 10_000);
    assert_eq!(
        gate.facts(7).last_counter,
        Some(10),
        "used up with the confirmation"
    );
    assert_eq!(gate.facts(7).open_journey, None, "nobody went through yet");
    gate.commit(passage(11, 10, Entry, 7, 10_000, NOBODY), 11_000);
    assert_eq!(gate.facts(7).open_journey, None, "annulled");

    gate.ride(20, Entry, 7, 20_000);
    gate = gate.restarted();
    let open = gate.facts(7).open_journey.unwrap();
    assert_eq!((open.entry, open.entered_at_ms), (id(20), UnixMs(20_000)));
    assert_eq!((open.station.as_str(), open.line.as_str()), ("PGY", "1"));
    assert_eq!(gate.facts(8), nothing, "another rider");

    gate.commit(confirmation(30, Exit, 7), 30_000);
    gate.commit(passage(31, 30, Exit, 7, 30_000, NOBODY), 31_000);
    assert!(gate.facts(7).open_journey.is_some(), "still inside");
    gate.ride(40, Exit, 7, 40_000);
    assert_eq!(gate.facts(7).open_journey, None);
    assert_eq!(gate.facts(7).last_counter, Some(40));
}

#[test]
fn a_lower_counter_never_replaces_a_higher_one() {
    let gate = Gate::new();
    gate.commit(confirmation(9, Entry, 7), 1);
    gate.commit(confirmation(5, Entry, 7), 2);
    assert_eq!(gate.facts(7).last_counter, Some(9));
}

#[test]
fn a_journal_of_another_kind_is_refused_with_a_reason() {
    let gate = Gate::new();
    gate.ride(1, Entry, 7, 10_000);
    let path = gate.path();
    let open = |identity| Journal::open(&path, identity).map(|_| ()).unwrap_err();
    assert!(matches!(
        open(identity(&gate.key)),
        JournalError::InUse { .. }
    ));
    let Gate { dir, key, journal } = gate;
    drop(journal);

    let other = GateIdentity {
        gate: "PGY-02".parse().unwrap(),
        ..identity(&key)
    };
    let text = open(other).to_string();
    assert!(
        text.contains("belongs to gate PGY-01, this is gate PGY-02"),
        "{text}"
    );

    let change = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    let text = open(identity(&key)).to_string();
    assert!(
        text.contains("schema version 99, this program knows up to 11"),
        "{text}"
    );
    change("PRAGMA user_version = 11");

    change("UPDATE records SET envelope = zeroblob(200) WHERE seq = 2");
    let text = open(identity(&key)).to_string();
    assert!(text.contains("damaged: record 2: "), "{text}");

    std::fs::write(&path, [b'x'; 5_000]).unwrap();
    let text = open(identity(&key)).to_string();
    assert!(text.contains("not a database"), "{text}");

    let missing = dir.path().join("no").join("journal");
    let err = Journal::open(&missing, identity(&key))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(err, JournalError::File { .. }), "{err}");
}

#[test]
fn a_chain_with_a_changed_or_missing_record_is_refused() {
    for (sql, reason) in [
        (
            "DELETE FROM records WHERE seq = 2",
            "record 3 does not follow",
        ),
        (
            "UPDATE records SET seq = 9 WHERE seq = 4",
            "record 9 does not follow",
        ),
        (
            "UPDATE records SET envelope = (SELECT envelope FROM records WHERE seq = 1)
             WHERE seq = 2",
            "record 2 does not follow",
        ),
        (
            // The last byte of the signature of the newest record.
            "UPDATE records SET envelope =
                 CAST(substr(envelope, 1, length(envelope) - 1) || x'00' AS BLOB) WHERE seq = 4",
            "record 4: record: the signature does not match",
        ),
    ] {
        let gate = Gate::new();
        gate.ride(1, Entry, 7, 10_000);
        gate.ride(3, Exit, 7, 20_000);
        let path = gate.path();
        let Gate {
            dir: _dir,
            key,
            journal,
        } = gate;
        drop(journal);
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql};"))
            .unwrap();
        drop(db);
        let err = Journal::open(&path, identity(&key))
            .map(|_| ())
            .unwrap_err();
        assert!(err.to_string().contains(reason), "{sql}: {err}");
    }
}

#[test]
fn a_new_gate_key_goes_on_with_the_chain() {
    let mut gate = Gate::new();
    gate.ride(1, Entry, 7, 10_000);
    let old = gate.key.clone();
    gate.key = SigningKey::from_bytes(&[4; 32]);
    gate = gate.restarted();
    gate.commit(confirmation(3, Exit, 7), 20_000);
    let envelopes = envelopes(&gate.path());
    assert_eq!(verified(&envelopes[..2], &old).len(), 2);
    let newest = SignedRecord::parse(&envelopes[2]).unwrap();
    assert_eq!(
        newest.record().previous,
        fare_protocol::RecordHash::of(&envelopes[1])
    );
    newest.verify(&gate.key.public()).unwrap();
}
