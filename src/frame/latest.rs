//! The one-place mailbox between the source thread and the decode thread: the newest frame wins.
//!
//! A gate that decoded every frame in turn would fall behind and open for people already gone.
//! Here a frame that was not taken in time is replaced and counted, and its buffer goes back to the
//! source, so that a running gate allocates no pixels.

use super::Frame;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Pixel buffers kept for reuse: one in the camera's hands, one waiting, one being decoded.
const SPARE_BUFFERS_MAX: usize = 3;

/// The mailbox. Share it by reference or `Arc`.
#[derive(Debug, Default)]
pub struct Latest {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Slot {
    frame: Option<Frame>,
    spare: Vec<Vec<u8>>,
    replaced: u64,
    closed: bool,
}

/// What became of a frame that was put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits to be taken. A buffer to fill next, if one is free.
    Kept(Option<Vec<u8>>),
    /// The mailbox is closed: stop the source.
    Closed,
}

impl Latest {
    /// An open, empty mailbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts in a frame in place of the one waiting, if any, which is dropped and counted.
    pub fn put(&self, frame: Frame) -> Put {
        let mut slot = self.lock();
        if slot.closed {
            return Put::Closed;
        }
        if let Some(late) = slot.frame.replace(frame) {
            slot.replaced += 1;
            slot.keep(late.into_luma());
        }
        let spare = slot.spare.pop();
        drop(slot);
        self.changed.notify_one();
        Put::Kept(spare)
    }

    /// Waits for a frame; `None` once the mailbox is closed and empty.
    pub fn take(&self) -> Option<Frame> {
        let mut slot = self.lock();
        loop {
            if let Some(frame) = slot.frame.take() {
                return Some(frame);
            }
            if slot.closed {
                return None;
            }
            slot = self
                .changed
                .wait(slot)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives a frame back after use, so that the source fills its buffer again.
    pub fn give_back(&self, frame: Frame) {
        self.lock().keep(frame.into_luma());
    }

    /// Closes the mailbox: the source is told at its next `put`, the reader after the last frame.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Frames that were replaced before anyone took them.
    pub fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    /// The slot is consistent between any two statements, so a panic elsewhere cannot spoil it.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn keep(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            self.spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;
    use fare_protocol::UnixMs;
    use std::thread;

    fn frame(at: i64) -> Frame {
        Frame::new(2, 1, vec![0, 255], UnixMs(at)).unwrap()
    }

    #[test]
    fn the_newest_frame_wins_and_the_others_are_counted() {
        let latest = Latest::new();
        for at in 1..=5 {
            assert!(matches!(latest.put(frame(at)), Put::Kept(_)));
        }
        assert_eq!(latest.take().unwrap().captured_at(), UnixMs(5));
        assert_eq!(latest.replaced(), 4);
    }

    #[test]
    fn buffers_come_back_to_the_source_and_no_more_than_a_few_are_kept() {
        let latest = Latest::new();
        assert_eq!(
            latest.put(frame(1)),
            Put::Kept(None),
            "nothing to reuse yet"
        );
        assert_eq!(
            latest.put(frame(2)),
            Put::Kept(Some(vec![0, 255])),
            "the replaced frame's"
        );
        for at in 0..10 {
            latest.give_back(frame(at));
        }
        assert_eq!(latest.lock().spare.len(), SPARE_BUFFERS_MAX);
    }

    #[test]
    fn closing_lets_the_last_frame_out_and_stops_both_sides() {
        let latest = Latest::new();
        latest.put(frame(1));
        latest.close();
        assert_eq!(latest.put(frame(2)), Put::Closed);
        assert_eq!(latest.take().unwrap().captured_at(), UnixMs(1));
        assert_eq!(latest.take(), None);
    }

    #[test]
    fn a_waiting_reader_wakes_for_a_frame_and_for_the_end() {
        let latest = Latest::new();
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = Vec::new();
                while let Some(frame) = latest.take() {
                    seen.push(frame.captured_at().0);
                    latest.give_back(frame);
                }
                seen
            });
            for at in 1..=100 {
                latest.put(frame(at));
            }
            latest.close();
            let seen = reader.join().unwrap();
            assert_eq!(
                seen.last(),
                Some(&100),
                "the newest frame is never the one lost"
            );
            assert!(seen.is_sorted());
            assert_eq!(seen.len() as u64 + latest.replaced(), 100);
        });
    }

    #[test]
    fn a_reader_that_died_holding_the_lock_does_not_stop_the_source() {
        let latest = Latest::new();
        let died = thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = latest.slot.lock();
                panic!("a thread dies while holding the mailbox");
            });
            holder.join()
        });
        assert!(died.is_err());
        assert!(matches!(latest.put(frame(7)), Put::Kept(_)));
        assert_eq!(latest.take().unwrap().captured_at(), UnixMs(7));
    }
}
