//! The sample feed as a tariff, and every mistake with its place.

use fare_protocol::{RiderClass, StationId, UnixMs};
use fare_rules::tariff::Day;
use fare_rules::{End, Paid, Ride, Tariff};
use fare_server::gtfs::{Choice, FILES, Files, convert};
use std::fs;
use std::path::PathBuf;

fn sample() -> (Files, String) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../gate-config/gtfs-sample");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let there = FILES.into_iter().filter(|name| folder.join(name).exists());
    let files = there.map(|name| (name.to_owned(), read(name)));
    (files.collect(), read("fare_policy.toml"))
}

fn tariff() -> Tariff {
    let (files, policy) = sample();
    let text = convert(&files, &policy, &Choice::default()).unwrap();
    Tariff::parse(&text).unwrap_or_else(|err| panic!("{err}\n{}", text.tariff))
}

/// Minutes of local time from Monday 2026-06-01, 00:00.
fn end(station: &str, minute: i64) -> End {
    let monday = Day::of(2026, 6, 1).unwrap().0 * 86_400_000;
    End {
        station: station.parse::<StationId>().unwrap(),
        at: UnixMs(monday + (minute - 60) * 60_000),
    }
}

fn pays(class: RiderClass, from: &str, to: &str, minute: i64, earlier: &[Paid]) -> i64 {
    let ride = Ride {
        class,
        class_until: None,
        entry: end(from, minute),
        exit: end(to, minute + 20),
        earlier,
    };
    tariff().price(&ride).unwrap().fare.minor
}

#[test]
fn the_sample_costs_what_it_says() {
    use RiderClass::{Adult, Child, Senior};
    let (peak, noon, sunday) = (7 * 60, 12 * 60, 6 * 1_440 + 7 * 60);
    for (class, from, to, minute, minor) in [
        (Adult, "CEN", "NOR", noon, 200),
        (Adult, "CEN", "SUB", noon, 300),
        (Adult, "SUB", "NOR", peak, 360),
        (Adult, "SUB", "NOR", sunday, 300),
        (Adult, "NOR", "CEN", peak, 200),
        (Child, "CEN", "NOR", noon, 100),
        (Child, "CEN", "SUB", peak, 150),
        (Senior, "CEN", "SUB", noon, 300),
    ] {
        assert_eq!(
            pays(class, from, to, minute, &[]),
            minor,
            "{from} {to} {class:?}"
        );
    }
}

#[test]
fn one_transfer_within_90_minutes_is_free() {
    let paid = |from, to, minute, minor| Paid {
        entry: end(from, minute),
        exit: end(to, minute + 20),
        minor,
    };
    let first = paid("CEN", "NOR", 600, 200);
    let second = |minute| pays(RiderClass::Adult, "NOR", "SUB", minute, &[first]);
    assert_eq!((second(690), second(691)), (0, 300));
    let both = [first, paid("NOR", "SUB", 650, 0)];
    assert_eq!(
        pays(RiderClass::Adult, "SUB", "NOR", 700, &both),
        300,
        "one only"
    );
}

