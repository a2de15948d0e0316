//! What is judged, shown and published of gates in many states.
#![allow(clippy::unwrap_used)]

use super::metrics::{METRICS, text};
use super::*;
use crate::logbook::Zone;
use fare_protocol::{Currency, LaneNo, Mode, Money, TariffHash};
use std::collections::BTreeMap;

/// 2026-11-29 06:03:22 UTC.
const NOW: i64 = 1_795_932_202_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn ago(ms: i64) -> UnixMs {
    UnixMs(NOW - ms)
}

/// A gate with which all is well.
// long: one value, field by field
fn fine() -> Report {
    let mut open_times = OpenTimes::default();
    open_times.add(80);
    open_times.add(240);
    Report {
        at_ms: UnixMs(NOW),
        runs: true,
        daemon: Some(Published {
            at_ms: ago(4_000),
            every_s: 10,
            gate: Identity {
                id: "PGY-01".parse().unwrap(),
                station: "PGY".parse().unwrap(),
                line: "1".parse().unwrap(),
                lane: LaneNo(1),
                version: "0.1.0".to_owned(),
                pid: 812,
                started_ms: ago(6 * HOUR),
            },
            mode: Mode::Normal,
            lane: "idle".to_owned(),
            fire: false,
            eyes: Some(Eyes {
                coming: true,
                frames: 3_000,
                looked_at: 2_990,
                read: 120,
                frames_per_s: 30.0,
                looked_per_s: 29.9,
                unread: BTreeMap::from([("glare".to_owned(), 12), ("moving".to_owned(), 0)]),
                panics: 0,
            }),
            scanner: Some(Scanner {
                answers: true,
                read: 40,
                dropped: 1,
            }),
            taps: Taps {
                entries: 50,
                refused: BTreeMap::from([(41, 2), (60, 7), (50, 2), (20, 1)]),
                passed: 47,
                annulled: 3,
                last_tap_ms: Some(ago(20_000)),
                last_passage_ms: Some(ago(19_000)),
                open_times,
                ..Taps::default()
            },
            lamps_answer: Some(true),
            barrier: Barrier {
                answers: true,
                faults: 0,
            },
            server: Some(Server {
                online: Some(true),
                since_ms: Some(ago(HOUR)),
                last_success_ms: Some(ago(3_000)),
                reason: None,
                certificate_until_ms: None,
                not_renewed: None,
                revoked: None,
            }),
            tariff: TariffInForce {
                name: "beijing".to_owned(),
                hash: TariffHash([0xab; 16]),
            },
            clock: Clock {
                error_ms: 50,
                by: "as configured".to_owned(),
            },
            notes_dropped: 0,
        }),
        journal: Some(Books {
            waiting: 2,
            oldest_waiting_ms: Some(ago(4 * MINUTE)),
            newest_record: 97,
            denied: 4_211,
            news_as_of_ms: Some(ago(12_000)),
            first_rides: Some(Money::new(1_800, Currency::CNY)),
            bytes: 3 * 1024 * 1024,
            ..Books::default()
        }),
        journal_error: None,
        config: None,
        machine: Machine {
            disk: Some(Disk {
                size: 100 << 30,
                free: 80 << 30,
            }),
            warmest: Some(Warmest {
                sensor: "cpu-thermal".to_owned(),
                celsius: 52.4,
            }),
            clock_synchronised: Some(true),
        },
    }
}

fn codes(report: &Report) -> Vec<&'static str> {
    report
        .problems()
        .iter()
        .map(|problem| problem.code)
        .collect()
}

/// What is said of a gate that is fine but for one thing.
fn but(change: impl FnOnce(&mut Report)) -> Vec<&'static str> {
    let mut report = fine();
    change(&mut report);
    codes(&report)
}

fn daemon(report: &mut Report) -> &mut Published {
    report.daemon.as_mut().unwrap()
}

fn books(report: &mut Report) -> &mut Books {
    report.journal.as_mut().unwrap()
}

