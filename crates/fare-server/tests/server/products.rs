//! Products used before money: sold, used by journeys in whatever order those arrive, given back, lapsed.

use super::api::Running;
use super::phone::Phone;
use super::shop::{SOLD, fares, journey, sale, sold, used};
use super::site::{NOW, Site, settlement};
use crate::gate::{Gate, MORNING, Tap, account};
use fare_protocol::{
    Annulment, Currency, Direction, Money, PassageOutcome, Picture, UnixMs, Voucher,
};
use fare_rules::Tariff;
use fare_server::books::clearing::{Rule, statements};
use fare_server::clock;
use fare_server::config::Settlement;
use fare_server::correction::{Correction, correct};
use fare_server::fares::replay;
use fare_server::products::{LAPSE_AFTER, ProductError, Sale, lapse, sell, take_back};
use fare_server::store::{PaidBy, Tx};
use proptest::prelude::*;
use serde_json::Value;

const ON_SALE: &str = r#"
[[product]]
id = "day"
name = "Day pass"
price_minor = 1200
valid_days = 1
pass = true
[[product]]
id = "three"
name = "Three rides"
price_minor = 1000
valid_days = 30
rides = 3
[[product]]
id = "half"
name = "Half price"
price_minor = 0
valid_days = 30
off_percent = 50
"#;

/// A site that sells, and gates at PGY and XDN: 5.00 from one to the other.
fn shop() -> (Site, Gate, Gate) {
    super::shop::shop(ON_SALE)
}

/// Beijing's fares, and what is on sale.
fn selling() -> Settlement {
    super::shop::selling(ON_SALE)
}

#[test]
fn a_ride_is_used_with_the_tap_and_earned_with_the_passage() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    assert_eq!((site.sum("cash"), site.sum("prepaid")), (-1_000, 1_000));
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    let answers = site.send(&b, &[&exit[0]]);
    let Some(Voucher::Exit(closed)) = site.voucher(&answers[0]) else {
        panic!("{answers:?}")
    };
    assert_eq!(closed.fare, Money::new(0, Currency::CNY));
    let last = closed.steps.last().unwrap();
    let said = last.text(Currency::CNY);
    assert_eq!((said.as_str(), last.minor), ("three: ride 1 of 3", -500));
    assert_eq!(used(&mut site, &three), (1, 0), "taken, not earned");
    site.send(&b, &[&exit[1]]);
    assert_eq!(used(&mut site, &three), (1, 333));
    assert_eq!((site.sum("prepaid"), site.sum("fare-revenue")), (667, 333));
    assert_eq!(site.sum("rider"), 0);
    for minute in [30, 60, 90] {
        let [entry, exit] = journey(&a, &b, minute);
        site.send(&a, &entry.each_ref());
        site.send(&b, &exit.each_ref());
    }
    assert_eq!(
        fares(&mut site),
        [0, 0, 0, 500],
        "counted down once a journey"
    );
    assert_eq!(used(&mut site, &three), (3, 1_000));
    assert_eq!((site.sum("prepaid"), site.sum("rider")), (0, -500));
    assert!(site.conflicts().is_empty());
}

#[test]
fn a_ride_of_which_nobody_passed_is_there_again() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    site.send(&a, &a.passes(Direction::Entry, account(1), 1).each_ref());
    let exit = b.exit(account(1), 40);
    let annulled = b.passage(&exit, PassageOutcome::Annulled(Annulment::TimedOut));
    site.send(&b, &[&exit]);
    assert_eq!(used(&mut site, &three), (1, 0));
    site.send(&b, &[&annulled]);
    assert_eq!(used(&mut site, &three), (0, 0));
    assert_eq!(site.sum("prepaid"), 1_000);
}

#[test]
fn a_correction_gives_the_ride_back_and_charges_money() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    assert_eq!(used(&mut site, &three), (1, 333));
    for (fare, rider) in [(300, -300), (0, 0)] {
        let correction = Correction {
            entry: entry[0].record().id,
            fare: Money::new(fare, Currency::CNY),
            by: "Wang".to_owned(),
            reason: "left at GCH".to_owned(),
        };
        site.database
            .write(|tx| correct(tx, &correction, NOW))
            .unwrap();
        assert_eq!(used(&mut site, &three), (0, 0));
        assert_eq!((site.sum("prepaid"), site.sum("rider")), (1_000, rider));
    }
    let [entry, exit] = journey(&a, &b, 60);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    assert_eq!(
        used(&mut site, &three),
        (1, 333),
        "the first of three again"
    );
}

