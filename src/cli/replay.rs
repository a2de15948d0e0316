//! `faregate replay`: a recording through the gate's own pipeline.

use crate::clock;
use crate::config::GateConfig;
use crate::frame::{self, FrameRate, Timing};
use crate::replay::outcome::{FrameOutcome, SkippedFrame};
use crate::replay::run::{Pace, Watcher, gate, scratch_journal};
use crate::replay::{Collector, Manifest, ReplayOutcome, Summary, html, junit};
use crate::scratch::ScratchDir;
use anyhow::Context;
use clap::Args;
use fare_protocol::UnixMs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Differences printed in full; the report and the JSON have them all.
const DIFFERENCES_PRINTED_MAX: usize = 20;

/// Runs recorded frames through decoder, lane and a journal of its own, with a virtual clock.
///
/// Exit status 0 when the recording was played and nothing differs from what was expected, else 1;
/// 2 for bad configuration.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A folder of PNG or JPEG frames (with frames.jsonl, or in name order), a .y4m file, or -
    recording: PathBuf,
    /// The gate's configuration; its devices and journal are not touched
    #[arg(long)]
    config: PathBuf,
    /// Frames a second, for recordings without times
    #[arg(long, default_value = "30")]
    fps: FrameRate,
    /// Time of the first frame in Unix milliseconds, for recordings without times; now by default
    #[arg(long, value_name = "MS")]
    start_ms: Option<i64>,
    /// Play as fast as it was recorded, not as fast as possible
    #[arg(long)]
    realtime: bool,
    /// Compare with a manifest.csv: columns file, expected (a JSON list) and, if there, kind, verdict
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Print one JSON object a line: each frame, then the summary
    #[arg(long)]
    json: bool,
    /// Write JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report: one self-contained page
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

pub(super) fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let config = GateConfig::load(&args.config)?;
    let manifest = args.expect.as_deref().map(Manifest::read).transpose()?;
    let start = args.start_ms.map_or_else(clock::now, UnixMs);
    let timing = Timing {
        start,
        rate: args.fps,
    };
    let mut source = frame::open_recording(&args.recording, timing)?;
    let scratch = ScratchDir::new("replay")?;
    let journal = scratch_journal(&config, scratch.path())?;
    let mut replay = gate(&config, &journal);
    let collector = Collector::new(args.recording.display().to_string(), manifest);
    let pace = if args.realtime {
        Pace::Realtime
    } else {
        Pace::Fastest
    };
    let mut printer = Printer::new(args.json, source.total());
    let outcome = replay.play(source.as_mut(), pace, collector, &mut printer);
    journal.close()?;
    printer.finish(&outcome?, &args)
}

/// Prints frames as they are played, around a progress bar when there is a terminal.
struct Printer {
    json: bool,
    bar: ProgressBar,
    /// The first failure to print; a reader that went away ends the printing, not the replay.
    failed: Option<io::Error>,
}

impl Printer {
    fn new(json: bool, total: Option<u64>) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} frames, {eta} left") {
            bar.set_style(style);
        }
        Self {
            json,
            bar,
            failed: None,
        }
    }

    fn line(&mut self, line: &str) {
        let printed = self.bar.suspend(|| writeln!(io::stdout().lock(), "{line}"));
        self.failed = self.failed.take().or(printed.err());
    }

    fn finish(mut self, outcome: &ReplayOutcome, args: &ReplayArgs) -> anyhow::Result<ExitCode> {
        self.bar.finish_and_clear();
        let summary = Summary::of(outcome);
        if let Some(path) = &args.junit {
            let mut xml = String::new();
            junit::write(outcome, &mut xml)?;
            write_file(path, &xml)?;
        }
        if let Some(path) = &args.report {
            write_file(path, &html::page(outcome))?;
        }
        if self.json {
            self.line(&serde_json::json!({ "summary": summary }).to_string());
        } else {
            for difference in outcome.differences().iter().take(DIFFERENCES_PRINTED_MAX) {
                self.line(&format!(
                    "differs: {}: {}",
                    difference.name, difference.what
                ));
            }
            let left = outcome
                .differences()
                .len()
                .saturating_sub(DIFFERENCES_PRINTED_MAX);
            if left > 0 {
                self.line(&format!(
                    "differs: {left} more; --report or --json has them all"
                ));
            }
            self.line(&summary.to_string());
        }
        match self.failed {
            Some(err) => Err(err.into()),
            None if summary.as_expected() => Ok(ExitCode::SUCCESS),
            None => Ok(ExitCode::FAILURE),
        }
    }
}

impl Watcher for Printer {
    fn played(&mut self, frame: &FrameOutcome) {
        self.bar.inc(1);
        if self.json {
            self.line(&frame.json().to_string());
        } else if frame.decision.is_some() || !frame.codes.is_empty() {
            self.line(&frame.to_string());
        }
    }

    fn skipped(&mut self, skipped: &SkippedFrame) {
        self.bar.inc(1);
        let line = if self.json {
            serde_json::json!({ "file": skipped.name, "skipped": skipped.why }).to_string()
        } else {
            format!("{}: skipped: {}", skipped.name, skipped.why)
        };
        self.line(&line);
    }
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