fn offline(report: &mut Report, since: i64) {
    let server = daemon(report).server.as_mut().unwrap();
    (server.online, server.since_ms) = (Some(false), Some(ago(since)));
}

#[test]
fn what_is_not_as_it_should_be_is_named() {
    let nothing: [&str; 0] = [];
    assert_eq!(codes(&fine()), nothing);
    assert_eq!(but(|gate| gate.daemon = None), ["not-running"]);
    assert_eq!(but(|gate| gate.runs = false), ["not-running"]);
    assert_eq!(but(|gate| daemon(gate).at_ms = ago(31_000)), ["silent"]);
    let blind = |gate: &mut Report| daemon(gate).eyes.as_mut().unwrap().coming = false;
    assert_eq!(but(blind), ["no-frames"]);
    let scanner_only = |answers| {
        move |gate: &mut Report| {
            daemon(gate).eyes = None;
            daemon(gate).scanner = Some(Scanner {
                answers,
                read: 3,
                dropped: 1,
            });
        }
    };
    assert_eq!(but(scanner_only(true)), nothing);
    assert_eq!(but(scanner_only(false)), ["scanner-away"]);
    assert_eq!(
        but(|gate| daemon(gate).barrier.answers = false),
        ["barrier-away"]
    );
    let dark = |gate: &mut Report| daemon(gate).lamps_answer = Some(false);
    assert_eq!(but(dark), ["lamps-away"]);
    assert_eq!(but(|gate| daemon(gate).fire = true), ["fire-alarm"]);
    assert_eq!(but(|gate| daemon(gate).mode = Mode::Closed), ["closed"]);
    assert_eq!(
        but(|gate| daemon(gate).clock.error_ms = 1_001),
        ["clock-unsure"]
    );
    assert_eq!(but(|gate| offline(gate, 4 * MINUTE)), nothing);
    assert_eq!(but(|gate| offline(gate, 5 * MINUTE)), ["offline"]);
    assert_eq!(but(|gate| books(gate).quarantined = 1), ["quarantined"]);
    let old = |gate: &mut Report| books(gate).oldest_waiting_ms = Some(ago(HOUR));
    assert_eq!(but(old), ["outbox-old"]);
    let old = |gate: &mut Report| books(gate).news_as_of_ms = Some(ago(24 * HOUR));
    assert_eq!(but(old), ["deny-list-old"]);
    assert_eq!(
        but(|gate| books(gate).news_as_of_ms = None),
        ["no-deny-list"]
    );
    let alone = |gate: &mut Report| {
        daemon(gate).server = None;
        books(gate).news_as_of_ms = None;
        books(gate).oldest_waiting_ms = Some(ago(99 * HOUR));
    };
    assert_eq!(
        but(alone),
        nothing,
        "a gate that works alone waits for nobody"
    );
    let full = |gate: &mut Report| gate.machine.disk.as_mut().unwrap().free = 4 << 30;
    assert_eq!(but(full), ["disk-full"]);
    let hot = |gate: &mut Report| gate.machine.warmest.as_mut().unwrap().celsius = 80.0;
    assert_eq!(but(hot), ["hot"]);
    let blind = |gate: &mut Report| gate.journal_error = Some("no".to_owned());
    assert_eq!(but(blind), ["journal-unreadable"]);
}

