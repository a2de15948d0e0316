//! The gate's clock as a pure value: readings go in, the time and a bound of its error come out.
//!
//! ```text
//! System (kernel, kept by NTP or PTP) ─┐
//! Server (signed answer, round trip) ──┼─▶ an interval in which the true time lies ─▶ Stamp
//! Rtc    (battery clock, at start) ────┘     between readings it grows by the drift
//! ```
//! Time is counted by [`SinceBoot`], which nothing sets; readings only say where on it the true time
//! is. What holds:
//! - The time given out never goes back, and not behind the newest stamp in the journal. A clock
//!   that is ahead runs slower until the truth has caught up; its bound covers the difference.
//! - It goes forward in a jump only in [`GateClock::settle`], which the gate calls while no ride is
//!   under way. Until then the bound covers the difference.
//! - Where system and server contradict one another the server is followed and the bound covers both.
//! - With no reading at all the time goes on from the journal's newest stamp, which is certainly not
//!   ahead, and the bound is [`UNKNOWN`].

use fare_protocol::{Millis, Stamp, UnixMs};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The bound of a time that nothing vouches for.
pub const UNKNOWN: Millis = Millis(u32::MAX);

/// What the server's own clock may be off, and what whole milliseconds hide.
pub const SERVER_ERROR: Millis = Millis(50);

/// Half a second: a battery clock tells whole ones.
const RTC_HALF_STEP: Millis = Millis(500);

/// How well the kernel sets a battery clock, where it does.
const RTC_SET_ERROR: Millis = Millis(1_000);

/// Whole milliseconds hide so much.
const ROUNDING: Millis = Millis(1);

/// A clock that is ahead runs slower by this part.
const SLOWER_BY: i64 = 10;

/// Milliseconds since the box was started, sleep included: a clock that nothing sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SinceBoot(pub i64);

/// How much faster or slower a clock may run than the time: millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ppm(pub u32);

/// Something that tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The system's clock while something keeps it right.
    System {
        /// What it shows.
        at: UnixMs,
        /// Bound of its error, as the kernel says or the configuration.
        error: Millis,
    },
    /// A signed answer of the server, made between asking and now.
    Server {
        /// The server's time at making it.
        as_of: UnixMs,
        /// When the gate asked.
        asked: SinceBoot,
    },
    /// The battery clock. It has drifted since it was looked at last, or has been set right since.
    Rtc {
        /// What it shows, in whole seconds.
        at: UnixMs,
        /// How far off it was then.
        checked: RtcCheck,
    },
}

/// How far off the battery clock was when the time was known. A gate keeps this over power cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcCheck {
    /// When it was looked at.
    pub at_ms: UnixMs,
    /// By how much it was ahead.
    pub ahead_ms: i64,
    /// Bound of the error of that.
    pub error_ms: Millis,
}

/// What the time stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The system's clock.
    System,
    /// The server's answers.
    Server,
    /// System and server, which agree.
    Both,
    /// System and server, which contradict one another: the server's time is followed.
    Contradiction,
    /// The battery clock.
    Rtc,
    /// Nothing: time goes on from the newest stamp in the journal.
    Nothing,
}

/// The clock of one gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateClock {
    drift: Ppm,
    system: Option<Span>,
    server: Option<Span>,
    rtc: Option<Span>,
    /// The newest time given out, and when.
    given: (SinceBoot, UnixMs),
    /// Whether any was given out since the start.
    started: bool,
    /// What passed while slower and was not held back yet: less than [`SLOWER_BY`].
    rest: i64,
}

/// Where the true time lay at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    when: SinceBoot,
    earliest: UnixMs,
    latest: UnixMs,
}

/// What all readings together say about one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Estimate {
    target: UnixMs,
    earliest: UnixMs,
    latest: UnixMs,
    source: Source,
}

impl GateClock {
    /// A clock without readings. It goes on from `last`, the newest stamp in the journal; in a new
    /// journal from `guess`, what the system's clock shows.
    pub fn new(drift: Ppm, now: SinceBoot, last: Option<Stamp>, guess: UnixMs) -> Self {
        Self {
            drift,
            system: None,
            server: None,
            rtc: None,
            given: (now, last.map_or(guess, |last| last.at)),
            started: false,
            rest: 0,
        }
    }

    /// Takes a reading made at `now`.
    pub fn read(&mut self, now: SinceBoot, reading: Reading) {
        match reading {
            Reading::System { at, error } => {
                self.system = Some(Span::around(now, at, error.plus(ROUNDING)));
            }
            Reading::Server { as_of, asked } => {
                let late = UnixMs(as_of.0.saturating_add(now.after(asked)));
                let span = Span {
                    when: now,
                    earliest: as_of.before(SERVER_ERROR),
                    latest: late.after(SERVER_ERROR),
                };
                self.server = Some(self.narrowed(span));
            }
            Reading::Rtc { at, checked } => self.rtc = Span::of_rtc(now, at, checked, self.drift),
        }
    }

    /// The time, and how far it may be off.
    pub fn stamp(&mut self, now: SinceBoot) -> Stamp {
        let (then, given) = self.given;
        let passed = now.after(then);
        let free = UnixMs(given.0.saturating_add(passed));
        let estimate = self.estimate(now);
        let at = match estimate {
            // At the first stamp no ride is under way.
            Some(estimate) if !self.started => estimate.target.max(given),
            Some(estimate) if free > estimate.target => {
                estimate.target.max(self.slower(given, passed))
            }
            Some(_) | None => free,
        };
        self.started = true;
        self.given = (now.max(then), at);
        Stamp {
            at,
            error_ms: estimate.map_or(UNKNOWN, |estimate| estimate.error_of(at)),
        }
    }