#[test]
// long: a table of cases
fn mistakes_in_a_feed_are_named_with_their_place() {
    for (file, from, to, message) in [
        (
            "stops.txt",
            "nor,North",
            "no/rth of here,North",
            "stops.txt:5:1: \"no/rth of here\"",
        ),
        (
            "stops.txt",
            "52.5300",
            "north",
            "stops.txt:5:11: stop_lat is \"north\", expected a number",
        ),
        (
            "stops.txt",
            "\"Central, platform 1\"",
            "\"Central",
            "stops.txt:3:7: this quotation mark",
        ),
        (
            "stops.txt",
            "sub,Suburb,52.6000,13.4000,,",
            "sub,Suburb",
            "stops.txt:6:1: this line has 2",
        ),
        (
            "stop_areas.txt",
            "outer,sub",
            "outer,bus",
            "stop_areas.txt:5:7: there is no stop \"bus\"",
        ),
        (
            "stop_areas.txt",
            "outer,sub",
            "far,sub",
            "stop_areas.txt:5:1: there is no area \"far\"",
        ),
        (
            "timeframes.txt",
            "06:30:00",
            "6:30",
            "timeframes.txt:2:6: got \"6:30\"",
        ),
        (
            "timeframes.txt",
            "09:30:00,workdays",
            "09:30:00,days",
            "timeframes.txt:2:24: there is no service",
        ),
        (
            "calendar.txt",
            "1,1,1,1,1,0",
            "1,1,1,1,0,0",
            "calendar.txt:2:10: fares know working days",
        ),
        (
            "rider_categories.txt",
            "child,Child",
            "kid,Child",
            "rider_categories.txt:3:1: \"kid\" is none",
        ),
        (
            "fare_products.txt",
            "3.60",
            "3.605",
            "fare_products.txt:6:41: got \"3.605\"",
        ),
        (
            "fare_products.txt",
            "short,Short,child",
            "short,Short,kid",
            "fare_products.txt:3:13: there is no category",
        ),
        (
            "fare_leg_rules.txt",
            ",long,1",
            ",longer,1",
            "fare_leg_rules.txt:3:25: there is no product",
        ),
        (
            "fare_leg_rules.txt",
            "peak,long_peak",
            "late,long_peak",
            "fare_leg_rules.txt:5:24: there is no group",
        ),
        (
            "networks.txt",
            "metro,Metro",
            "metro,Metro\nbus,Bus",
            "fare_leg_rules.txt:2:5: this fare depends on the network; say whose gates these are with --network: bus, metro",
        ),
        (
            "networks.txt",
            "metro,",
            "tram,",
            "fare_leg_rules.txt:2:5: there is no network \"metro\"",
        ),
        (
            "fare_products.txt",
            "3.60,EUR",
            "3.60,USD",
            "fare_products.txt:6:46: got USD, the policy's currency is EUR",
        ),
        (
            "fare_products.txt",
            "long_peak,Long in the peak,child,phone,1.50",
            "long_peak,Long in the peak,child,phone,4.50",
            "from inner to outer the fare for child is 450 and for adults 360 minor units",
        ),
        (
            "calendar.txt",
            "20271231",
            "20261231",
            "calendar.txt:2:33: service \"workdays\" ends on 2026-12-31: write valid_until = \"2026-12-31\"",
        ),
        (
            "timeframes.txt",
            "09:30:00",
            "05:30:00",
            "timeframes.txt:2:15: this timeframe ends before it begins",
        ),
        (
            "fare_leg_rules.txt",
            "all,metro,,,,short,0",
            "all,metro,inner,inner,peak,short,0\nall,metro,outer,outer,,short,0",
            "from inner to inner there is no fare at some times, such as workday 00:00-06:30",
        ),
        (
            "fare_transfer_rules.txt",
            "5400,1,0,",
            "5400,1,1,short",
            "fare_transfer_rules.txt:2:20: nobody pays more because of a transfer",
        ),
        (
            "fare_transfer_rules.txt",
            "5400",
            "5401",
            "fare_transfer_rules.txt:2:11: got 5401 seconds",
        ),
        (
            "fare_transfer_rules.txt",
            "5400,1,0",
            "5400,9,0",
            "fare_transfer_rules.txt:2:16: got \"9\"",
        ),
        (
            "fare_transfer_rules.txt",
            "5400,1,0",
            "5400,1,7",
            "fare_transfer_rules.txt:2:18: got \"7\"",
        ),
    ] {
        let (mut files, policy) = sample();
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        *text = text.replacen(from, to, 1);
        let got = convert(&files, &policy, &Choice::default()).unwrap_err().to_string();
        assert!(got.contains(message), "{got}");
    }
    // A pair without a fare is refused with the pair named, where the tariff is checked.
    let (mut files, policy) = sample();
    let rules = files.get_mut("fare_leg_rules.txt").unwrap();
    *rules = rules.replace("all,metro,,,,short,0", "all,metro,inner,inner,,short,0");
    let text = convert(&files, &policy, &Choice::default()).unwrap();
    let got = Tariff::parse(&text).unwrap_err().to_string();
    assert!(
        got.contains("1 pairs of stations have no fare: SUB to SUB"),
        "{got}"
    );
}

#[test]
fn all_ways_to_measure_a_transfer_are_known() {
    for (kind, word) in [
        ("0", "entry-to-exit"),
        ("1", "entry-to-entry"),
        ("2", "exit-to-entry"),
        ("3", "exit-to-exit"),
    ] {
        let (mut files, policy) = sample();
        let rules = files.get_mut("fare_transfer_rules.txt").unwrap();
        *rules = rules.replace("5400,1,0", &format!("5400,{kind},2"));
        let text = convert(&files, &policy, &Choice::default()).unwrap();
        assert!(text.tariff.contains(&format!("measured = \"{word}\"")));
        assert!(text.tariff.contains("total_minor = 0\nfurther_minor = 0"));
        Tariff::parse(&text).unwrap();
    }
}

