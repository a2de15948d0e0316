//! Plays a recording at the pace it was taken.

use super::{Frame, FrameSource, SourceError, SourceItem};
use crate::clock::{self, Stopwatch};
use fare_protocol::UnixMs;
use std::thread;
use std::time::Duration;

/// Longest pause kept between two frames; a recording may span a night.
pub const PAUSE_MS_MAX: u64 = 5_000;

/// Which time a paced frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The time it was taken, as recorded.
    Recorded,
    /// The time it is handed over, as from a camera.
    Arrival,
}

/// A source whose frames come no sooner after one another than they were recorded.
pub struct Paced {
    inner: Box<dyn FrameSource>,
    stamp: Stamp,
    played: Option<Played>,
}

/// How far the recording has been played.
struct Played {
    since_start: Stopwatch,
    due: Duration,
    last: UnixMs,
}

impl Paced {
    /// Paces `inner` by its own frame times.
    pub fn new(inner: Box<dyn FrameSource>, stamp: Stamp) -> Self {
        Self {
            inner,
            stamp,
            played: None,
        }
    }

    /// Waits until `frame` is due. Counting from the start keeps late wake-ups from adding up.
    fn wait_for(&mut self, frame: &Frame) {
        let at = frame.captured_at();
        let played = self.played.get_or_insert_with(|| Played {
            since_start: Stopwatch::start(),
            due: Duration::ZERO,
            last: at,
        });
        played.due += pause(played.last, at);
        played.last = at;
        thread::sleep(played.due.saturating_sub(played.since_start.elapsed()));
    }
}

/// Time to leave between frames taken at `earlier` and `later`.
fn pause(earlier: UnixMs, later: UnixMs) -> Duration {
    let gap_ms = u64::try_from(later.since(earlier)).unwrap_or(0);
    Duration::from_millis(gap_ms.min(PAUSE_MS_MAX))
}

impl FrameSource for Paced {
    fn next_frame(&mut self) -> Result<Option<SourceItem>, SourceError> {
        match self.inner.next_frame()? {
            Some(SourceItem::Frame { name, frame }) => {
                self.wait_for(&frame);
                let frame = match self.stamp {
                    Stamp::Recorded => frame,
                    Stamp::Arrival => frame.at(clock::now()),
                };
                Ok(Some(SourceItem::Frame { name, frame }))
            }
            other => Ok(other),
        }
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn total(&self) -> Option<u64> {
        self.inner.total()
    }

    fn is_stream(&self) -> bool {
        self.inner.is_stream()
    }

    fn reuse(&mut self, luma: Vec<u8>) {
        self.inner.reuse(luma);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use crate::frame::{FrameRate, Timing, y4m};

    #[test]
    fn a_pause_is_the_recorded_gap_never_negative_and_bounded() {
        let at = UnixMs(1_000);
        assert_eq!(pause(at, UnixMs(1_033)), Duration::from_millis(33));
        assert_eq!(
            pause(at, UnixMs(900)),
            Duration::ZERO,
            "a clock set back while recording"
        );
        assert_eq!(
            pause(UnixMs(0), UnixMs(i64::MAX)),
            Duration::from_millis(PAUSE_MS_MAX)
        );
    }

    #[test]
    fn frames_come_at_their_pace_with_either_stamp() {
        let stream = b"YUV4MPEG2 W1 H1 Cmono F1000:1\nFRAME\na\x46RAME\nb\x46RAME\nc";
        let timing = Timing {
            start: UnixMs(5),
            rate: FrameRate::default(),
        };
        for (stamp, first) in [(Stamp::Recorded, UnixMs(5)), (Stamp::Arrival, clock::now())] {
            let times = y4m::Times::Recorded(timing);
            let inner = y4m::Y4m::new(&stream[..], "t", times).unwrap();
            let mut paced = Paced::new(Box::new(inner), stamp);
            let watch = Stopwatch::start();
            let mut seen = Vec::new();
            while let Some(item) = paced.next_frame().unwrap() {
                let SourceItem::Frame { frame, .. } = item else {
                    panic!("skipped: {item:?}")
                };
                seen.push(frame.captured_at());
            }
            assert_eq!(seen.len(), 3);
            assert!(watch.elapsed() >= Duration::from_millis(2));
            assert!(
                seen[0] >= first && seen[0].since(first) < 60_000,
                "{seen:?}"
            );
        }
    }
}
