//! The server's feed in the caches.

use super::*;
use Direction::{Entry, Exit};
use fare_protocol::wire::{Answer, AnswerOutcome, FeedChange, OpenJourney, TariffText};
use fare_protocol::{KeyEntry, KeySet};
use fare_rules::Tariff;

pub(super) fn feed(cursor: u64, snapshot: bool, changes: Vec<FeedChange>) -> Feed {
    let as_of_ms = UnixMs(1_000 + i64::try_from(cursor).unwrap());
    Feed {
        as_of_ms,
        cursor,
        snapshot,
        issuers: None,
        tariff: None,
        changes,
    }
}

fn journey(n: u64, rider: u8, ms: i64) -> OpenJourney {
    OpenJourney {
        account: account(rider),
        entry: id(n),
        station: "WFJ".parse().unwrap(),
        line: "1".parse().unwrap(),
        entered_at_ms: UnixMs(ms),
    }
}

fn opened(n: u64, rider: u8, ms: i64) -> FeedChange {
    FeedChange::JourneyOpened(journey(n, rider, ms))
}

fn closed(n: u64, rider: u8) -> FeedChange {
    FeedChange::JourneyClosed {
        account: account(rider),
        entry: id(n),
    }
}

fn issuers(n: u8) -> KeySet {
    let key = device(n);
    KeySet(vec![KeyEntry {
        key,
        from_ms: UnixMs(0),
        until_ms: UnixMs(i64::MAX),
    }])
}

impl Gate {
    pub(super) async fn apply(&self, feed: Feed) -> Applied {
        let applied = self.journal.apply_feed(feed).await.unwrap();
        assert!(applied.left_out.is_none(), "{applied:?}");
        applied
    }

    /// The entry of the rider's open journey.
    fn entry(&self, rider: u8) -> Option<RecordId> {
        self.facts(rider).open_journey.map(|journey| journey.entry)
    }
}

#[tokio::test]
async fn changes_apply_in_order_and_snapshots_replace() {
    let gate = Gate::new();
    let denied = |rider| FeedChange::Denied {
        account: account(rider),
    };
    gate.apply(feed(
        5,
        true,
        vec![opened(1, 1, 10), opened(2, 2, 20), denied(3)],
    ))
    .await;
    assert_eq!(gate.facts(1).open_journey, Some(journey(1, 1, 10)));
    assert_eq!(gate.facts(1).cache_as_of, Some(UnixMs(1_005)));
    assert!(gate.facts(3).denied && !gate.facts(1).denied);

    let cleared = FeedChange::Cleared {
        account: account(3),
    };
    let stale = closed(99, 2);
    gate.apply(feed(
        6,
        false,
        vec![closed(1, 1), opened(4, 1, 40), cleared, stale],
    ))
    .await;
    assert_eq!((gate.entry(1), gate.entry(2)), (Some(id(4)), Some(id(2))));
    assert!(!gate.facts(3).denied);

    // Phones, by the keys that sign their codes, whatever account is in these.
    let key_denied = |rider| FeedChange::KeyDenied { key: device(rider) };
    let key_cleared = |rider| FeedChange::KeyCleared { key: device(rider) };
    gate.apply(feed(
        7,
        false,
        vec![key_denied(1), key_denied(4), key_denied(1)],
    ))
    .await;
    let denied = |rider| (gate.facts(rider).denied, gate.facts(rider).key_denied);
    assert_eq!(
        (denied(1), denied(2), denied(4)),
        ((false, true), (false, false), (false, true))
    );
    gate.apply(feed(8, false, vec![key_cleared(1)])).await;
    assert_eq!((denied(1).1, denied(4).1), (false, true));

    gate.apply(feed(9, true, vec![opened(7, 7, 70)])).await;
    assert!(!denied(4).1, "a snapshot replaces them");
    assert_eq!(
        (gate.entry(1), gate.entry(2), gate.entry(7)),
        (None, None, Some(id(7)))
    );
    assert_eq!(gate.journal.cached().unwrap().cursor, 9);
}

#[tokio::test]
async fn an_old_delta_is_refused_and_an_old_snapshot_is_not() {
    let gate = Gate::new();
    gate.apply(feed(9, true, vec![opened(1, 1, 10)])).await;
    let err = gate
        .journal
        .apply_feed(feed(8, false, vec![closed(1, 1)]))
        .await
        .unwrap_err();
    let text = err.to_string();
    assert!(
        text.contains("its cursor is wrong: got 8, which is before 9"),
        "{text}"
    );
    assert_eq!(gate.entry(1), Some(id(1)));
    gate.apply(feed(2, true, vec![])).await;
    assert_eq!(
        gate.journal.cached().unwrap().cursor,
        2,
        "the server was restored"
    );
}

