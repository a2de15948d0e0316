//! Each rule by itself, and every mistake that it can be written with.

use super::*;

/// Minutes and days are those of UTC+8, the day begins at 04:30; minute 0 is midnight of Thursday
/// 2026-10-01, a holiday.
const DAY: &str = "[day]\nutc_offset = \"+08:00\"\nstarts = \"04:30\"\n\
                   holidays = [\"2026-10-01\"]\nworkdays = [\"2026-10-10\"]\n";

fn with(more: &str) -> String {
    [STEPS, DAY, more].join("\n")
}

fn at(minute: i64) -> UnixMs {
    let midnight = Day::of(2026, 10, 1).unwrap().0 * 86_400_000;
    UnixMs(midnight + (minute - 8 * 60) * 60_000)
}

/// Four stations on a line: A - 5 km - B - 5 km - C - 20 km - D.
fn line() -> String {
    let stations = ["A", "B", "C", "D"].map(station).concat();
    let links = [
        link("A", "B", 5_000),
        link("B", "C", 5_000),
        link("C", "D", 20_000),
    ];
    stations + &links.concat()
}

/// Prices journeys one after another and answers what each costs.
fn day(tariff: &Tariff, class: RiderClass, rides: &[(&str, &str, i64, i64)]) -> Vec<i64> {
    let mut paid: Vec<Paid> = Vec::new();
    for (from, to, entered, left) in rides {
        let ride = Ride {
            class,
            class_until: None,
            entry: end(from, at(*entered)),
            exit: end(to, at(*left)),
            earlier: &paid,
        };
        let quote = tariff.price(&ride).unwrap();
        let sum: i64 = quote.steps.iter().map(|step| step.minor).sum();
        assert_eq!(sum, quote.fare.minor);
        let (entry, exit, minor) = (ride.entry, ride.exit, quote.fare.minor);
        paid.push(Paid { entry, exit, minor });
    }
    paid.iter().map(|paid| paid.minor).collect()
}

fn texts(quote: &Quote) -> Vec<(String, i64)> {
    let steps = quote.steps.iter();
    let currency = quote.fare.currency;
    steps
        .map(|step| (step.text(currency), step.minor))
        .collect()
}

fn said<const N: usize>(steps: [(&str, i64); N]) -> Vec<(String, i64)> {
    steps.map(|(text, minor)| (text.to_owned(), minor)).into()
}

#[test]
fn days_are_counted_as_calendars_do() {
    for (year, month, day, weekday, since_1970) in [
        (1970, 1, 1, 3, 0),
        (1969, 12, 31, 2, -1),
        (2000, 2, 29, 1, 11_016),
        (2026, 10, 1, 3, 20_727),
        (2100, 3, 1, 0, 47_541),
    ] {
        let got = Day::of(year, month, day).unwrap();
        assert_eq!((got.0, got.weekday()), (since_1970, weekday), "{got}");
        assert_eq!(got.date(), (year, month, day));
    }
    for (year, month, day) in [(2026, 2, 29), (2100, 2, 29), (2026, 13, 1), (2026, 4, 31)] {
        assert_eq!(Day::of(year, month, day), None);
    }
}

#[test]
fn a_service_day_begins_when_the_tariff_says() {
    let tariff = parse(&with(""), &two(1)).unwrap();
    let day = |minute| tariff.service_day(at(minute)).to_string();
    assert_eq!(day(4 * 60 + 29), "2026-09-30");
    assert_eq!(day(4 * 60 + 30), "2026-10-01");
    assert_eq!(day(24 * 60 + 4 * 60 + 29), "2026-10-01");
    assert_eq!(tariff.day_ends(at(4 * 60 + 29)), at(4 * 60 + 30));
    assert_eq!(tariff.day_ends(at(4 * 60 + 30)), at(28 * 60 + 30));
}

