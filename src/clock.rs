//! The gate's clock: the only place that reads the time of day or measures how long a thing took.

use fare_protocol::UnixMs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time of day by the system clock, in Unix milliseconds.
///
/// A system clock set before 1970 reads as 0, which every validity check then refuses.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the system clock"
)]
pub fn now() -> UnixMs {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Measures a span on the monotonic clock, which no time synchronisation can bend.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since [`Stopwatch::start`].
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_day_this_was_written_and_does_not_run_backwards() {
        let first = now();
        assert!(
            first > UnixMs(1_760_000_000_000),
            "system clock reads {first}"
        );
        let watch = Stopwatch::start();
        let early = watch.elapsed();
        assert!(watch.elapsed() >= early);
    }
}
