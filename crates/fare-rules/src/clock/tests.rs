//! The clock: what readings make of it, and that the truth is always within its bound.

use super::*;
use proptest::prelude::*;

/// The true time when the box was started.
const TRUTH: i64 = 1_800_000_000_000;

const DRIFT: Ppm = Ppm(100);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// The true time so many milliseconds after the start, when the counter runs true.
fn truth(ms: i64) -> UnixMs {
    UnixMs(TRUTH + ms)
}

fn up(ms: i64) -> SinceBoot {
    SinceBoot(ms)
}

/// A clock whose journal ends ten minutes before the start, known to 20 ms.
fn clock() -> GateClock {
    let last = Stamp {
        at: truth(-10 * MINUTE),
        error_ms: Millis(20),
    };
    GateClock::new(DRIFT, up(0), Some(last), truth(-HOUR))
}

fn system(at: UnixMs, error: u32) -> Reading {
    Reading::System {
        at,
        error: Millis(error),
    }
}

fn off(stamp: Stamp, ms: i64) -> i64 {
    stamp.at.since(truth(ms))
}

#[test]
fn the_kernel_s_word_is_taken_and_ages() {
    let mut clock = clock();
    clock.read(up(0), system(truth(3), 10));
    let now = clock.stamp(up(0));
    assert_eq!((off(now, 0), now.error_ms), (3, Millis(11)));
    // An hour at 100 millionths is 360 ms.
    let later = clock.stamp(up(HOUR));
    assert_eq!((off(later, HOUR), later.error_ms), (3, Millis(371)));
    assert_eq!(clock.source(up(HOUR)), Source::System);
}

#[test]
fn an_answer_counts_by_its_round_trip() {
    let mut clock = clock();
    let answer = |as_of, asked| Reading::Server {
        as_of: truth(as_of),
        asked: up(asked),
    };
    // Made somewhere within 200 ms.
    clock.read(up(1_000), answer(850, 800));
    let now = clock.stamp(up(1_000));
    assert_eq!((off(now, 1_000), now.error_ms), (-50, Millis(150)));
    // A long poll is wide and takes nothing away.
    clock.read(up(31_000), answer(1_100, 1_000));
    let now = clock.stamp(up(31_000));
    assert_eq!((off(now, 31_000), now.error_ms), (-50, Millis(153)));
    // A quick one narrows it.
    clock.read(up(32_000), answer(31_998, 31_995));
    clock.settle(up(32_000));
    let now = clock.stamp(up(32_000));
    assert!(now.error_ms <= Millis(53), "{now:?}");
    assert_eq!(clock.source(up(32_000)), Source::Server);
}

#[test]
fn system_and_server_narrow_one_another_or_the_bound_covers_both() {
    let mut clock = clock();
    clock.read(up(0), system(truth(0), 1_000));
    clock.read(
        up(0),
        Reading::Server {
            as_of: truth(900),
            asked: up(0),
        },
    );
    let now = clock.stamp(up(0));
    assert_eq!(clock.source(up(0)), Source::Both);
    assert_eq!((off(now, 0), now.error_ms), (900, Millis(50)));
    // The system's clock is set to a wrong time, and something says that it is right.
    clock.read(up(10), system(truth(10 - 5 * MINUTE), 10));
    let now = clock.stamp(up(10));
    assert_eq!(clock.source(up(10)), Source::Contradiction);
    assert_eq!((off(now, 10), now.error_ms), (900, Millis(300_911)));
}

/// It was 700 ms ahead ten minutes ago.
fn checked() -> RtcCheck {
    let then = Stamp {
        at: truth(-10 * MINUTE),
        error_ms: Millis(20),
    };
    RtcCheck::new(then, truth(-10 * MINUTE + 200))
}

#[test]
fn the_battery_clock_counts_by_how_far_off_it_was() {
    let rtc = |at| Reading::Rtc {
        at,
        checked: checked(),
    };
    let mut clock = clock();
    clock.read(up(0), rtc(truth(0)));
    let now = clock.stamp(up(0));
    assert_eq!(clock.source(up(0)), Source::Rtc);
    // It shows half a second, and was 700 ms ahead to 520 ms, or has been set since to a second; ten
    // minutes at 100 millionths are 60 ms, and half a second is hidden.
    let (earliest, latest) = (500 - 700 - 520 - 560, 500 + 1_000 + 560);
    assert_eq!(off(now, 0), (earliest + latest) / 2);
    assert_eq!(i64::from(now.error_ms.0), (latest - earliest) / 2);

    let mut reset = self::clock();
    reset.read(up(0), rtc(UnixMs(0)));
    assert_eq!(reset.source(up(0)), Source::Nothing);

    // Anything better takes its place.
    clock.read(up(10), system(truth(10), 5));
    assert_eq!(clock.source(up(10)), Source::System);

    let new = GateClock::new(DRIFT, up(0), None, truth(7)).stamp(up(0));
    assert_eq!((new.at, new.error_ms), (truth(7), UNKNOWN), "a guess");
}

#[test]
fn without_any_reading_time_goes_on_from_the_journal_and_nobody_vouches_for_it() {
    let mut clock = clock();
    let now = clock.stamp(up(5));
    assert_eq!((off(now, 5), now.error_ms), (-10 * MINUTE, UNKNOWN));
    assert_eq!(clock.source(up(5)), Source::Nothing);
    // The first word from outside: the bound covers what is missing until no ride is under way.
    clock.read(up(10), system(truth(10), 5));
    let now = clock.stamp(up(10));
    assert_eq!(
        (off(now, 10), now.error_ms),
        (-10 * MINUTE, Millis(600_006))
    );
    clock.settle(up(10));
    let now = clock.stamp(up(10));
    assert_eq!((off(now, 10), now.error_ms), (0, Millis(6)));
}