#[test]
fn a_tariff_counts_from_its_first_to_its_last_day() {
    let text = with("").replace("\nstations", "\nvalid_until = \"2026-09-30\"\nstations");
    let tariff = parse(&text, &two(1)).unwrap();
    assert!(tariff.is_valid_at(at(4 * 60 + 29)), "still the last day");
    assert!(!tariff.is_valid_at(at(4 * 60 + 30)));
    assert!(!tariff.is_valid_at(UnixMs(0)));
    let plain = parse(STEPS, &two(1)).unwrap();
    assert!(plain.is_valid_at(at(0)));
    assert_ne!(tariff.hash(), plain.hash());
}

#[test]
fn a_class_counts_until_its_proof_ends() {
    let tariff = parse(STEPS, &two(1)).unwrap();
    let until = |minute| Ride {
        class: RiderClass::Student,
        class_until: Some(at(minute)),
        entry: end("A", at(10)),
        exit: end("B", at(20)),
        earlier: &[],
    };
    let fare = |minute| tariff.price(&until(minute)).unwrap().fare.minor;
    assert_eq!((fare(11), fare(10)), (99, 300));
}

#[test]
fn peaks_and_holidays_have_their_own_fares() {
    let text = with(
        "[[period]]\nid = \"peak\"\ndays = [\"workday\"]\ntimes = [\"07:00-09:00\"]\npercent = 130\n\
         [[period]]\nid = \"night\"\ntimes = [\"23:00-04:30\"]\nby = \"exit\"\npercent = 50\n\
         class = { staff = 100 }\n[rounding]\nto_minor = 10\nhow = \"nearest\"\n",
    );
    let tariff = parse(&text, &two(1)).unwrap();
    let pays = |class, entered, left| day(&tariff, class, &[("A", "B", entered, left)])[0];
    let (adult, workday) = (RiderClass::Adult, 24 * 60);
    assert_eq!(
        pays(adult, 8 * 60, 8 * 60 + 9),
        300,
        "a holiday has no peak"
    );
    assert_eq!(pays(adult, workday + 7 * 60 - 1, workday + 8 * 60), 300);
    assert_eq!(pays(adult, workday + 7 * 60, workday + 8 * 60), 390);
    assert_eq!(pays(adult, workday + 9 * 60, workday + 9 * 60), 300);
    assert_eq!(
        pays(RiderClass::Student, workday + 7 * 60, workday + 8 * 60),
        130
    );
    let saturday_worked = (9 * 24 + 8) * 60;
    assert_eq!(pays(adult, saturday_worked, saturday_worked + 9), 390);
    let late = workday + 22 * 60 + 50;
    assert_eq!(pays(adult, late, late + 9), 300);
    assert_eq!(pays(adult, late, late + 10), 150);
    assert_eq!(pays(adult, late, late + 5 * 60), 150, "past midnight");
    assert_eq!(pays(RiderClass::Staff, late, late + 10), 150);
}

#[test]
fn who_leaves_where_they_came_in_pays_by_that_rule() {
    let rule = "[same_station]\ngrace_min = 20\nwithin_minor = 0\nfare_minor = 200\n";
    let tariff = parse(&with(rule), &two(1)).unwrap();
    let pays = |left| day(&tariff, RiderClass::Adult, &[("A", "A", 0, left)])[0];
    assert_eq!((pays(20), pays(21)), (0, 200));
    assert_eq!(fare(&tariff, "A", "A", RiderClass::Child), 100);
    let table = rule.replace("fare_minor = 200", "");
    let tariff = parse(&with(&table), &two(1)).unwrap();
    let pays = |left| day(&tariff, RiderClass::Adult, &[("A", "A", 0, left)])[0];
    assert_eq!((pays(20), pays(21)), (0, 300));
}

#[test]
fn who_stays_too_long_pays_more() {
    let rule = "[over_time]\nafter_min = 240\nadd_minor = 100\nevery_min = 60\nmost_minor = 250\n";
    let tariff = parse(&with(rule), &two(1)).unwrap();
    let pays = |left| day(&tariff, RiderClass::Adult, &[("A", "B", 0, left)])[0];
    let all = [pays(240), pays(241), pays(300), pays(301), pays(999)];
    assert_eq!(all, [300, 400, 400, 500, 550]);
    assert_eq!(pays(-5), 300, "clocks that disagree");
    let once = rule.replace("every_min = 60\n", "");
    let tariff = parse(&with(&once), &two(1)).unwrap();
    assert_eq!(
        day(&tariff, RiderClass::Staff, &[("A", "B", 0, 999)])[0],
        100
    );
}