/// The sample with these files in place of its own; an empty one is left out.
fn changed(changes: &[(&str, &str)], choice: &Choice) -> Tariff {
    let (mut files, policy) = sample();
    for (file, text) in changes {
        files.insert((*file).to_owned(), (*text).to_owned());
    }
    let text = convert(&files, &policy, choice).unwrap_or_else(|err| panic!("{err}"));
    Tariff::parse(&text).unwrap_or_else(|err| panic!("{err}\n{}", text.tariff))
}

fn costs(tariff: &Tariff, class: RiderClass, from: (&str, i64), to: (&str, i64)) -> i64 {
    let ride = Ride {
        class,
        class_until: None,
        entry: end(from.0, from.1),
        exit: end(to.0, to.1),
        earlier: &[],
    };
    tariff.price(&ride).unwrap().fare.minor
}

/// At noon of a Monday.
fn noon(tariff: &Tariff, from: &str, to: &str) -> i64 {
    costs(tariff, RiderClass::Adult, (from, 720), (to, 740))
}

#[test]
fn a_feed_without_areas_and_times_is_a_flat_fare() {
    let tariff = changed(
        &[
            ("areas.txt", ""),
            ("stop_areas.txt", ""),
            ("timeframes.txt", ""),
            ("networks.txt", ""),
            ("fare_transfer_rules.txt", ""),
            ("fare_leg_rules.txt", "fare_product_id\nshort\n"),
        ],
        &Choice::default(),
    );
    assert_eq!(noon(&tariff, "CEN", "SUB"), 200);
    assert_eq!(noon(&tariff, "SUB", "NOR"), 200);
}

#[test]
fn a_station_in_two_areas_follows_the_rule_of_the_highest_priority() {
    let areas = "area_id,stop_id\ninner,cen\ninner,nor\nouter,sub\nairport,sub\n";
    let rules = "from_area_id,to_area_id,fare_product_id,rule_priority\n,,short,0\nairport,,long,5\n";
    let tariff = changed(
        &[
            ("areas.txt", "area_id\ninner\nouter\nairport\n"),
            ("stop_areas.txt", areas),
            ("fare_leg_rules.txt", rules),
            ("fare_transfer_rules.txt", ""),
        ],
        &Choice::default(),
    );
    assert_eq!(noon(&tariff, "SUB", "CEN"), 300);
    assert_eq!(noon(&tariff, "CEN", "SUB"), 200, "one way only");
    // The areas stay zones, for the caps of a policy.
    let form = tariff.form();
    for line in ["zone outer SUB", "zone airport SUB", "zone airport-outer SUB", "zone inner CEN"] {
        assert!(form.lines().any(|one| one == line), "{line}\n{form}");
    }
}

#[test]
fn without_priorities_an_empty_area_means_those_that_no_rule_names() {
    let rules = "from_area_id,to_area_id,fare_product_id\n,,short\nouter,,long\n,outer,long\nouter,outer,short\n";
    let none = [("fare_transfer_rules.txt", ""), ("fare_leg_rules.txt", rules)];
    let tariff = changed(&none, &Choice::default());
    assert_eq!(noon(&tariff, "CEN", "NOR"), 200);
    assert_eq!(noon(&tariff, "CEN", "SUB"), 300);
    assert_eq!(noon(&tariff, "SUB", "SUB"), 200);
}

