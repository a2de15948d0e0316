//! The gate's clock: the only place that reads the time of day or measures how long a thing took.
//! What riders and records are judged by is [`GateTime`], which knows how far it may be off.

mod gate;
mod kernel;
mod note;
mod rtc;

pub use gate::{GateTime, ServerTime};
pub use note::ClockNote;

use fare_protocol::UnixMs;
use fare_rules::clock::SinceBoot;
use rustix::time::{ClockId, clock_gettime};
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

/// How long the box has been on, sleep included.
pub fn since_boot() -> SinceBoot {
    let on = clock_gettime(ClockId::Boottime);
    let ms = on.tv_nsec / 1_000_000;
    SinceBoot(on.tv_sec.saturating_mul(1_000).saturating_add(ms))
}

/// The monotonic clock, in nanoseconds: the one that the kernel stamps edges of GPIO lines with.
pub fn monotonic_ns() -> u64 {
    let on = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(on.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(on.tv_nsec).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
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

/// Measures the processor time that this thread takes, which other programs cannot stretch much.
#[derive(Clone, Copy, Debug)]
pub struct CpuStopwatch(Duration);

impl CpuStopwatch {
    /// Starts measuring this thread.
    pub fn start() -> Self {
        Self(thread_cpu())
    }

    /// The processor time since [`CpuStopwatch::start`]; meaningless on another thread.
    pub fn elapsed(&self) -> Duration {
        thread_cpu().saturating_sub(self.0)
    }
}

/// Processor time of this thread since it began.
fn thread_cpu() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(spent.tv_sec).unwrap_or_default(),
        u32::try_from(spent.tv_nsec).unwrap_or_default(),
    )
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

    #[test]
    fn a_thread_that_works_takes_processor_time_and_one_that_sleeps_takes_little() {
        let (cpu, wall) = (CpuStopwatch::start(), Stopwatch::start());
        while cpu.elapsed() < Duration::from_millis(2) {
            std::hint::black_box(now());
        }
        assert!(wall.elapsed() >= Duration::from_millis(1));
        let cpu = CpuStopwatch::start();
        std::thread::sleep(Duration::from_millis(60));
        assert!(cpu.elapsed() < Duration::from_millis(40));
    }
}