const INTERCHANGE: &str = "[[transfer]]\nid = \"interchange\"\nwithin_min = 30\n\
    measured = \"exit-to-entry\"\nbetween = [[\"B\", \"B\"]]\nmost = 1\none_journey = true\n";

#[test]
fn an_interchange_is_one_journey() {
    let tariff = parse(&with(INTERCHANGE), &line()).unwrap();
    let pays = |rides: &[_]| day(&tariff, RiderClass::Adult, rides);
    // Alone: A to B 3 yuan, B to C 3; A to C, 10 km, 4.
    assert_eq!(pays(&[("A", "B", 0, 10), ("B", "C", 40, 50)]), [300, 100]);
    assert_eq!(pays(&[("A", "B", 0, 10), ("B", "C", 41, 50)]), [300, 300]);
    assert_eq!(pays(&[("A", "C", 0, 10), ("C", "D", 40, 50)]), [400, 500]);
    assert_eq!(
        pays(&[("A", "B", 0, 10), ("B", "A", 40, 50)]),
        [300, 300],
        "back"
    );
    // A third journey does not go on from a second that did.
    let three = [("A", "B", 0, 10), ("B", "B", 20, 25), ("B", "D", 30, 50)];
    assert_eq!(pays(&three), [300, 0, 600]);
    let both = [("A", "B", 0, 10), ("B", "C", 40, 50)];
    assert_eq!(day(&tariff, RiderClass::Child, &both), [150, 50]);
}

#[test]
fn transfers_have_prices_of_their_own() {
    let rule = |price: &str, measured: &str| {
        let rule = INTERCHANGE
            .replace("one_journey = true", price)
            .replace("between = [[\"B\", \"B\"]]\n", "")
            .replace("exit-to-entry", measured);
        parse(&with(&rule), &line()).unwrap()
    };
    let two = [("A", "C", 0, 10), ("C", "A", 20, 35)];
    let pays = |price, measured| day(&rule(price, measured), RiderClass::Adult, &two)[1];
    assert_eq!(pays("fare_minor = 50", "exit-to-entry"), 50);
    assert_eq!(
        pays("fare_minor = 9000", "exit-to-entry"),
        400,
        "never dearer"
    );
    assert_eq!(pays("add_minor = -150", "exit-to-entry"), 250);
    assert_eq!(pays("add_minor = -900", "exit-to-entry"), 0);
    assert_eq!(pays("total_minor = 500", "exit-to-entry"), 100);
    assert_eq!(pays("fare_minor = 0", "entry-to-entry"), 0);
    assert_eq!(pays("fare_minor = 0", "exit-to-exit"), 0);
    assert_eq!(pays("fare_minor = 0", "entry-to-exit"), 400, "35 minutes");
    let own = rule("fare_minor = 50\nclass = { child = 20 }", "exit-to-entry");
    assert_eq!(day(&own, RiderClass::Child, &two)[1], 20);
    assert_eq!(day(&own, RiderClass::Adult, &two)[1], 50);
}

#[test]
fn a_time_limit_may_begin_at_the_first_of_all_that_go_on() {
    let rules = |since: &str| {
        let rule = format!(
            "[[transfer]]\nid = \"t\"\nwithin_min = 60\nmeasured = \"entry-to-entry\"\nmost = 5\n\
             since = \"{since}\"\ntotal_minor = 400\nfurther_minor = 100\n"
        );
        parse(&with(&rule), &line()).unwrap()
    };
    let four = [
        ("A", "B", 0, 10),
        ("B", "A", 30, 40),
        ("A", "B", 55, 58),
        ("B", "A", 80, 90),
    ];
    let pays = |since| day(&rules(since), RiderClass::Adult, &four);
    assert_eq!(pays("last"), [300, 100, 100, 100]);
    assert_eq!(
        pays("first"),
        [300, 100, 100, 300],
        "80 minutes after the first"
    );
}

