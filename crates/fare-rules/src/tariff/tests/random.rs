//! What holds for any tariff with any rules, and any months of journeys.

use super::*;
use proptest::collection::vec;

/// Rules drawn at random, over the steps of [`STEPS`] and eight stations in a line.
#[derive(Clone, Debug)]
pub(super) struct City {
    pub(super) rules: String,
    caps: Vec<(&'static str, i64)>,
}

fn spans() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("day"), Just("week"), Just("month")]
}

pub(super) fn city() -> impl Strategy<Value = City> {
    let caps = vec((spans(), 0..3_000_i64), 0..4);
    let discounts = vec((spans(), 1..3_000_i64, 0..=100_u32), 0..3);
    let price = prop_oneof![
        Just("one_journey = true".to_owned()),
        (0..900_i64).prop_map(|minor| format!("fare_minor = {minor}")),
        (-900..900_i64).prop_map(|minor| format!("add_minor = {minor}")),
        (0..900_i64).prop_map(|minor| format!("total_minor = {minor}")),
        (0..900_i64).prop_map(|minor| format!("total_minor = {minor}\nfurther_minor = {minor}")),
        (0..900_i64).prop_map(|minor| format!("fare_minor = {minor}\nsince = \"first\"")),
    ];
    let measured = prop_oneof![
        Just("entry-to-exit"),
        Just("entry-to-entry"),
        Just("exit-to-entry"),
        Just("exit-to-exit")
    ];
    let transfers = vec((price, measured, 1..240_u32, 1..4_u32), 0..3);
    let period = (0..=300_u32, 0..=100_u32, 0..=100_u32);
    let rounding = (
        1..50_i64,
        prop_oneof![Just("down"), Just("up"), Just("nearest")],
    );
    let same = (0..60_u32, 0..400_i64);
    (caps, discounts, transfers, period, rounding, same).prop_map(written)
}

