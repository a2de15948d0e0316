//! Several servers on one PostgreSQL database: nothing is lost, nothing is told twice or out of order.

use crate::fresh::postgres;
use crate::gate::{Gate, account};
use crate::postgres::site::{NOW, settlement};
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, Direction, UnixMs};
use fare_server::intake::{Intake, IntakeError, check};
use fare_server::store::{Database, StoreError};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// As many accounts as each of the writers refuses.
const DENIED: u8 = 40;

fn denied(changes: &[FeedChange]) -> Vec<AccountId> {
    let account = |change: &FeedChange| {
        let FeedChange::Denied { account } = change else {
            panic!("{change:?}")
        };
        *account
    };
    changes.iter().map(account).collect()
}

#[test]
fn who_follows_the_feed_misses_nothing_of_writers_that_commit_in_any_order() {
    let fresh = postgres();
    fresh.with(|database| database.write(|tx| tx.deny(account(255), NOW)).unwrap());
    let over = AtomicBool::new(false);
    let write = |writer: u8| {
        let mut database = Database::open(&fresh.url).unwrap();
        for n in 0..DENIED {
            let id = AccountId([writer, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            // Held open for a while after what it tells, so that a later one may be done before it.
            let slowly = |tx: &fare_server::store::Tx<'_>| -> Result<bool, StoreError> {
                let new = tx.deny(id, NOW)?;
                thread::yield_now();
                tx.gates()?;
                Ok(new)
            };
            assert!(database.write(slowly).unwrap());
        }
    };
    let follow = || {
        let mut database = Database::open(&fresh.url).unwrap();
        let (mut cursor, mut told) = (1, Vec::new());
        loop {
            let last = over.load(Ordering::SeqCst);
            let news = database.read(|tx| tx.news(cursor)).unwrap();
            assert!(!news.snapshot);
            cursor = news.cursor;
            told.extend(denied(&news.changes));
            if last && news.is_empty() {
                return told;
            }
        }
    };
    let told = thread::scope(|scope| {
        let following = scope.spawn(follow);
        let writers = [1, 2, 3].map(|writer| scope.spawn(move || write(writer)));
        for writer in writers {
            writer.join().unwrap();
        }
        over.store(true, Ordering::SeqCst);
        following.join().unwrap()
    });
    let once: BTreeSet<_> = told.iter().copied().collect();
    assert_eq!((told.len(), once.len()), (120, 120));
}

#[test]
fn records_of_one_account_that_come_to_two_servers_at_once_are_one_journey() {
    let fresh = postgres();
    let gates = || [Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN")];
    let [a, b] = gates().map(|gate| gate.registered());
    let register = |tx: &fare_server::store::Tx<'_>| -> Result<(), StoreError> {
        tx.put_gate(&a)?;
        tx.put_gate(&b)
    };
    fresh.with(|database| database.write(register).unwrap());
    let upload = |gate: Gate, direction, minute| {
        let mut database = Database::open(&fresh.url).unwrap();
        let (settlement, registered) = (settlement(), gate.registered());
        for rider in 1..=24 {
            let records = gate.passes(direction, account(rider), minute);
            let checked = records.map(|record| check(&crate::gate::upload(&record), &registered));
            let taken: Result<_, IntakeError> =
                database.write(|tx| Intake::new(&settlement, tx, registered, NOW).take(&checked));
            assert_eq!(taken.unwrap().accepted, 2);
        }
    };
    thread::scope(|scope| {
        let [a, b] = gates();
        scope.spawn(|| upload(a, Direction::Entry, 1));
        scope.spawn(|| upload(b, Direction::Exit, 40));
    });
    let (books, journeys, conflicts) = fresh.with(|database| {
        database
            .read(|tx| {
                Ok::<_, StoreError>((tx.books()?, tx.journey_views(100)?, tx.conflict_views(100)?))
            })
            .unwrap()
    });
    assert!(books.balanced);
    assert_eq!(
        (books.postings, journeys.len()),
        (48, 24),
        "a hold and a capture each"
    );
    assert!(journeys.iter().all(|journey| journey.state == "closed"));
    assert!(conflicts.is_empty(), "{conflicts:?}");
}

#[test]
fn a_job_is_done_by_one_server_until_its_lease_is_over() {
    let fresh = postgres();
    let lease = |holder: u8, at: i64| {
        let at = UnixMs(at);
        fresh.with(|database| {
            database
                .write(|tx| {
                    tx.lease(
                        "expire",
                        [holder; 16],
                        at,
                        at.after(fare_protocol::Millis(100)),
                    )
                })
                .unwrap()
        })
    };
    assert!(lease(1, 0));
    assert!(!lease(2, 99), "another has it");
    assert!(lease(1, 50), "who has it may go on");
    assert!(!lease(2, 149));
    assert!(lease(2, 150), "it is over");
    assert!(!lease(1, 151));
    // Its clock is ten hours ahead, and it is gone: nobody waits ten hours.
    assert!(lease(3, 36_000_000));
    assert!(lease(2, 260), "a lease cannot end so late");
    assert!(!lease(1, 359));
    // A clock that is a little ahead keeps its lease until that is over.
    assert!(lease(1, 360) && lease(1, 420));
    assert!(!lease(2, 350), "within two leases from now");
}