#[test]
fn a_fare_between_zones_may_be_for_one_way_only() {
    let text = "name = \"z\"\ncurrency = \"CNY\"\nvalid_from = \"2026-01-01\"\nstations = \"-\"\n\
                [class]\nadult = 100\n[[zone]]\nid = \"x\"\nstations = [\"A\", \"B\", \"C\"]\n\
                [[zone]]\nid = \"y\"\nstations = [\"D\"]\n[[zone_fare]]\nzones = [\"x\", \"x\"]\n\
                fare_minor = 200\n[[zone_fare]]\nzones = [\"y\", \"y\"]\nfare_minor = 200\n\
                [[zone_fare]]\nzones = [\"x\", \"y\"]\nfare_minor = 300\n";
    let more = "[[zone_fare]]\nzones = [\"y\", \"x\"]\none_way = true\nfare_minor = 900\n";
    let tariff = parse(&format!("{text}{more}"), &line()).unwrap();
    let fare = |from: &str, to: &str| {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        tariff
            .quote(from, to, RiderClass::Adult)
            .unwrap()
            .fare
            .minor
    };
    assert_eq!((fare("A", "D"), fare("D", "A")), (300, 900));
    assert!(tariff.form().contains("zone-fare-one-way y x 900\n"));
    let hole = text.replace(
        "zones = [\"x\", \"y\"]",
        "zones = [\"x\", \"y\"]\none_way = true",
    );
    let got = parse(&hole, &line()).unwrap_err().to_string();
    assert!(
        got.contains("3 pairs of stations have no fare: D to A, D to B, D to C"),
        "{got}"
    );
}

#[test]
fn the_days_of_a_period_may_begin_at_midnight() {
    let period = "[[period]]\nid = \"p\"\ndays = [\"holiday\"]\npercent = 50\n";
    let pays = |period: &str, minute: i64| {
        let tariff = parse(&with(period), &line()).unwrap();
        day(
            &tariff,
            RiderClass::Adult,
            &[("A", "B", minute, minute + 5)],
        )[0]
    };
    let by_date = format!("{period}by_date = true\n");
    // 02:00 on the holiday, and on the day after: by service days that is still the holiday.
    assert_eq!((pays(period, 120), pays(&by_date, 120)), (300, 150));
    assert_eq!((pays(period, 1_560), pays(&by_date, 1_560)), (150, 300));
}

#[test]
fn who_travels_much_pays_a_share() {
    // Beijing's: 20 % less above 100 yuan in a month, 50 % above 150, nothing above 400.
    let rule = "[[discount]]\nspan = \"month\"\nfrom_minor = 600\npercent = 80\n\
                [[discount]]\nspan = \"month\"\nfrom_minor = 1000\npercent = 50\n\
                [[discount]]\nspan = \"month\"\nfrom_minor = 1200\npercent = 100\n";
    let tariff = parse(&with(rule), &line()).unwrap();
    let daily = |n: i64| ("A", "B", n * 1_440 + 600, n * 1_440 + 620);
    let days: Vec<_> = (0..8).map(daily).collect();
    assert_eq!(
        day(&tariff, RiderClass::Adult, &days),
        [300, 300, 240, 240, 150, 300, 300, 300]
    );
    let months = [daily(0), daily(1), daily(2), daily(31)];
    assert_eq!(
        day(&tariff, RiderClass::Adult, &months),
        [300, 300, 240, 300]
    );
    let journeys = "[[discount]]\nspan = \"week\"\nfrom_journeys = 2\npercent = 60\n";
    let tariff = parse(&with(journeys), &line()).unwrap();
    // Thursday to Sunday, then Monday.
    let week: Vec<_> = (0..5).map(daily).collect();
    assert_eq!(
        day(&tariff, RiderClass::Adult, &week),
        [300, 300, 180, 180, 300]
    );
}

