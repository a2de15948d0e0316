//! The clocks in one gate's box, each wrong in its own way and none of them lying: a counter that drifts,
//! a system clock that is set wrong and put right again, a battery clock or none; and the gate's clock
//! over them. Each time that it gives out must be as wrong as it says at most, and not before any
//! that it gave out since the power came, nor before the journal's newest record.

use super::RuleBroken;
use crate::seed::Seed;
use fare_protocol::{Millis, Stamp, UnixMs};
use fare_rules::clock::{GateClock, Ppm, Reading, RtcCheck, SinceBoot, Source, UNKNOWN};

/// How far the counters may drift: what gates are configured with.
const DRIFT: Ppm = Ppm(100);

/// Between two settings of the battery clock by the kernel.
const RTC_SET_EVERY_MS: i64 = 11 * 60_000;

pub(super) struct Clocks {
    /// By how much the counter runs fast, in millionths.
    ppm: i64,
    /// When the power came.
    on_since: UnixMs,
    /// By how much the system's clock is ahead, and its bound while something keeps it.
    system: (i64, Option<Millis>),
    rtc: Option<Rtc>,
    /// What the gate wrote down of it.
    checked: Option<RtcCheck>,
    clock: GateClock,
    newest: UnixMs,
}

/// A battery clock: by how much it was ahead when it was set last, and when that was.
#[derive(Clone, Copy)]
struct Rtc {
    ppm: i64,
    ahead_ms: i64,
    set: UnixMs,
}

impl Clocks {
    /// Clocks that were right when the gate was put up, at `now`.
    pub(super) fn new(now: UnixMs, seed: &mut Seed) -> Self {
        let rtc = Rtc {
            ppm: ppm(seed),
            ahead_ms: i64::try_from(seed.below(120_000)).unwrap_or(0) - 60_000,
            set: now,
        };
        Self {
            ppm: ppm(seed),
            on_since: now,
            system: (0, None),
            rtc: seed.happens(0.7).then_some(rtc),
            checked: None,
            clock: GateClock::new(DRIFT, SinceBoot(0), None, now),
            newest: UnixMs(i64::MIN),
        }
    }

    /// The power comes; `last` is the newest stamp in the journal.
    pub(super) fn start(&mut self, now: UnixMs, last: Option<Stamp>) {
        self.on_since = now;
        let shown = self.rtc.map(|rtc| rtc.shows(now));
        // Without a battery clock the system begins long ago.
        self.system = (shown.unwrap_or_default().since(now), None);
        let guess = if last.is_none() { now } else { UnixMs(0) };
        self.clock = GateClock::new(DRIFT, SinceBoot(0), last, guess);
        // What was given out and not recorded is forgotten with the power.
        self.newest = last.map_or(UnixMs(i64::MIN), |last| last.at);
        if let (Some(at), Some(checked)) = (shown, self.checked) {
            self.clock.read(SinceBoot(0), Reading::Rtc { at, checked });
        }
    }

    /// NTP puts the system's clock right, as well as it can.
    pub(super) fn keep(&mut self, seed: &mut Seed) {
        let bound = 10 + seed.below(500);
        let ahead = i64::try_from(seed.below(2 * bound + 1)).unwrap_or(0);
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        self.system = (ahead - i64::from(bound), Some(Millis(bound)));
    }

    /// Nothing keeps the system's clock any more, and somebody sets it.
    pub(super) fn jump(&mut self, by_ms: i64) {
        self.system = (by_ms, None);
    }

    /// NTP is out of reach; what the system's clock shows is nobody's word now.
    pub(super) fn let_go(&mut self) {
        self.system.1 = None;
    }

    /// The server answered `trip_ms` after it was asked, by its clock at `as_of`.
    pub(super) fn heard(&mut self, now: UnixMs, trip_ms: i64, as_of: UnixMs) {
        let asked = self.counter(UnixMs(now.0 - trip_ms));
        let reading = Reading::Server { as_of, asked };
        self.clock.read(self.counter(now), reading);
    }

    /// The gate's time. Rule 8: as wrong as it says at most, and never going back.
    pub(super) fn stamp(&mut self, now: UnixMs, at_rest: bool) -> Result<Stamp, RuleBroken> {
        let counter = self.counter(now);
        if let (ahead, Some(error)) = self.system {
            let at = UnixMs(now.0 + ahead);
            self.clock.read(counter, Reading::System { at, error });
            self.set_rtc(now);
        }
        if at_rest {
            self.clock.settle(counter);
        }
        let stamp = self.clock.stamp(counter);
        let off = stamp.at.0.abs_diff(now.0);
        let source = self.clock.source(counter);
        let sure = source != Source::Nothing;
        if sure && off > u64::from(stamp.error_ms.0) || !sure && stamp.error_ms != UNKNOWN {
            let what = format!("the time is {off} ms off and said to be within {stamp:?}");
            return Err(RuleBroken::Clock(what));
        }
        if stamp.at < self.newest {
            let what = format!("{} was given out after {}", stamp.at, self.newest);
            return Err(RuleBroken::Clock(what));
        }
        self.newest = stamp.at;
        if sure && source != Source::Rtc {
            let checked = self.rtc.map(|rtc| RtcCheck::new(stamp, rtc.shows(now)));
            self.checked = checked.or(self.checked);
        }
        Ok(stamp)
    }

    /// The kernel sets the battery clock from a system clock that is kept, every eleven minutes.
    fn set_rtc(&mut self, now: UnixMs) {
        let ahead_ms = self.system.0;
        if let Some(rtc) = &mut self.rtc
            && now.since(rtc.set) >= RTC_SET_EVERY_MS
        {
            rtc.set = now;
            rtc.ahead_ms = ahead_ms;
        }
    }

    fn counter(&self, now: UnixMs) -> SinceBoot {
        let on = now.since(self.on_since);
        SinceBoot(on + on * self.ppm / 1_000_000)
    }
}

impl Rtc {
    fn shows(self, now: UnixMs) -> UnixMs {
        let drifted = now.since(self.set) * self.ppm / 1_000_000;
        UnixMs((now.0 + self.ahead_ms + drifted).div_euclid(1_000) * 1_000)
    }
}

fn ppm(seed: &mut Seed) -> i64 {
    i64::try_from(seed.below(199)).unwrap_or(0) - 99
}