#[test]
fn only_the_rules_of_the_gates_network_count() {
    let routes = "route_id,network_id\nU1,metro\n100,bus\n";
    let rules = "network_id,fare_product_id,rule_priority\nmetro,long,0\nbus,short,9\n";
    let files = [
        ("networks.txt", ""),
        ("routes.txt", routes),
        ("fare_leg_rules.txt", rules),
        ("fare_transfer_rules.txt", ""),
    ];
    for (network, minor) in [("metro", 300), ("bus", 200)] {
        let choice = Choice {
            network: Some(network.to_owned()),
            medium: None,
            ..Choice::default()
        };
        assert_eq!(noon(&changed(&files, &choice), "CEN", "NOR"), minor, "{network}");
    }
    // Only where its trips call are stations.
    let trips = "route_id,service_id,trip_id\nU1,w,1\n100,w,2\n";
    let stop_times = "trip_id,arrival_time,stop_id,stop_sequence\n\
                      1,08:00:00,cen_2,1\n1,08:10:00,\"nor\",2\n2,08:00:00,sub,1\n2,08:05:00,cen_1,2\n";
    let mut called = files.to_vec();
    called.extend([("trips.txt", trips), ("stop_times.txt", stop_times)]);
    let choice = Choice {
        network: Some("metro".to_owned()),
        medium: None,
        ..Choice::default()
    };
    let tariff = changed(&called, &choice);
    let stations: Vec<_> = tariff.stations().map(|station| station.id.to_string()).collect();
    assert_eq!(stations, ["CEN", "NOR"]);
    let (mut sample, policy) = sample();
    sample.extend(files.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let choice = Choice {
        network: Some("tram".to_owned()),
        medium: None,
        ..Choice::default()
    };
    let got = convert(&sample, &policy, &choice).unwrap_err().to_string();
    assert!(got.contains("there is no network \"tram\"; there are: bus, metro"), "{got}");
}

#[test]
fn times_may_be_covered_by_timeframes_alone_and_overlap() {
    let calendar = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                    all,1,1,1,1,1,1,1,20260101,20271231\n";
    let frames = "timeframe_group_id,start_time,end_time,service_id\n\
                  zday,06:00:00,20:00:00,all\npeak,7:00:00,10:00:00,all\noff,00:00:00,06:00:00,all\n\
                  off,20:00:00,24:00:00,all\n";
    let rules = "from_timeframe_group_id,fare_product_id,rule_priority\n\
                 off,short,0\nzday,long,0\npeak,long_peak,1\n";
    let tariff = changed(
        &[
            ("calendar.txt", calendar),
            ("timeframes.txt", frames),
            ("fare_leg_rules.txt", rules),
            ("fare_transfer_rules.txt", ""),
        ],
        &Choice::default(),
    );
    for (minute, minor) in [(0, 200), (359, 200), (360, 300), (420, 360), (599, 360), (600, 300), (1_200, 200)] {
        let got = costs(&tariff, RiderClass::Adult, ("CEN", minute), ("SUB", minute + 10));
        assert_eq!(got, minor, "{minute}");
    }
}

#[test]
fn the_days_of_timeframes_begin_at_midnight() {
    let calendar = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
                    saturdays,0,0,0,0,0,1,0,20260101,20271231\n";
    let frames = "timeframe_group_id,start_time,end_time,service_id\nnight,00:00:00,03:00:00,saturdays\n";
    let rules = "from_timeframe_group_id,fare_product_id,rule_priority\n,short,0\nnight,long,1\n";
    let tariff = changed(
        &[
            ("calendar.txt", calendar),
            ("timeframes.txt", frames),
            ("fare_leg_rules.txt", rules),
            ("fare_transfer_rules.txt", ""),
        ],
        &Choice::default(),
    );
    // Saturday 01:00 belongs to the service day of Friday.
    let saturday = 5 * 1_440 + 60;
    let got = |minute| costs(&tariff, RiderClass::Adult, ("CEN", minute), ("SUB", minute + 10));
    assert_eq!((got(saturday), got(saturday + 1_440)), (300, 200));
}

#[test]
fn each_class_may_have_products_of_its_own() {
    let products = "fare_product_id,rider_category_id,amount,currency\n\
                    single,regular,2.00,EUR\nkids,child,0.80,EUR\nany,,2.50,EUR\n";
    let rules = "fare_product_id,rule_priority\nsingle,1\nkids,1\nany,0\n";
    let tariff = changed(
        &[
            ("fare_products.txt", products),
            ("fare_leg_rules.txt", rules),
            ("fare_transfer_rules.txt", ""),
            ("timeframes.txt", ""),
        ],
        &Choice::default(),
    );
    for (class, minor) in [(RiderClass::Adult, 200), (RiderClass::Child, 80), (RiderClass::Senior, 200)] {
        assert_eq!(costs(&tariff, class, ("CEN", 720), ("SUB", 740)), minor, "{class:?}");
    }
}

#[test]
fn categories_by_other_names_are_told_or_left_out() {
    let categories = "rider_category_id,rider_category_name,is_default_fare_category\n\
                      regular,R,1\nyouth,Y,0\nvisitor,V,0\n";
    let products = "fare_product_id,rider_category_id,amount,currency\n\
                    short,regular,2.00,EUR\nshort,youth,1.20,EUR\nshort,visitor,9.00,EUR\n";
    let files = [
        ("rider_categories.txt", categories),
        ("fare_products.txt", products),
        ("fare_leg_rules.txt", "fare_product_id\nshort\n"),
        ("fare_transfer_rules.txt", ""),
        ("timeframes.txt", ""),
    ];
    let named = |classes: &[(&str, Option<RiderClass>)]| Choice {
        classes: classes.iter().map(|(id, class)| ((*id).to_owned(), *class)).collect(),
        ..Choice::default()
    };
    let told = named(&[("youth", Some(RiderClass::Student)), ("visitor", None)]);
    let tariff = changed(&files, &told);
    for (class, minor) in [(RiderClass::Adult, 200), (RiderClass::Student, 120), (RiderClass::Child, 200)] {
        assert_eq!(costs(&tariff, class, ("CEN", 720), ("SUB", 740)), minor, "{class:?}");
    }
    let (mut sample, policy) = sample();
    sample.extend(files.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let got = convert(&sample, &policy, &named(&[("visitor", None)])).unwrap_err().to_string();
    assert!(got.contains("rider_categories.txt:3:1: \"youth\" is none of our classes; say which it is with --class youth=CLASS"), "{got}");
    let got = convert(&sample, &policy, &named(&[("kid", None)])).unwrap_err().to_string();
    assert!(got.contains("youth"), "{got}");
}

#[test]
fn fares_by_medium_need_the_riders_medium() {
    let media = "fare_media_id,fare_media_name,fare_media_type\npaper,Paper,1\nphone,Phone,4\n";
    let products = "fare_product_id,fare_media_id,amount,currency\n\
                    short,paper,2.40,EUR\nshort,phone,2.00,EUR\nshort,,2.20,EUR\n";
    let files = [
        ("fare_media.txt", media),
        ("fare_products.txt", products),
        ("fare_leg_rules.txt", "fare_product_id\nshort\n"),
        ("fare_transfer_rules.txt", ""),
        ("timeframes.txt", ""),
    ];
    for (medium, minor) in [("paper", 240), ("phone", 200)] {
        let choice = Choice {
            network: None,
            medium: Some(medium.to_owned()),
            ..Choice::default()
        };
        assert_eq!(noon(&changed(&files, &choice), "CEN", "SUB"), minor, "{medium}");
    }
    let (mut sample, policy) = sample();
    sample.extend(files.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let got = convert(&sample, &policy, &Choice::default()).unwrap_err();
    let got = got.to_string();
    assert!(
        got.contains("fare_products.txt:3:13: this product has another amount for the same riders above; say")
            && got.contains("--medium: paper, phone"),
        "{got}"
    );
}

#[test]
fn yen_have_no_decimals() {
    let (mut files, policy) = sample();
    let policy = policy.replace("\"EUR\"", "\"JPY\"");
    files.insert(
        "fare_products.txt".to_owned(),
        "fare_product_id,amount,currency\nshort,210,JPY\nlong,300,JPY\nlong_peak,350,JPY\n".to_owned(),
    );
    let tariff = Tariff::parse(&convert(&files, &policy, &Choice::default()).unwrap()).unwrap();
    assert_eq!(noon(&tariff, "CEN", "NOR"), 210);
    let wrong = files.get_mut("fare_products.txt").unwrap();
    *wrong = wrong.replace("210", "2.10");
    let got = convert(&files, &policy, &Choice::default()).unwrap_err().to_string();
    assert!(got.contains("got \"2.10\"; write an amount like 240: JPY has 0 decimals"), "{got}");
}

#[test]
fn single_days_must_be_what_the_policy_says() {
    let removed = "service_id,date,exception_type\nworkdays,20261001,2\n";
    let (mut files, policy) = sample();
    files.insert("calendar_dates.txt".to_owned(), removed.to_owned());
    let got = convert(&files, &policy, &Choice::default()).unwrap_err().to_string();
    let expected = "calendar_dates.txt:2:10: 2026-10-01 is like a holiday: add \"2026-10-01\" to holidays under [day]";
    assert!(got.contains(expected), "{got}");
    let policy = policy.replace("[day]\n", "[day]\nholidays = [\"2026-10-01\"]\n");
    let tariff = Tariff::parse(&convert(&files, &policy, &Choice::default()).unwrap()).unwrap();
    // In the peak of that Thursday, 122 days after Monday, 1 June.
    let peak = 122 * 1_440 + 420;
    let got = |minute| costs(&tariff, RiderClass::Adult, ("CEN", minute), ("SUB", minute + 10));
    assert_eq!((got(peak), got(peak + 1_440)), (300, 360));
    let added = "service_id,date,exception_type\nworkdays,20261003,1\n";
    files.insert("calendar_dates.txt".to_owned(), added.to_owned());
    let got = convert(&files, &policy, &Choice::default()).unwrap_err().to_string();
    assert!(got.contains("2026-10-03 is like a working day: add \"2026-10-03\" to workdays"), "{got}");
}

#[test]
fn transfers_count_from_the_first_journey_and_by_their_number() {
    let products = "fare_product_id,rider_category_id,amount,currency\n\
                    short,regular,2.00,EUR\nshort,child,1.00,EUR\nsecond,regular,0.60,EUR\nsecond,child,0.20,EUR\n";
    let transfers = "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
                     fare_transfer_type,fare_product_id\n\
                     ,,2,5400,1,0,second\n,,1,5400,1,0,\n";
    let tariff = changed(
        &[
            ("fare_products.txt", products),
            ("fare_leg_rules.txt", "fare_product_id\nshort\n"),
            ("fare_transfer_rules.txt", transfers),
            ("timeframes.txt", ""),
        ],
        &Choice::default(),
    );
    let day = |class, minutes: &[i64]| {
        let mut paid: Vec<Paid> = Vec::new();
        for minute in minutes {
            let ride = Ride {
                class,
                class_until: None,
                entry: end("CEN", *minute),
                exit: end("NOR", minute + 10),
                earlier: &paid,
            };
            let minor = tariff.price(&ride).unwrap().fare.minor;
            paid.push(Paid {
                entry: ride.entry,
                exit: ride.exit,
                minor,
            });
        }
        paid.iter().map(|paid| paid.minor).collect::<Vec<_>>()
    };
    use RiderClass::{Adult, Child};
    // The first is free, the second costs its product, the third is a journey of its own.
    assert_eq!(day(Adult, &[600, 620, 640, 660]), [200, 0, 60, 200]);
    assert_eq!(day(Child, &[600, 620, 640, 660]), [100, 0, 20, 100]);
    // 90 minutes from the first entry on, not from the one before.
    assert_eq!(day(Adult, &[600, 660, 691]), [200, 0, 200]);
}

#[test]
fn a_total_is_for_two_and_each_further_journey_costs_it_again() {
    let products = "fare_product_id,amount,currency\nshort,2.00,EUR\nboth,2.50,EUR\n";
    let transfers = "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
                     fare_transfer_type,fare_product_id\n,,-1,,,2,both\n";
    let tariff = changed(
        &[
            ("fare_products.txt", products),
            ("fare_leg_rules.txt", "fare_product_id\nshort\n"),
            ("fare_transfer_rules.txt", transfers),
            ("timeframes.txt", ""),
        ],
        &Choice::default(),
    );
    let paid = |minute, minor| Paid {
        entry: end("CEN", minute),
        exit: end("NOR", minute + 10),
        minor,
    };
    let next = |earlier: &[Paid]| {
        let ride = Ride {
            class: RiderClass::Adult,
            class_until: None,
            entry: end("NOR", 700),
            exit: end("CEN", 710),
            earlier,
        };
        tariff.price(&ride).unwrap().fare.minor
    };
    assert_eq!(next(&[paid(600, 200)]), 50);
    // S + BC; and nobody pays more than for the journey alone.
    assert_eq!(next(&[paid(600, 200), paid(640, 50)]), 200);
}

#[test]
fn groups_of_legs_with_the_same_transfers_are_as_one() {
    let rules = "leg_group_id,from_area_id,to_area_id,fare_product_id,rule_priority\n\
                 a,,,short,0\nb,inner,outer,long,1\nb,outer,inner,long,1\n";
    let head = "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
                fare_transfer_type,fare_product_id\n";
    let all = format!("{head}a,a,1,5400,1,0,\na,b,,5400,1,0,\nb,a,,5400,1,0,\nb,b,1,5400,1,0,\n");
    let files = [("fare_leg_rules.txt", rules), ("fare_transfer_rules.txt", &all)];
    let form = changed(&files, &Choice::default()).form();
    assert!(form.contains("transfer transfer-1 90 entry-to-entry 1 fare 0\ntransfer-since-first transfer-1\n"));
    let (mut sample, policy) = sample();
    sample.extend(files.map(|(name, text)| (name.to_owned(), text.to_owned())));
    sample.insert("fare_transfer_rules.txt".to_owned(), format!("{head}a,b,,5400,1,0,\n"));
    let got = convert(&sample, &policy, &Choice::default()).unwrap_err().to_string();
    assert!(got.contains("this transfer depends on the group of a leg"), "{got}");
}
