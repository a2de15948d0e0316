//! The gate's time: the pure clock of `fare_rules`, fed with what this box and the server say.

use super::{ClockNote, kernel, now, rtc, since_boot};
use crate::config::ClockConfig;
use fare_protocol::{Millis, Stamp, UnixMs};
use fare_rules::clock::{GateClock, Reading, RtcCheck, SinceBoot, Source, UNKNOWN};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Known at least so well, the time tells how far off the battery clock is.
const RTC_CHECK_ERROR_MAX: Millis = Millis(2_000);

/// The time of one gate; clones share it.
#[derive(Clone, Debug)]
pub struct GateTime(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Mutex<Kept>,
    system_error: Option<Millis>,
    journal: PathBuf,
}

#[derive(Debug)]
struct Kept {
    clock: GateClock,
    logged: Option<Source>,
    rtc: Option<RtcCheck>,
}

/// A time that the server signed, and when it was asked for and heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerTime {
    /// The server's time at answering.
    pub as_of: UnixMs,
    /// When the gate asked.
    pub asked: SinceBoot,
    /// When the answer was there.
    pub heard: SinceBoot,
}

impl GateTime {
    /// The time from now on; `last` is the newest stamp in the journal, which lies at `journal`.
    pub fn start(config: &ClockConfig, last: Option<Stamp>, journal: &Path) -> Self {
        let boot = since_boot();
        let mut clock = GateClock::new(config.drift, boot, last, now());
        let checked = ClockNote::read(journal).and_then(|note| note.rtc);
        if let (Some(at), Some(checked)) = (rtc::read(), checked) {
            clock.read(boot, Reading::Rtc { at, checked });
        }
        if config.system_error.is_none()
            && let Err(err) = kernel::error_bound()
        {
            tracing::info!(%err, "the kernel may not be asked how good its clock is");
        }
        let kept = Kept {
            clock,
            logged: None,
            rtc: checked,
        };
        let time = Self(Arc::new(Shared {
            clock: Mutex::new(kept),
            system_error: config.system_error,
            journal: journal.to_owned(),
        }));
        time.settle();
        time
    }

    /// The time, and how far it may be off.
    pub fn stamp(&self) -> Stamp {
        let boot = since_boot();
        let mut kept = self.read_system(boot);
        let stamp = kept.clock.stamp(boot);
        kept.log(boot, stamp);
        stamp
    }

    /// [`GateClock::settle`]: to be called while no ride is under way.
    pub fn settle(&self) {
        let boot = since_boot();
        self.read_system(boot).clock.settle(boot);
    }

    /// Takes what the server said.
    pub fn heard(&self, said: ServerTime) {
        let ServerTime {
            as_of,
            asked,
            heard,
        } = said;
        let reading = Reading::Server { as_of, asked };
        self.lock().clock.read(heard, reading);
    }

    /// The time for what must go on without a known one, such as whether a certificate is valid: the
    /// system's where that is later and nothing vouches for either.
    pub fn probably(&self) -> UnixMs {
        let Stamp { at, error_ms } = self.stamp();
        if error_ms == UNKNOWN {
            at.max(now())
        } else {
            at
        }
    }

    /// What the time stands on.
    pub fn source(&self) -> Source {
        self.lock().clock.source(since_boot())
    }

    /// Writes beside the journal how good the time is; blocks for as long as the disk takes.
    pub fn write_down(&self) {
        let (stamp, source) = (self.stamp(), self.source());
        let shows = rtc::read().filter(|_| stamp.error_ms <= RTC_CHECK_ERROR_MAX);
        let mut kept = self.lock();
        if let Some(shows) = shows
            && source != Source::Rtc
        {
            kept.rtc = Some(RtcCheck::new(stamp, shows));
        }
        let note = ClockNote {
            at_ms: stamp.at,
            error_ms: stamp.error_ms,
            source,
            rtc: kept.rtc,
        };
        drop(kept);
        if let Err(err) = note.write(&self.0.journal) {
            tracing::debug!(%err, "the clock's note cannot be written beside the journal");
        }
    }

    fn read_system(&self, boot: SinceBoot) -> MutexGuard<'_, Kept> {
        let kernel = || kernel::error_bound().ok().flatten();
        let error = self.0.system_error.or_else(kernel);
        let mut kept = self.lock();
        if let Some(error) = error {
            let at = now();
            kept.clock.read(boot, Reading::System { at, error });
        }
        kept
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn log(&mut self, boot: SinceBoot, stamp: Stamp) {
        let source = self.clock.source(boot);
        if self.logged.replace(source) == Some(source) {
            return;
        }
        let error_ms = stamp.error_ms.0;
        match source {
            Source::System | Source::Server | Source::Both | Source::Rtc => {
                tracing::info!(%source, error_ms, "clock");
            }
            Source::Contradiction => tracing::warn!(
                error_ms,
                "the system's clock and the server contradict one another: the server's time is taken; \
                 look at the gate's NTP servers"
            ),
            Source::Nothing => tracing::warn!(
                "nothing tells the time: no NTP, no server, no battery clock; it goes on from the \
                 newest record"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fare_rules::clock::Ppm;

    fn config(system_error: Option<u32>) -> ClockConfig {
        ClockConfig {
            system_error: system_error.map(Millis),
            drift: Ppm(100),
        }
    }

    #[test]
    fn a_system_clock_that_is_vouched_for_is_the_time() {
        let before = now();
        let time = GateTime::start(&config(Some(50)), None, Path::new("/nowhere/journal"));
        let stamp = time.stamp();
        assert!(stamp.at >= before && stamp.at <= now());
        // More than the 51 only where this machine's clock was set meanwhile.
        assert!(stamp.error_ms >= Millis(51), "{stamp:?}");
        assert_eq!(time.source(), Source::System);
        assert!(time.stamp().at >= stamp.at);
        // An hour ahead, says the server: one of them is wrong.
        let boot = since_boot();
        time.heard(ServerTime {
            as_of: now().after(Millis(3_600_000)),
            asked: boot,
            heard: boot,
        });
        assert_eq!(time.source(), Source::Contradiction);
        assert!(time.stamp().error_ms > Millis(3_599_000));
    }

    #[test]
    fn it_is_written_down_beside_the_journal() {
        let dir = tempfile::tempdir().expect("a folder");
        let journal = dir.path().join("gate.journal");
        let time = GateTime::start(&config(Some(50)), None, &journal);
        time.write_down();
        let note = ClockNote::read(&journal).expect("a note");
        assert_eq!(note.source, Source::System);
        assert!(note.error_ms >= Millis(51), "{note:?}");
        assert_eq!(note.rtc.is_some(), rtc::read().is_some());
    }

    #[test]
    fn the_kernel_is_asked_where_nothing_vouches() {
        let ahead = Stamp {
            at: now().after(Millis(1_000_000)),
            error_ms: Millis(10),
        };
        let time = GateTime::start(&config(None), Some(ahead), Path::new("/nowhere/journal"));
        // Never behind the journal, and then it is certainly off by the difference.
        let stamp = time.stamp();
        assert!(stamp.at >= ahead.at);
        assert!(stamp.error_ms >= Millis(999_000), "{stamp:?}");
        let expected = if kernel::error_bound().ok().flatten().is_some() {
            Source::System
        } else {
            Source::Nothing
        };
        assert_eq!(time.source(), expected);
        assert!(time.probably() >= stamp.at);
    }
}
