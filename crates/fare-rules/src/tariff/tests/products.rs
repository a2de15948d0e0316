//! Products laid over prices: the order of use, what each journey earns, and what holds for any of them.

use super::*;
use fare_protocol::ProductId;
use proptest::collection::vec;

const DAY_MS: i64 = 86_400_000;

/// When journeys are made: 2026-10-01 at noon in UTC.
const NOON: i64 = 20_727 * DAY_MS + 12 * 3_600_000;

const ON_SALE: &str = r#"
[day]
utc_offset = "+00:00"
starts = "04:00"
[[product]]
id = "month"
name = "Month pass"
price_minor = 1000
valid_days = 30
pass = true
most_minor = 400
[[product]]
id = "ten"
name = "Ten rides"
price_minor = 1001
valid_days = 90
rides = 10
[[product]]
id = "half"
name = "Half price, twice"
price_minor = 0
valid_days = 1
off_percent = 50
uses = 2
"#;

fn shop() -> Tariff {
    parse(&[STEPS, ON_SALE].concat(), &two(7_000)).unwrap()
}

fn bought(tariff: &Tariff, n: u8, offer: &str, from: i64) -> Held {
    let product = tariff.products().iter().find(|one| one.id == offer);
    let product = product.unwrap();
    Held {
        id: ProductId([n; 16]),
        offer: offer.to_owned(),
        promise: product.promise.clone(),
        price_minor: product.price_minor,
        from: UnixMs(from),
        until: tariff.valid_until_of(product, UnixMs(from)),
        used: 0,
        earned_minor: 0,
        lapsed: false,
        refunded_minor: 0,
        uses_kept: None,
    }
}

/// A fare of this many minor units, with the products over it.
fn covered(tariff: &Tariff, minor: i64, at: i64, held: &[Held]) -> (Quote, Vec<Use>) {
    let quote = Quote {
        fare: Money::new(minor, Currency::CNY),
        tariff: tariff.hash(),
        steps: vec![FareStep {
            reason: FareReason::Waived {},
            minor,
        }],
    };
    let ends = (end("A", UnixMs(at)), end("B", UnixMs(at + 60_000)));
    tariff.cover(quote, ends, held)
}

/// What journeys of these fares come to, one after another, as a server counts uses.
fn counted(tariff: &Tariff, fares: &[(i64, i64)], held: &mut [Held]) -> Vec<(Quote, Vec<Use>)> {
    let mut all = Vec::new();
    for (minor, at) in fares {
        let (quote, uses) = covered(tariff, *minor, *at, held);
        for used in &uses {
            let one = held.iter_mut().find(|one| one.id == used.product).unwrap();
            one.used += 1;
            one.earned_minor += used.earned_minor;
        }
        all.push((quote, uses));
    }
    all
}

#[test]
fn products_are_used_in_the_order_of_the_tariff_and_money_pays_the_rest() {
    let tariff = shop();
    let (half, ten) = (
        bought(&tariff, 1, "half", NOON),
        bought(&tariff, 2, "ten", NOON),
    );
    let month = bought(&tariff, 3, "month", NOON);
    // minor | products | pays, what they cover
    for (minor, held, pays, covers) in [
        (600, &[][..], 0, &[][..]),
        (600, &[&half][..], 300, &[(1, 300)][..]),
        (600, &[&half, &ten][..], 0, &[(2, 600)][..]),
        (600, &[&half, &month][..], 100, &[(3, 400), (1, 100)][..]),
        (
            600,
            &[&half, &ten, &month][..],
            0,
            &[(3, 400), (2, 200)][..],
        ),
        (0, &[&half, &ten, &month][..], 0, &[][..]),
    ] {
        let pays = if held.is_empty() { minor } else { pays };
        let held: Vec<Held> = held.iter().map(|one| (*one).clone()).collect();
        let (quote, uses) = covered(&tariff, minor, NOON, &held);
        let uses: Vec<_> = uses
            .iter()
            .map(|one| (one.product.0[0], one.covered_minor))
            .collect();
        assert_eq!((quote.fare.minor, uses.as_slice()), (pays, covers));
    }
    let (quote, _) = covered(&tariff, 600, NOON, &[half, month]);
    let steps = quote.steps[1..].iter().map(|step| step.text(Currency::CNY));
    let steps: Vec<_> = steps.collect();
    assert_eq!(steps, ["month: pass", "half: coupon 1 of 2"]);
}

