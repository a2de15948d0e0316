//! Whole cities with faults, one from each seed; `fare_sim::simulation` says what is in one and which
//! rules are asserted. A seed that fails prints the command that shows it again.
#![allow(clippy::unwrap_used)]

use fare_sim::simulation::{Broken, Report, RuleBroken, Settings, run};
use std::ops::Range;

fn settings(seed: u64) -> Settings {
    Settings {
        seed,
        hours: 1,
        gates: 6,
        riders: 16,
        faults: 1.0,
    }
}

fn city(settings: Settings) -> Report {
    run(settings).unwrap_or_else(|broken| panic!("{broken}"))
}

/// Runs these seeds; each kind of fault must have happened, else the rules were not put to the test.
fn cities(seeds: Range<u64>) {
    let reports: Vec<_> = seeds.map(|seed| city(settings(seed))).collect();
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    for (what, happened) in [
        ("barriers opened", sum(|report| report.opened)),
        ("commits refused", sum(|report| report.refused)),
        ("power cuts", sum(|report| report.cuts)),
        ("restarts", sum(|report| report.restarts)),
        ("repeats", sum(|report| report.repeats)),
        ("journeys charged", sum(|report| report.charged)),
        ("fires", sum(|report| report.fires)),
        ("codes shown without a network", sum(|report| report.alone)),
        ("uses of products", sum(|report| report.uses)),
        ("journeys on tickets", sum(|report| report.tickets)),
        ("first rides refused", sum(|report| report.first)),
        ("clocks set wrong", sum(|report| report.jumps)),
        ("gates unsure of the time", sum(|report| report.unsure)),
        ("people let through", sum(|report| report.helped)),
    ] {
        assert!(happened > 0, "no {what}");
    }
    for kind in ["double-entry", "same-code", "passage-unknown"] {
        let raised = reports
            .iter()
            .any(|report| report.conflicts.contains_key(kind));
        assert!(raised, "no {kind}");
    }
}

// Four tests, so that they run side by side.

#[test]
fn seeds_1_to_50() {
    cities(1..51);
}

#[test]
fn seeds_51_to_100() {
    cities(51..101);
}

#[test]
fn seeds_101_to_150() {
    cities(101..151);
}

#[test]
fn seeds_151_to_200() {
    cities(151..201);
}

#[test]
fn the_same_seed_is_the_same_city() {
    assert_eq!(city(settings(7)), city(settings(7)));
    assert_ne!(city(settings(7)), city(settings(8)));
}

#[test]
fn a_city_without_faults_has_no_conflicts() {
    let calm = Settings {
        faults: 0.0,
        ..settings(1)
    };
    let report = city(calm);
    assert!(report.conflicts.is_empty(), "{report}");
    assert_eq!((report.cuts, report.repeats, report.refused), (0, 0, 0));
    assert!(report.charged > 20, "{report}");
}

#[test]
fn a_city_of_many_faults_loses_nothing() {
    for seed in 1..6 {
        let storm = Settings {
            faults: 4.0,
            ..settings(seed)
        };
        city(storm);
    }
}

#[test]
fn a_broken_rule_says_how_to_see_it_again() {
    let broken = Broken {
        rule: Box::new(RuleBroken::Money("the books".to_owned())),
        after: 5,
        settings: settings(9),
    };
    let said = broken.to_string();
    assert!(said.starts_with("rule 4, money follows passage: the books"));
    let command = "fare-sim -- city --seed 9 --hours 1 --gates 6 --riders 16 --faults 1";
    assert!(said.ends_with(command), "{said}");
}
