//! What desks pay back of products that are in use, what covers a missing end, and what is priced again when a decision
//! gives a ride back.

use super::shop::{fares, journey, sold, used};
use super::site::{NOW, Site};
use crate::gate::{Gate, MORNING, account};
use fare_protocol::{Currency, Direction, Money, SignedRecord, UnixMs};
use fare_server::correction::{Correction, correct};
use fare_server::intake::{charge_without_entry, close_ended, price_again};
use fare_server::products::{LAPSE_AFTER, ProductError, lapse, take_back};
use proptest::prelude::*;

const ON_SALE: &str = r#"
[maximum]
no_exit_minor = 700
no_entry_minor = 300
[[product]]
id = "month"
name = "Month pass"
price_minor = 3000
valid_days = 30
pass = true
covers_missing_end = true
refund_fee_minor = 100
[[product]]
id = "two-hundred"
name = "Two off, once"
price_minor = 200
valid_days = 30
rides = 1
most_minor = 200
[[product]]
id = "three"
name = "Three rides"
price_minor = 1000
valid_days = 30
rides = 3
refund_fee_minor = 50
[[product]]
id = "both"
name = "Two rides, missing exits too"
price_minor = 800
valid_days = 30
rides = 2
covers_missing_end = true
"#;

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// When all days are over of which records came.
const LATER: UnixMs = UnixMs(NOW.0 + 2 * DAY);

/// A site that sells, and gates at PGY and XDN: 5.00 from one to the other.
fn shop() -> (Site, Gate, Gate) {
    super::shop::shop(ON_SALE)
}

fn goes(site: &mut Site, a: &Gate, b: &Gate, minute: i64) -> SignedRecord {
    let [entry, exit] = journey(a, b, minute);
    site.send(a, &entry.each_ref());
    site.send(b, &exit.each_ref());
    let [entry, _] = entry;
    entry
}

/// What desks took, what is not earned yet, what is earned, what riders owe.
fn books(site: &mut Site) -> [i64; 4] {
    ["cash", "prepaid", "fare-revenue", "rider"].map(|ledger| site.sum(ledger))
}

fn days_end(site: &mut Site) {
    let settlement = &site.settlement;
    let ended = site
        .database
        .write(|tx| close_ended(settlement, tx, LATER))
        .unwrap();
    assert!(!ended.is_empty());
}

#[test]
fn a_missing_exit_is_covered_where_the_product_says_so() {
    for (offer, fare, after) in [
        ("month", 0, [-3_000, 2_300, 700, 0]),
        ("both", 0, [-800, 400, 400, 0]),
        ("three", 700, [-1_000, 1_000, 700, -700]),
    ] {
        let (mut site, a, b) = shop();
        let product = sold(&mut site, offer);
        let [entry, exit] = journey(&a, &b, 1);
        site.send(&a, &entry.each_ref());
        days_end(&mut site);
        assert_eq!(
            (fares(&mut site), books(&mut site)),
            (vec![fare], after),
            "{offer}"
        );
        // The exit comes after all.
        site.send(&b, &exit.each_ref());
        assert_eq!(fares(&mut site), [0], "{offer}");
        assert_eq!(used(&mut site, &product).0, 1);
        assert_eq!(site.sum("rider"), 0);
    }
}

#[test]
fn a_missing_entry_is_covered_by_a_pass_alone() {
    for (offer, rider) in [("month", 0), ("both", -300), ("three", -300)] {
        let (mut site, _, b) = shop();
        let product = sold(&mut site, offer);
        let exit = b.passes(Direction::Exit, account(1), 1);
        site.send(&b, &exit.each_ref());
        let settlement = &site.settlement;
        let charged = site
            .database
            .write(|tx| charge_without_entry(settlement, tx, LATER));
        assert_eq!(charged.unwrap(), 1, "{offer}");
        assert_eq!(
            (site.sum("rider"), used(&mut site, &product)),
            (rider, (0, 0))
        );
    }
}