#[test]
fn of_two_alike_the_one_that_ends_first_is_used() {
    let tariff = shop();
    let late = bought(&tariff, 1, "ten", NOON);
    let early = bought(&tariff, 2, "ten", NOON - 5 * DAY_MS);
    let (_, uses) = covered(&tariff, 500, NOON, &[late, early]);
    assert_eq!(uses.len(), 1, "one multi-ride a journey");
    assert_eq!(uses[0].product, ProductId([2; 16]));
}

#[test]
fn a_product_is_valid_on_its_service_days_and_no_longer_than_its_journeys() {
    let tariff = shop();
    let half = bought(&tariff, 1, "half", NOON);
    let end = 20_728 * DAY_MS + 4 * 3_600_000;
    assert_eq!(half.until, UnixMs(end), "04:00 of the next day");
    let pays = |at, held: &Held| {
        covered(&tariff, 400, at, std::slice::from_ref(held))
            .0
            .fare
            .minor
    };
    assert_eq!(pays(NOON - 1, &half), 400);
    assert_eq!((pays(NOON, &half), pays(end - 1, &half)), (200, 200));
    assert_eq!(pays(end, &half), 400);
    let used_up = Held { used: 2, ..half };
    assert_eq!(pays(NOON, &used_up), 400);
}

#[test]
fn a_product_that_is_no_longer_on_sale_keeps_its_promise_and_comes_last() {
    let tariff = shop();
    let ten = bought(&tariff, 1, "ten", NOON);
    let gone = Held {
        offer: "old-pass".to_owned(),
        ..bought(&tariff, 2, "month", NOON)
    };
    let (quote, uses) = covered(&tariff, 300, NOON, std::slice::from_ref(&gone));
    assert_eq!((quote.fare.minor, uses.len()), (0, 1));
    let (_, uses) = covered(&tariff, 300, NOON, &[gone, ten]);
    assert_eq!(uses[0].product, ProductId([1; 16]));
}

#[test]
fn products_within_zones_cover_journeys_within_them() {
    let text = STEPS.split("step = [").next().unwrap().to_owned()
        + "[[zone]]\nid = \"1\"\nstations = [\"A\"]\n[[zone]]\nid = \"2\"\nstations = [\"B\"]\n\
           [[zone_fare]]\nzones = [\"1\", \"1\"]\nfare_minor = 200\n\
           [[zone_fare]]\nzones = [\"1\", \"2\"]\nfare_minor = 300\n\
           [[zone_fare]]\nzones = [\"2\", \"2\"]\nfare_minor = 200\n[class]\nadult = 100\n\
           [day]\nutc_offset = \"+00:00\"\nstarts = \"04:00\"\n";
    let sells = |zones: &str| {
        let product = "[[product]]\nid = \"p\"\nname = \"P\"\nprice_minor = 1\nvalid_days = 1\n\
                       pass = true\n";
        parse(&format!("{text}{product}zones = [{zones}]\n"), &two(1))
    };
    for (zones, pays) in [("\"1\"", 300), ("\"1\", \"2\"", 0)] {
        let tariff = sells(zones).unwrap();
        let held = bought(&tariff, 1, "p", NOON);
        let (quote, _) = covered(&tariff, 300, NOON, &[held]);
        assert_eq!(quote.fare.minor, pays, "{zones}");
    }
    let got = sells("\"9\"").unwrap_err().to_string();
    assert!(got.contains("there is no zone 9"), "{got}");
}