type Drawn = (
    Vec<(&'static str, i64)>,
    Vec<(&'static str, i64, u32)>,
    Vec<(String, &'static str, u32, u32)>,
    (u32, u32, u32),
    (i64, &'static str),
    (u32, i64),
);

fn written(drawn: Drawn) -> City {
    let (caps, discounts, transfers, (percent, child, senior), (unit, how), same) = drawn;
    let mut rules = format!(
        "[day]\nutc_offset = \"-05:00\"\nstarts = \"03:30\"\n[[period]]\nid = \"p\"\n\
         times = [\"22:00-09:00\"]\npercent = {percent}\nclass = {{ child = {child} }}\n\
         [[period]]\nid = \"q\"\nby = \"exit\"\ntimes = [\"09:00-12:00\"]\n\
         class = {{ senior = {senior} }}\n[rounding]\nto_minor = {unit}\nhow = \"{how}\"\n\
         [over_time]\nafter_min = 90\nadd_minor = 70\nevery_min = 30\n\
         [same_station]\ngrace_min = {}\nwithin_minor = {}\n",
        same.0, same.1
    );
    for (n, (span, most)) in caps.iter().enumerate() {
        let cap = format!("[[cap]]\nid = \"c{n}\"\nspan = \"{span}\"\nmost_minor = {most}\n");
        rules.push_str(&cap);
    }
    for (span, from, percent) in discounts {
        let from = format!("span = \"{span}\"\nfrom_minor = {from}\npercent = {percent}\n");
        rules.push_str(&format!("[[discount]]\n{from}"));
    }
    for (n, (price, measured, within, most)) in transfers.into_iter().enumerate() {
        rules.push_str(&format!(
            "[[transfer]]\nid = \"t{n}\"\nwithin_min = {within}\nmeasured = \"{measured}\"\n\
             most = {most}\n{price}\n"
        ));
    }
    City { rules, caps }
}

/// From, to, minutes since the journey before, minutes inside.
pub(super) fn journeys() -> impl Strategy<Value = Vec<(usize, usize, i64, i64)>> {
    vec((0..8_usize, 0..8_usize, 1..2_000_i64, 1..200_i64), 1..40)
}

pub(super) fn eight() -> String {
    let name = |n: usize| format!("S{n}");
    let mut text: String = (0..8).map(|n| station(&name(n))).collect();
    text.extend((1..8).map(|n| link(&name(n - 1), &name(n), 4_100)));
    text
}

/// The journeys as an account makes them, each priced after those before.
pub(super) fn month(
    tariff: &Tariff,
    class: RiderClass,
    journeys: &[(usize, usize, i64, i64)],
) -> Vec<(Paid, Quote)> {
    let mut now = 1_780_000_000_000_i64;
    let (mut paid, mut all): (Vec<Paid>, Vec<_>) = (Vec::new(), Vec::new());
    for (from, to, gap, inside) in journeys {
        let entered = UnixMs(now + gap * 60_000);
        let left = UnixMs(entered.0 + inside * 60_000);
        now = left.0;
        let mut earlier = paid.clone();
        earlier.reverse();
        let ride = Ride {
            class,
            class_until: None,
            entry: end(&format!("S{from}"), entered),
            exit: end(&format!("S{to}"), left),
            earlier: &earlier,
        };
        let quote = tariff.price(&ride).unwrap();
        let (entry, exit, minor) = (ride.entry, ride.exit, quote.fare.minor);
        paid.push(Paid { entry, exit, minor });
        all.push((Paid { entry, exit, minor }, quote));
    }
    all
}

fn same_span(span: &str, a: Day, b: Day) -> bool {
    match span {
        "day" => a == b,
        "week" => (a.0 + 3).div_euclid(7) == (b.0 + 3).div_euclid(7),
        _ => (a.date().0, a.date().1) == (b.date().0, b.date().1),
    }
}

proptest! {
    #[test]
    fn prices_are_never_negative_and_sum_up(city in city(), journeys in journeys()) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        for class in RiderClass::ALL {
            for (_, quote) in month(&tariff, class, &journeys) {
                let sum: i64 = quote.steps.iter().map(|step| step.minor).sum();
                prop_assert!(quote.fare.minor >= 0);
                prop_assert_eq!(sum, quote.fare.minor);
                prop_assert!(quote.steps.len() + 2 <= voucher::STEPS_MAX);
            }
        }
    }

    #[test]
    fn no_cap_is_ever_exceeded(city in city(), journeys in journeys()) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        let all = month(&tariff, RiderClass::Adult, &journeys);
        for (span, most) in &city.caps {
            for (last, _) in &all {
                let day = tariff.service_day(last.entry.at);
                let of_span = all.iter().filter(|(paid, _)| {
                    same_span(span, tariff.service_day(paid.entry.at), day)
                });
                let sum: i64 = of_span.map(|(paid, _)| paid.minor).sum();
                prop_assert!(sum <= *most, "{} of {} a {}", sum, most, span);
            }
        }
    }

    #[test]
    fn no_class_pays_more_than_an_adult(city in city(), journeys in journeys()) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        let all = month(&tariff, RiderClass::Adult, &journeys);
        let paid: Vec<Paid> = all.iter().map(|(paid, _)| *paid).collect();
        for (adult, _) in &all {
            for class in RiderClass::ALL {
                let ride = Ride {
                    class,
                    class_until: None,
                    entry: adult.entry,
                    exit: adult.exit,
                    earlier: &paid,
                };
                let minor = tariff.price(&ride).unwrap().fare.minor;
                prop_assert!(minor <= adult.minor, "{:?}: {} > {}", class, minor, adult.minor);
            }
        }
    }

    #[test]
    fn what_came_later_and_the_order_of_the_rest_do_not_matter(
        city in city(),
        journeys in journeys(),
        turn in 0..40_usize,
    ) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        let all = month(&tariff, RiderClass::Child, &journeys);
        let mut paid: Vec<Paid> = all.iter().map(|(paid, _)| *paid).collect();
        let n = paid.len();
        paid.rotate_left(turn % n);
        for (own, quote) in &all {
            let ride = Ride {
                class: RiderClass::Child,
                class_until: None,
                entry: own.entry,
                exit: own.exit,
                earlier: &paid,
            };
            prop_assert_eq!(&tariff.price(&ride).unwrap(), quote);
        }
    }

    #[test]
    fn who_has_no_history_pays_no_less_than_who_has(city in city(), journeys in journeys()) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        for (own, quote) in month(&tariff, RiderClass::Adult, &journeys) {
            let ride = Ride {
                class: RiderClass::Adult,
                class_until: None,
                entry: own.entry,
                exit: own.exit,
                earlier: &[],
            };
            prop_assert!(tariff.price(&ride).unwrap().fare.minor >= quote.fare.minor);
        }
    }

    /// What a picture carries is all that a price looks at.
    #[test]
    fn what_was_paid_before_stands_for_the_journeys(city in city(), journeys in journeys()) {
        let tariff = parse(&[STEPS, &city.rules].concat(), &eight()).unwrap();
        let all = month(&tariff, RiderClass::Student, &journeys);
        let earlier: Vec<Paid> = all.iter().map(|(paid, _)| *paid).collect();
        for (own, quote) in &all {
            let ride = Ride {
                class: RiderClass::Student,
                class_until: None,
                entry: own.entry,
                exit: own.exit,
                earlier: &[],
            };
            let before = tariff.paid_before(own.entry, &earlier);
            prop_assert!(before.fits());
            prop_assert_eq!(&tariff.price_after(&ride, Some(&before)).unwrap(), quote);
            let mut others = before.clone();
            others.tariff.0[0] ^= 1;
            let alone = tariff.price(&ride).unwrap();
            prop_assert_eq!(&tariff.price_after(&ride, Some(&others)).unwrap(), &alone);
            prop_assert_eq!(&tariff.price_after(&ride, None).unwrap(), &alone);
        }
    }
}
