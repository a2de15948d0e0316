//! The worst time that the gate's decoder takes for each kind of hostile frame, on this machine.
//!
//! `cargo run --release --example hostile-frames [SEEDS]`: each kind in five sizes from VGA to 8K,
//! each with so many seeds (3 unless told). The last column is the slowest frame as a multiple of one
//! look at each of its pixels, measured in the same run.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use fare_protocol::UnixMs;
use fare_sim::seed::Seed;
use fare_sim::sets::{Burden, Hostile};
use faregate::clock::CpuStopwatch;
use faregate::decode::Decoder;
use faregate::frame::{Frame, FrameError};
use image::GrayImage;
use std::time::Duration;

const SIZES: [(u32, u32); 5] = [
    (640, 480),
    (1280, 720),
    (1920, 1080),
    (3840, 2160),
    (7680, 4320),
];

/// What a frame may take.
const LIMIT: Duration = Duration::from_millis(250);

#[derive(Clone, Copy)]
enum Kind {
    Hostile(Hostile),
    Burden(Burden),
}

impl Kind {
    fn all() -> impl Iterator<Item = Self> {
        let hostile = Hostile::ALL.into_iter().map(Self::Hostile);
        hostile.chain(Burden::ALL.into_iter().map(Self::Burden))
    }

    fn name(self) -> String {
        match self {
            Self::Hostile(kind) => format!("{kind:?}"),
            Self::Burden(kind) => format!("{kind:?}"),
        }
    }

    fn frame(self, width: u32, height: u32, seed: &mut Seed) -> GrayImage {
        match self {
            Self::Hostile(kind) => kind.frame(width, height, seed),
            Self::Burden(kind) => kind.frame(width, height, seed),
        }
    }
}

fn main() -> Result<(), FrameError> {
    let seeds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let seeds: u64 = seeds.unwrap_or(3);
    print!("{:16}", "worst ms");
    SIZES
        .iter()
        .for_each(|(w, h)| print!("{:>12}", format!("{w}x{h}")));
    println!("{:>12}", "x one look");
    let mut decoder = Decoder::new();
    let (mut over, mut worst_of_all) = (0, Duration::ZERO);
    for kind in Kind::all() {
        print!("{:16}", kind.name());
        let mut ratio: f64 = 0.0;
        for (width, height) in SIZES {
            let mut worst = Duration::ZERO;
            for seed in 0..seeds {
                let picture = kind.frame(width, height, &mut Seed::new(seed));
                let frame = Frame::new(width, height, picture.into_raw(), UnixMs(0))?;
                let elapsed = fastest(&mut decoder, &frame);
                worst = worst.max(elapsed);
                ratio = ratio.max(elapsed.as_secs_f64() / one_look(&frame).as_secs_f64());
                over += usize::from(elapsed > LIMIT);
            }
            worst_of_all = worst_of_all.max(worst);
            print!("{:>12.1}", worst.as_secs_f64() * 1e3);
        }
        println!("{ratio:>12.0}");
    }
    println!(
        "slowest {:.1} ms; over {} ms: {over}; panics: {}",
        worst_of_all.as_secs_f64() * 1e3,
        LIMIT.as_millis(),
        decoder.panics()
    );
    Ok(())
}

/// Of three times the least: processor time, so that other programs do not count.
fn fastest(decoder: &mut Decoder, frame: &Frame) -> Duration {
    let decode = |_| {
        let watch = CpuStopwatch::start();
        decoder.decode(frame);
        watch.elapsed()
    };
    (0..3).map(decode).min().unwrap_or_default()
}

/// How long it takes to count the frame's dark pixels.
fn one_look(frame: &Frame) -> Duration {
    let look = || {
        let watch = CpuStopwatch::start();
        let dark = frame.luma().iter().filter(|&&level| level < 128).count();
        std::hint::black_box(dark);
        watch.elapsed()
    };
    (0..3).map(|_| look()).min().unwrap_or_default()
}