#[test]
fn a_missing_end_costs_the_maximum() {
    let rule = "[maximum]\nno_exit_minor = 700\nclass = { child = 200 }\n";
    let tariff = parse(&with(rule), &two(1)).unwrap();
    let maximum = |missing, class| tariff.maximum(missing, class).map(|q| q.fare.minor);
    assert_eq!(maximum(Direction::Exit, RiderClass::Adult), Some(700));
    assert_eq!(maximum(Direction::Exit, RiderClass::Child), Some(200));
    assert_eq!(maximum(Direction::Exit, RiderClass::Student), Some(231));
    assert_eq!(maximum(Direction::Entry, RiderClass::Adult), None);
    let quote = tariff.maximum(Direction::Exit, RiderClass::Child).unwrap();
    assert_eq!(
        texts(&quote),
        said([("no exit: the maximum for child", 200)])
    );
}

#[test]
fn every_rule_says_what_it_changed() {
    let text = cities::LONDON.replace("most_minor = 680", "most_minor = 400")
        + "[over_time]\nafter_min = 60\nadd_minor = 100\n";
    let stations: String = ["KGX", "VIC", "BRX"].map(station).concat();
    let tariff = parse(&text, &stations).unwrap();
    let paid = Paid {
        entry: end("VIC", at(1_440 + 13 * 60)),
        exit: end("KGX", at(1_440 + 14 * 60)),
        minor: 240,
    };
    let ride = Ride {
        class: RiderClass::Child,
        class_until: None,
        entry: end("BRX", at(1_440 + 24 * 60 + 30)),
        exit: end("KGX", at(1_440 + 24 * 60 + 91)),
        earlier: &[paid],
    };
    // 2018's summer time has ended in 2026: half past four in the afternoon of a Friday in London.
    assert_eq!(
        texts(&tariff.price(&ride).unwrap()),
        said([
            ("BRX to KGX: zone 2 to 1, peak", 290),
            ("child pays 50 %, rounded down", -145),
            ("inside for 1 min over 60", 100),
            ("daily-1-2: GBP 2.40 paid this day, at most GBP 2.00", -245),
        ])
    );
}

#[test]
fn a_matrix_counts_both_ways_unless_both_are_written() {
    let text = matrix("[pair.A]\nB = 300\nC = 500\n[pair.B]\nA = 350\nC = 300\n");
    let three = ["A", "B", "C"].map(station).concat();
    let tariff = parse(&text, &three).unwrap();
    let pays = |from, to| fare(&tariff, from, to, RiderClass::Adult);
    assert_eq!((pays("A", "B"), pays("B", "A")), (300, 350));
    assert_eq!(
        (pays("A", "C"), pays("C", "A"), pays("C", "B")),
        (500, 500, 300)
    );
    assert_eq!(pays("C", "C"), 100);
    let holes = matrix("[pair.A]\nB = 300\n");
    assert_eq!(
        parse(&holes, &three).unwrap_err().to_string(),
        "tariff, line 1: 4 pairs of stations have no fare: A to C, B to C, C to A, C to B; \
         add their fares"
    );
    let stranger = matrix("[pair.A]\nX = 300\n");
    let got = parse(&stranger, &three).unwrap_err().problem;
    assert_eq!(got, TariffProblem::UnknownStation(id("X")));
    let peak = text.clone() + DAY + "[[period]]\nid = \"all\"\n[pair_in.all.A]\nB = 900\n";
    let tariff = parse(&peak, &three).unwrap();
    let rides = [("A", "B", 600, 610), ("B", "C", 700, 710)];
    assert_eq!(day(&tariff, RiderClass::Adult, &rides), [900, 300]);
}

fn matrix(pairs: &str) -> String {
    let head = "name = \"m\"\ncurrency = \"CNY\"\nvalid_from = \"2026-01-01\"\nstations = \"s\"\n";
    let rest = "[same_station]\ngrace_min = 0\nwithin_minor = 100\nfare_minor = 100\n";
    [head, "class = { adult = 100 }\n", rest, pairs].concat()
}