    /// Goes forward to the truth in one step, if it is behind. To be called while no ride is under
    /// way: deadlines that lie between are due at once.
    pub fn settle(&mut self, now: SinceBoot) {
        let Stamp { at, .. } = self.stamp(now);
        if let Some(estimate) = self.estimate(now) {
            self.given.1 = at.max(estimate.target);
        }
    }

    /// What the time stands on.
    pub fn source(&self, now: SinceBoot) -> Source {
        self.estimate(now)
            .map_or(Source::Nothing, |estimate| estimate.source)
    }

    fn slower(&mut self, given: UnixMs, passed: i64) -> UnixMs {
        let rest = self.rest.saturating_add(passed);
        self.rest = rest % SLOWER_BY;
        let held_back = rest / SLOWER_BY;
        UnixMs(
            given
                .0
                .saturating_add(passed.saturating_sub(held_back).max(0)),
        )
    }

    fn estimate(&self, now: SinceBoot) -> Option<Estimate> {
        let at = |span: Option<Span>| span.map(|span| span.at(now, self.drift));
        match (at(self.system), at(self.server)) {
            (Some(system), Some(server)) => Some(match system.and(server) {
                Some(both) => both.estimate(Source::Both),
                None => Estimate {
                    earliest: system.earliest.min(server.earliest),
                    latest: system.latest.max(server.latest),
                    ..server.estimate(Source::Contradiction)
                },
            }),
            (Some(system), None) => Some(system.estimate(Source::System)),
            (None, Some(server)) => Some(server.estimate(Source::Server)),
            (None, None) => at(self.rtc).map(|rtc| rtc.estimate(Source::Rtc)),
        }
    }

    /// A wide answer does not undo what a narrow one said before.
    fn narrowed(&self, span: Span) -> Span {
        let before = self.server.map(|before| before.at(span.when, self.drift));
        before.and_then(|before| before.and(span)).unwrap_or(span)
    }
}

impl Span {
    fn around(when: SinceBoot, at: UnixMs, error: Millis) -> Self {
        Self {
            when,
            earliest: at.before(error),
            latest: at.after(error),
        }
    }

    /// What a battery clock says; nothing when it has been reset since it was looked at.
    fn of_rtc(when: SinceBoot, shows: UnixMs, checked: RtcCheck, drift: Ppm) -> Option<Self> {
        let shows = shows.after(RTC_HALF_STEP);
        let as_then = UnixMs(shows.0.saturating_sub(checked.ahead_ms));
        let away = as_then.since(checked.at_ms);
        let drifted = drifted(away, drift).plus(RTC_HALF_STEP);
        let runs_on = Self::around(when, as_then, drifted.plus(checked.error_ms));
        let was_set = Self::around(when, shows, drifted.plus(RTC_SET_ERROR));
        let span = Self {
            when,
            earliest: runs_on.earliest.min(was_set.earliest),
            latest: runs_on.latest.max(was_set.latest),
        };
        (span.latest >= checked.at_ms.before(checked.error_ms)).then_some(span)
    }

    /// The same at another moment.
    fn at(self, now: SinceBoot, drift: Ppm) -> Self {
        let passed = now.after(self.when);
        let drifted = drifted(passed, drift);
        let moved = |at: UnixMs| UnixMs(at.0.saturating_add(passed));
        Self {
            when: now,
            earliest: moved(self.earliest).before(drifted),
            latest: moved(self.latest).after(drifted),
        }
    }

    /// What both allow; nothing when they contradict one another. For spans of one moment.
    fn and(self, other: Self) -> Option<Self> {
        let earliest = self.earliest.max(other.earliest);
        let latest = self.latest.min(other.latest);
        (earliest <= latest).then_some(Self {
            when: self.when,
            earliest,
            latest,
        })
    }

    fn estimate(self, source: Source) -> Estimate {
        let half = self.latest.since(self.earliest) / 2;
        Estimate {
            target: UnixMs(self.earliest.0.saturating_add(half)),
            earliest: self.earliest,
            latest: self.latest,
            source,
        }
    }
}

impl Estimate {
    /// How far `at` may be from the true time.
    fn error_of(self, at: UnixMs) -> Millis {
        let off = self.latest.since(at).max(at.since(self.earliest)).max(0);
        Millis(u32::try_from(off).unwrap_or(u32::MAX))
    }
}

impl RtcCheck {
    /// Looks at a battery clock that shows `shows` at `now`.
    pub fn new(now: Stamp, shows: UnixMs) -> Self {
        Self {
            at_ms: now.at,
            ahead_ms: shows.after(RTC_HALF_STEP).since(now.at),
            error_ms: now.error_ms.plus(RTC_HALF_STEP),
        }
    }
}

impl SinceBoot {
    /// Milliseconds since `earlier`; 0 when that is the later one.
    pub fn after(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Server => "server",
            Self::Both => "both",
            Self::Contradiction => "contradiction",
            Self::Rtc => "rtc",
            Self::Nothing => "nothing",
        })
    }
}

/// How far a clock may be off after so many milliseconds, rounded up.
fn drifted(passed_ms: i64, drift: Ppm) -> Millis {
    let millionths = passed_ms.max(0).saturating_mul(drift.0.into());
    let drifted = millionths.saturating_add(999_999) / 1_000_000;
    Millis(u32::try_from(drifted).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