#[tokio::test]
async fn what_this_gate_saw_holds_until_the_server_knows() {
    let gate = Gate::new();
    let commit = async |draft, ms| {
        gate.journal
            .commit(CommitRequest {
                draft,
                stamp: stamp(ms),
            })
            .await
            .unwrap();
    };
    commit(confirmation(1, Entry, 7), 100).await;
    commit(passage(2, 1, Entry, 7, 100, PassageOutcome::Passed), 110).await;
    gate.apply(feed(1, true, vec![])).await;
    assert_eq!(gate.entry(7), Some(id(1)), "the server has not heard of it");

    let outcome = AnswerOutcome::Accepted { voucher: None };
    let answer = Answer { id: id(1), outcome };
    let answer = RawAnswer {
        answer,
        json: "{}".to_owned(),
    };
    gate.journal
        .acknowledge(vec![answer], UnixMs(120))
        .await
        .unwrap();
    gate.apply(feed(2, false, vec![opened(1, 7, 100)])).await;
    assert_eq!(gate.entry(7), Some(id(1)));
    gate.apply(feed(3, false, vec![closed(1, 7)])).await;
    assert_eq!(gate.entry(7), None, "ended at another gate");

    gate.apply(feed(4, false, vec![opened(5, 7, 500)])).await;
    commit(confirmation(6, Exit, 7), 600).await;
    commit(passage(8, 6, Exit, 7, 600, PassageOutcome::Passed), 610).await;
    gate.apply(feed(5, true, vec![opened(5, 7, 500)])).await;
    assert_eq!(gate.entry(7), None, "the server has not heard of the exit");
    gate.apply(feed(6, false, vec![closed(5, 7), opened(9, 7, 900)]))
        .await;
    assert_eq!(gate.entry(7), Some(id(9)), "entered again elsewhere");
}

#[tokio::test]
async fn a_snapshot_ends_entries_that_the_server_knew_of() {
    let gate = Gate::new();
    for draft in [
        confirmation(1, Entry, 7),
        passage(2, 1, Entry, 7, 100, PassageOutcome::Passed),
    ] {
        gate.journal
            .commit(CommitRequest {
                draft,
                stamp: stamp(100),
            })
            .await
            .unwrap();
    }
    let answer = Answer {
        id: id(1),
        outcome: AnswerOutcome::Accepted { voucher: None },
    };
    let answer = RawAnswer {
        answer,
        json: "{}".to_owned(),
    };
    gate.journal
        .acknowledge(vec![answer], UnixMs(120))
        .await
        .unwrap();
    assert_eq!(gate.entry(7), Some(id(1)));
    gate.apply(feed(9, true, vec![])).await;
    assert_eq!(gate.entry(7), None);
}

#[tokio::test]
async fn a_bad_tariff_keeps_the_last_good_copy_and_lets_the_rest_in() {
    let mut gate = Gate::new();
    let good = good_tariff();
    let first = Feed {
        issuers: Some(issuers(1)),
        tariff: Some(good.clone()),
        ..feed(5, true, vec![opened(1, 1, 10)])
    };
    let applied = gate.apply(first).await;
    let hash = Tariff::parse(&good).unwrap().hash();
    assert_eq!(applied.tariff.unwrap().hash(), hash);

    let broken = TariffText {
        tariff: "fare = ".to_owned(),
        ..good
    };
    let denied = FeedChange::Denied {
        account: account(3),
    };
    let second = Feed {
        issuers: Some(issuers(2)),
        tariff: Some(broken),
        ..feed(6, false, vec![denied])
    };
    let applied = gate.journal.apply_feed(second).await.unwrap();
    let text = applied.left_out.unwrap().to_string();
    assert!(text.contains("its tariff is wrong"), "{text}");
    assert!(applied.tariff.is_none());
    assert!(
        gate.facts(3).denied,
        "a bad tariff lets no denied rider through"
    );
    gate = gate.restarted();
    let cached = gate.journal.cached().unwrap();
    assert_eq!(cached.tariff.unwrap().hash(), hash);
    assert_eq!(cached.issuers, Some(issuers(2)));
    assert_eq!(cached.cursor, 5, "so that the server sends it again");
    assert_eq!(cached.as_of, Some(UnixMs(1_006)));
}

#[tokio::test]
async fn caches_that_cannot_be_read_any_more_do_not_keep_a_gate_from_starting() {
    let mut gate = Gate::new();
    assert_eq!(gate.journal.cached().unwrap().cursor, 0);
    let everything = Feed {
        issuers: Some(issuers(1)),
        tariff: Some(good_tariff()),
        ..feed(5, true, vec![opened(1, 1, 10)])
    };
    gate.apply(everything).await;
    for (sql, issuers_there, tariff_there) in [
        ("UPDATE feed SET issuers = '{]'", false, true),
        ("UPDATE feed SET tariff = 'no such thing'", false, false),
    ] {
        let db = Connection::open(gate.path()).unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        gate = gate.restarted();
        let cached = gate.journal.cached().unwrap();
        assert_eq!(cached.issuers.is_some(), issuers_there, "{sql}");
        assert_eq!(cached.tariff.is_some(), tariff_there, "{sql}");
        assert_eq!(cached.cursor, 0, "{sql}: everything is asked for anew");
        assert_eq!(gate.entry(1), Some(id(1)), "{sql}: the other caches stay");
    }
}

fn good_tariff() -> TariffText {
    TariffText {
        tariff: include_str!("../../../gate-config/tariff-beijing.toml").to_owned(),
        stations: include_str!("../../../gate-config/stations-beijing-line1.toml").to_owned(),
    }
}

#[tokio::test]
async fn entries_are_counted_since_the_servers_news() {
    let gate = Gate::new();
    gate.apply(feed(1, true, vec![])).await;
    let rides = |first: u64, rider: u8| {
        gate.ride(first, Entry, rider, 10);
        gate.ride(first + 2, Exit, rider, 20);
    };
    assert_eq!(gate.facts(1).entries_since, 0);
    rides(1, 1);
    assert_eq!(gate.facts(1).entries_since, 1, "an exit is no entry");
    rides(11, 1);
    rides(21, 2);
    assert_eq!(
        (gate.facts(1).entries_since, gate.facts(2).entries_since),
        (2, 1)
    );
    gate.apply(feed(2, false, vec![])).await;
    assert_eq!(gate.facts(1).entries_since, 0, "there is news");
    rides(31, 1);
    assert_eq!(gate.facts(1).entries_since, 1);
}