/// Two rides, both missing exits: the earlier entry uses what is left, whichever is known first.
#[test]
fn missing_exits_use_rides_in_the_order_of_their_entries() {
    for late_first in [false, true] {
        let (mut site, a, b) = shop();
        let product = sold(&mut site, "both");
        goes(&mut site, &a, &b, 1);
        let first = a.passes(Direction::Entry, account(1), 30);
        let second = a.passes(Direction::Entry, account(1), 240);
        let order = if late_first {
            [&second, &first]
        } else {
            [&first, &second]
        };
        for entry in order {
            site.send(&a, &entry.each_ref());
            days_end(&mut site);
        }
        assert_eq!(fares(&mut site), [0, 0, 700], "{late_first}");
        assert_eq!(used(&mut site, &product), (2, 800));
        assert_eq!(books(&mut site), [-800, 0, 1_500, -700]);
    }
}

#[test]
fn unused_rides_are_paid_back_less_the_fee_and_late_journeys_use_what_was_kept() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    goes(&mut site, &a, &b, 20);
    let at = UnixMs(MORNING + 60 * MINUTE);
    let back = |site: &mut Site| site.database.write(|tx| take_back(tx, three.id, at));
    let done = back(&mut site).unwrap();
    // Two of three, less 0.50.
    assert_eq!((done.back.minor, done.used), (616, 1));
    assert_eq!(books(&mut site), [-384, 51, 333, 0]);
    let again = back(&mut site).unwrap_err().to_string();
    assert!(again.contains("taken back before"), "{again}");
    goes(&mut site, &a, &b, 100);
    assert_eq!(fares(&mut site), [0, 500], "it is no longer valid");
    // An earlier journey comes late: there is one ride, and that is the first's.
    goes(&mut site, &a, &b, 1);
    assert_eq!(fares(&mut site), [0, 500, 500]);
    assert_eq!(
        (used(&mut site, &three), site.sum("prepaid")),
        ((1, 333), 51)
    );
    let lapsed = UnixMs(at.after(LAPSE_AFTER).0 + 1);
    assert_eq!(site.database.write(|tx| lapse(tx, lapsed)).unwrap(), 1);
    assert_eq!((site.sum("prepaid"), site.sum("lapsed")), (0, 51));
}

#[test]
fn a_pass_is_paid_back_by_its_days_and_no_more_than_is_left() {
    let (mut site, a, b) = shop();
    let month = sold(&mut site, "month");
    goes(&mut site, &a, &b, 1);
    // The tenth day: twenty are left.
    let at = UnixMs(MORNING + 9 * DAY);
    let over = UnixMs(month.until.0);
    let kept = site
        .database
        .write(|tx| take_back(tx, month.id, over))
        .unwrap_err();
    assert!(kept.to_string().contains("nothing is left"), "{kept}");
    let done = site
        .database
        .write(|tx| take_back(tx, month.id, at))
        .unwrap();
    assert_eq!((done.back.minor, done.used), (1_900, 1));
    assert_eq!(books(&mut site), [-1_100, 600, 500, 0]);
    // A journey of its time that comes late is covered, and earns of what is left.
    goes(&mut site, &a, &b, 60);
    assert_eq!(fares(&mut site), [0, 0]);
    assert_eq!(books(&mut site), [-1_100, 100, 1_000, 0]);
    goes(&mut site, &a, &b, 90);
    assert_eq!(
        books(&mut site),
        [-1_100, 0, 1_100, 0],
        "no more than was not paid back"
    );
}

#[test]
fn a_product_whose_tariff_pays_nothing_back_is_kept_once_it_is_used() {
    let (mut site, a, b) = shop();
    let both = sold(&mut site, "both");
    goes(&mut site, &a, &b, 1);
    let kept = site.database.write(|tx| take_back(tx, both.id, NOW));
    let Err(ProductError::Kept { why, .. }) = kept else {
        panic!("{kept:?}")
    };
    assert!(why.contains("its tariff pays nothing back"), "{why}");
}

fn corrects(site: &mut Site, entry: &SignedRecord, minor: i64) {
    let correction = Correction {
        entry: entry.record().id,
        fare: Money::new(minor, Currency::CNY),
        by: "Wang".to_owned(),
        reason: "left at GCH".to_owned(),
    };
    site.database
        .write(|tx| correct(tx, &correction, NOW))
        .unwrap();
}

fn priced_again(site: &mut Site) -> usize {
    let settlement = &site.settlement;
    site.database
        .write(|tx| price_again(settlement, tx, NOW))
        .unwrap()
}

