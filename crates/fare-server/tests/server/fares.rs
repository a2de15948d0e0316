//! Fares as cities have them, in settlement: caps and transfers in whatever order records arrive, long
//! stays, journeys without an exit, incidents, and corrections by staff.

use crate::gate::{Gate, MORNING, account};
use crate::site::{NOW, Site, settlement};
use fare_protocol::{Currency, Direction, Money, RecordId, SignedRecord, UnixMs};
use fare_rules::Tariff;
use fare_server::correction::{Correction, correct, story};
use fare_server::intake::close_ended;
use fare_server::store::Incident;
use proptest::prelude::*;
use std::sync::Arc;

const CAP: &str = "[[cap]]\nid = \"daily\"\nspan = \"day\"\nmost_minor = 700\n";
const MAXIMUM: &str = "[maximum]\nno_exit_minor = 900\n";

fn gates() -> [Gate; 3] {
    [("PGY-01", "PGY"), ("XDN-02", "XDN"), ("GCH-01", "GCH")].map(|(id, at)| Gate::new(id, at))
}

/// A server with Beijing's fares and these rules beside.
fn site(gates: &[Gate], more: &str) -> Site {
    let mut site = Site::new(&gates.iter().collect::<Vec<_>>());
    let mut with = settlement();
    with.tariff_text.tariff.push_str(more);
    with.tariff = Arc::new(Tariff::parse(&with.tariff_text).unwrap());
    site.settlement = with;
    site
}

fn end(site: &mut Site, now: UnixMs) -> Vec<RecordId> {
    let settlement = &site.settlement;
    let done = site.database.write(|tx| close_ended(settlement, tx, now));
    done.map_err(|err| err.to_string()).unwrap()
}

fn states(site: &mut Site) -> Vec<(String, Option<i64>)> {
    let mut journeys = site.journeys();
    journeys.sort_by_key(|journey| journey.entered_at_ms);
    let all = journeys.into_iter();
    all.map(|journey| (journey.state, journey.fare.map(|fare| fare.minor)))
        .collect()
}

fn closed(minor: i64) -> (String, Option<i64>) {
    ("closed".to_owned(), Some(minor))
}

/// Three journeys of one account in a day, 5 yuan, 5 yuan and 3 yuan by themselves; by gate.
fn three(gates: &[Gate; 3]) -> Vec<(usize, [SignedRecord; 2])> {
    let [a, b, c] = gates;
    vec![
        (0, a.passes(Direction::Entry, account(1), 1)),
        (1, b.passes(Direction::Exit, account(1), 40)),
        (1, b.passes(Direction::Entry, account(1), 100)),
        (0, a.passes(Direction::Exit, account(1), 140)),
        (0, a.passes(Direction::Entry, account(1), 200)),
        (2, c.passes(Direction::Exit, account(1), 210)),
    ]
}

