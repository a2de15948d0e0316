//! Staff let one person through.

use super::*;
use crate::lane::*;

/// In, as tap `n`.
pub(super) fn asked(n: u8) -> Event {
    Event::LetThrough(crate::sample::let_through(n, Direction::Entry))
}

#[test]
fn one_person_is_let_through_and_nobody_charged() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
          1 rider(2) => NOTHING;
          2 asked(3) => NOTHING;
          5 committed(1) => "open, show let through, note let through, wake in 5000 ms";
         10 BarrierOpened => "wake in 5000 ms";
        900 Passed => "commit passage: passed, note passed after 895 ms, close, wake in 3000 ms";
        905 passage_committed(1) => "show ready";
        906 rider(4) => "commit entry confirmation 4, wake in 3000 ms";
    });
    let mut gate = Gate::entry();
    gate.on(0, asked(1));
    gate.on(5, committed(1));
    let effects = gate.lane.on(Passed, at(9)).1;
    let Some(Effect::Commit(Draft::Passage(passage))) = effects.first() else {
        panic!("a passage first: {effects:?}");
    };
    assert_eq!(
        (passage.account, passage.direction),
        (None, Direction::Entry)
    );
}

#[test]
fn who_does_not_come_is_annulled() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
            5 committed(1) => "open, show let through, note let through, wake in 5000 ms";
        5_005 Deadline => "close, wake in 500 ms";
        5_505 Deadline => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
        5_510 passage_committed(1) => "show ready";
    });
}

#[test]
fn a_closed_gate_opens_for_staff_and_closes_again() {
    let mut gate = Gate::new(Role::Entry, Mode::Closed);
    gate.run(day! {
        0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        5 committed(1) => "open, show let through, note let through, wake in 5000 ms";
        9 Passed => "commit passage: passed, note passed after 4 ms, close, wake in 3000 ms";
       15 passage_committed(1) => "show closed";
       16 rider(2) => "note gate-closed, show gate-closed, wake in 3000 ms";
    });
}

#[test]
fn what_is_not_recorded_does_not_open() {
    let mut gate = Gate::entry();
    gate.run(day! {
        0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        5 not_committed(1) => "note not let through";
    });
    gate.is("idle");
    let mut gate = Gate::entry();
    gate.run(day! {
            0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        3_000 Deadline => "note not let through";
        3_500 committed(1) => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
        3_505 passage_committed(1) => NOTHING;
    });
    gate.is("idle");
    let mut gate = Gate::entry();
    gate.run(day! {
            0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        3_000 Deadline => "note not let through";
        3_500 not_committed(1) => NOTHING;
    });
    gate.is("idle");
}

#[test]
fn a_barrier_that_failed_is_tried_again_for_staff() {
    let mut gate = Gate::entry();
    gate.on(0, BarrierFailed);
    gate.run(day! {
        1 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        5 committed(1) => "open, show let through, note let through, wake in 5000 ms";
        9 BarrierFailed => "note barrier failed, show barrier-fault, close, wake in 500 ms";
      509 Deadline => "commit passage: annulled, not opened, note annulled, wake in 3000 ms";
      515 passage_committed(1) => "wake in 2494 ms";
    });
    gate.is("fault");
}

#[test]
fn the_other_way_nobody_is_let_through_and_not_after_a_shutdown() {
    let out = |n| Event::LetThrough(crate::sample::let_through(n, Direction::Exit));
    let mut gate = Gate::entry();
    gate.run(day! { 0 out(1) => NOTHING; });
    let mut gate = Gate::new(Role::Both, Mode::Normal);
    gate.run(day! { 0 out(1) => "commit let through: exit by staff, wake in 3000 ms"; });
    let mut gate = Gate::new(Role::Entry, Mode::Free);
    gate.run(day! { 0 asked(1) => NOTHING; });
    let mut gate = Gate::entry();
    gate.run(day! {
        0 Shutdown => "show out of service, finished";
        1 asked(1) => NOTHING;
    });
}

#[test]
fn fire_and_shutdown_end_it_as_they_end_a_ride() {
    let mut gate = Gate::entry();
    gate.run(day! {
        0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        1 FireAlarm(true) => "open for all, note fire alarm, show free passage";
        5 committed(1) => "commit passage: unknown, note passage unknown, wake in 3000 ms";
        9 passage_committed(1) => NOTHING;
    });
    let mut gate = Gate::entry();
    gate.run(day! {
        0 asked(1) => "commit let through: entry by staff, wake in 3000 ms";
        1 Shutdown => "wake in 1900 ms";
        5 committed(1) => "commit passage: annulled, cancelled, note annulled";
        9 passage_committed(1) => "show out of service, finished";
    });
}