#[test]
fn a_flat_fare_is_the_same_everywhere() {
    let text = matrix("[flat]\nfare_minor = 200\n");
    let tariff = parse(&text, &["A", "B"].map(station).concat()).unwrap();
    assert_eq!(fare(&tariff, "A", "B", RiderClass::Staff), 200);
    let none = parse(&matrix(""), &two(1)).unwrap_err().problem;
    assert_eq!(none, TariffProblem::NoFares);
    let several = [&text, "[pair.A]\nB = 1\n"].concat();
    let several = parse(&several, &two(1)).unwrap_err().problem;
    assert_eq!(several, TariffProblem::SeveralFares);
}

#[test]
// long: a table of cases
fn mistakes_in_rules_are_named_with_their_line() {
    for (more, message) in [
        ("[same_station]\ngrace = 1\n", "unknown field `grace`"),
        (
            "[over_time]\nafter_min = 0\nadd_minor = 1\n",
            "line 26: after_min is 0; write 1 to 1440",
        ),
        (
            "[[period]]\nid = \"Peak\"\n",
            "line 26: \"Peak\" is not 1 to 24 characters",
        ),
        (
            "[[period]]\nid = \"p\"\ndays = [\"monday\"]\n",
            "write one of workday, saturday",
        ),
        (
            "[[period]]\nid = \"p\"\ntimes = [\"7-9\"]\n",
            "line 27: got \"7-9\"; write a span of the day",
        ),
        (
            "[[period]]\nid = \"p\"\n[[period]]\nid = \"p\"\n",
            "line 28: p stands here a second time",
        ),
        (
            "[[cap]]\nid = \"c\"\nspan = \"year\"\nmost_minor = 1\n",
            "write one of day, week, month",
        ),
        (
            "[[cap]]\nid = \"c\"\nspan = \"day\"\nmost_minor = 100\nclass = { child = 101 }\n",
            "line 29: child is 101; write 0 to 100",
        ),
        (
            "[[cap]]\nid = \"c\"\nspan = \"day\"\nmost_minor = 1\nzones = [\"9\"]\n",
            "line 29: there is no zone 9",
        ),
        (
            "[[discount]]\nspan = \"day\"\npercent = 50\n",
            "line 25: write exactly one of from_minor or from_journeys",
        ),
        (
            "[[transfer]]\nid = \"t\"\nwithin_min = 1\nmeasured = \"exit-to-entry\"\nmost = 1\n\
             fare_minor = 50\nclass = { child = 60 }\n",
            "line 31: child is 60; write 0 to 50",
        ),
        (
            "[[transfer]]\nid = \"t\"\nwithin_min = 1\nmeasured = \"exit-to-entry\"\nmost = 1\n\
             fare_minor = 50\nfurther_minor = 60\n",
            "line 31: there is further_minor without total_minor",
        ),
        (
            "[completion]\nat_least = 80\n",
            "line 26: there is [completion] without [maximum]",
        ),
        (
            "[[transfer]]\nid = \"t\"\nwithin_min = 1\nmeasured = \"exit-to-entry\"\nmost = 1\n",
            "line 25: write exactly one of one_journey = true",
        ),
    ] {
        let got = parse(&with(more), &two(1)).unwrap_err().to_string();
        assert!(got.contains(message), "{got}");
    }
    let no_day = [
        STEPS,
        "[[cap]]\nid = \"c\"\nspan = \"day\"\nmost_minor = 1\n",
    ]
    .concat();
    let got = parse(&no_day, &two(1)).unwrap_err().to_string();
    assert!(got.contains("a cap needs local time: add [day]"), "{got}");
    for (from, to, message) in [
        (
            "+08:00",
            "8",
            "got \"8\"; write the hours east of UTC like +08:00",
        ),
        (
            "04:30",
            "24:00",
            "got \"24:00\"; write a time of day like 04:30",
        ),
        (
            "2026-10-10",
            "2026-02-30",
            "got \"2026-02-30\"; write a date",
        ),
    ] {
        let got = parse(&with("").replace(from, to), &two(1))
            .unwrap_err()
            .to_string();
        assert!(got.contains(message), "{got}");
    }
}
