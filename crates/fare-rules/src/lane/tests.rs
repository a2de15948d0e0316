//! Days at one gate: at what time, what happened, what follows. Times in ms from the start.

#![allow(clippy::unwrap_used)]

/// Each line: when, what happens, what follows.
macro_rules! day {
    ($($ms:literal $event:expr => $effects:expr;)*) => { [$(($ms, $event, $effects)),*] };
}

mod asking;
mod endings;
mod let_through;
mod random;
mod table;

use super::*;
use crate::Quote;
use crate::Refusal;
use crate::sample::{
    Phone, START, account, at, cny, confirmation, open_journey, passage, pay_tap, picture, policy,
    quote, say, tap,
};
use fare_protocol::{Direction, FareReason, FareStep, Millis, Mode, VerifiedRideCode};

const NOTHING: &str = "";

/// A lane, after its start.
struct Gate {
    lane: Lane,
}

impl Gate {
    fn new(role: Role, mode: Mode) -> Self {
        Self::with(policy(role), mode)
    }

    fn with(policy: LanePolicy, mode: Mode) -> Self {
        let (lane, _) = Lane::new(policy, Modes::both(mode)).on(Deadline, at(0));
        Self { lane }
    }

    fn entry() -> Self {
        Self::new(Role::Entry, Mode::Normal)
    }

    fn on(&mut self, ms: i64, event: Event) -> String {
        let (lane, effects) = self.lane.clone().on(event, at(ms));
        self.lane = lane;
        say(&effects, at(ms).at)
    }

    /// Each line: when, what happened, what follows.
    #[track_caller]
    fn run<const N: usize>(&mut self, lines: [(i64, Event, &str); N]) -> &mut Self {
        for (ms, event, expected) in lines {
            let what = format!("at {ms} ms, {event:?}");
            assert_eq!(self.on(ms, event), expected, "{what}");
        }
        self
    }

    /// The same by a clock that may be off.
    fn unsure(&mut self, ms: i64, error: u32, event: Event) -> String {
        let now = Stamp {
            error_ms: Millis(error),
            ..at(ms)
        };
        let (lane, effects) = self.lane.clone().on(event, now);
        self.lane = lane;
        say(&effects, now.at)
    }

    #[track_caller]
    fn is(&self, state: &str) {
        assert_eq!(self.lane.state_name(), state);
    }
}

/// Rider `n` shows the first code of a phone of their own.
fn rider(n: u8) -> Event {
    Event::Tap(Box::new(tap(n, n, Ok(code(n)))))
}

/// Both directions are in this mode from now on.
fn set(mode: Mode) -> Event {
    SetMode(Modes::both(mode))
}

/// The same bytes as `rider(1)`, in another frame.
fn again(n: u8) -> Event {
    Event::Tap(Box::new(tap(n, 1, Ok(code(1)))))
}

fn poster(n: u8) -> Event {
    Event::Tap(Box::new(tap(n, 200, Err(Refusal::NotOurs))))
}

fn code(rider: u8) -> VerifiedRideCode {
    Phone {
        lifetime: Millis(600_000),
        ..Phone::of(rider)
    }
    .code()
}

/// An exit of rider `n` for 4.00, shown as `shown`.
fn leaving(n: u8, rider: u8, shown: u8) -> Event {
    let mut tap = tap(n, shown, Ok(code(rider)));
    tap.facts.open_journey = Some(open_journey(rider, START));
    tap.facts.quote = Some(quote(400));
    Event::Tap(Box::new(tap))
}

/// Rider `n` shows a pay code.
fn payer(n: u8) -> Event {
    Event::Tap(Box::new(pay_tap(n, n)))
}

/// What the server says of tap `n`'s pay code.
fn answered(n: u8, said: Said) -> Event {
    let id = confirmation(n);
    Event::Answered(Box::new(Answered { id, said }))
}

fn committed(n: u8) -> Event {
    Event::Committed(confirmation(n))
}

fn not_committed(n: u8) -> Event {
    Event::CommitFailed(confirmation(n))
}

fn passage_committed(n: u8) -> Event {
    Event::Committed(passage(n))
}

