//! The outbox by hand, beside the journal's owner and without it.

use super::*;
use Direction::Entry;
use fare_protocol::wire::{Answer, AnswerOutcome, RecordRefusal};

fn answer(n: u64, outcome: AnswerOutcome) -> RawAnswer {
    let answer = Answer { id: id(n), outcome };
    let json = serde_json::to_string(&answer).unwrap();
    RawAnswer { answer, json }
}

fn refused(n: u64) -> RawAnswer {
    let (code, reason) = (RecordRefusal::BadSignature, "unknown key".to_owned());
    answer(n, AnswerOutcome::Refused { code, reason })
}

fn accepted(n: u64) -> RawAnswer {
    answer(n, AnswerOutcome::Accepted { voucher: None })
}

fn ids(waiting: &[Waiting]) -> Vec<RecordId> {
    waiting.iter().map(|record| record.id).collect()
}

#[tokio::test]
async fn a_refused_record_waits_again_while_the_gate_works() {
    let gate = Gate::new();
    for n in 1..=3 {
        gate.commit(confirmation(n, Entry, 7), 10_000);
    }
    let done = gate.journal.acknowledge(vec![refused(1)], UnixMs(50)).await;
    assert_eq!(done.unwrap().quarantined, 1);

    let mut outbox = OutboxFile::open(&gate.path()).unwrap();
    assert!(outbox.beside_daemon());
    let row = outbox.quarantined(None, 9).unwrap().remove(0);
    assert_eq!((row.record.id, row.refused_at), (id(1), UnixMs(50)));
    assert_eq!(
        (row.code.as_str(), row.reason.as_str()),
        ("bad-signature", "unknown key")
    );
    assert!(outbox.retry(id(1), UnixMs(60)).unwrap());
    assert!(!outbox.retry(id(1), UnixMs(61)).unwrap(), "only once");
    assert!(!outbox.retry(id(2), UnixMs(61)).unwrap(), "it only waits");
    assert_eq!(outbox.counts().unwrap().quarantined, 0);

    gate.commit(confirmation(4, Entry, 7), 20_000);
    let waiting = gate.journal.pending(None, 9).unwrap();
    assert_eq!(ids(&waiting), [id(1), id(2), id(3), id(4)]);
    assert_eq!(ids(&outbox.pending(Some(Seq(2)), 1).unwrap()), [id(3)]);
    assert_eq!(verified(&envelopes(&gate.path()), &gate.key).len(), 4);
    let note = "SELECT count(*) FROM events WHERE kind = 'retried' AND code = 'bad-signature'";
    assert_eq!(gate.number(note), 1);
}

#[tokio::test]
async fn a_refused_record_that_is_accepted_after_all_leaves_quarantine() {
    let gate = Gate::new();
    gate.commit(confirmation(1, Entry, 7), 10_000);
    gate.journal
        .acknowledge(vec![refused(1)], UnixMs(50))
        .await
        .unwrap();
    let mut outbox = OutboxFile::open(&gate.path()).unwrap();
    let done = outbox.acknowledge(&[refused(1)], UnixMs(60)).unwrap();
    assert_eq!(done.ignored, 1, "refused once is enough");
    let done = outbox
        .acknowledge(&[accepted(1), accepted(1)], UnixMs(60))
        .unwrap();
    assert_eq!((done.accepted, done.ignored), (1, 1));
    let counts = gate.journal.counts().unwrap();
    assert_eq!((counts.pending, counts.quarantined), (0, 0));
    assert_eq!(gate.number("SELECT at_ms FROM answers WHERE seq = 1"), 60);
}

#[test]
fn without_a_daemon_the_file_is_kept_from_one() {
    let Gate { dir, key, journal } = Gate::new();
    let path = dir.path().join("journal");
    drop(journal);
    let outbox = OutboxFile::open(&path).unwrap();
    assert!(!outbox.beside_daemon());
    let err = Journal::open(&path, identity(&key)).err().unwrap();
    assert!(matches!(err, JournalError::InUse { .. }), "{err}");
    drop(outbox);
    Journal::open(&path, identity(&key)).unwrap();
}

#[test]
fn what_cannot_be_opened_says_why() {
    let gate = Gate::new();
    gate.execute("PRAGMA user_version = 0");
    let err = OutboxFile::open(&gate.path()).err().unwrap();
    assert!(matches!(err, JournalError::TooOld { got: 0, .. }), "{err}");
    gate.execute("PRAGMA user_version = 999");
    let err = OutboxFile::open(&gate.path()).err().unwrap();
    assert!(matches!(err, JournalError::TooNew { .. }), "{err}");
    let err = OutboxFile::open(Path::new("/nowhere/journal"))
        .err()
        .unwrap();
    assert!(matches!(err, JournalError::Absent { .. }), "{err}");
}
