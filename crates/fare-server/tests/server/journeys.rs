//! Journeys, money and news: what the records of several gates come to.

use super::site::Site;
use crate::gate::{Gate, MORNING, Tap, account};
use fare_protocol::wire::FeedChange;
use fare_protocol::{
    Annulment, Currency, Direction, Money, PassageOutcome, SignedRecord, Signer, UnixMs, Voucher,
};
use fare_server::store::DeniedKey;
use proptest::prelude::*;

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn pingguoyuan_and_xidan() -> (Gate, Gate) {
    (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"))
}

#[test]
fn an_entry_and_an_exit_are_vouched_for_and_charged() {
    let (a, b) = pingguoyuan_and_xidan();
    let mut site = Site::new(&[&a, &b]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    let exit = b.passes(Direction::Exit, account(1), 40);
    let answers = site.send(&a, &entry.each_ref());
    let Some(Voucher::Entry(opened)) = site.voucher(&answers[0]) else {
        panic!("{answers:?}")
    };
    assert_eq!(opened.confirmation, entry[0].record().id);
    assert_eq!(opened.valid_until, UnixMs(MORNING + 60_000 + 14_400_000));
    assert_eq!(
        opened.fare_limit,
        cny(600),
        "the dearest journey from there: 31 km"
    );
    assert_eq!(
        site.voucher(&answers[1]),
        None,
        "a passage is not vouched for"
    );

    let answers = site.send(&b, &[&exit[0]]);
    let Some(Voucher::Exit(closed)) = site.voucher(&answers[0]) else {
        panic!("{answers:?}")
    };
    assert_eq!(
        (closed.journey, closed.entry),
        (opened.journey, opened.confirmation)
    );
    assert_eq!((closed.from.as_str(), closed.to.as_str()), ("PGY", "XDN"));
    assert_eq!(closed.fare, cny(500), "18 km");
    assert_eq!(closed.steps.iter().map(|step| step.minor).sum::<i64>(), 500);
    assert_eq!(site.sums(), (-500, 500, 0));
    assert_eq!(site.journeys()[0].state, "held");

    site.send(&b, &[&exit[1]]);
    assert_eq!(site.sums(), (-500, 0, 500));
    let journey = site.journeys().remove(0);
    assert_eq!(
        (journey.state.as_str(), journey.fare),
        ("closed", Some(cny(500)))
    );
    assert_eq!(journey.account, "…0101");
    assert_eq!(
        (journey.from, journey.to),
        ("PGY".to_owned(), Some("XDN".to_owned()))
    );
    assert!(site.conflicts().is_empty());
}

/// Somebody leaves by the picture of this entry, upon this quote.
fn leaves_by(gate: &Gate, entry: &SignedRecord, minute: i64, quoted: Money) -> [SignedRecord; 2] {
    let tap = gate.tap(Tap {
        direction: Direction::Exit,
        account: account(1),
        minute,
        quoted: Some(quoted),
        names: Some(entry.record().id),
        code: 77,
    });
    let passage = gate.passage(&tap, PassageOutcome::Passed);
    [tap, passage]
}

/// Neither gate had a network: the copy is found when the records come together.
#[test]
fn one_picture_at_two_gates_is_charged_once_whichever_comes_first() {
    for copy_first in [false, true] {
        let (a, b) = pingguoyuan_and_xidan();
        let c = Gate::new("GCH-01", "GCH");
        let mut site = Site::new(&[&a, &b, &c]);
        let entry = a.passes(Direction::Entry, account(1), 1);
        site.send(&a, &entry.each_ref());
        let rider = leaves_by(&c, &entry[0], 20, cny(300));
        let copy = leaves_by(&b, &entry[0], 40, cny(500));
        if copy_first {
            site.send(&b, &copy.each_ref());
            assert_eq!(site.sum("fare-revenue"), 500);
            site.send(&c, &rider.each_ref());
        } else {
            site.send(&c, &rider.each_ref());
            site.send(&b, &copy.each_ref());
        }
        let revenue = site.sum("fare-revenue");
        assert_eq!((revenue, site.sum("held")), (300, 0), "{copy_first}");
        let kinds = site.conflict_kinds();
        assert!(kinds.contains(&"picture-twice".to_owned()), "{kinds:?}");
        // Neither is proposed to be charged, nor taken for anything else.
        let others = kinds.iter().filter(|kind| *kind != "repaired");
        assert_eq!(others.count(), 1, "{kinds:?}");
        let journey = site.journeys().remove(0);
        assert_eq!(journey.to, Some("GCH".to_owned()));
    }
}

#[test]
fn a_copy_that_is_shown_in_a_later_journey_does_not_end_that() {
    let (a, b) = pingguoyuan_and_xidan();
    let c = Gate::new("GCH-01", "GCH");
    let mut site = Site::new(&[&a, &b, &c]);
    let first = a.passes(Direction::Entry, account(1), 1);
    let home = leaves_by(&b, &first[0], 40, cny(500));
    let second = b.passes(Direction::Entry, account(1), 60);
    let copy = leaves_by(&c, &first[0], 70, cny(300));
    let back = leaves_by(&a, &second[0], 90, cny(500));
    site.send(&a, &first.each_ref());
    site.send(&b, &home.each_ref());
    site.send(&c, &copy.each_ref());
    site.send(&b, &second.each_ref());
    site.send(&a, &back.each_ref());
    assert_eq!(site.conflict_kinds(), ["picture-twice"]);
    assert_eq!((site.sum("fare-revenue"), site.sum("held")), (1_000, 0));
    let states: Vec<_> = site.journeys().into_iter().map(|j| j.state).collect();
    assert_eq!(states, ["closed", "closed"]);
}

/// Nobody went through: the same picture opens elsewhere, and that is no conflict.
#[test]
fn a_picture_that_was_of_no_use_at_one_gate_ends_the_journey_at_another() {
    let (a, b) = pingguoyuan_and_xidan();
    let c = Gate::new("GCH-01", "GCH");
    let mut site = Site::new(&[&a, &b, &c]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    site.send(&a, &entry.each_ref());
    let [tap, _] = leaves_by(&c, &entry[0], 20, cny(300));
    c.rewind(&tap);
    let annulled = c.passage(&tap, PassageOutcome::Annulled(Annulment::TimedOut));
    site.send(&c, &[&tap, &annulled]);
    site.send(&b, &leaves_by(&b, &entry[0], 40, cny(500)).each_ref());
    assert_eq!(site.conflict_kinds(), [""; 0]);
    assert_eq!(site.sum("fare-revenue"), 500);
}

#[test]
fn a_rider_with_a_picture_is_never_charged_more_than_the_gate_showed() {
    // shown | charged, conflicts
    for (shown, charged, conflicts) in [
        (500, 500, &[][..]),
        (300, 300, &["quote-differs"][..]),
        (700, 500, &["quote-differs"][..]),
    ] {
        let (a, b) = pingguoyuan_and_xidan();
        let mut site = Site::new(&[&a, &b]);
        let entry = a.passes(Direction::Entry, account(1), 1);
        site.send(&a, &entry.each_ref());
        site.send(&b, &leaves_by(&b, &entry[0], 40, cny(shown)).each_ref());
        assert_eq!(site.sum("fare-revenue"), charged, "shown {shown}");
        assert_eq!(site.conflict_kinds(), conflicts, "shown {shown}");
    }
}

#[test]
fn an_exit_waits_for_an_entry_that_comes_days_later() {
    let (a, b) = pingguoyuan_and_xidan();
    let mut site = Site::new(&[&a, &b]);
    let entry = a.passes(Direction::Entry, account(1), 1);
    let exit = b.passes(Direction::Exit, account(1), 40);
    let answers = site.send(&b, &exit.each_ref());
    assert_eq!(
        site.voucher(&answers[0]),
        None,
        "nothing can be vouched for yet"
    );
    assert_eq!(site.conflict_kinds(), ["exit-without-entry"]);
    assert_eq!(site.sum("fare-revenue"), 0);
    site.send(&a, &entry.each_ref());
    assert_eq!(site.conflict_kinds(), [""; 0]);
    assert_eq!((site.sum("fare-revenue"), site.sum("held")), (500, 0));
}

#[test]
fn an_annulled_exit_gives_the_money_back_and_the_journey_goes_on() {
    let (a, b) = pingguoyuan_and_xidan();
    let mut site = Site::new(&[&a, &b]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let exit = b.exit(account(1), 40);
    let annulled = b.passage(&exit, PassageOutcome::Annulled(Annulment::TimedOut));
    site.send(&b, &[&exit]);
    assert_eq!(site.sum("held"), 500);
    site.send(&b, &[&annulled]);
    assert_eq!(site.sums(), (0, 0, 0));
    assert_eq!(site.journeys()[0].state, "open");
    site.send(&b, &b.passes(Direction::Exit, account(1), 41).each_ref());
    assert_eq!((site.sum("rider"), site.sum("fare-revenue")), (-500, 500));
    assert_eq!(site.books().postings, 4, "hold, void, hold, capture");
}

#[test]
fn a_late_record_that_changes_a_charged_journey_is_put_right_by_reversal() {
    let (a, b) = pingguoyuan_and_xidan();
    let c = Gate::new("GCH-01", "GCH");
    let mut site = Site::new(&[&a, &b, &c]);
    let out = a.passes(Direction::Entry, account(1), 1);
    let left = c.passes(Direction::Exit, account(1), 10);
    let back = c.passes(Direction::Entry, account(1), 60);
    let home = b.passes(Direction::Exit, account(1), 90);
    site.send(&a, &out.each_ref());
    site.send(&b, &home.each_ref());
    assert_eq!(
        site.sum("fare-revenue"),
        500,
        "PGY to XDN, as far as is known"
    );
    let late = left.iter().chain(&back).collect::<Vec<_>>();
    site.send(&c, &late);
    assert_eq!(
        site.sum("fare-revenue"),
        300 + 500,
        "PGY to GCH, GCH to XDN (16 km)"
    );
    assert_eq!(site.sum("rider"), -800);
    let states = site
        .journeys()
        .into_iter()
        .map(|j| j.state)
        .collect::<Vec<_>>();
    assert_eq!(states, ["closed", "closed"]);
    assert!(site.conflict_kinds().contains(&"repaired".to_owned()));
}

#[test]
fn the_lower_fare_shown_is_charged_and_the_difference_shown() {
    // quoted | charged, conflicts
    for (quoted, charged, conflicts) in [(500, 500, 0), (400, 400, 1), (600, 500, 1)] {
        let (a, b) = pingguoyuan_and_xidan();
        let mut site = Site::new(&[&a, &b]);
        site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
        let (direction, account) = (Direction::Exit, account(1));
        let quoted = Some(cny(quoted));
        let exit = b.tap(Tap {
            direction,
            account,
            minute: 40,
            quoted,
            names: None,
            code: 40,
        });
        let answers = site.send(&b, &[&exit]);
        let Some(Voucher::Exit(voucher)) = site.voucher(&answers[0]) else {
            panic!("{answers:?}")
        };
        assert_eq!(voucher.fare, cny(charged));
        assert_eq!(
            voucher.steps.iter().map(|step| step.minor).sum::<i64>(),
            charged
        );
        assert_eq!(site.sum("held"), charged);
        assert_eq!(site.conflict_kinds(), vec!["quote-differs"; conflicts]);
    }
}

#[test]
fn conflicts_are_shown_and_the_records_stay() {
    let (a, b) = pingguoyuan_and_xidan();
    let mut site = Site::new(&[&a, &b]);
    let tap = |direction, code, minute| Tap {
        direction,
        account: account(1),
        minute,
        quoted: None,
        names: None,
        code,
    };
    let first = a.tap(tap(Direction::Entry, 7, 1));
    let passed = a.passage(&first, PassageOutcome::Unknown);
    let twice = a.passage(&first, PassageOutcome::Passed);
    site.send(&a, &[&first, &passed, &twice]);
    let second = b.tap(tap(Direction::Entry, 7, 2));
    let passed = b.passage(&second, PassageOutcome::Passed);
    site.send(&b, &[&second, &passed]);
    // The first entry counts as annulled: a minute later the rider still stood outside.
    let expected = ["same-code", "second-passage"];
    assert_eq!(site.conflict_kinds(), expected);
    let states = site
        .journeys()
        .into_iter()
        .map(|j| j.state)
        .collect::<Vec<_>>();
    assert_eq!(states, ["open", "annulled"], "newest first");
    let people = format!("{:?}", site.conflicts());
    assert!(
        !people.contains(&account(1).to_hex()),
        "accounts are masked: {people}"
    );
}

#[test]
fn a_station_without_a_fare_is_shown_and_charged_once_there_is_one() {
    let (a, nowhere) = (Gate::new("PGY-01", "PGY"), Gate::new("ZZZ-01", "ZZZ"));
    let mut site = Site::new(&[&a, &nowhere]);
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let answers = site.send(
        &nowhere,
        &nowhere.passes(Direction::Exit, account(1), 9).each_ref(),
    );
    assert_eq!(site.voucher(&answers[0]), None);
    assert_eq!(site.journeys()[0].state, "unpriced");
    assert_eq!(site.conflict_kinds(), ["unpriced"]);
    assert_eq!(site.sum("fare-revenue"), 0);
}

#[test]
fn a_gate_at_another_station_than_registered_is_shown() {
    let registered = Gate::new("PGY-01", "PGY");
    let moved = Gate::new("PGY-01", "XDN");
    let mut site = Site::new(&[&registered]);
    let entry = moved.entry(account(1), 1);
    site.send(&registered, &[&entry]);
    assert_eq!(site.conflict_kinds(), ["wrong-station"]);
}

#[test]
fn gates_are_told_once_a_passage_is_known() {
    let (a, b) = pingguoyuan_and_xidan();
    let mut site = Site::new(&[&a, &b]);
    let tell = |tx: &fare_server::store::Tx<'_>| tx.announce("tariff", "first");
    site.database.write(tell).unwrap();
    let start = site.news(0);
    assert!(start.snapshot && start.changes.is_empty());
    let [tap, passed] = a.passes(Direction::Entry, account(1), 1);
    site.send(&a, &[&tap]);
    assert!(
        site.news(start.cursor).is_empty(),
        "a tap alone is no journey"
    );
    site.send(&a, &[&passed]);
    let news = site.news(start.cursor);
    assert!(!news.snapshot && !news.tariff);
    let [FeedChange::JourneyOpened(journey)] = &news.changes[..] else {
        panic!("{news:?}")
    };
    assert_eq!(
        (journey.entry, journey.station.as_str()),
        (tap.record().id, "PGY")
    );
    assert_eq!(
        site.news(0).changes,
        news.changes,
        "a snapshot has the open journey"
    );

    site.send(&b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    let closed = site.news(news.cursor);
    let over = FeedChange::JourneyClosed {
        account: account(1),
        entry: tap.record().id,
    };
    assert_eq!(closed.changes, [over]);
    assert!(site.news(0).changes.is_empty());
    assert!(
        site.news(closed.cursor + 9).snapshot,
        "a cursor never given out gets a snapshot"
    );
}

#[test]
fn denied_accounts_are_told_and_stand_in_snapshots() {
    let mut site = Site::new(&[]);
    let denied = FeedChange::Denied {
        account: account(1),
    };
    let now = super::site::NOW;
    assert!(site.database.write(|tx| tx.deny(account(1), now)).unwrap());
    assert!(!site.database.write(|tx| tx.deny(account(1), now)).unwrap());
    let news = site.news(0);
    assert_eq!(news.changes, [denied]);
    assert!(site.database.write(|tx| tx.allow(account(1))).unwrap());
    assert_eq!(
        site.news(news.cursor).changes,
        [FeedChange::Cleared {
            account: account(1)
        }]
    );
    assert!(site.news(0).changes.is_empty());
}

#[test]
fn denied_phones_are_told_and_stand_in_snapshots() {
    let mut site = Site::new(&[]);
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).public();
    let lost = DeniedKey {
        key,
        since: super::site::NOW,
        person: "Wang".to_owned(),
        reason: "lost".to_owned(),
    };
    let mut deny = || site.database.write(|tx| tx.deny_key(&lost)).unwrap();
    assert!(deny() && !deny());
    let news = site.news(0);
    assert_eq!(news.changes, [FeedChange::KeyDenied { key }]);
    assert_eq!(site.database.read(|tx| tx.denied_keys()).unwrap(), [lost]);
    assert!(site.database.write(|tx| tx.allow_key(key)).unwrap());
    let changes = site.news(news.cursor).changes;
    assert_eq!(changes, [FeedChange::KeyCleared { key }]);
    assert!(site.news(0).changes.is_empty());
}

/// Three riders on one morning, told to the server in batches of any order with repeats: each
/// gate's own batches keep their order or come too early, which makes gaps.
fn day() -> impl Strategy<Value = Vec<(bool, usize)>> {
    let one_of_twelve = (any::<bool>(), 0..12_usize);
    prop::collection::vec(one_of_twelve, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_of_arrival_charges_each_journey_once(told in day()) {
        let (a, b) = pingguoyuan_and_xidan();
        let mut site = Site::new(&[&a, &b]);
        let rider = |n: usize| account(1 + u8::try_from(n % 3).unwrap());
        let minute = |n: usize| 1 + i64::try_from(n).unwrap() * 10;
        let taps = |gate: &Gate, direction, later: i64| -> Vec<SignedRecord> {
            let taps = (0..6).flat_map(|n| gate.passes(direction, rider(n), minute(n) + later));
            taps.collect()
        };
        let (entries, exits) = (taps(&a, Direction::Entry, 0), taps(&b, Direction::Exit, 5));
        let rest = (0..12).flat_map(|n| [(true, n), (false, n)]);
        for (enters, n) in told.into_iter().chain(rest) {
            let (gate, records) = if enters { (&a, &entries) } else { (&b, &exits) };
            let answers = site.send(gate, &[&records[n]]);
            prop_assert!(answers[0].contains("accepted"), "{answers:?}");
            prop_assert!(site.books().balanced);
        }
        prop_assert_eq!(site.sum("fare-revenue"), 6 * 500);
        prop_assert_eq!(site.sum("held"), 0);
        let journeys = site.journeys();
        prop_assert!(journeys.len() == 6 && journeys.iter().all(|j| j.state == "closed"));
        let kinds = site.conflict_kinds();
        prop_assert!(kinds.iter().all(|kind| kind == "repaired"), "{:?}", kinds);
    }
}
