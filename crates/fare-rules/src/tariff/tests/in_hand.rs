//! What a picture tells of products: the gate comes to the server's fare with it, and to no lower one without.

use super::random::{city, eight, journeys, month};
use super::*;
use ed25519_dalek::SigningKey;
use fare_protocol::product::IN_HAND_MAX;
use fare_protocol::{AccountId, InHand, JourneyId, Millis, Picture, ProductId, RecordId};
use proptest::collection::vec;

const DAY_MS: i64 = 86_400_000;

/// When the months of `random` begin.
const FIRST: i64 = 1_780_000_000_000;

/// Products on sale, in another order than that of their names.
const ON_SALE: &str = r#"
[[product]]
id = "c"
name = "C"
price_minor = 0
valid_days = 1
pass = true
[[product]]
id = "a"
name = "A"
price_minor = 0
valid_days = 1
pass = true
[[product]]
id = "b"
name = "B"
price_minor = 0
valid_days = 1
pass = true
"#;

fn covers() -> impl Strategy<Value = Covers> {
    let off = prop_oneof![
        (1..500_i64).prop_map(Off::Minor),
        (1..=100_u32).prop_map(Off::Percent)
    ];
    prop_oneof![
        Just(Covers::Pass),
        (1..8_u32).prop_map(|rides| Covers::MultiRide { rides }),
        (1..4_u32, off).prop_map(|(uses, off)| Covers::Coupon { uses, off }),
    ]
}

/// Products that an account has, some no longer on sale.
fn products() -> impl Strategy<Value = Vec<Held>> {
    let most = proptest::option::of(1..400_i64);
    let one = (covers(), most, 0..5_usize, 0..20_i64, 1..40_i64);
    vec(one, 0..9).prop_map(|drawn| {
        let held = |(n, (covers, most_minor, offer, day, days)): (u8, (_, _, usize, i64, i64))| {
            let from = FIRST + day * DAY_MS;
            Held {
                id: ProductId([n; 16]),
                offer: ["a", "b", "c", "d", "e"][offer].to_owned(),
                promise: Promise {
                    covers,
                    most_minor,
                    zones: std::collections::BTreeSet::new(),
                    missing_end: false,
                    refund_fee_minor: None,
                },
                price_minor: 1_000,
                from: UnixMs(from),
                until: UnixMs(from + days * DAY_MS),
                used: 0,
                earned_minor: 0,
                lapsed: false,
                refunded_minor: 0,
                uses_kept: None,
            }
        };
        (1_u8..).zip(drawn).map(held).collect()
    })
}

/// What the gate reads of a picture that says so.
fn read(entry: End, before: PaidBefore, products: Vec<InHand>) -> Picture {
    let picture = Picture {
        journey: JourneyId([1; 16]),
        entry: RecordId([2; 16]),
        account: AccountId([3; 16]),
        class: RiderClass::Adult,
        station: entry.station,
        line: "1".parse().unwrap(),
        entered_at: entry.at,
        as_of: entry.at,
        valid_until: entry.at.after(Millis(3_600_000)),
        paid_before: Some(before),
        balance: None,
        products,
    };
    let text = picture.seal(&SigningKey::from_bytes(&[4; 32]));
    Picture::parse(text.as_bytes()).unwrap().picture().clone()
}

proptest! {
    /// Over months of journeys, each of which uses the products as the server counts them.
    #[test]
    fn the_gate_comes_to_the_servers_fare(
        city in city(),
        journeys in journeys(),
        mut held in products(),
    ) {
        let tariff = parse(&[STEPS, &city.rules, ON_SALE].concat(), &eight()).unwrap();
        let all = month(&tariff, RiderClass::Adult, &journeys);
        let earlier: Vec<Paid> = all.iter().map(|(paid, _)| *paid).collect();
        for (own, price) in &all {
            let ends = (own.entry, own.exit);
            let (charged, uses) = tariff.cover(price.clone(), ends, &held);
            let before = tariff.paid_before(own.entry, &earlier);
            let hand = tariff.in_hand(own.entry, &held);
            prop_assert!(hand.len() <= IN_HAND_MAX);
            let picture = read(own.entry, before.clone(), hand);
            let ride = Ride {
                class: RiderClass::Adult,
                class_until: None,
                entry: own.entry,
                exit: own.exit,
                earlier: &[],
            };
            let shown = |hand: &[InHand]| {
                tariff.price_in_hand(&ride, picture.paid_before.as_ref(), hand).unwrap()
            };
            let quote = shown(&picture.products);
            if uses.is_empty() || !picture.products.is_empty() {
                prop_assert_eq!(&quote, &charged);
            }
            // Without the products the fare is the whole one, and never lower.
            prop_assert_eq!(&shown(&[]), price);
            prop_assert!(price.fare.minor >= charged.fare.minor);
            let by = ByProducts::of(&quote);
            let kinds = usize::from(by.pass)
                + usize::from(by.rides_left.is_some())
                + usize::from(by.coupon);
            prop_assert!(picture.products.is_empty() || kinds == uses.len());
            // Another tariff's word counts for nothing.
            let mut others = before;
            others.tariff.0[0] ^= 1;
            let whole = tariff.price(&ride).unwrap();
            let quote = tariff.price_in_hand(&ride, Some(&others), &picture.products);
            prop_assert_eq!(quote.unwrap(), whole);
            for used in uses {
                let one = held.iter_mut().find(|one| one.id == used.product).unwrap();
                one.used += 1;
            }
        }
    }
}