#[test]
fn a_cap_counts_by_time_and_not_by_arrival() {
    let gates = gates();
    let mut site = site(&gates, CAP);
    let taps = three(&gates);
    for n in [4, 5, 2, 3] {
        let (gate, records) = &taps[n];
        site.send(&gates[*gate], &records.each_ref());
    }
    assert_eq!(states(&mut site), [closed(500), closed(200)]);
    for n in [0, 1] {
        let (gate, records) = &taps[n];
        site.send(&gates[*gate], &records.each_ref());
    }
    assert_eq!(states(&mut site), [closed(500), closed(200), closed(0)]);
    assert_eq!(site.sums(), (-700, 0, 700));
    assert_eq!(site.conflict_kinds(), ["repaired", "repaired"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_arrives_first_the_account_pays_the_same(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        halves in any::<bool>(),
    ) {
        let gates = gates();
        let mut site = site(&gates, CAP);
        let taps = three(&gates);
        for n in &order {
            let (gate, records) = &taps[*n];
            if halves {
                site.send(&gates[*gate], &[&records[0]]);
            } else {
                site.send(&gates[*gate], &records.each_ref());
            }
            prop_assert!(site.books().balanced);
        }
        for n in order.iter().rev().filter(|_| halves) {
            let (gate, records) = &taps[*n];
            site.send(&gates[*gate], &[&records[1]]);
            prop_assert!(site.books().balanced);
        }
        prop_assert_eq!(states(&mut site), [closed(500), closed(200), closed(0)]);
        prop_assert_eq!(site.sums(), (-700, 0, 700));
    }
}

#[test]
fn who_stays_too_long_pays_the_supplement() {
    let gates = gates();
    let mut site = site(&gates, "");
    let [a, b, _] = &gates;
    site.send(a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    site.send(b, &b.passes(Direction::Exit, account(1), 242).each_ref());
    assert_eq!(states(&mut site), [closed(800)]);
}

#[test]
fn a_journey_without_an_exit_costs_the_maximum_once_its_day_is_over() {
    let gates = gates();
    let mut site = site(&gates, MAXIMUM);
    let [a, b, _] = &gates;
    site.send(a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    // The server learnt of it on the day of NOW, which ends at 03:00 in Beijing.
    let over = site.settlement.tariff.day_ends(NOW);
    assert!(end(&mut site, UnixMs(over.0 - 1)).is_empty());
    assert_eq!(end(&mut site, over).len(), 1);
    assert!(end(&mut site, over).is_empty(), "once");
    assert_eq!(states(&mut site), [("no-exit".to_owned(), Some(900))]);
    assert_eq!(site.sums(), (-900, 0, 900));

    // The exit was at a gate without a network.
    site.send(b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    assert_eq!(states(&mut site), [closed(500)]);
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.conflict_kinds(), ["repaired"]);
    assert!(end(&mut site, over).is_empty());
}

#[test]
fn nobody_pays_the_maximum_for_an_incident() {
    let gates = gates();
    let mut site = site(&gates, MAXIMUM);
    let [a, b, _] = &gates;
    site.send(a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    site.send(b, &b.passes(Direction::Entry, account(2), 1).each_ref());
    let incident = Incident {
        station: Some("PGY".parse().unwrap()),
        from: UnixMs(MORNING + 30 * 60_000),
        until: UnixMs(MORNING + 60 * 60_000),
        person: "Wang".to_owned(),
        reason: "power failure".to_owned(),
    };
    let add = site
        .database
        .write(|tx| tx.insert_incident([1; 16], &incident, NOW));
    add.unwrap();
    let over = site.settlement.tariff.day_ends(NOW);
    assert_eq!(end(&mut site, over).len(), 2);
    let mut states = states(&mut site);
    states.sort();
    let spared = ("no-exit".to_owned(), None);
    assert_eq!(states, [spared, ("no-exit".to_owned(), Some(900))]);
    assert_eq!(site.sums(), (-900, 0, 900));
}

#[test]
fn a_journey_without_an_exit_is_ended_also_where_that_costs_nothing() {
    let gates = gates();
    let mut site = site(&gates, "");
    let [a, ..] = &gates;
    site.send(a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let over = site.settlement.tariff.day_ends(NOW);
    assert_eq!(end(&mut site, over).len(), 1);
    assert!(end(&mut site, over).is_empty());
    assert_eq!(states(&mut site), [("no-exit".to_owned(), None)]);
    assert_eq!(site.sums(), (0, 0, 0));
}

fn corrected(site: &mut Site, entry: RecordId, minor: i64) -> Result<(), String> {
    let correction = Correction {
        entry,
        fare: Money::new(minor, Currency::CNY),
        by: "Wang".to_owned(),
        reason: "the display was wrong".to_owned(),
    };
    let done = site.database.write(|tx| correct(tx, &correction, NOW));
    done.map(|_| ()).map_err(|err| err.to_string())
}

#[test]
fn staff_correct_a_journey_by_reversal_and_a_new_posting() {
    let gates = gates();
    let mut site = site(&gates, CAP);
    let [a, b, _] = &gates;
    let entry = a.passes(Direction::Entry, account(1), 1);
    site.send(a, &entry.each_ref());
    site.send(b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    let id = entry[0].record().id;
    corrected(&mut site, id, 300).unwrap();
    assert_eq!(site.sums(), (-300, 0, 300));
    corrected(&mut site, id, 0).unwrap();
    assert_eq!(site.sums(), (0, 0, 0));
    let story = site.database.read(|tx| story(tx, id)).unwrap();
    let kinds: Vec<_> = story.postings.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds.len(), 5);
    assert_eq!(kinds.iter().filter(|kind| **kind == "reverse").count(), 2);
    assert_eq!(story.cases.len(), 2);
    assert_eq!(story.records.len(), 2);
    assert_eq!(story.journey.account, "…0101");

    // A negative fare, and a journey that there is not.
    let got = corrected(&mut site, id, -1).unwrap_err();
    assert!(got.contains("the fare is CNY -0.01"), "{got}");
    let got = corrected(&mut site, RecordId([9; 16]), 1).unwrap_err();
    assert!(got.contains("there is no journey with the entry"), "{got}");
    assert_eq!(site.sums(), (0, 0, 0));
}

#[test]
fn a_late_exit_overtakes_a_correction_and_a_decision_is_not_ended_twice() {
    let gates = gates();
    let mut site = site(&gates, MAXIMUM);
    let [a, b, _] = &gates;
    let entry = a.passes(Direction::Entry, account(1), 1);
    site.send(a, &entry.each_ref());
    corrected(&mut site, entry[0].record().id, 300).unwrap();
    let over = site.settlement.tariff.day_ends(NOW);
    assert_eq!(end(&mut site, over).len(), 1);
    assert_eq!(site.sums(), (-300, 0, 300), "decided, so no maximum");
    site.send(b, &b.passes(Direction::Exit, account(1), 40).each_ref());
    assert_eq!(site.sums(), (-500, 0, 500));
    assert_eq!(site.conflict_kinds(), ["overtaken"]);
}