#[test]
fn one_screen_says_it_all_and_first_what_is_wrong() {
    let zone = Zone::utc();
    let said = screen(&fine(), &zone, Paint::Plain);
    for part in [
        "gate PGY-01 at PGY, line 1, lane 1    2026-11-29 06:03:22\nFINE\n",
        "runs       faregate 0.1.0, process 812, since 2026-11-29 00:03:22 (6 h ago)",
        "mode       normal; lane idle",
        "server     online since 2026-11-29 05:03:22 (60 min ago)",
        "outbox     2 records wait, the oldest for 4 min; 0 refused by the server",
        "deny list  4211 accounts, 12 s old",
        "new riders may cost CNY 18.00 together, since that list",
        "tariff     beijing, version abababab",
        "camera     30.0 frames a second, 29.9 looked at; 120 frames with a code read",
        "not read   glare: 12\n",
        "riders     50 in, 0 out; last 20 s ago\n",
        "refused    12; 60 passback: 7, 41 code-expired: 2, 50 denied: 2\n",
        "passages   47 passed, 3 annulled, 0 unknown; last 19 s ago",
        "opening    160 ms after the frame, mean of 2",
        "clock      right to 50 ms, as configured",
        "disk       80 GiB free of 100 GiB (80 %)",
        "warmest    52 °C (cpu-thermal)",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    assert!(said.lines().count() <= 24, "more than a screen:\n{said}");
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );

    let mut wrong = fine();
    offline(&mut wrong, 6 * MINUTE);
    daemon(&mut wrong).barrier.answers = false;
    let said = screen(&wrong, &zone, Paint::Colours);
    assert!(
        said.contains("\u{1b}[1;31mLOOK AFTER\u{1b}[0m  the barrier's board does not answer\n")
    );
    assert!(!said.contains("FINE"), "{said}");
    let plain = screen(&wrong, &zone, Paint::Plain);
    assert!(!plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn what_is_published_is_read_back_and_never_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gate.status");
    let published = fine().daemon.unwrap();
    for _ in 0..2 {
        write(&path, &serde_json::to_string(&published).unwrap()).unwrap();
        assert_eq!(read(&path).unwrap(), published);
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "a file was left behind"
    );
    std::fs::write(&path, "{").unwrap();
    assert!(read(&path).is_err());
    assert!(write(&dir.path().join("no/where"), "").is_err());
}

#[test]
fn every_figure_is_in_the_list_and_the_list_in_the_text() {
    let page = text(&fine());
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        assert!(
            page.contains(&format!("# HELP {name} {help}\n")),
            "no {name} in\n{page}"
        );
        assert!(help.ends_with('.') && !help.contains('|') && !help.contains('\\'));
    }
    for line in [
        "faregate_info{gate=\"PGY-01\",station=\"PGY\",line=\"1\",lane=\"1\",version=\"0.1.0\"} 1",
        "faregate_refusals_total{gate=\"PGY-01\",number=\"60\",code=\"passback\"} 7",
        "faregate_refusals_total{gate=\"PGY-01\",number=\"10\",code=\"gate-closed\"} 0",
        "faregate_unread_total{gate=\"PGY-01\",cause=\"glare\"} 12",
        "faregate_tap_to_open_seconds_bucket{gate=\"PGY-01\",le=\"0.1\"} 1",
        "faregate_tap_to_open_seconds_bucket{gate=\"PGY-01\",le=\"+Inf\"} 2",
        "faregate_tap_to_open_seconds_sum{gate=\"PGY-01\"} 0.32",
        "faregate_server_online{gate=\"PGY-01\"} 1",
        "faregate_outbox_oldest_age_seconds{gate=\"PGY-01\"} 240",
        "faregate_temperature_celsius{gate=\"PGY-01\",sensor=\"cpu-thermal\"} 52.4",
    ] {
        assert!(page.lines().any(|l| l == line), "no {line} in\n{page}");
    }
    // The grammar: a comment, or a name with labels and one number.
    for line in page.lines().filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once("} ").unwrap();
        assert!(
            name.starts_with("faregate_") && name.contains("{gate=\"PGY-01\""),
            "{line}"
        );
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn figures_without_a_value_are_left_out() {
    let mut alone = fine();
    daemon(&mut alone).server = None;
    daemon(&mut alone).taps = Taps::default();
    alone.journal = None;
    alone.machine = Machine::default();
    let page = text(&alone);
    for name in [
        "server_online",
        "last_tap_time",
        "outbox_records",
        "temperature",
        "notes_evicted",
    ] {
        assert!(!page.contains(name), "{name} in\n{page}");
    }
    assert!(page.contains("faregate_clock_error_seconds{gate=\"PGY-01\"} 0.05\n"));
    alone.daemon = None;
    assert_eq!(text(&alone), "");
}