fn passage_not_committed(n: u8) -> Event {
    Event::CommitFailed(passage(n))
}

use Event::{
    BarrierFailed, BarrierOpened, Deadline, FireAlarm, Obstructed, Passed, SetMode, Shutdown,
};

#[test]
fn a_lane_starts_with_its_first_deadline() {
    let start = |mode| {
        say(
            &Lane::new(policy(Role::Entry), Modes::both(mode))
                .on(Deadline, at(0))
                .1,
            START,
        )
    };
    assert_eq!(start(Mode::Normal), "show ready");
    assert_eq!(start(Mode::FareExempt), "show ready");
    assert_eq!(start(Mode::Closed), "show closed");
    assert_eq!(start(Mode::Emergency), "show free passage, open for all");
    assert_eq!(start(Mode::Free), "show free passage, open for all");
}

#[test]
fn a_fare_from_old_data_says_how_old() {
    let with = |age_ms: i64| {
        let Event::Tap(mut tap) = leaving(1, 1, 1) else {
            panic!("leaving is a tap");
        };
        tap.facts.cache_as_of = Some(UnixMs(START.0 - age_ms));
        Event::Tap(tap)
    };
    let fresh = i64::from(policy(Role::Exit).cache_fresh.0);
    for (age_ms, shown) in [(0, ""), (fresh, ""), (fresh + 1, ", as of ")] {
        let mut gate = Gate::new(Role::Exit, Mode::Normal);
        gate.on(0, with(age_ms));
        let effects = gate.on(5, committed(1));
        let wanted = format!("open, show admitted for CNY 4.00{shown}");
        assert!(effects.starts_with(&wanted), "{age_ms} ms: {effects}");
        assert_eq!(effects.contains("as of"), !shown.is_empty(), "{effects}");
    }
}

/// Whatever the caches' age: what was paid before is as of the picture's making.
#[test]
fn a_fare_by_a_picture_is_as_of_its_making() {
    let fresh = i64::from(policy(Role::Exit).cache_fresh.0);
    for (age_ms, is_old) in [(fresh, false), (fresh + 1, true)] {
        let Event::Tap(mut tap) = leaving(1, 1, 1) else {
            panic!("leaving is a tap");
        };
        let as_of = UnixMs(START.0 - age_ms);
        tap.credential = Ok(picture(1, |picture| picture.as_of = as_of));
        tap.facts.cache_as_of = Some(START);
        let mut gate = Gate::new(Role::Exit, Mode::Normal);
        gate.on(0, Event::Tap(tap));
        let effects = gate.on(5, committed(1));
        let wanted = format!(", as of {}", as_of.0);
        assert_eq!(effects.contains(&wanted), is_old, "{effects}");
    }
}

/// Stored value is shown as it will be after the fare; below zero when the fare is more.
#[test]
fn a_balance_that_a_picture_tells_is_shown_less_the_fare() {
    for (balance, shown) in [
        (Some(1_000), ", CNY 6.00 left"),
        (Some(400), ", CNY 0.00 left"),
        (Some(100), ", CNY -3.00 left"),
        (None, ""),
    ] {
        let Event::Tap(mut tap) = leaving(1, 1, 1) else {
            panic!("leaving is a tap");
        };
        tap.credential = Ok(picture(1, |picture| picture.balance = balance.map(cny)));
        let mut gate = Gate::new(Role::Exit, Mode::Normal);
        gate.on(0, Event::Tap(tap));
        let effects = gate.on(5, committed(1));
        let wanted = format!("open, show admitted for CNY 4.00{shown}, note");
        assert!(effects.starts_with(&wanted), "{effects}");
    }
}

