//! Benchmarks that run on the gate's own box: what a tap costs there, beside the disk's own limit, and
//! what the decoder reads of pictures.

pub mod decode;
pub mod drain;
mod fareserver;
pub mod journal;
pub mod pay_codes;
mod taps;

use crate::clock::Stopwatch;
use crate::config::GateConfig;
use crate::courier::CourierError;
use crate::frame::{self, SourceError, Timing};
use crate::journal::JournalError;
use crate::replay::Collector;
use crate::replay::outcome::{FrameOutcome, SkippedFrame};
use crate::replay::run::{Pace, TapTimes, Watcher, gate, scratch_journal};
use crate::replay::summary::Spread;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of one bare write: a page of the journal.
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
    #[error("cannot measure the disk at {path}: {source}; choose another with --folder")]
    Disk {
        /// The file written to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A benchmark could not be set up.
    #[error("the benchmark could not be set up: {0}")]
    Setup(String),
    /// A program beside this one failed.
    #[error("{program} {detail}; build it, or say where it lies with --fareserver")]
    Program {
        /// Which.
        program: PathBuf,
        /// How.
        detail: String,
    },
    /// The way to the server.
    #[error(transparent)]
    Courier(#[from] CourierError),
    /// Nothing to measure.
    #[error(
        "no tap of the recording was admitted; make one with: fare-sim frames --interval-ms 3000, \
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
    let mut disk = DiskProbe::new(folder)?;
    let journal = scratch_journal(config, folder)?;
    let mut source = frame::open_recording(recording, Timing::default())?;
    let mut gate = gate(config, &journal);
    let collector = Collector::new(recording.display().to_string(), None);
    gate.play(source.as_mut(), Pace::Fastest, collector, &mut disk)?;
    journal.close()?;
    figures(folder, gate.taps(), disk.finish()?).ok_or(BenchError::NoTaps)
}

fn figures(folder: &Path, taps: &[TapTimes], fdatasync: Spread) -> Option<TapFigures> {
    let spread = |part: fn(&TapTimes) -> Duration| {
        Spread::of(
            taps.iter()
                .map(|tap| part(tap).as_secs_f64() * 1e3)
                .collect(),
        )
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

/// After each frame, or each commit, writes one page over and syncs it, so that disk and journal are measured in the
/// same weather.
struct DiskProbe {
    path: PathBuf,
    file: File,
    times_ms: Vec<f64>,
    failed: Option<io::Error>,
}

impl DiskProbe {
    fn new(folder: &Path) -> Result<Self, BenchError> {
        let path = folder.join("fdatasync.probe");
        match File::create(&path) {
            Ok(file) => Ok(Self {
                path,
                file,
                times_ms: Vec::new(),
                failed: None,
            }),
            Err(source) => Err(BenchError::Disk { path, source }),
        }
    }

    /// Measures one write; what goes wrong is told at the end.
    fn measure(&mut self) {
        match self.write() {
            Ok(ms) => self.times_ms.push(ms),
            Err(err) => self.failed = Some(err),
        }
    }

    fn write(&mut self) -> io::Result<f64> {
        let watch = Stopwatch::start();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&[0x5a; SYNC_LEN])?;
        self.file.sync_data()?;
        Ok(watch.elapsed().as_secs_f64() * 1e3)
    }

    fn finish(self) -> Result<Spread, BenchError> {
        match self.failed {
            Some(source) => Err(BenchError::Disk {
                path: self.path,
                source,
            }),
            None => Spread::of(self.times_ms).ok_or(BenchError::NoTaps),
        }
    }
}

impl Watcher for DiskProbe {
    fn played(&mut self, _: &FrameOutcome) {
        self.measure();
    }

    fn skipped(&mut self, _: &SkippedFrame) {}
}