#[test]
// long: one product after another
fn a_picture_is_told_no_more_than_can_matter() {
    let tariff = parse(
        &[
            STEPS,
            "[day]\nutc_offset = \"+00:00\"\nstarts = \"04:00\"\n",
        ]
        .concat(),
        &two(7_000),
    );
    let tariff = tariff.unwrap();
    let held = |n: u8, covers: Covers| Held {
        id: ProductId([n; 16]),
        offer: format!("p{n}"),
        promise: Promise {
            covers,
            most_minor: None,
            zones: std::collections::BTreeSet::new(),
            missing_end: false,
            refund_fee_minor: None,
        },
        price_minor: 0,
        from: UnixMs(FIRST),
        until: UnixMs(FIRST + i64::from(n) * DAY_MS),
        used: 0,
        earned_minor: 0,
        lapsed: false,
        refunded_minor: 0,
        uses_kept: None,
    };
    let coupon = |uses, off| Covers::Coupon { uses, off };
    let all = [
        held(1, Covers::Pass),
        held(2, Covers::MultiRide { rides: 10 }),
        // Never before the first of their kind.
        held(3, Covers::Pass),
        held(4, Covers::MultiRide { rides: 2 }),
        // A share may round to nothing, and then the next coupon's turn has come, unless it does the same.
        held(5, coupon(1, Off::Percent(1))),
        held(6, coupon(3, Off::Percent(1))),
        held(7, coupon(1, Off::Percent(2))),
        held(8, coupon(1, Off::Minor(5))),
        held(9, coupon(1, Off::Minor(6))),
    ];
    let told = |at: i64, held: &[Held]| {
        let hand = tariff.in_hand(end("A", UnixMs(at)), held);
        let offers: Vec<String> = hand.into_iter().map(|one| one.offer).collect();
        offers.join(" ")
    };
    assert_eq!(told(FIRST, &all), "p1 p2 p5 p7 p8");
    assert_eq!(told(FIRST - 1, &all), "", "not valid yet");
    let day = FIRST + DAY_MS;
    assert_eq!(told(day, &all), "p2 p3 p5 p7 p8", "one is over");
    let used_up = all.clone().map(|one| Held { used: 10, ..one });
    assert_eq!(told(FIRST, &used_up), "p1", "passes alone are not used up");
    // More than a picture carries: rather none than some.
    let many: Vec<Held> = (1..=9)
        .map(|n| held(n, coupon(1, Off::Percent(n.into()))))
        .collect();
    assert_eq!(told(FIRST, &many[..6]), "p1 p2 p3 p4 p5 p6");
    assert_eq!(told(FIRST, &many), "");
}

#[test]
fn products_within_zones_are_told_where_they_begin() {
    let text = STEPS.split("step = [").next().unwrap().to_owned()
        + "[[zone]]\nid = \"1\"\nstations = [\"A\"]\n[[zone]]\nid = \"2\"\nstations = [\"B\"]\n\
           [[zone_fare]]\nzones = [\"1\", \"1\"]\nfare_minor = 200\n\
           [[zone_fare]]\nzones = [\"1\", \"2\"]\nfare_minor = 300\n\
           [[zone_fare]]\nzones = [\"2\", \"2\"]\nfare_minor = 200\n[class]\nadult = 100\n\
           [day]\nutc_offset = \"+00:00\"\nstarts = \"04:00\"\n";
    let sells = |id: &str, zones: &str| {
        format!(
            "[[product]]\nid = \"{id}\"\nname = \"P\"\nprice_minor = 1\nvalid_days = 1\n\
             pass = true\nzones = [{zones}]\n"
        )
    };
    let on_sale = [
        sells("one", "\"1\""),
        sells("two", "\"2\""),
        sells("both", "\"1\", \"2\""),
    ];
    let tariff = parse(&(text + &on_sale.concat()), &two(1)).unwrap();
    let held: Vec<Held> = (1_u8..)
        .zip(tariff.products())
        .map(|(n, product)| Held {
            id: ProductId([n; 16]),
            offer: product.id.clone(),
            promise: product.promise.clone(),
            price_minor: 1,
            from: UnixMs(FIRST),
            until: UnixMs(FIRST + DAY_MS),
            used: 0,
            earned_minor: 0,
            lapsed: false,
            refunded_minor: 0,
            uses_kept: None,
        })
        .collect();
    let entry = end("A", UnixMs(FIRST));
    let hand = tariff.in_hand(entry, &held);
    let offers: Vec<_> = hand.iter().map(|one| one.offer.as_str()).collect();
    assert_eq!(offers, ["one", "both"]);
    for (to, used) in [("A", "one"), ("B", "both")] {
        let ride = Ride {
            class: RiderClass::Adult,
            class_until: None,
            entry,
            exit: end(to, UnixMs(FIRST + 600_000)),
            earlier: &[],
        };
        let before = tariff.paid_before(entry, &[]);
        let quote = tariff.price_in_hand(&ride, Some(&before), &hand).unwrap();
        let last = quote.steps.last().unwrap().reason.clone();
        let product = used.to_owned();
        assert_eq!((quote.fare.minor, last), (0, FareReason::Pass { product }));
    }
}