/// The rider sees by which products the fare is paid; where no fare is taken none is used.
#[test]
fn products_that_pay_the_fare_are_shown() {
    let pass = || FareReason::Pass {
        product: "month".to_owned(),
    };
    let ride = |nth| FareReason::MultiRide {
        product: "ten".to_owned(),
        nth,
        rides: 10,
    };
    for (reasons, mode, shown) in [
        (vec![], Mode::Normal, ""),
        (vec![pass()], Mode::Normal, ", by a pass"),
        (
            vec![pass(), ride(7)],
            Mode::Normal,
            ", by a pass, by a multi-ride with 3 left",
        ),
        (vec![pass()], Mode::FareExempt, ""),
    ] {
        let Event::Tap(mut tap) = leaving(1, 1, 1) else {
            panic!("leaving is a tap");
        };
        tap.credential = Ok(picture(1, |_| {}));
        let minor = 0;
        let steps = reasons
            .into_iter()
            .map(|reason| FareStep { reason, minor })
            .collect();
        let quote = Quote {
            steps,
            ..quote(400)
        };
        tap.facts.quote = Some(quote);
        let mut gate = Gate::new(Role::Exit, mode);
        gate.on(0, Event::Tap(tap));
        let effects = gate.on(5, committed(1));
        let said = effects.contains(&format!("{shown}, note"));
        assert!(
            said && effects.contains(", by a") != shown.is_empty(),
            "{effects}"
        );
    }
}

/// A picture opens again when nobody went through, and while it is held out it is one tap.
#[test]
fn a_picture_that_nobody_used_opens_again() {
    let shows = |n| {
        let Event::Tap(mut tap) = leaving(n, 1, 1) else {
            panic!("leaving is a tap");
        };
        tap.credential = Ok(picture(1, |_| {}));
        Event::Tap(tap)
    };
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    gate.on(0, shows(1));
    gate.on(5, committed(1));
    gate.on(10, BarrierOpened);
    assert_eq!(gate.on(20, shows(2)), NOTHING, "the phone is still there");
    gate.on(5_500, Deadline);
    gate.on(6_500, Deadline);
    gate.on(6_600, passage_committed(1));
    assert_eq!(
        gate.on(9_000, shows(3)),
        NOTHING,
        "within the grace of the verdict"
    );
    let again = gate.on(10_001, shows(4));
    assert!(again.starts_with("commit exit confirmation 4"), "{again}");
}

#[test]
fn a_rider_walks_in() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
          105 BarrierOpened => "wake in 5000 ms";
          900 Obstructed(true) => "wake in 14205 ms";
        1_305 Passed => "commit passage: passed, note passed after 1300 ms, close, wake in 3000 ms";
        1_306 Obstructed(false) => NOTHING;
        1_310 passage_committed(1) => "show ready";
    });
    gate.is("idle");
}

#[test]
fn a_rider_walks_out_and_sees_the_fare() {
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    gate.run(day! {
         0 leaving(1, 1, 1) => "commit exit confirmation, wake in 3000 ms";
         5 committed(1) => "open, show admitted for CNY 4.00, note admitted, wake in 5000 ms";
        50 Passed => "commit passage: passed, note passed after 45 ms, close, wake in 3000 ms";
        60 passage_committed(1) => "show ready";
    });
}

#[test]
fn a_clock_that_is_lost_and_found_is_noted_once() {
    let mut gate = Gate::entry();
    assert_eq!(gate.unsure(0, 30_000, Deadline), NOTHING);
    assert_eq!(gate.unsure(10, 30_001, Deadline), "note clock unsure");
    let admitted = "commit entry confirmation, wake in 3000 ms";
    assert_eq!(gate.unsure(20, u32::MAX, rider(1)), admitted);
    let open = "note clock sure, open, show admitted, note admitted, wake in 5000 ms";
    assert_eq!(gate.unsure(25, 50, committed(1)), open);
}

#[test]
fn drafts_carry_what_the_journal_needs() {
    let lane = Lane::new(policy(Role::Both), Modes::default());
    let (lane, effects) = lane.on(leaving(1, 1, 1), at(10));
    let Some(Effect::Commit(Draft::Confirmation(draft))) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (draft.id, draft.account, draft.fare_quoted),
        (confirmation(1), account(1), Some(cny(400)))
    );
    let (lane, _) = lane.on(committed(1), at(20));
    let (_, effects) = lane.on(Passed, at(30));
    let Some(Effect::Commit(Draft::Passage(draft))) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (draft.id, draft.passage.confirmation),
        (passage(1), confirmation(1))
    );
    assert_eq!(draft.direction, Direction::Exit);
    assert_eq!(
        (draft.account, draft.confirmed_at),
        (Some(account(1)), at(10).at)
    );
}

