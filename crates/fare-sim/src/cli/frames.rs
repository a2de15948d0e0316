//! `fare-sim frames`: a recording of phones with valid ride codes, and what to expect of it.

use crate::camera::Camera;
use crate::cast::Cast;
use crate::city::{City, GateSite};
use crate::recording::{Expected, RecordingWriter};
use crate::seed::Seed;
use crate::shot::{Difficulty, FrameSize, Shot};
use fare_protocol::{LaneNo, Millis, UnixMs};
use fare_rules::Role;
use std::path::PathBuf;

/// Every so manieth frame is empty: reading something there is wrong.
const EMPTY_EVERY: u32 = 10;

/// Where the recording's gate stands.
const STATION: &str = "PGY";

/// Write a recording: one rider a frame, each with a valid code made just before.
///
/// Beside frames.jsonl, the PNGs and manifest.csv, the folder gets gate/: keys, tariff and a
/// configuration for replaying it, gate/PGY-01.toml, that believes this recording's made-up issuer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    picture: Picture,
    /// How many frames; every tenth is empty.
    #[arg(long, default_value_t = 20)]
    count: u32,
    /// Time from frame to frame.
    #[arg(long, value_name = "MS", default_value_t = 3000)]
    interval_ms: u32,
    /// Folder to write into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// What all rendering subcommands share.
#[derive(Debug, clap::Args)]
pub(super) struct Picture {
    /// Everything follows from this number.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// How hard the frames are to read.
    #[arg(long, value_enum, default_value = "easy")]
    pub(super) difficulty: Difficulty,
    /// Width and height.
    #[arg(long, default_value_t = FrameSize::HD)]
    pub(super) size: FrameSize,
    /// Time of the first frame, Unix milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_780_000_000_000)]
    pub(super) start_ms: i64,
}

/// What a recording is made with.
pub(super) struct Stage {
    pub(super) seed: Seed,
    pub(super) start: UnixMs,
    pub(super) camera: Camera,
    pub(super) cast: Cast,
}

impl Picture {
    pub(super) fn stage(&self) -> Stage {
        let (seed, start) = (Seed::new(self.seed), UnixMs(self.start_ms));
        let (camera, cast) = (Camera::new(self.size, &seed), Cast::new(&seed, start));
        Stage {
            seed,
            start,
            camera,
            cast,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let Picture {
        difficulty, size, ..
    } = args.picture;
    let Stage {
        seed,
        start,
        camera,
        cast,
    } = args.picture.stage();
    let mut recording = RecordingWriter::create(&args.out)?;
    for number in 0..args.count {
        let taken_at = start.after(Millis(args.interval_ms.saturating_mul(number)));
        let mut random = seed.fork("frame", number.into());
        if number % EMPTY_EVERY == EMPTY_EVERY - 1 {
            let frame = camera.empty(random.next_u64());
            recording.add(taken_at, &frame, &Expected::Nothing, None)?;
            continue;
        }
        let mut rider = cast.rider(number.into());
        // The rider opened the code a moment before holding it to the glass.
        let text = rider.make_code(taken_at.before(Millis(1500)));
        let phone = rider.show(&text)?;
        let shot = Shot::draw(difficulty, &phone, size, &mut random);
        let frame = camera.take(&phone, &shot);
        recording.add(
            taken_at,
            &frame,
            &Expected::OneOf(vec![text]),
            Some("admit"),
        )?;
    }
    recording.finish()?;
    let city = City::write(&args.out.join("gate"), &[cast.issuer()])?;
    let site = GateSite {
        station: STATION.parse()?,
        lane: LaneNo(1),
        role: Role::Entry,
    };
    city.write_gate(site, None)?;
    Ok(())
}
