//! `fare-sim approaches`: riders who bring their phones to the glass, each a recording.

use super::{Picture, write_gate};
use crate::recording::{Label, RecordingError, RecordingWriter};
use crate::seed::Seed;
use crate::sets::{Presentation, Sight, Stage, frame_time};
use crate::shot::{Difficulty, FrameSize};
use anyhow::Context;
use fare_protocol::{Millis, UnixMs};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// From the start of one rider's recording to the next one's.
const RIDER_EVERY: Millis = Millis(5000);

/// Write presentations: a phone brought to the glass by hand, held and taken away, 30 frames a second.
///
/// Each is a recording of its own, DIR/0001 and so on. Its manifest names the frames of the empty hall
/// and those that must be read; nothing is claimed about those between. DIR/manifest.csv has one line a
/// presentation: folder, text, number of frames, first frame that must be read (from 1) and how many
/// such there are. DIR/gate is a configuration that believes the made-up issuer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    picture: Picture,
    /// How well the phones are held.
    #[arg(long, value_enum, default_value = "medium")]
    difficulty: Difficulty,
    /// Width and height.
    #[arg(long, default_value_t = FrameSize::HD)]
    size: FrameSize,
    /// How many presentations.
    #[arg(long, default_value_t = 3)]
    count: u32,
    /// Write this many frames of the gate at rest too, as DIR/idle.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    idle: u32,
    /// People who walk by while the gate is at rest.
    #[arg(long, default_value_t = 2)]
    walkers: u32,
    /// Folder to write into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Picture { seed, start_ms } = args.picture;
    let (seed, start) = (Seed::new(seed), UnixMs(start_ms));
    let stage = Stage::new(&seed, start, args.size);
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let path = args.out.join("manifest.csv");
    let unwritten = || format!("cannot write {}", path.display());
    let mut manifest = BufWriter::new(File::create(&path).with_context(unwritten)?);
    writeln!(manifest, "folder,text,frames,first_readable,readable").with_context(unwritten)?;
    for number in 0..args.count {
        let at = start.after(Millis(RIDER_EVERY.0.saturating_mul(number)));
        let presentation = stage.presentation(args.difficulty, number.into(), at)?;
        let folder = format!("{:04}", number + 1);
        write_presentation(&args.out.join(&folder), &presentation, at)?;
        let line = summary(&folder, &presentation);
        writeln!(manifest, "{line}").with_context(unwritten)?;
    }
    manifest.flush().with_context(unwritten)?;
    if args.idle > 0 {
        write_idle(&args.out.join("idle"), &stage, args, start)?;
    }
    write_gate(&args.out, stage.cast())
}

/// A line of the manifest of presentations. Ride codes have no quotes or commas in them.
fn summary(folder: &str, presentation: &Presentation) -> String {
    let sights: Vec<Sight> = presentation.sights().collect();
    let readable = |sight: &&Sight| **sight == Sight::Readable;
    let first = sights.iter().position(|sight| readable(&sight));
    let first = first.map_or_else(String::new, |first| (first + 1).to_string());
    let (frames, count) = (sights.len(), sights.iter().filter(readable).count());
    format!("{folder},{},{frames},{first},{count}", presentation.text())
}

fn write_presentation(
    folder: &Path,
    presentation: &Presentation,
    start: UnixMs,
) -> Result<(), RecordingError> {
    let mut recording = RecordingWriter::create(folder)?;
    let texts = [presentation.text().to_owned()];
    for (number, moment) in (0..).zip(presentation.moments()) {
        let label = |texts| Label {
            set: "approach",
            texts,
            how: presentation.how(),
            ..Label::default()
        };
        let label = match moment.sight {
            Sight::Nobody => Some(label(&[])),
            Sight::Phone => None,
            Sight::Readable => Some(label(&texts)),
        };
        recording.add(frame_time(start, number), &moment.frame, label.as_ref())?;
    }
    recording.finish()
}

fn write_idle(
    folder: &Path,
    stage: &Stage,
    args: &Args,
    start: UnixMs,
) -> Result<(), RecordingError> {
    let mut recording = RecordingWriter::create(folder)?;
    let label = Label {
        set: "idle",
        ..Label::default()
    };
    for (number, frame) in (0..args.idle).zip(stage.idle(args.walkers, 0)) {
        recording.add(frame_time(start, number), &frame, Some(&label))?;
    }
    recording.finish()
}
