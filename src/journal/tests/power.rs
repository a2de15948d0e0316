//! What a power cut leaves behind.

use super::*;
use Direction::{Entry, Exit};
use fare_protocol::RecordBody;

#[test]
fn a_confirmation_without_a_passage_gets_an_unknown_one() {
    let mut gate = Gate::new();
    gate.ride(1, Entry, 6, 10_000);
    gate.commit(confirmation(3, Entry, 7), 20_000);
    gate = gate.restarted();
    let recovered = gate.journal.recover(stamp(90_000), || id(50)).unwrap();
    let [recovered] = recovered.as_slice() else {
        panic!("{recovered:?}")
    };
    assert_eq!(
        (recovered.confirmation.id, recovered.confirmation.at),
        (id(3), UnixMs(20_000))
    );
    let record = recovered.passage.get().record();
    assert_eq!((record.id, record.stamp), (id(50), stamp(90_000)));
    let said = Passage {
        confirmation: id(3),
        outcome: PassageOutcome::Unknown,
    };
    assert_eq!(record.body, RecordBody::Passage(said));
    let open = gate.facts(7).open_journey.unwrap();
    assert_eq!(
        open.entered_at_ms,
        UnixMs(20_000),
        "unknown counts as gone through"
    );

    assert!(
        gate.journal
            .recover(stamp(91_000), || id(51))
            .unwrap()
            .is_empty(),
        "only once"
    );
    assert_eq!(verified(&envelopes(&gate.path()), &gate.key).len(), 4);
}

/// Copies the journal's files as a power cut would leave them: the log is cut at `log_len`.
fn copy(gate: &Gate, to: &Path, log_len: Option<usize>) {
    let from = gate.path();
    // The file changes only when the log is folded in, so it is copied first.
    std::fs::copy(&from, to).unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let bytes = std::fs::read(log(&from)).unwrap();
    std::fs::write(
        log(to),
        &bytes[..log_len.unwrap_or(bytes.len()).min(bytes.len())],
    )
    .unwrap();
}

#[test]
fn what_was_answered_survives_a_power_cut_in_mid_work() {
    let gate = Gate::new();
    let copies = tempfile::tempdir().unwrap();
    for round in 0..5u64 {
        let path = copies.path().join(format!("journal-{round}"));
        let answered = std::thread::scope(|scope| {
            let (told, heard) = mpsc::channel();
            let gate = &gate;
            scope.spawn(move || {
                for n in round * 40..round * 40 + 40 {
                    gate.ride(n * 2 + 1, Entry, 7, 10_000);
                    told.send(n * 2 + 2).ok();
                }
            });
            let answered = heard.iter().nth(10).unwrap();
            copy(gate, &path, None);
            answered
        });
        let journal = Journal::open(&path, identity(&gate.key)).unwrap();
        let chain = verified(&envelopes(&path), &gate.key);
        assert!(
            chain.len() as u64 >= answered,
            "{answered} answered, {} there",
            chain.len()
        );
        let unfinished = journal
            .recover(stamp(20_000), || id(1_000_000 + round))
            .unwrap();
        assert!(unfinished.len() <= 1, "{unfinished:?}");
    }
}

#[test]
fn a_log_torn_at_any_byte_leaves_a_whole_chain() {
    let gate = Gate::new();
    for n in 0..6 {
        gate.ride(n * 2 + 1, Exit, 7, 10_000);
    }
    let log = PathBuf::from(format!("{}-wal", gate.path().display()));
    let len = usize::try_from(std::fs::metadata(log).unwrap().len()).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let mut lengths = std::collections::BTreeSet::new();
    for step in 0..=40 {
        let path = copies.path().join(format!("journal-{step}"));
        copy(&gate, &path, Some(len * step / 40));
        let journal = Journal::open(&path, identity(&gate.key)).unwrap();
        lengths.insert(verified(&envelopes(&path), &gate.key).len());
        let next = CommitRequest {
            draft: confirmation(900, Entry, 8),
            stamp: stamp(30_000),
        };
        journal.commit_blocking(next).unwrap();
        verified(&envelopes(&path), &gate.key);
    }
    assert!(
        lengths.len() > 5 && lengths.contains(&12),
        "chain lengths seen: {lengths:?}"
    );
}

#[test]
fn closing_commits_what_waits_and_folds_in_the_log() {
    let gate = Gate::new();
    let journal = gate.journal.clone();
    gate.commit(confirmation(1, Entry, 7), 10_000);
    journal.note(Note::UnaskedPassage, stamp(10_000));
    journal.close().unwrap();
    assert_eq!(
        gate.number("SELECT count(*) FROM events"),
        1,
        "notes that waited"
    );
    let log = std::fs::metadata(format!("{}-wal", gate.path().display()));
    assert!(
        log.map_or(0, |log| log.len()) == 0,
        "the log is in the file"
    );
    let err = gate.try_commit(confirmation(2, Entry, 7), 2).unwrap_err();
    assert!(matches!(err, JournalError::Closed { .. }), "{err}");
    journal.close().unwrap();
}

#[test]
fn the_last_handle_closes_what_nobody_closed() {
    let gate = Gate::new();
    gate.journal.note(Note::BarrierFailed, stamp(1));
    let Gate { dir, journal, .. } = gate;
    drop(journal);
    let db = Connection::open(dir.path().join("journal")).unwrap();
    let notes: i64 = db
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(notes, 1);
}
