//! When a rider is told why the code is not read: only what persists is said, and said once.
//!
//! A phone on its way to the glass is too far, moving and cut off within a few frames. So a hint is
//! given when most of the last frames had the same cause, and each hint once a presentation, which
//! ends when a code was read or nothing was seen for a second.

use super::{NothingRead, QrContent, Unread};

/// Frames looked back at, and how many of them must have the same cause.
const FRAMES: usize = 6;
const SAME_MIN: usize = 4;

/// Frames without anything after which the next rider comes: a second.
const QUIET_FRAMES: u32 = 30;

/// Something to tell the rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Why nothing is read.
    pub why: Unread,
    /// Nothing else was told in this presentation.
    pub is_first: bool,
}

/// What was seen in the last frames, and what was told.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The newest first.
    last: [Option<Unread>; FRAMES],
    /// Frames since something was seen.
    quiet: u32,
    told: [bool; Unread::ALL.len()],
}

impl Hints {
    /// Takes what came of the next frame; what to tell the rider now, if anything.
    pub fn see(&mut self, read: &Result<Vec<QrContent>, NothingRead>) -> Option<Hint> {
        let why = match read {
            Ok(_) => {
                *self = Self::default();
                return None;
            }
            Err(NothingRead::Unread(why)) => Some(*why),
            Err(NothingRead::Nothing | NothingRead::Panicked { .. }) => None,
        };
        self.last.rotate_right(1);
        self.last[0] = why;
        let Some(why) = why else {
            self.quiet = self.quiet.saturating_add(1);
            if self.quiet >= QUIET_FRAMES {
                self.told = Default::default();
            }
            return None;
        };
        self.quiet = 0;
        let same = self.last.iter().filter(|&&seen| seen == Some(why)).count();
        if same < SAME_MIN || self.told[why as usize] {
            return None;
        }
        let is_first = !self.told.contains(&true);
        self.told[why as usize] = true;
        Some(Hint { why, is_first })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told while frames with these causes come: `-` for nothing, `r` for a code read.
    fn told(hints: &mut Hints, frames: &str) -> Vec<(Unread, bool)> {
        let see = |frame| {
            let read = match frame {
                'r' => Ok(vec![QrContent::default()]),
                'f' => Err(NothingRead::Unread(Unread::TooFar)),
                'm' => Err(NothingRead::Unread(Unread::Moving)),
                _ => Err(NothingRead::Nothing),
            };
            hints.see(&read).map(|hint| (hint.why, hint.is_first))
        };
        frames.chars().filter_map(see).collect()
    }

    #[test]
    fn only_what_persists_is_told_and_only_once() {
        let mut hints = Hints::default();
        assert_eq!(told(&mut hints, "ffm-mfm-f-mff"), []);
        assert_eq!(told(&mut hints, "f"), [(Unread::TooFar, true)]);
        assert_eq!(told(&mut hints, &"f".repeat(500)), []);
    }

    #[test]
    fn another_cause_is_told_too_and_is_not_the_first() {
        let mut hints = Hints::default();
        let both = told(&mut hints, "ffffmmmmffffmmmm");
        assert_eq!(both, [(Unread::TooFar, true), (Unread::Moving, false)]);
    }

    #[test]
    fn the_next_rider_is_told_again() {
        for between in ["r".to_owned(), "-".repeat(30)] {
            let mut hints = Hints::default();
            assert_eq!(told(&mut hints, "ffff").len(), 1);
            assert_eq!(told(&mut hints, &format!("{}ffff", "-".repeat(29))), []);
            assert_eq!(told(&mut hints, &format!("{between}fff")), []);
            assert_eq!(told(&mut hints, "f"), [(Unread::TooFar, true)]);
        }
    }

    #[test]
    fn every_cause_has_its_own_place() {
        for (place, why) in Unread::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place);
        }
    }
}
