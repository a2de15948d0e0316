//! The figures of a replay, for the terminal and for programs.

use super::outcome::ReplayOutcome;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The figures of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The recording, as it was named.
    pub recording: String,
    /// Frames played.
    pub frames: usize,
    /// Frames that could not be read from the recording.
    pub skipped: usize,
    /// Frames in which at least one code was read.
    pub decoded: usize,
    /// Frames in which nothing was read, by reason.
    pub unread: BTreeMap<String, u64>,
    /// Decisions by kind: `admit` or the refusal's code.
    pub decisions: BTreeMap<String, u64>,
    /// How long decoding took for each frame; none without frames.
    pub decode_ms: Option<Spread>,
    /// How long the replay took, in milliseconds.
    pub wall_ms: u64,
    /// The comparison with the manifest, where one was given.
    pub compared: Option<Compared>,
}

/// How a figure is spread, by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the values are not above this.
    pub p50: f64,
    /// 95 of 100 are not above this.
    pub p95: f64,
    /// 99 of 100 are not above this.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// How a replay compares with its manifest, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Frames that are as expected.
    pub as_expected: usize,
    /// Frames that differ, were skipped, or are missing.
    pub differences: usize,
    /// Frames the manifest does not name.
    pub unlisted: usize,
}

impl Summary {
    /// Counts up an outcome.
    pub fn of(outcome: &ReplayOutcome) -> Self {
        let frames = &outcome.frames;
        let nothing = frames.iter().filter_map(|frame| frame.nothing.as_ref());
        let decisions = frames.iter().filter_map(|frame| frame.decision.as_ref());
        Self {
            recording: outcome.recording.clone(),
            frames: frames.len(),
            skipped: outcome.skipped.len(),
            decoded: frames
                .iter()
                .filter(|frame| !frame.codes.is_empty())
                .count(),
            unread: count(nothing.map(|nothing| nothing.code())),
            decisions: count(decisions.map(|decision| decision.label.as_str())),
            decode_ms: Spread::of(frames.iter().map(|frame| frame.decode_ms).collect()),
            wall_ms: u64::try_from(outcome.wall.as_millis()).unwrap_or(u64::MAX),
            compared: Compared::of(outcome),
        }
    }

    /// Whether everything that was expected came about.
    pub fn as_expected(&self) -> bool {
        self.compared
            .is_none_or(|compared| compared.differences == 0)
    }
}

fn count<'a>(kinds: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

impl Spread {
    /// The spread of some values; none of none.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let max = *values.last()?;
        let rank = |percent: usize| values[(values.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self {
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max,
        })
    }
}

impl Compared {
    fn of(outcome: &ReplayOutcome) -> Option<Self> {
        let comparison = outcome.comparison.as_ref()?;
        let checks = outcome
            .frames
            .iter()
            .filter_map(|frame| frame.check.as_ref());
        Some(Self {
            as_expected: checks.filter(|check| check.difference.is_none()).count(),
            differences: outcome.differences().len(),
            unlisted: comparison.unlisted.len(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.wall_ms as f64 / 1000.0;
        let Self {
            recording,
            frames,
            skipped,
            decoded,
            ..
        } = self;
        writeln!(
            f,
            "{recording}: {frames} frames, {skipped} skipped, in {seconds:.1} s"
        )?;
        writeln!(f, "  decoded     {decoded} frames")?;
        if !self.unread.is_empty() {
            writeln!(f, "  not read    {}", listed(&self.unread))?;
        }
        if !self.decisions.is_empty() {
            writeln!(f, "  decisions   {}", listed(&self.decisions))?;
        }
        if let Some(ms) = &self.decode_ms {
            writeln!(f, "  decode ms   {ms}")?;
        }
        match &self.compared {
            Some(compared) => writeln!(f, "  compared    {compared}"),
            None => Ok(()),
        }
    }
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let words: Vec<_> = counts
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    words.join(" · ")
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p95, p99, max } = self;
        write!(
            f,
            "p50 {p50:.1} · p95 {p95:.1} · p99 {p99:.1} · max {max:.1}"
        )
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            as_expected,
            differences,
            unlisted,
        } = self;
        write!(
            f,
            "{as_expected} as expected · {differences} different · {unlisted} not listed"
        )
    }
}

#[cfg(test)]
mod tests;