#[test]
fn a_ride_that_a_decision_gives_back_is_used_by_who_would_have_had_it() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    let first = goes(&mut site, &a, &b, 1);
    for minute in [30, 60, 90] {
        goes(&mut site, &a, &b, minute);
    }
    assert_eq!(fares(&mut site), [0, 0, 0, 500]);
    corrects(&mut site, &first, 300);
    assert_eq!(site.sum("rider"), -800);
    assert_eq!((priced_again(&mut site), priced_again(&mut site)), (1, 0));
    assert_eq!(fares(&mut site)[1..], [0, 0, 0]);
    assert_eq!(
        (site.sum("rider"), used(&mut site, &three)),
        (-300, (3, 1_000))
    );
    // Nothing is given back by a decision about a journey that used nothing.
    corrects(&mut site, &first, 0);
    assert_eq!(priced_again(&mut site), 0);
}

#[test]
fn nobody_pays_more_for_what_a_decision_gives_back() {
    let (mut site, a, b) = shop();
    sold(&mut site, "two-hundred");
    let three = sold(&mut site, "three");
    let first = goes(&mut site, &a, &b, 1);
    goes(&mut site, &a, &b, 30);
    assert_eq!(
        fares(&mut site),
        [300, 0],
        "the first has used up the cheaper one"
    );
    corrects(&mut site, &first, 0);
    // By the order of use the second would take 2.00 off now, and pay 3.00.
    assert_eq!(priced_again(&mut site), 1);
    assert_eq!(fares(&mut site)[1], 0);
    assert_eq!(used(&mut site, &three), (1, 333));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Whenever the decision and the later journeys' records come: those have the rides.
    #[test]
    fn the_order_of_a_decision_and_of_records_does_not_matter(
        told in prop::collection::vec((0..4_usize, any::<bool>()), 0..10),
        decided in 0..10_usize,
    ) {
        let (mut site, a, b) = shop();
        let three = sold(&mut site, "three");
        let first = goes(&mut site, &a, &b, 1);
        let later = [30, 60, 90].map(|minute| journey(&a, &b, minute));
        let rest = (0..3).map(|n| (n, false));
        let mut has_decided = false;
        for (step, (n, again)) in told.into_iter().chain(rest).enumerate() {
            if step >= decided && !has_decided {
                corrects(&mut site, &first, 300);
                has_decided = true;
            }
            if again {
                priced_again(&mut site);
            }
            if let Some([entry, exit]) = later.get(n) {
                site.send(&a, &entry.each_ref());
                site.send(&b, &exit.each_ref());
            }
            prop_assert!(site.books().balanced);
        }
        if !has_decided {
            corrects(&mut site, &first, 300);
        }
        priced_again(&mut site);
        prop_assert_eq!(&fares(&mut site)[1..], &[0, 0, 0][..]);
        prop_assert_eq!((site.sum("rider"), used(&mut site, &three)), (-300, (3, 1_000)));
    }

    /// Once a part was paid back, what comes late comes to the same in any order, and no more goes out than came in.
    #[test]
    fn the_order_of_records_after_a_part_was_paid_back_does_not_matter(
        told in prop::collection::vec(0..4_usize, 0..8),
    ) {
        let (mut site, a, b) = shop();
        let three = sold(&mut site, "three");
        for minute in [20, 40] {
            goes(&mut site, &a, &b, minute);
        }
        let at = UnixMs(MORNING + 100 * MINUTE);
        let done = site.database.write(|tx| take_back(tx, three.id, at)).unwrap();
        prop_assert_eq!(done.back.minor, 283);
        let later = [1, 70, 120, 150].map(|minute| journey(&a, &b, minute));
        for n in told.into_iter().chain(0..4) {
            let [entry, exit] = &later[n];
            site.send(&a, &entry.each_ref());
            site.send(&b, &exit.each_ref());
            let [cash, prepaid, revenue, rider] = books(&mut site);
            prop_assert!(prepaid >= 0 && cash == -717);
            prop_assert_eq!(cash + prepaid + revenue + rider, 0);
        }
        prop_assert_eq!(fares(&mut site), [0, 0, 500, 500, 500, 500]);
        prop_assert_eq!((used(&mut site, &three), site.sum("prepaid")), ((2, 666), 51));
    }
}
