//! `fare-sim frames`: a recording of phones with valid ride codes, and what to expect of it.

use super::{Picture, write_gate};
use crate::cast::Cast;
use crate::recording::{Label, RecordingWriter};
use crate::seed::Seed;
use crate::sets::{Cause, Sample, Stage};
use crate::shot::{Difficulty, FrameSize};
use fare_protocol::{Millis, UnixMs};
use std::path::PathBuf;

/// Write a recording: one rider a frame, each with a valid code made just before.
///
/// Each difficulty in each size is a set of its own in the manifest, such as medium-640x480, of
/// --count frames. Beside frames.jsonl, the PNGs and manifest.csv, the folder gets gate/: keys, tariff
/// and a configuration for replaying it, gate/PGY-01.toml, that believes this recording's made-up
/// issuer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    picture: Picture,
    /// How hard the frames are to read: easy, medium and hard, separated by commas. Easy when nothing
    /// else is asked for.
    #[arg(long, value_enum, value_delimiter = ',')]
    difficulty: Vec<Difficulty>,
    /// Frames that cannot be read, by cause, separated by commas; each cause is a set of its name.
    #[arg(long, value_enum, value_delimiter = ',')]
    cause: Vec<Cause>,
    /// Frames with a phone behind another, as a set two-phones.
    #[arg(long)]
    two_phones: bool,
    /// Width and height; several are separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "1280x720")]
    size: Vec<FrameSize>,
    /// How many frames of each set.
    #[arg(long, default_value_t = 20)]
    count: u32,
    /// Every so manieth frame shows nobody; 0: none does.
    #[arg(long, value_name = "FRAMES", default_value_t = 10)]
    empty_every: u32,
    /// Time from frame to frame.
    #[arg(long, value_name = "MS", default_value_t = 3000)]
    interval_ms: u32,
    /// Folder to write into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The recording under way.
struct Writing {
    recording: RecordingWriter,
    start: UnixMs,
    interval_ms: u32,
    /// Frames so far; each has its own number, and its own rider.
    number: u32,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Picture { seed, start_ms } = args.picture;
    let (seed, start) = (Seed::new(seed), UnixMs(start_ms));
    let mut writing = Writing {
        recording: RecordingWriter::create(&args.out)?,
        start,
        interval_ms: args.interval_ms,
        number: 0,
    };
    let difficulties = match args.difficulty.as_slice() {
        [] if args.cause.is_empty() && !args.two_phones => &[Difficulty::Easy],
        asked => asked,
    };
    for &size in &args.size {
        let stage = Stage::new(&seed, start, size);
        for &difficulty in difficulties {
            write_difficulty(&mut writing, &stage, difficulty, args)?;
        }
        for &cause in &args.cause {
            write_cause(&mut writing, &stage, cause, args.count)?;
        }
        if args.two_phones {
            write_two_phones(&mut writing, &stage, args.count)?;
        }
    }
    writing.recording.finish()?;
    write_gate(&args.out, &Cast::new(&seed, start))
}

/// One difficulty in one size.
fn write_difficulty(
    writing: &mut Writing,
    stage: &Stage,
    difficulty: Difficulty,
    args: &Args,
) -> anyhow::Result<()> {
    let size = stage.camera().size();
    let set = format!("{difficulty}-{size}");
    for frame in 1..=args.count {
        let (number, at) = writing.next();
        if args.empty_every > 0 && frame.is_multiple_of(args.empty_every) {
            let label = Label {
                set: &format!("empty-{size}"),
                ..Label::default()
            };
            writing.add(at, &stage.empty(number), label)?;
            continue;
        }
        let label = Label {
            set: &set,
            verdict: Some("admit"),
            ..Label::default()
        };
        let sample = stage.gate_frame(difficulty, number, at)?;
        writing.add(at, &sample, label)?;
    }
    Ok(())
}

/// Frames that cannot be read for this cause.
fn write_cause(
    writing: &mut Writing,
    stage: &Stage,
    cause: Cause,
    count: u32,
) -> anyhow::Result<()> {
    let label = Label {
        set: cause.code(),
        cause: Some(cause.code()),
        ..Label::default()
    };
    for _ in 0..count {
        let (number, at) = writing.next();
        let sample = stage.cause_frame(cause, number, at)?;
        writing.add(at, &sample, label)?;
    }
    Ok(())
}

/// Frames with two phones.
fn write_two_phones(writing: &mut Writing, stage: &Stage, count: u32) -> anyhow::Result<()> {
    let label = Label {
        set: "two-phones",
        ..Label::default()
    };
    for _ in 0..count {
        let (number, at) = writing.next();
        writing.add(at, &stage.two_phones(number, at)?, label)?;
    }
    Ok(())
}

impl Writing {
    /// Number and time of the next frame.
    fn next(&mut self) -> (u64, UnixMs) {
        let number = self.number;
        self.number += 1;
        let at = self
            .start
            .after(Millis(self.interval_ms.saturating_mul(number)));
        (number.into(), at)
    }

    /// Adds `sample`; texts and how it was taken come from it, the rest from `label`.
    fn add(&mut self, at: UnixMs, sample: &Sample, label: Label<'_>) -> anyhow::Result<()> {
        let label = Label {
            texts: &sample.texts,
            how: &sample.how,
            ..label
        };
        Ok(self.recording.add(at, &sample.frame, Some(&label))?)
    }
}