#[test]
fn a_pass_covers_its_day_and_earns_no_more_than_it_cost() {
    let (mut site, a, b) = shop();
    let day = sold(&mut site, "day");
    for minute in [1, 30, 60] {
        let [entry, exit] = journey(&a, &b, minute);
        site.send(&a, &entry.each_ref());
        site.send(&b, &exit.each_ref());
    }
    // 5.00 three times, of 12.00.
    assert_eq!(used(&mut site, &day), (3, 1_200));
    assert_eq!(fares(&mut site), [0, 0, 0]);
    let next = a.entry_at(account(1), 24 * 60);
    let out = b.tap(Tap {
        direction: Direction::Exit,
        account: account(1),
        minute: 24 * 60 + 10,
        quoted: None,
        names: None,
        code: 99,
    });
    let passed = [&next, &out].map(|tap| {
        let gate = if tap.record().gate == a.id { &a } else { &b };
        gate.passage(tap, PassageOutcome::Passed)
    });
    site.send(&a, &[&next, &passed[0]]);
    site.send(&b, &[&out, &passed[1]]);
    assert_eq!(fares(&mut site), [0, 0, 0, 500], "the next day");
    assert_eq!((site.sum("prepaid"), site.sum("fare-revenue")), (0, 1_700));
}

#[test]
fn a_coupon_halves_and_the_gate_shows_no_less_than_is_charged() {
    let (mut site, a, b) = shop();
    sold(&mut site, "half");
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    assert_eq!(fares(&mut site), [250]);
    assert_eq!(site.sum("rider"), -250);
    assert!(
        site.conflicts().is_empty(),
        "a gate that knows of no product is right"
    );
}

#[test]
fn a_product_on_the_account_is_owed_as_a_journey_is() {
    let (mut site, _, _) = shop();
    let (tariff, on_account) = (
        site.settlement.tariff.clone(),
        sale("three", PaidBy::Account),
    );
    let row = site
        .database
        .write(|tx| sell(tx, &tariff, &on_account, SOLD));
    let row = row.unwrap();
    assert_eq!((site.sum("rider"), site.sum("prepaid")), (-1_000, 1_000));
    let owed = site.database.read(|tx| tx.owed(account(1))).unwrap();
    let owed: i64 = owed.values().flatten().map(|one| one.minor).sum();
    assert_eq!(owed, 1_000);
    site.database
        .write(|tx| take_back(tx, row.id, NOW))
        .unwrap();
    assert_eq!((site.sum("rider"), site.sum("prepaid")), (0, 0));
    let again = site
        .database
        .write(|tx| take_back(tx, row.id, NOW))
        .unwrap_err();
    assert!(again.to_string().contains("taken back before"), "{again}");
}

#[test]
fn what_cannot_be_sold_or_taken_back_is_said() {
    let (mut site, a, b) = shop();
    let tariff = site.settlement.tariff.clone();
    let refused = |site: &mut Site, sale: &Sale| {
        site.database
            .write(|tx| sell(tx, &tariff, sale, SOLD))
            .unwrap_err()
    };
    let unknown = refused(&mut site, &sale("moon", PaidBy::Cash)).to_string();
    assert!(
        unknown.ends_with("sells no moon; it sells: day, three, half"),
        "{unknown}"
    );
    let past = Sale {
        from: Some(UnixMs(SOLD.0 - 1)),
        ..sale("day", PaidBy::Cash)
    };
    assert!(matches!(refused(&mut site, &past), ProductError::Past));
    let three = sold(&mut site, "three");
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    let kept = site
        .database
        .write(|tx| take_back(tx, three.id, NOW))
        .unwrap_err();
    assert!(kept.to_string().contains("a journey uses it"), "{kept}");
}

#[test]
fn what_nobody_used_lapses_once_and_late_records_are_still_covered() {
    let (mut site, a, b) = shop();
    let three = sold(&mut site, "three");
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    let over = three.until.after(LAPSE_AFTER);
    let lapsed = |site: &mut Site, now| site.database.write(|tx| lapse(tx, now)).unwrap();
    assert_eq!(lapsed(&mut site, over), 0);
    assert_eq!(lapsed(&mut site, UnixMs(over.0 + 1)), 1);
    assert_eq!(lapsed(&mut site, UnixMs(over.0 + 1)), 0);
    assert_eq!((site.sum("lapsed"), site.sum("prepaid")), (667, 0));
    let [entry, exit] = journey(&a, &b, 60);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    assert_eq!(fares(&mut site), [0, 0]);
    assert_eq!((site.sum("lapsed"), site.sum("prepaid")), (667, 0));
}

#[test]
fn operators_share_what_products_earn_and_drafts_are_compared_before_products() {
    let (mut site, a, b) = shop();
    sold(&mut site, "three");
    let [entry, exit] = journey(&a, &b, 1);
    site.send(&a, &entry.each_ref());
    site.send(&b, &exit.each_ref());
    let rule =
        "entry_permille = 500\n[[operator]]\nid = \"one\"\nname = \"Line 1\"\nlines = [\"1\"]\n";
    let rule = Rule::parse(rule).unwrap();
    let all = (UnixMs(0), UnixMs(i64::MAX));
    let shared = site.database.read(|tx| statements(tx, &rule, all)).unwrap();
    assert_eq!(shared[0].totals[0].share_minor, 333);
    let tariff = site.settlement.tariff.clone();
    let replayed = site
        .database
        .read(|tx| replay(tx, &tariff, all.0, all.1))
        .unwrap();
    assert_eq!((replayed.paid_minor, replayed.would_minor), (500, 500));
}

