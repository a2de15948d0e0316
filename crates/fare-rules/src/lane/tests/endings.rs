//! Fire, emergency and shutdown, which may come at any time.

use super::*;
use crate::lane::*;

#[test]
fn fire_opens_at_once_and_for_all() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 FireAlarm(true) => "open for all, note fire alarm, show free passage";
            1 BarrierFailed => "note barrier failed, wake in 500 ms";
          501 Deadline => "open for all";
          510 BarrierOpened => NOTHING;
          600 rider(1) => NOTHING;
          700 Passed => "note free passage";
          800 FireAlarm(true) => "open for all";
          900 set(Mode::Closed) => "note mode changed";
        1_000 FireAlarm(false) => "note fire alarm over, close, show closed";
    });
    gate.is("closed");
}

#[test]
fn fire_while_the_journal_has_the_confirmation() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 rider(1) => "commit entry confirmation, wake in 3000 ms";
          1 FireAlarm(true) => "open for all, note fire alarm, show free passage";
          5 committed(1) => "commit passage: unknown, note passage unknown, wake in 3000 ms";
          6 passage_not_committed(1) => "note passage not committed, wake in 250 ms";
        506 Deadline => "commit passage: unknown, wake in 3000 ms";
        510 passage_committed(1) => NOTHING;
        600 FireAlarm(false) => "note fire alarm over, close, show ready";
    });
    let mut gate = Gate::entry();
    gate.run(day! {
        0 rider(1) => "commit entry confirmation, wake in 3000 ms";
        1 FireAlarm(true) => "open for all, note fire alarm, show free passage";
        2 FireAlarm(false) => "note fire alarm over, close, show ready";
        5 committed(1) => "commit passage: unknown, note passage unknown, wake in 3000 ms";
        6 passage_committed(1) => NOTHING;
    });
    gate.is("idle");
    let mut gate = Gate::entry();
    gate.run(day! {
        0 rider(1) => "commit entry confirmation, wake in 3000 ms";
        1 set(Mode::Emergency) => "open for all, note mode changed, show free passage";
        5 not_committed(1) => NOTHING;
        6 set(Mode::Normal) => "note mode changed, close, show ready";
    });
    gate.is("idle");
}

#[test]
fn fire_while_the_barrier_is_open() {
    let unknown = "open for all, note fire alarm, commit passage: unknown, note passage unknown, \
                   show free passage, wake in 3000 ms";
    let mut gate = Gate::entry();
    gate.run(day! {
          0 rider(1) => "commit entry confirmation, wake in 3000 ms";
          0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        100 FireAlarm(true) => unknown;
        200 Passed => "note free passage";
        300 FireAlarm(false) => "note fire alarm over, close, show ready";
        400 passage_committed(1) => NOTHING;
    });
    gate.is("idle");
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        5_000 Deadline => "close, wake in 500 ms";
        5_100 FireAlarm(true) => unknown;
    });
    gate.is("free-passage");
}

#[test]
fn fire_and_emergency_end_separately() {
    let mut gate = Gate::entry();
    gate.run(day! {
        0 FireAlarm(true) => "open for all, note fire alarm, show free passage";
        1 set(Mode::Emergency) => "open for all, note mode changed";
        2 FireAlarm(false) => "note fire alarm over";
        3 set(Mode::Normal) => "note mode changed, close, show ready";
    });
}

#[test]
fn shutdown_at_rest() {
    for (mode, said) in [
        (Mode::Normal, "show out of service, finished"),
        (Mode::Closed, "show out of service, finished"),
        (Mode::Emergency, "finished"),
    ] {
        let mut gate = Gate::new(Role::Entry, mode);
        gate.run(day! {
            0 Shutdown => said;
            1 Shutdown => NOTHING;
            2 Deadline => NOTHING;
        });
        gate.run(day! {
            3 rider(1) => NOTHING;
        });
    }
    let mut gate = Gate::entry();
    gate.run(day! {
        0 Shutdown => "show out of service, finished";
        5 FireAlarm(true) => "open for all, note fire alarm, show free passage";
    });
}

#[test]
fn shutdown_during_a_passage() {
    let start = day! {
          0 rider(1) => "commit entry confirmation, wake in 3000 ms";
          0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
         10 BarrierOpened => "wake in 5000 ms";
        100 Shutdown => "wake in 1000 ms";
    };
    let mut gate = Gate::entry();
    gate.run(start.clone()).run(day! {
        500 Passed => "commit passage: passed, note passed after 500 ms, close, wake in 1500 ms";
        510 passage_committed(1) => "show out of service, finished";
    });
    let mut gate = Gate::entry();
    gate.run(start.clone()).run(day! {
          600 Obstructed(true) => NOTHING;
        1_100 Deadline => "close, wake in 500 ms";
        1_600 Deadline => "commit passage: annulled, cancelled, note annulled, wake in 400 ms";
        1_610 passage_committed(1) => "show out of service, finished";
    });
    let mut gate = Gate::entry();
    gate.run(start).run(day! {
        1_100 Deadline => "close, wake in 500 ms";
        1_600 Deadline => "commit passage: annulled, cancelled, note annulled, wake in 400 ms";
        1_610 passage_not_committed(1) =>
            "note passage not committed, show out of service, wake in 250 ms";
        1_860 Deadline => "commit passage: annulled, cancelled, wake in 140 ms";
        2_000 Deadline => "finished, wake in 2860 ms";
    });
}

#[test]
fn shutdown_with_somebody_in_the_closing_barrier() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        5_000 Deadline => "close, wake in 500 ms";
        5_100 Obstructed(true) => "wake in 10400 ms";
        5_200 Shutdown => "wake in 1500 ms";
        6_700 Deadline => "commit passage: annulled, timed out, note annulled, wake in 400 ms";
    });
}

#[test]
fn shutdown_with_a_late_deadline() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
            0 Shutdown => "wake in 1000 ms";
        1_300 Deadline => "close, wake in 200 ms";
    });
}

#[test]
fn shutdown_just_before_the_time_is_over() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        4_990 Shutdown => NOTHING;
        5_000 Deadline => "close, wake in 500 ms";
        5_500 Deadline => "commit passage: annulled, cancelled, note annulled, wake in 1390 ms";
    });
}

#[test]
fn shutdown_while_the_journal_has_the_confirmation() {
    let mut gate = Gate::entry();
    gate.run(day! {
         0 rider(1) => "commit entry confirmation, wake in 3000 ms";
         5 Shutdown => "wake in 1900 ms";
         9 committed(1) => "commit passage: annulled, cancelled, note annulled";
        12 passage_committed(1) => "show out of service, finished";
    });
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            5 Shutdown => "wake in 1900 ms";
        1_905 Deadline => "show out of service, finished";
    });
}

#[test]
fn shutdown_during_a_fire_leaves_the_barrier_open() {
    let mut gate = Gate::entry();
    gate.run(day! {
        0 rider(1) => "commit entry confirmation, wake in 3000 ms";
        1 FireAlarm(true) => "open for all, note fire alarm, show free passage";
        2 Shutdown => "wake in 1900 ms";
        3 committed(1) => "commit passage: unknown, note passage unknown";
        4 passage_committed(1) => "finished";
    });
}
