//! The watchdog's food: proof that the pipeline moves.
//!
//! The service manager is fed only when, since the last time, a frame was looked at and the journal's
//! thread answered. It is done from the lane loop, so that a loop that hangs feeds nobody either. A gate
//! without frames because there is no camera, or its recording is over, moves as well as it can: it is
//! fed, and its barrier and fire input go on. Only frames that came and then stop are a stall.

use super::eyes::Sight;
use crate::journal::JournalHandle;
use crate::service::{self, NotifyState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// Looks within the service manager's patience.
const LOOKS: u32 = 4;

/// Looks in vain after which the log says so: half the patience.
const LOOKS_IN_VAIN: u32 = 2;

/// What had moved at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Evidence {
    frames: Frames,
    /// Answers of the journal's thread.
    answers: u64,
}

/// What the eyes see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Frames {
    /// The source is away, being opened, or over.
    #[default]
    Absent,
    /// Frames came, and so many have been looked at since the start.
    Coming(u64),
}

/// What stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stall {
    /// Frames came, and none was looked at since.
    Frames,
    /// The journal's thread did not answer.
    Journal,
}

impl Evidence {
    fn stall_since(self, before: Self) -> Option<Stall> {
        if self.answers == before.answers {
            return Some(Stall::Journal);
        }
        match (before.frames, self.frames) {
            (Frames::Coming(before), Frames::Coming(now)) if before == now => Some(Stall::Frames),
            (Frames::Absent | Frames::Coming(_), Frames::Absent | Frames::Coming(_)) => None,
        }
    }
}

/// Feeds the service manager's watchdog.
pub(super) struct Watchdog {
    /// Nothing when none is kept.
    looks: Option<Interval>,
    sight: Arc<Sight>,
    journal: JournalHandle,
    asked: u64,
    answered: Arc<AtomicU64>,
    fed: Evidence,
    in_vain: u32,
}

impl Watchdog {
    /// One that feeds when the service manager asked for it.
    pub(super) fn new(sight: Arc<Sight>, journal: JournalHandle) -> Self {
        let looks = service::watchdog_patience().map(|patience| {
            let every = (patience / LOOKS).max(Duration::from_millis(1));
            let mut looks = tokio::time::interval(every);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        Self {
            looks,
            sight,
            journal,
            asked: 0,
            answered: Arc::default(),
            fed: Evidence::default(),
            in_vain: 0,
        }
    }

    /// Waits until it is time to look; for ever when there is nobody to feed.
    pub(super) async fn due(&mut self) {
        match &mut self.looks {
            Some(looks) => {
                looks.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    /// Feeds if everything moved since the last time.
    pub(super) fn look(&mut self) {
        let now = Evidence {
            frames: self.sight.frames(),
            answers: self.answered.load(Ordering::Relaxed),
        };
        match now.stall_since(self.fed) {
            None => {
                if self.in_vain >= LOOKS_IN_VAIN {
                    tracing::info!("everything moves again");
                }
                self.tell(now);
                (self.fed, self.in_vain) = (now, 0);
            }
            Some(stall) => {
                self.in_vain += 1;
                if self.in_vain == LOOKS_IN_VAIN {
                    tracing::error!(?stall, "the gate stands still; its watchdog is not fed");
                }
            }
        }
        self.ask();
    }

    fn tell(&self, now: Evidence) {
        let status = match now.frames {
            Frames::Absent => "at work, no frames",
            Frames::Coming(_) => "at work, frames are coming",
        };
        service::tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
    }

    /// Asks the journal's thread for a sign, unless it still owes one.
    fn ask(&mut self) {
        if self.answered.load(Ordering::Relaxed) != self.asked {
            return;
        }
        self.asked += 1;
        let (journal, answered) = (self.journal.clone(), Arc::clone(&self.answered));
        tokio::spawn(async move {
            if journal.answers().await.is_ok() {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Frames::{Absent, Coming};

    fn evidence(frames: Frames, answers: u64) -> Evidence {
        Evidence { frames, answers }
    }

    #[test]
    fn only_what_moved_since_the_last_time_counts() {
        let fed = evidence(Coming(10), 3);
        let cases = [
            (evidence(Coming(11), 4), None),
            (evidence(Coming(10), 4), Some(Stall::Frames)),
            (evidence(Coming(11), 3), Some(Stall::Journal)),
            (evidence(Coming(10), 3), Some(Stall::Journal)),
            // Unplugged, or a recording that is over: no stall. A journal that hangs still is.
            (evidence(Absent, 4), None),
            (evidence(Absent, 3), Some(Stall::Journal)),
        ];
        for (now, stall) in cases {
            assert_eq!(now.stall_since(fed), stall, "{now:?}");
        }
    }

    #[test]
    fn a_camera_that_never_came_is_no_stall_and_one_that_comes_has_to_go_on() {
        let absent = evidence(Absent, 1);
        assert_eq!(evidence(Absent, 2).stall_since(absent), None);
        let came = evidence(Coming(0), 2);
        assert_eq!(came.stall_since(absent), None);
        assert_eq!(
            evidence(Coming(0), 3).stall_since(came),
            Some(Stall::Frames)
        );
    }
}
