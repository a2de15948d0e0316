//! The outbox and the server's answers.

use super::*;
use Direction::Entry;
use fare_protocol::wire::{
    Answer, AnswerOutcome, Envelope, FeedChange, OpenJourney, RecordRefusal,
};
use fare_protocol::{JourneyId, Picture, RecordBody};
use fare_rules::Ended;

fn raw(n: u64, outcome: AnswerOutcome) -> RawAnswer {
    let answer = Answer { id: id(n), outcome };
    let json = serde_json::to_string(&answer).unwrap();
    RawAnswer { answer, json }
}

fn accepted(n: u64) -> RawAnswer {
    raw(n, AnswerOutcome::Accepted { voucher: None })
}

fn refused(n: u64, reason: &str) -> RawAnswer {
    let (code, reason) = (RecordRefusal::Fork, reason.to_owned());
    raw(n, AnswerOutcome::Refused { code, reason })
}

impl Gate {
    fn confirmations(&self, numbers: std::ops::RangeInclusive<u64>) {
        for n in numbers {
            self.commit(confirmation(n, Entry, 7), 10_000);
        }
    }

    fn waiting(&self) -> Vec<RecordId> {
        let waiting = self.journal.pending(None, 100).unwrap();
        waiting.into_iter().map(|record| record.id).collect()
    }

    async fn answered(&self, answers: Vec<RawAnswer>) -> Acknowledged {
        self.journal.acknowledge(answers, UnixMs(99)).await.unwrap()
    }
}

#[tokio::test]
async fn only_what_was_answered_by_id_leaves_the_outbox() {
    let gate = Gate::new();
    gate.confirmations(1..=5);
    assert_eq!(gate.waiting(), [id(1), id(2), id(3), id(4), id(5)]);
    let done = gate
        .answered(vec![accepted(2), accepted(4), accepted(77)])
        .await;
    assert_eq!(
        done,
        Acknowledged {
            accepted: 2,
            quarantined: 0,
            ignored: 1
        }
    );
    assert_eq!(gate.waiting(), [id(1), id(3), id(5)]);

    let done = gate
        .answered(vec![accepted(2), refused(4, "changed my mind")])
        .await;
    assert_eq!(
        done,
        Acknowledged {
            ignored: 2,
            ..Acknowledged::default()
        },
        "first answer holds"
    );
    assert_eq!(gate.answered(vec![]).await, Acknowledged::default());
    assert_eq!(gate.journal.counts().unwrap().pending, 3);
}

#[tokio::test]
async fn the_outbox_is_read_in_chain_order_from_anywhere() {
    let mut gate = Gate::new();
    gate.confirmations(1..=5);
    gate.answered(vec![accepted(3)]).await;
    gate = gate.restarted();
    let seqs = |after, limit| {
        let waiting = gate.journal.pending(after, limit).unwrap();
        waiting
            .into_iter()
            .map(|record| record.seq.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs(None, 2), [1, 2]);
    assert_eq!(seqs(Some(Seq(2)), 9), [4, 5]);
    assert_eq!(seqs(Some(Seq(5)), 9), [0; 0]);
    assert_eq!(
        gate.journal.pending(None, 1).unwrap()[0].envelope,
        envelopes(&gate.path())[0]
    );
}

#[tokio::test]
async fn poison_goes_to_quarantine_and_the_rest_flows() {
    let gate = Gate::new();
    gate.confirmations(1..=3);
    let done = gate
        .answered(vec![refused(1, &"x".repeat(9_999)), accepted(2)])
        .await;
    assert_eq!(
        done,
        Acknowledged {
            accepted: 1,
            quarantined: 1,
            ignored: 0
        }
    );
    assert_eq!(gate.waiting(), [id(3)]);
    assert_eq!(gate.journal.counts().unwrap().quarantined, 1);
    let db = schema::open_reader(&gate.path()).unwrap();
    let row = db.query_row(
        "SELECT seq, id, code, reason, at_ms FROM quarantine",
        [],
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                RecordId(row.get(1)?),
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?.len(),
                row.get::<_, i64>(4)?,
            ))
        },
    );
    assert_eq!(row.unwrap(), (1, id(1), "fork".to_owned(), 500, 99));
    assert_eq!(
        verified(&envelopes(&gate.path()), &gate.key).len(),
        3,
        "the record itself stays"
    );
}

#[tokio::test]
async fn answers_are_kept_as_they_came() {
    let gate = Gate::new();
    gate.confirmations(1..=1);
    let voucher = Some(Envelope(vec![1, 2, 3]));
    let mut answer = raw(1, AnswerOutcome::Accepted { voucher });
    answer.json.push(' ');
    gate.answered(vec![answer.clone()]).await;
    let db = schema::open_reader(&gate.path()).unwrap();
    let row = db.query_row(
        "SELECT answer, voucher FROM answers WHERE seq = 1",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)),
    );
    assert_eq!(row.unwrap(), (answer.json, vec![1, 2, 3]));
}