#[test]
fn what_is_on_sale_belongs_to_the_tariff() {
    let hash = |more: &str| {
        let text = [
            STEPS,
            "[day]\nutc_offset = \"+00:00\"\nstarts = \"04:00\"\n",
            more,
        ]
        .concat();
        parse(&text, &two(1)).unwrap().hash()
    };
    let product = "[[product]]\nid = \"a\"\nname = \"A\"\nprice_minor = 5\nvalid_days = 1\n";
    let with = |what: &str| hash(&format!("{product}{what}\n"));
    let all = [
        hash(""),
        with("pass = true"),
        with("rides = 2"),
        with("rides = 3"),
        with("off_minor = 3"),
        with("off_percent = 3"),
        with("off_percent = 3\nuses = 2"),
        with("pass = true\nmost_minor = 9"),
        with("pass = true\ncovers_missing_end = true"),
        with("pass = true\nrefund_fee_minor = 0"),
        with("pass = true\nrefund_fee_minor = 1"),
        hash("[paper_code]\nrefund_rest_fee_minor = 0\n"),
        hash("[paper_code]\nrefund_unused_fee_minor = 9\n"),
    ];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

#[test]
fn mistakes_in_products_are_named() {
    let day = "[day]\nutc_offset = \"+00:00\"\nstarts = \"04:00\"\n";
    let head = "[[product]]\nid = \"a\"\nname = \"A\"\nprice_minor = 5\n";
    let one_of = "write exactly one of pass = true, rides, off_minor and off_percent";
    for (more, message) in [
        ("valid_days = 1\n", one_of),
        ("valid_days = 1\npass = false\n", one_of),
        ("valid_days = 1\npass = true\nrides = 2\n", one_of),
        ("valid_days = 1\noff_minor = 1\noff_percent = 2\n", one_of),
        (
            "valid_days = 0\npass = true\n",
            "valid_days is 0; write 1 to 1098",
        ),
        ("valid_days = 1\nrides = 0\n", "rides is 0; write 1 to 1000"),
        (
            "valid_days = 1\nrides = 2\nuses = 2\n",
            "there is uses without",
        ),
        (
            "valid_days = 1\noff_percent = 101\n",
            "off_percent is 101; write 1 to 100",
        ),
        (
            "valid_days = 1\npass = true\nmost_minor = 0\n",
            "most_minor is 0",
        ),
        (
            "valid_days = 1\npass = true\nrefund_fee_minor = -1\n",
            "refund_fee_minor is -1",
        ),
    ] {
        let got = parse(&[STEPS, day, head, more].concat(), &two(1))
            .unwrap_err()
            .to_string();
        assert!(got.contains(message), "{got}");
    }
    let no_day = [STEPS, head, "valid_days = 1\npass = true\n"].concat();
    let got = parse(&no_day, &two(1)).unwrap_err().to_string();
    assert!(got.contains("a product needs local time"), "{got}");
}

proptest! {
    #[test]
    fn nothing_is_ever_negative_and_explanations_sum_to_the_price(
        fares in vec((0..2_000_i64, 0..40_i64), 1..60),
        offers in vec((0..3_usize, 0..30_i64), 0..6),
    ) {
        let tariff = shop();
        let names = ["month", "ten", "half"];
        let mut held: Vec<Held> = (1_u8..).zip(&offers).map(|(n, (offer, day))| {
            bought(&tariff, n, names[*offer], NOON + day * DAY_MS)
        }).collect();
        let mut fares: Vec<_> = fares.iter().map(|(minor, day)| (*minor, NOON + day * DAY_MS)).collect();
        fares.sort_by_key(|(_, at)| *at);
        let all = counted(&tariff, &fares, &mut held);
        for ((minor, at), (quote, uses)) in fares.iter().zip(&all) {
            let sum: i64 = quote.steps.iter().map(|step| step.minor).sum();
            prop_assert_eq!(sum, quote.fare.minor);
            prop_assert!((0..=*minor).contains(&quote.fare.minor));
            let covered: i64 = uses.iter().map(|one| one.covered_minor).sum();
            prop_assert_eq!(covered + quote.fare.minor, *minor);
            for one in uses {
                prop_assert!(one.covered_minor > 0 && one.earned_minor >= 0);
                let product = held.iter().find(|held| held.id == one.product).unwrap();
                prop_assert!(product.from.0 <= *at && *at < product.until.0);
            }
        }
        for one in &held {
            prop_assert!(one.earned_minor <= one.price_minor);
            if let Some(uses) = one.promise.covers.uses() {
                prop_assert!(one.used <= uses);
                // The parts of a price come to the price.
                prop_assert!(one.used < uses || one.earned_minor == one.price_minor);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_more_is_paid_back_than_is_left_and_never_less_than_nothing(
        (price, fee, uses) in (0..5_000_i64, 0..600_i64, prop::option::of(1..20_u32)),
        (used, earned, days) in (0..30_u32, 0..=100_i64, 1..60_i64),
        times in vec(-5 * DAY_MS..70 * DAY_MS, 2),
    ) {
        let promise = Promise {
            covers: uses.map_or(Covers::Pass, |rides| Covers::MultiRide { rides }),
            most_minor: None,
            zones: std::collections::BTreeSet::new(),
            missing_end: false,
            refund_fee_minor: Some(fee),
        };
        let earned_minor = price * earned / 100;
        let product = Returned {
            price_minor: price,
            used,
            earned_minor,
            from: UnixMs(NOON),
            until: UnixMs(NOON - 8 * 3_600_000 + days * DAY_MS),
        };
        let [earlier, later] = [times[0].min(times[1]), times[0].max(times[1])]
            .map(|after| promise.pays_back(&product, UnixMs(NOON + after)).unwrap());
        prop_assert!((0..=(price - earned_minor - fee).max(0)).contains(&earlier));
        prop_assert!(later <= earlier, "{later} after {earlier}");
        let none = Promise { refund_fee_minor: None, ..promise };
        prop_assert_eq!(none.pays_back(&product, UnixMs(NOON)), None);
    }
}