#[test]
fn nothing_opens_without_a_record() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            1 committed(2) => NOTHING;
            2 not_committed(2) => NOTHING;
            3 BarrierOpened => NOTHING;
            4 Passed => "note unasked passage";
            5 not_committed(1) => "note not-recorded, show not-recorded, wake in 3000 ms";
            6 committed(1) => NOTHING;
        3_005 Deadline => "show ready";
    });
    gate.is("idle");
}

#[test]
fn a_journal_that_is_slow_opens_nothing_later() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
        3_000 Deadline => "note not-recorded, show not-recorded";
        9_000 committed(1) => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
        9_005 passage_committed(1) => "show ready";
    });
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
        3_000 Deadline => "note not-recorded, show not-recorded";
        9_000 not_committed(1) => "show ready";
    });
    gate.is("idle");
}

#[test]
fn the_phone_stays_in_front_of_the_camera() {
    let mut gate = Gate::entry();
    gate.run(day! {
             0 rider(1) => "commit entry confirmation, wake in 3000 ms";
             3 again(2) => NOTHING;
             5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
             6 again(3) => NOTHING;
             7 BarrierOpened => "wake in 5000 ms";
             8 again(4) => NOTHING;
            50 Passed => "commit passage: passed, note passed after 45 ms, close, wake in 3000 ms";
            51 again(5) => NOTHING;
            60 passage_committed(1) => "show ready";
            61 again(6) => NOTHING;
        10_000 again(7) => NOTHING;
        // Past the grace it is a new tap; in a real gate its counter is used up by then.
        10_001 again(8) => "commit entry confirmation 8, wake in 3000 ms";
    });
}

#[test]
fn a_refusal_is_noted_once_and_shown_while_the_code_is() {
    let mut gate = Gate::entry();
    gate.run(day! {
             0 poster(1) => "note not-ours, show not-ours, wake in 3000 ms";
         1_000 poster(2) => "wake in 3000 ms";
         4_000 Deadline => "show ready";
         6_000 poster(3) => "show not-ours, wake in 3000 ms";
         9_000 Deadline => "show ready";
        10_001 poster(4) => "note not-ours, show not-ours, wake in 3000 ms";
    });
}

#[test]
fn two_riders_may_alternate() {
    let mut gate = Gate::entry();
    let denied = |n, rider| {
        let mut tap = tap(n, rider, Ok(code(rider)));
        tap.facts.denied = true;
        Event::Tap(Box::new(tap))
    };
    gate.run(day! {
          0 poster(1) => "note not-ours, show not-ours, wake in 3000 ms";
        100 denied(2, 2) => "note denied, show denied, wake in 3000 ms";
        200 poster(3) => "show not-ours, wake in 3000 ms";
        300 denied(4, 2) => "show denied, wake in 3000 ms";
        400 rider(1) => "commit entry confirmation, wake in 3000 ms";
        500 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
    });
}

#[test]
fn more_codes_than_are_remembered() {
    let mut gate = Gate::entry();
    let other = |n| Event::Tap(Box::new(tap(n, n, Err(Refusal::NotOurs))));
    assert_eq!(
        gate.on(0, poster(1)),
        "note not-ours, show not-ours, wake in 3000 ms"
    );
    for n in 1..RECENT_TAPS_MAX as u8 {
        assert!(gate.on(i64::from(n), other(n)).starts_with("note not-ours"));
    }
    assert_eq!(
        gate.on(10, poster(1)),
        "wake in 3000 ms",
        "still remembered"
    );
    assert!(gate.on(11, other(100)).starts_with("note not-ours"));
    assert!(
        gate.on(12, poster(1)).starts_with("note not-ours"),
        "forgotten"
    );
}

#[test]
fn nobody_goes_through_in_time() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
           10 BarrierOpened => "wake in 5000 ms";
        4_999 Deadline => "wake in 11 ms";
        5_010 Deadline => "close, wake in 500 ms";
        5_510 Deadline => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
        5_520 Passed => "note unasked passage";
        5_530 passage_committed(1) => "show ready";
    });
    gate.is("idle");
}

