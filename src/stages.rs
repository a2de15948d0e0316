//! What each stage of one tap took, from the frame to the open barrier.
//!
//! The lane loop measures, the journal keeps it as `wait_us=…` in a diagnostic note, `faregate log
//! --explain` reads it back.

use crate::clock::Stopwatch;
use fare_protocol::UnixMs;
use std::fmt;
use std::time::Duration;

/// A stage of a tap, in the order in which they follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the frame's capture until it was looked at.
    Wait,
    /// The code was read from the frame.
    Decode,
    /// Its signatures were checked.
    Verify,
    /// The journal was asked what is known of it.
    Lookup,
    /// The server was asked, of a pay code alone.
    Ask,
    /// The lane decided.
    Decide,
    /// The confirmation was signed and made durable.
    Commit,
    /// The barrier was told to open and answered.
    Open,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Wait,
        Self::Decode,
        Self::Verify,
        Self::Lookup,
        Self::Ask,
        Self::Decide,
        Self::Commit,
        Self::Open,
    ];

    /// The stable name in notes and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Decode => "decode",
            Self::Verify => "verify",
            Self::Lookup => "lookup",
            Self::Ask => "ask",
            Self::Decide => "decide",
            Self::Commit => "commit",
            Self::Open => "open",
        }
    }
}

/// How long the stages of one tap took, and when its frame was taken. Nothing where a stage was not
/// reached or not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// When the frame was taken.
    pub frame_at: Option<UnixMs>,
    took: [Option<Duration>; Stage::ALL.len()],
}

impl Stages {
    /// What a frame brought that was taken at `frame_at`, decoded in `decode`, and is at hand at `now`.
    pub fn of_frame(frame_at: UnixMs, decode: Duration, now: UnixMs) -> Self {
        let age = u64::try_from(now.since(frame_at)).unwrap_or(0);
        let mut stages = Self {
            frame_at: Some(frame_at),
            ..Self::default()
        };
        stages.set(
            Stage::Wait,
            Duration::from_millis(age).saturating_sub(decode),
        );
        stages.set(Stage::Decode, decode);
        stages
    }

    /// How long this stage took.
    pub fn get(&self, stage: Stage) -> Option<Duration> {
        self.took[stage as usize]
    }

    /// This stage took so long.
    pub fn set(&mut self, stage: Stage, took: Duration) {
        self.took[stage as usize] = Some(took);
    }

    /// Does the work of a stage and measures it.
    pub fn time<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let watch = Stopwatch::start();
        let done = work();
        self.set(stage, watch.elapsed());
        done
    }

    /// These and, where they say nothing, those.
    pub fn or(mut self, those: &Self) -> Self {
        self.frame_at = self.frame_at.or(those.frame_at);
        for (took, other) in self.took.iter_mut().zip(those.took) {
            *took = took.or(other);
        }
        self
    }

    /// Reads `name=value` pairs; those of others are passed over.
    pub fn parse(detail: &str) -> Self {
        let mut stages = Self::default();
        for (name, value) in pairs(detail) {
            if name == "frame_at_ms" {
                stages.frame_at = value.parse().ok().map(UnixMs);
            }
            let Some(name) = name.strip_suffix("_us") else {
                continue;
            };
            let stage = Stage::ALL.into_iter().find(|stage| stage.name() == name);
            if let (Some(stage), Ok(us)) = (stage, value.parse()) {
                stages.set(stage, Duration::from_micros(us));
            }
        }
        stages
    }
}

/// The `name=value` pairs of a note's detail.
pub fn pairs(detail: &str) -> impl Iterator<Item = (&str, &str)> {
    detail.split(' ').filter_map(|word| word.split_once('='))
}

/// As notes keep it: `frame_at_ms=1 wait_us=2 decode_us=3`.
impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if let Some(frame_at) = self.frame_at {
            write!(f, "frame_at_ms={frame_at}")?;
            space = " ";
        }
        for stage in Stage::ALL {
            if let Some(took) = self.get(stage) {
                write!(f, "{space}{}_us={}", stage.name(), took.as_micros())?;
                space = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_a_note_is_read_back_from_it() {
        let mut stages =
            Stages::of_frame(UnixMs(1_000), Duration::from_micros(12_345), UnixMs(1_020));
        stages.set(Stage::Commit, Duration::from_micros(900));
        let note = format!("confirmation=00ff {stages} fare=CNY 6.00");
        assert_eq!(
            note,
            "confirmation=00ff frame_at_ms=1000 wait_us=7655 decode_us=12345 commit_us=900 fare=CNY 6.00"
        );
        assert_eq!(Stages::parse(&note), stages);
        assert_eq!(Stages::parse(""), Stages::default());
        assert_eq!(Stages::default().to_string(), "");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_wait() {
        let stages = Stages::of_frame(UnixMs(9_000), Duration::from_millis(5), UnixMs(1_000));
        assert_eq!(stages.get(Stage::Wait), Some(Duration::ZERO));
    }

    #[test]
    fn what_two_notes_say_is_put_together() {
        let mut first = Stages::default();
        first.set(Stage::Decode, Duration::from_micros(1));
        let mut second = Stages::default();
        second.set(Stage::Open, Duration::from_micros(2));
        let both = first.or(&second);
        assert_eq!(both.to_string(), "decode_us=1 open_us=2");
    }

    #[test]
    fn every_stage_has_its_own_place() {
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place);
        }
    }
}
