//! The sample feed as a tariff, and every mistake with its place.

use fare_protocol::{RiderClass, StationId, UnixMs};
use fare_rules::tariff::Day;
use fare_rules::{End, Paid, Ride, Tariff};
use fare_server::gtfs::{FILES, Files, convert};
use std::fs;
use std::path::PathBuf;

fn sample() -> (Files, String) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../gate-config/gtfs-sample");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let files = FILES.map(|name| (name.to_owned(), read(name)));
    (files.into_iter().collect(), read("fare_policy.toml"))
}

fn tariff() -> Tariff {
    let (files, policy) = sample();
    let text = convert(&files, &policy).unwrap();
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
            "fare_leg_rules.txt",
            "all,metro,outer,inner,,long,1\n",
            "",
            "fare_leg_rules.txt:1:1: the fares from inner to outer and from outer to inner differ",
        ),
        (
            "networks.txt",
            "metro,Metro",
            "metro,Metro\nbus,Bus",
            "fare_leg_rules.txt:2:5: this fare depends on",
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
        let got = convert(&files, &policy).unwrap_err().to_string();
        assert!(got.contains(message), "{got}");
    }
    // A pair without a fare is refused with the pair named, where the tariff is checked.
    let (mut files, policy) = sample();
    let rules = files.get_mut("fare_leg_rules.txt").unwrap();
    *rules = rules.replace("all,metro,,,,short,0", "all,metro,inner,inner,,short,0");
    let text = convert(&files, &policy).unwrap();
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
        let text = convert(&files, &policy).unwrap();
        assert!(text.tariff.contains(&format!("measured = \"{word}\"")));
        assert!(text.tariff.contains("total_minor = 0"));
        Tariff::parse(&text).unwrap();
    }
}