#[test]
fn a_passage_in_the_last_moment_counts() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        5_005 Deadline => "close, wake in 500 ms";
        5_300 Passed => "commit passage: passed, note passed after 5295 ms, wake in 3000 ms";
        5_310 passage_committed(1) => "show ready";
    });
}

#[test]
fn somebody_in_the_lane_gets_more_time_but_not_for_ever() {
    let start = day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
            0 BarrierOpened => NOTHING;
        4_000 Obstructed(true) => "wake in 11000 ms";
        5_000 Deadline => "wake in 10000 ms";
    };
    let mut gate = Gate::entry();
    gate.run(start.clone()).run(day! {
        // Back out again: the time is over.
        6_000 Obstructed(false) => "close, wake in 500 ms";
        6_500 Deadline => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
    });
    let mut gate = Gate::entry();
    gate.run(start.clone()).run(day! {
        6_000 Passed => "commit passage: passed, note passed after 6000 ms, close, wake in 3000 ms";
    });
    let mut gate = Gate::entry();
    gate.run(start).run(day! {
        15_000 Deadline => "close, wake in 500 ms";
        15_500 Deadline => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
    });
}

#[test]
fn somebody_in_the_closing_barrier_still_counts() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        5_000 Deadline => "close, wake in 500 ms";
        5_100 Obstructed(true) => "wake in 10400 ms";
        6_100 Passed => "commit passage: passed, note passed after 6100 ms, wake in 3000 ms";
    });
}

#[test]
fn the_barrier_does_not_open() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 rider(1) => "commit entry confirmation, wake in 3000 ms";
            5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
           10 BarrierFailed => "note barrier failed, show barrier-fault, close, wake in 500 ms";
          510 Deadline => "commit passage: annulled, not opened, note annulled, wake in 3000 ms";
          520 passage_committed(1) => "wake in 2490 ms";
          550 again(4) => "wake in 3000 ms";
          600 rider(2) => "note barrier-fault, wake in 3000 ms";
        3_600 Deadline => "show out of service, wake in 1920 ms";
        5_520 Deadline => "show ready";
        5_600 rider(3) => "commit entry confirmation 3, wake in 3000 ms";
    });
}

#[test]
fn the_barrier_opens_without_saying_so() {
    let mut gate = Gate::entry();
    gate.run(day! {
          0 rider(1) => "commit entry confirmation, wake in 3000 ms";
          5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
         10 BarrierFailed => "note barrier failed, show barrier-fault, close, wake in 500 ms";
        200 Passed => "commit passage: passed, note passed after 195 ms, wake in 3000 ms";
        210 passage_committed(1) => "wake in 2800 ms";
    });
    gate.is("idle");
}

#[test]
fn a_barrier_that_fails_while_nobody_is_there() {
    let mut gate = Gate::entry();
    gate.run(day! {
            0 BarrierFailed => "note barrier failed, show out of service, wake in 5000 ms";
          100 poster(1) => "note not-ours, show not-ours, wake in 3000 ms";
          200 set(Mode::Closed) => "note mode changed";
        3_100 Deadline => "show closed";
    });
    gate.is("closed");
}

#[test]
fn a_passage_is_tried_until_the_journal_has_it() {
    let mut gate = Gate::entry();
    gate.run(day! {
             0 rider(1) => "commit entry confirmation, wake in 3000 ms";
             0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
           100 Passed => "commit passage: passed, note passed after 100 ms, close, wake in 3000 ms";
           200 passage_not_committed(1) =>
            "note passage not committed, show out of service, wake in 250 ms";
           200 rider(2) => NOTHING;
           700 Deadline => "commit passage: passed, wake in 3000 ms";
           710 passage_not_committed(1) => "note passage not committed, wake in 250 ms";
         1_210 Deadline => "commit passage: passed, wake in 3000 ms";
         4_210 Deadline => NOTHING;
        60_000 passage_not_committed(1) => "note passage not committed, wake in 250 ms";
        60_500 Deadline => "commit passage: passed, wake in 3000 ms";
        60_510 passage_committed(1) => "show ready";
    });
    gate.is("idle");
}

