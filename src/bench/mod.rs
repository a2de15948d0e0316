//! Benchmarks that run on the gate's own box: what a tap costs there, beside the disk's own limit.

use crate::clock::Stopwatch;
use crate::config::GateConfig;
use crate::frame::{self, SourceError, Timing};
use crate::journal::JournalError;
use crate::replay::outcome::{FrameOutcome, SkippedFrame};
use crate::replay::run::{Pace, TapTimes, Watcher, gate, scratch_journal};
use crate::replay::summary::Spread;
use crate::replay::Collector;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// Bare writes that measure the disk.
const SYNCS: usize = 200;

/// Bytes of one such write: a page of the journal.
const SYNC_LEN: usize = 4_096;

/// Why a benchmark could not run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The recording broke off.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The disk could not be measured.
    #[error("cannot measure the disk in {folder}: {source}")]
    Disk {
        /// Where.
        folder: String,
        /// Why.
        source: io::Error,
    },
    /// Nothing to measure.
    #[error(
        "no tap of the recording was admitted; make one with: fare-sim frames --every-ms 3000, \
         and believe its issuer in the configuration"
    )]
    NoTaps,
}

/// What taps cost with the journal in one folder. All figures in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TapFigures {
    /// Where the journal was.
    pub folder: String,
    /// Admitted taps.
    pub taps: usize,
    /// From the frame in memory to the open command.
    pub total: Spread,
    /// Decoding.
    pub decode: Spread,
    /// Signing and making the confirmation durable.
    pub commit: Spread,
    /// All but decoding and the journal: verifying, looking up, deciding.
    pub decide: Spread,
    /// All but decoding.
    pub without_decode: Spread,
    /// One 4 KiB write with fdatasync in the same folder in the same run: the disk's limit.
    pub fdatasync: Spread,
    /// Median commit over median fdatasync.
    pub commit_per_fdatasync: f64,
}

/// Plays `recording` with the journal in `folder` and measures each admitted tap.
///
/// # Errors
/// When the recording, the journal or the disk fails, or nothing was admitted.
pub fn tap(config: &GateConfig, recording: &Path, folder: &Path) -> Result<TapFigures, BenchError> {
    let fdatasync = fdatasync(folder).map_err(|source| BenchError::Disk {
        folder: folder.display().to_string(),
        source,
    })?;
    let journal = scratch_journal(config, folder)?;
    let mut source = frame::open_recording(recording, Timing::default())?;
    let mut gate = gate(config, &journal);
    let collector = Collector::new(recording.display().to_string(), None);
    gate.play(source.as_mut(), Pace::Fastest, collector, &mut Silent)?;
    journal.close()?;
    figures(folder, gate.taps(), fdatasync).ok_or(BenchError::NoTaps)
}

fn figures(folder: &Path, taps: &[TapTimes], fdatasync: Spread) -> Option<TapFigures> {
    let spread = |part: fn(&TapTimes) -> Duration| {
        Spread::of(taps.iter().map(|tap| part(tap).as_secs_f64() * 1e3).collect())
    };
    let commit = spread(|tap| tap.commit)?;
    Some(TapFigures {
        folder: folder.display().to_string(),
        taps: taps.len(),
        total: spread(|tap| tap.total)?,
        decode: spread(|tap| tap.decode)?,
        commit,
        decide: spread(|tap| tap.total.saturating_sub(tap.decode + tap.commit))?,
        without_decode: spread(|tap| tap.total.saturating_sub(tap.decode))?,
        fdatasync,
        commit_per_fdatasync: commit.p50 / fdatasync.p50,
    })
}

/// How long the disk takes for one page, written over and synced.
fn fdatasync(folder: &Path) -> io::Result<Spread> {
    let path = folder.join("fdatasync.probe");
    let mut file = File::create(&path)?;
    let page = [0x5a; SYNC_LEN];
    let mut times_ms = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let watch = Stopwatch::start();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.sync_data()?;
        times_ms.push(watch.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(&path)?;
    Spread::of(times_ms).ok_or_else(|| io::Error::other("no write was measured"))
}

/// Watches nothing.
struct Silent;

impl Watcher for Silent {
    fn played(&mut self, _: &FrameOutcome) {}
    fn skipped(&mut self, _: &SkippedFrame) {}
}
