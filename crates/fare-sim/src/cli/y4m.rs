//! `fare-sim y4m`: riders before a camera, as a Y4M stream on standard output.

use super::Picture;
use crate::approach::Approach;
use crate::pki;
use crate::recording::Y4mWriter;
use crate::seed::Seed;
use crate::sets::Stage;
use crate::shot::{Difficulty, FrameSize, Shot};
use anyhow::Context;
use fare_protocol::{Millis, UnixMs};
use std::io::{self, BufWriter};
use std::path::PathBuf;

/// Stream riders who come to the glass, hold their phones there and leave, as Y4M (Cmono).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    picture: Picture,
    /// How hard the frames are to read.
    #[arg(long, value_enum, default_value = "easy")]
    difficulty: Difficulty,
    /// Width and height.
    #[arg(long, default_value_t = FrameSize::HD)]
    size: FrameSize,
    /// How many riders.
    #[arg(long, default_value_t = 3)]
    count: u32,
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    fps: u32,
    /// Frames of the empty hall between riders.
    #[arg(long, default_value_t = 90)]
    gap_frames: u32,
    /// Write the public key of the made-up issuer to this file.
    #[arg(long, value_name = "FILE")]
    issuers: Option<PathBuf>,
}

const APPROACH: Approach = Approach {
    coming: 8,
    held: 20,
    leaving: 8,
};

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Picture { seed, start_ms } = args.picture;
    let (seed, start) = (Seed::new(seed), UnixMs(start_ms));
    let (size, difficulty) = (args.size, args.difficulty);
    let stage = Stage::new(&seed, start, size);
    let (camera, cast) = (stage.camera(), stage.cast());
    if let Some(path) = &args.issuers {
        pki::write_key_set(path, &[cast.issuer()])?;
    }
    let out = BufWriter::new(io::stdout().lock());
    let mut stream = Y4mWriter::start(out, size, args.fps).context("cannot write the stream")?;
    let mut frames: u32 = 0;
    for number in 0..args.count {
        let mut random = seed.fork("visit", number.into());
        for _ in 0..args.gap_frames {
            stream
                .frame(&camera.empty(random.next_u64()))
                .context("cannot write the stream")?;
        }
        frames += args.gap_frames;
        let mut rider = cast.rider(number.into());
        let text = rider.make_code(start.after(Millis(frames.saturating_mul(1000) / args.fps)));
        let phone = rider.show(&text)?;
        let held = Shot::draw(difficulty, &phone, size, &mut random);
        for shot in APPROACH.shots(&held, size, &random) {
            stream
                .frame(&camera.take(&phone, &shot))
                .context("cannot write the stream")?;
        }
        frames += APPROACH.frames();
    }
    Ok(())
}