#[tokio::test]
async fn a_commit_wakes_the_courier_and_a_note_does_not() {
    let gate = Gate::new();
    let woken = gate.journal.committed();
    tokio::pin!(woken);
    gate.journal.note(Note::FreePassage, stamp(1));
    let soon = tokio::time::timeout(std::time::Duration::from_millis(1), &mut woken);
    assert!(soon.await.is_err());
    let request = CommitRequest {
        draft: confirmation(1, Entry, 7),
        stamp: stamp(2),
    };
    gate.journal.commit(request).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(20), woken)
        .await
        .unwrap();
}

/// A picture of rider 7, who entered elsewhere at 5 s.
fn picture_of_seven() -> Picture {
    Picture {
        journey: JourneyId([1; 16]),
        entry: id(900),
        account: account(7),
        class: RiderClass::Adult,
        station: "GCH".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at: UnixMs(5_000),
        as_of: UnixMs(5_100),
        valid_until: UnixMs(3_600_000),
        paid_before: None,
        balance: None,
        products: Vec::new(),
    }
}

impl Gate {
    fn ended(&self) -> Option<Ended> {
        let facts = self.journal.facts_of_picture(&picture_of_seven()).unwrap();
        let open = facts
            .open_journey
            .map(|open| (open.entry, open.entered_at_ms));
        assert_eq!(open, Some((id(900), UnixMs(5_000))), "its own journey");
        facts.ended
    }
}

#[tokio::test]
async fn a_picture_is_over_once_the_server_says_so() {
    let gate = Gate::new();
    assert_eq!(gate.ended(), None);
    let (account, entry) = (account(7), id(900));
    let over = Feed {
        as_of_ms: UnixMs(9_000),
        cursor: 5,
        snapshot: false,
        issuers: None,
        tariff: None,
        changes: vec![FeedChange::JourneyClosed { account, entry }],
    };
    gate.journal.apply_feed(over.clone()).await.unwrap();
    assert_eq!(gate.ended(), Some(Ended::Elsewhere));
    let open = OpenJourney {
        account,
        entry,
        station: "GCH".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at_ms: UnixMs(5_000),
    };
    let mended = Feed {
        cursor: 6,
        changes: vec![FeedChange::JourneyOpened(open)],
        ..over
    };
    gate.journal.apply_feed(mended).await.unwrap();
    assert_eq!(gate.ended(), None, "a late record has mended it");
}

#[test]
fn a_picture_is_over_once_its_rider_went_through_here() {
    let gate = Gate::new();
    // Before the entry, and of somebody else.
    gate.ride(1, Direction::Exit, 7, 4_000);
    gate.ride(3, Direction::Exit, 8, 6_000);
    assert_eq!(gate.ended(), None);
    let Draft::Confirmation(exit) = confirmation(5, Direction::Exit, 7) else {
        panic!("a confirmation")
    };
    let out = |n| {
        let used = Used::Picture { entry: id(900) };
        let draft = ConfirmationDraft {
            id: id(n),
            used,
            ..exit
        };
        gate.commit(Draft::Confirmation(draft), 7_000)
    };
    let record = out(5);
    let RecordBody::Confirmation(said) = record.record().body else {
        panic!("{record:?}")
    };
    assert_eq!(said.entry, Some(id(900)));
    gate.commit(passage(6, 5, Direction::Exit, 7, 7_000, NOBODY), 8_000);
    assert_eq!(gate.ended(), None, "nobody went through");
    out(7);
    let passed = PassageOutcome::Passed;
    gate.commit(passage(8, 7, Direction::Exit, 7, 9_000, passed), 10_000);
    assert_eq!(gate.ended(), Some(Ended::Here));
}

/// The end of a paper code's journey is what this gate saw itself, or that the server refuses its account.
#[tokio::test]
async fn a_paper_code_is_used_up_by_the_passage() {
    let gate = Gate::new();
    let facts = || gate.journal.facts_of_paper_code(account(7)).unwrap();
    assert_eq!((facts().ended, facts().open_journey), (None, None));
    gate.ride(1, Entry, 7, 4_000);
    assert_eq!(facts().open_journey.map(|open| open.entry), Some(id(1)));
    assert_eq!(facts().ended, None);
    gate.commit(confirmation(3, Direction::Exit, 7), 5_000);
    gate.commit(passage(4, 3, Direction::Exit, 7, 5_000, NOBODY), 5_500);
    assert_eq!(facts().ended, None, "nobody went through");
    gate.ride(5, Direction::Exit, 7, 6_000);
    assert_eq!(facts().ended, Some(Ended::Here));
    assert_eq!(
        gate.journal.facts_of_paper_code(account(8)).unwrap().ended,
        None
    );
    let over = Feed {
        as_of_ms: UnixMs(9_000),
        cursor: 5,
        snapshot: false,
        issuers: None,
        tariff: None,
        changes: vec![FeedChange::Denied {
            account: account(8),
        }],
    };
    gate.journal.apply_feed(over).await.unwrap();
    let elsewhere = gate.journal.facts_of_paper_code(account(8)).unwrap();
    assert!(elsewhere.denied);
}
