//! Gathers what comes of the frames while a replay runs.

use super::expect::Manifest;
use super::outcome::{
    Comparison, DecisionOutcome, FrameOutcome, ReplayOutcome, SkippedFrame, Thumbnail,
};
use crate::decode::Decoded;
use crate::frame::{Frame, FrameName};
use std::collections::HashSet;
use std::time::Duration;

/// Most thumbnails kept, so that a report stays a page.
pub const THUMBNAILS_MAX: usize = 200;

/// A replay's outcome in the making.
#[derive(Debug, Default)]
pub struct Collector {
    outcome: ReplayOutcome,
    manifest: Option<Manifest>,
    thumbnails: usize,
}

impl Collector {
    /// Starts gathering; frames are compared with `manifest` as they come.
    pub fn new(recording: impl Into<String>, manifest: Option<Manifest>) -> Self {
        let outcome = ReplayOutcome {
            recording: recording.into(),
            ..ReplayOutcome::default()
        };
        Self {
            outcome,
            manifest,
            thumbnails: 0,
        }
    }

    /// Adds a frame and what was read and decided on it.
    pub fn frame(
        &mut self,
        name: &FrameName,
        frame: &Frame,
        decoded: Decoded,
        decision: Option<DecisionOutcome>,
    ) -> &FrameOutcome {
        let decode_ms = decoded.elapsed.as_secs_f64() * 1000.0;
        let (codes, nothing) = match decoded.read {
            Ok(codes) => (codes.into_iter().map(|code| code.bytes).collect(), None),
            Err(nothing) => (Vec::new(), Some(nothing)),
        };
        let mut outcome = FrameOutcome {
            name: name.to_string(),
            at: frame.captured_at(),
            decode_ms,
            codes,
            nothing,
            decision,
            check: None,
            thumbnail: None,
        };
        outcome.check = self
            .manifest
            .as_ref()
            .and_then(|manifest| manifest.check(&outcome));
        if outcome.failed() && self.thumbnails < THUMBNAILS_MAX {
            self.thumbnails += 1;
            outcome.thumbnail = Some(Thumbnail::of(frame));
        }
        self.outcome.frames.push(outcome);
        &self.outcome.frames[self.outcome.frames.len() - 1]
    }

    /// Adds something that should have been a frame.
    pub fn skipped(&mut self, name: &FrameName, why: String) -> &SkippedFrame {
        let name = name.to_string();
        let expected = self
            .manifest
            .as_ref()
            .is_some_and(|m| m.expectation(&name).is_some());
        self.outcome.skipped.push(SkippedFrame {
            name,
            why,
            expected,
        });
        &self.outcome.skipped[self.outcome.skipped.len() - 1]
    }

    /// Ends the replay, which took `wall`, and finds what the manifest names and nobody saw.
    pub fn finish(self, wall: Duration) -> ReplayOutcome {
        let mut outcome = self.outcome;
        outcome.wall = wall;
        outcome.comparison = self.manifest.map(|manifest| {
            let frames = outcome.frames.iter().map(|frame| frame.name.as_str());
            let skipped = outcome.skipped.iter().map(|skipped| skipped.name.as_str());
            let seen: HashSet<&str> = frames.chain(skipped).collect();
            let missing = manifest
                .entries()
                .iter()
                .map(|entry| &entry.file)
                .filter(|file| !seen.contains(file.as_str()));
            let unlisted = outcome.frames.iter().filter(|frame| frame.check.is_none());
            Comparison {
                missing: missing.cloned().collect(),
                unlisted: unlisted.map(|frame| frame.name.clone()).collect(),
            }
        });
        outcome
    }
}

#[cfg(test)]
mod tests;