/// The picture tells the gate of the products; what it showed is charged, and a ride is used all the same.
#[tokio::test]
// long: three journeys, before the sale and after it
async fn a_picture_tells_of_the_products_and_the_exit_uses_them() {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let server = Running::new(&[&a, &b]).await;
    let phone = Phone::new(&server, 1);
    let (_, account) = phone.enrol().await;
    let mut text = settlement().tariff_text;
    text.tariff.push_str(ON_SALE);
    let tariff = Tariff::parse(&text).unwrap();
    let from_before = |tx: &Tx<'_>| {
        let sale = Sale {
            account,
            ..sale("three", PaidBy::Cash)
        };
        sell(tx, &tariff, &sale, SOLD)
    };
    let minute = (clock::now().0 - MORNING) / 60_000 - 30;
    let picture_of = |vouchers: &Value| {
        let text = vouchers["vouchers"][0]["picture"].as_str().unwrap();
        Picture::parse(text.as_bytes()).unwrap().picture().clone()
    };
    for (nth, used) in [(0, None), (1, Some(0)), (2, Some(1))] {
        if nth == 1 {
            server.database.with(|database| {
                database.write(from_before).unwrap();
            });
        }
        let entered = minute + 8 * nth;
        let code = u8::try_from(nth).unwrap() + 1;
        let tap = Tap {
            direction: Direction::Entry,
            account,
            minute: entered,
            quoted: None,
            names: None,
            code,
        };
        let entry = a.tap(tap);
        let passage = a.passage(&entry, PassageOutcome::Passed);
        server.send(&a, &[entry.clone(), passage]).await;
        let target = format!("/v1/rider/vouchers?after={}", 2 * nth);
        let picture = picture_of(&phone.json(&target).await);
        let told = picture.products.first().map(|product| product.used);
        assert_eq!(
            (told, picture.products.len()),
            (used, usize::from(used.is_some()))
        );
        let fare = if used.is_some() { 0 } else { 500 };
        let exit = b.tap(Tap {
            direction: Direction::Exit,
            minute: entered + 5,
            quoted: Some(Money::new(fare, Currency::CNY)),
            names: Some(entry.record().id),
            code: code + 100,
            ..tap
        });
        let passage = b.passage(&exit, PassageOutcome::Passed);
        server.send(&b, &[exit, passage]).await;
        let journeys = phone.json("/v1/rider/journeys").await;
        assert_eq!(journeys["journeys"][0]["fare"]["minor"], fare, "{journeys}");
    }
    let products = phone.json("/v1/rider/products").await;
    assert_eq!(products["products"][0]["used"], 2);
    assert_eq!(server.state().await["conflicts"], serde_json::json!([]));
    server.end().await;
}

#[tokio::test]
async fn a_rider_is_told_what_is_on_sale() {
    let server = Running::with(&[], selling()).await;
    let phone = Phone::new(&server, 1);
    phone.enrol().await;
    let seen = phone.json("/v1/rider/products").await;
    assert_eq!(seen["products"], serde_json::json!([]));
    let on_sale = seen["on_sale"].as_array().unwrap();
    let said = |one: &Value| {
        let text = |key: &str| one[key].to_string();
        ["offer", "kind", "valid_days", "uses", "off_percent"]
            .map(text)
            .join(" ")
    };
    let said: Vec<_> = on_sale.iter().map(said).collect();
    assert_eq!(
        said,
        [
            r#""day" "pass" 1 null null"#,
            r#""three" "multi-ride" 30 3 null"#,
            r#""half" "coupon" 30 1 50"#,
        ]
    );
    assert_eq!(
        on_sale[0]["price"],
        serde_json::json!({"minor": 1_200, "currency": "CNY"})
    );
    server.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Five journeys, three rides and a coupon: whoever rode first uses the rides, in whatever order the
    /// records come, some of them again.
    #[test]
    fn the_order_of_arrival_does_not_matter(told in prop::collection::vec((any::<bool>(), 0..10_usize), 0..24)) {
        let (mut site, a, b) = shop();
        let three = sold(&mut site, "three");
        let half = sold(&mut site, "half");
        let minutes = (0..5).map(|n| 1 + n * 20);
        let (mut entries, mut exits) = (Vec::new(), Vec::new());
        for minute in minutes {
            let [entry, exit] = journey(&a, &b, minute);
            entries.extend(entry);
            exits.extend(exit);
        }
        let rest = (0..10).flat_map(|n| [(true, n), (false, n)]);
        for (enters, n) in told.into_iter().chain(rest) {
            let (gate, records) = if enters { (&a, &entries) } else { (&b, &exits) };
            site.send(gate, &[&records[n]]);
            prop_assert!(site.books().balanced);
        }
        prop_assert_eq!(fares(&mut site), [0, 0, 0, 250, 500]);
        prop_assert_eq!(used(&mut site, &three), (3, 1_000));
        prop_assert_eq!(used(&mut site, &half), (1, 0));
        prop_assert_eq!((site.sum("prepaid"), site.sum("held"), site.sum("rider")), (0, 0, -750));
    }
}