#[test]
fn a_rider_who_has_just_left_does_not_leave_again() {
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    let no_entry = |n, who, shown| Event::Tap(Box::new(tap(n, shown, Ok(code(who)))));
    gate.run(day! {
             0 leaving(1, 1, 1) => "commit exit confirmation, wake in 3000 ms";
             0 committed(1) => "open, show admitted for CNY 4.00, note admitted, wake in 5000 ms";
           100 Passed => "commit passage: passed, note passed after 100 ms, close, wake in 3000 ms";
           110 passage_committed(1) => "show ready";
           200 no_entry(2, 1, 2) => "note wrong-direction, show wrong-direction, wake in 3000 ms";
        // Another account without an entry is let out while the gate has not heard of the server.
           300 no_entry(3, 3, 3) => "commit exit confirmation 3, wake in 3000 ms";
           310 not_committed(3) => "note not-recorded, show not-recorded, wake in 3000 ms";
        10_101 no_entry(4, 1, 4) => "commit exit confirmation 4, wake in 3000 ms";
    });
}

#[test]
fn a_rider_who_did_not_get_out_may_try_again() {
    let mut gate = Gate::new(Role::Exit, Mode::Normal);
    let no_entry = |n, shown| Event::Tap(Box::new(tap(n, shown, Ok(code(1)))));
    gate.run(day! {
            0 no_entry(1, 1) => "commit exit confirmation, wake in 3000 ms";
            0 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        5_000 Deadline => "close, wake in 500 ms";
        5_500 Deadline => "commit passage: annulled, timed out, note annulled, wake in 3000 ms";
        5_510 passage_committed(1) => "show ready";
        5_600 no_entry(2, 2) => "commit exit confirmation 2, wake in 3000 ms";
    });
}

#[test]
fn a_closed_gate_admits_nobody() {
    let mut gate = Gate::new(Role::Both, Mode::Closed);
    gate.run(day! {
            0 rider(1) => "note gate-closed, show gate-closed, wake in 3000 ms";
            1 poster(2) => "note gate-closed, wake in 3000 ms";
        3_001 Deadline => "show closed";
        4_000 set(Mode::Normal) => "note mode changed, show ready";
        4_001 set(Mode::Normal) => NOTHING;
        4_002 rider(3) => "commit entry confirmation 3, wake in 3000 ms";
    });
}

#[test]
fn closing_finishes_the_open_passage_first() {
    let mut gate = Gate::entry();
    gate.run(day! {
         0 rider(1) => "commit entry confirmation, wake in 3000 ms";
         0 set(Mode::Closed) => "note mode changed";
         5 committed(1) => "open, show admitted, note admitted, wake in 5000 ms";
        10 Passed => "commit passage: passed, note passed after 5 ms, close, wake in 3000 ms";
        20 passage_committed(1) => "show closed";
    });
    gate.is("closed");
}

#[test]
fn a_clock_that_is_set_back_makes_no_second_tap() {
    let mut gate = Gate::entry();
    gate.run(day! {
        9_000 poster(1) => "note not-ours, show not-ours, wake in 3000 ms";
            0 poster(2) => "wake in 3000 ms";
    });
}

#[test]
fn one_direction_is_closed_and_the_other_is_not() {
    let mut gate = Gate::new(Role::Both, Mode::Normal);
    let modes = Modes::default().with(Some(Direction::Entry), Mode::Closed);
    gate.run(day! {
            0 SetMode(modes) => "note mode changed";
            1 rider(1) => "note gate-closed, show gate-closed, wake in 3000 ms";
           10 leaving(2, 2, 2) => "commit exit confirmation 2, wake in 3000 ms";
    });
}

#[test]
fn a_free_direction_opens_only_a_gate_that_leads_there() {
    let exit_free = Modes::default().with(Some(Direction::Exit), Mode::Free);
    let mut gate = Gate::new(Role::Both, Mode::Normal);
    gate.run(day! {
        0 SetMode(exit_free) => "open for all, note mode changed, show free passage";
        9 set(Mode::Normal) => "note mode changed, close, show ready";
    });
    let mut gate = Gate::entry();
    gate.run(day! {
        0 SetMode(exit_free) => "note mode changed";
        1 rider(1) => "commit entry confirmation, wake in 3000 ms";
    });
}
