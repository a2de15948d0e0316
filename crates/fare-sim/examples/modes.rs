//! Which QR mode for ride codes? The same codes, packed in several ways, before the same cameras and
//! read by the gate's QR library: `cargo run -p fare-sim --example modes [FRAMES]`.
//!
//! The figures stand in `docs/decisions/`; they follow from the seed.

use comfy_table::Table;
use fare_protocol::{Millis, UnixMs, ride_code};
use fare_sim::camera::Camera;
use fare_sim::cast::Cast;
use fare_sim::clock;
use fare_sim::screen::{Code, Look, Packing, Phone};
use fare_sim::seed::Seed;
use fare_sim::shot::{Difficulty, FrameSize, Shot};
use image::GrayImage;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const START: UnixMs = UnixMs(1_780_000_000_000);

/// One way to put a ride code's bytes into a QR code.
#[derive(Clone, Copy, Debug)]
enum Way {
    Base45,
    Bytes,
    Base64,
}

#[derive(Default)]
struct Score {
    frames: u32,
    read: u32,
    wrong: u32,
    panics: u32,
    took: Duration,
}

impl Way {
    const ALL: [Self; 3] = [Self::Base45, Self::Bytes, Self::Base64];

    const fn name(self) -> &'static str {
        match self {
            Self::Base45 => "FG1: + base45, alphanumeric",
            Self::Bytes => "raw bytes, byte mode",
            Self::Base64 => "FG1: + base64url, byte mode",
        }
    }

    fn pack(self, text: &str) -> (Vec<u8>, Packing) {
        match self {
            Self::Base45 => (text.into(), Packing::Alphanumeric),
            Self::Bytes => (sealed(text), Packing::Byte),
            // Any bytes of the right count do: only the size of the code matters.
            Self::Base64 => {
                let len = (sealed(text).len() * 4).div_ceil(3);
                let filler = text.bytes().cycle().skip(ride_code::PREFIX.len());
                (
                    ride_code::PREFIX
                        .bytes()
                        .chain(filler)
                        .take(len + 4)
                        .collect(),
                    Packing::Byte,
                )
            }
        }
    }
}

/// The bytes of a ride code: base45 (RFC 9285) undone, three characters to two bytes.
fn sealed(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let value = |c: &u8| DIGITS.iter().position(|d| d == c).unwrap_or(0) as u32;
    let body = text
        .strip_prefix(ride_code::PREFIX)
        .unwrap_or(text)
        .as_bytes();
    body.chunks(3)
        .flat_map(|group| {
            let number = group.iter().rev().fold(0, |sum, c| sum * 45 + value(c));
            let bytes = number.to_be_bytes();
            if group.len() == 3 {
                bytes[2..].to_vec()
            } else {
                bytes[3..].to_vec()
            }
        })
        .collect()
}

fn read(frame: &GrayImage) -> Vec<Vec<u8>> {
    let (w, h) = (frame.width() as usize, frame.height() as usize);
    let pixels = frame.as_raw();
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(w, h, |x, y| pixels[y * w + x]);
    let grids = picture.detect_grids();
    let bytes = |grid: &rqrr::Grid<_>| {
        let mut bytes = Vec::new();
        grid.decode_to(&mut bytes).ok().map(|_| bytes)
    };
    grids.iter().filter_map(bytes).collect()
}

fn measure(way: Way, size: FrameSize, difficulty: Difficulty, frames: u32) -> (u32, usize, Score) {
    let seed = Seed::new(1);
    let camera = Camera::new(size, &seed);
    let cast = Cast::new(&seed, START);
    let mut score = Score::default();
    let (mut version, mut len) = (0, 0);
    for number in 0..frames {
        let made_at = START.after(Millis(number.saturating_mul(1000)));
        let (data, packing) = way.pack(&cast.rider(number.into()).make_code(made_at));
        let mut random = seed.fork("shot", number.into());
        let Ok(code) = Code::new(&data, packing) else {
            continue;
        };
        (version, len) = (code.version(), data.len());
        let phone = Phone::new(code, Look::draw(&mut random));
        let frame = camera.take(&phone, &Shot::draw(difficulty, &phone, size, &mut random));
        let start = clock::monotonic();
        let texts = catch_unwind(AssertUnwindSafe(|| read(&frame)));
        score.took += start.elapsed();
        score.frames += 1;
        match texts {
            Ok(texts) if texts.contains(&data) => score.read += 1,
            Ok(texts) => score.wrong += u32::from(!texts.is_empty()),
            Err(_) => score.panics += 1,
        }
    }
    (version, len, score)
}

fn main() -> io::Result<()> {
    let frames = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(300);
    let mut table = Table::new();
    table.set_header([
        "packing", "bytes", "version", "frames", "read", "wrong", "panics", "ms",
    ]);
    for size in [FrameSize::VGA, FrameSize::HD] {
        for difficulty in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
            for way in Way::ALL {
                let (version, len, score) = measure(way, size, difficulty, frames);
                let of = |n: u32| f64::from(n) * 100.0 / f64::from(score.frames.max(1));
                table.add_row([
                    way.name().to_owned(),
                    len.to_string(),
                    format!("{version}-L"),
                    format!("{} {size} {difficulty:?}", score.frames),
                    format!("{:.1} %", of(score.read)),
                    score.wrong.to_string(),
                    score.panics.to_string(),
                    format!(
                        "{:.1}",
                        score.took.as_secs_f64() * 1000.0 / f64::from(score.frames)
                    ),
                ]);
            }
        }
    }
    writeln!(io::stdout().lock(), "{table}")
}