#[test]
fn a_clock_that_is_ahead_runs_slower_and_never_back() {
    let mut clock = clock();
    clock.read(up(0), system(truth(0), 5));
    clock.settle(up(0));
    clock.read(up(1_000), system(truth(0), 5));
    let mut last = clock.stamp(up(1_000));
    assert_eq!((off(last, 1_000), last.error_ms), (-100, Millis(906)));
    // In steps of a frame: a tenth is held back, however small the steps.
    for ms in (1_033..=12_000).step_by(33) {
        clock.read(up(ms), system(truth(ms - 1_000), 5));
        let now = clock.stamp(up(ms));
        assert!(now.at > last.at && now.error_ms <= last.error_ms);
        last = now;
    }
    assert_eq!((off(last, 11_989), last.error_ms), (-1_000, Millis(6)));
}

#[test]
fn nothing_goes_back_behind_the_journal() {
    let last = Stamp {
        at: truth(2 * HOUR),
        error_ms: Millis(20),
    };
    let mut clock = GateClock::new(DRIFT, up(0), Some(last), truth(0));
    clock.read(up(0), system(truth(0), 5));
    let now = clock.stamp(up(0));
    assert_eq!(off(now, 0), 2 * HOUR);
    assert_eq!(i64::from(now.error_ms.0), 2 * HOUR + 6);
}

#[test]
fn odd_values_do_no_harm() {
    for at in [i64::MIN, -1, 0, i64::MAX] {
        let last = Stamp {
            at: UnixMs(at),
            error_ms: UNKNOWN,
        };
        for reading in [
            system(UnixMs(i64::MAX), u32::MAX),
            system(UnixMs(i64::MIN), 0),
            Reading::Rtc {
                at: UnixMs(i64::MAX),
                checked: RtcCheck {
                    at_ms: UnixMs(i64::MIN),
                    ahead_ms: i64::MIN,
                    error_ms: UNKNOWN,
                },
            },
            Reading::Server {
                as_of: UnixMs(i64::MIN),
                asked: up(i64::MAX),
            },
        ] {
            let mut clock = GateClock::new(Ppm(u32::MAX), up(at), Some(last), UnixMs(at));
            clock.read(up(-at.saturating_add(1)), reading);
            let first = clock.stamp(up(i64::MAX));
            clock.settle(up(i64::MIN));
            assert!(clock.stamp(up(i64::MAX)).at >= first.at);
        }
    }
}

/// One thing that happens to a clock whose sources are all honest.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Time passes.
    Passes(i64),
    /// The kernel says so much, off by a part of its bound.
    System { error: u32, part: i64 },
    /// The server answers; made at a part of the round trip, its clock off by a part.
    Server { trip: i64, made: i64, part: i64 },
    /// The lane is at rest.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let part = -100..=100_i64;
    prop_oneof![
        (1..2 * HOUR).prop_map(Step::Passes),
        (0..20_000_u32, part.clone()).prop_map(|(error, part)| Step::System { error, part }),
        (0..40_000_i64, 0..=100_i64, part).prop_map(|(trip, made, part)| Step::Server {
            trip,
            made,
            part
        }),
        Just(Step::Settle),
    ]
}

proptest! {
    /// The counter runs wrong by no more than the drift, the sources err by no more than they say:
    /// then the truth is always within the bound, and the time never goes back.
    #[test]
    fn the_truth_is_within_the_bound(
        steps in proptest::collection::vec(step(), 1..60),
        ppm in -100..=100_i64,
        rtc in proptest::option::of((-HOUR..HOUR, -100..=100_i64, any::<bool>())),
        journal in proptest::option::of((0..100 * HOUR, 0..5_000_u32, -100..=100_i64)),
    ) {
        let truth = |up: i64| TRUTH + up + up * ppm / 1_000_000;
        let last = journal.map(|(ago, error, part)| Stamp {
            at: UnixMs(truth(0) - ago + i64::from(error) * part / 100),
            error_ms: Millis(error),
        });
        let mut clock = GateClock::new(DRIFT, up(0), last, UnixMs(0));
        // Looked at when the newest record was made; then it ran on, or the kernel set it.
        if let (Some((ahead, ppm, set)), Some(last), Some((ago, ..))) = (rtc, last, journal) {
            let shows = |at: i64, ahead: i64| UnixMs((at + ahead).div_euclid(1_000) * 1_000);
            let checked = RtcCheck::new(last, shows(truth(0) - ago, ahead));
            let ahead = if set { 0 } else { ahead + ago * ppm / 1_000_000 };
            clock.read(up(0), Reading::Rtc { at: shows(truth(0), ahead), checked });
        }
        let (mut now, mut before) = (0, UnixMs(i64::MIN));
        for step in steps {
            match step {
                Step::Passes(ms) => now += ms,
                Step::System { error, part } => {
                    let at = truth(now) + i64::from(error) * part / 100;
                    clock.read(up(now), system(UnixMs(at), error));
                }
                Step::Server { trip, made, part } => {
                    let as_of = truth(now + trip * made / 100) + 49 * part / 100;
                    let asked = up(now);
                    now += trip;
                    clock.read(up(now), Reading::Server { as_of: UnixMs(as_of), asked });
                }
                Step::Settle => clock.settle(up(now)),
            }
            let stamp = clock.stamp(up(now));
            prop_assert!(stamp.at >= before, "{} after {}", stamp.at, before);
            let off = stamp.at.0.abs_diff(truth(now));
            let sure = stamp.error_ms != UNKNOWN;
            prop_assert!(!sure || off <= u64::from(stamp.error_ms.0), "{off} ms off: {stamp:?}");
            before = stamp.at;
        }
    }
}
