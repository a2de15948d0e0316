//! Reading QR codes out of frames, so that no picture can take the gate down.
//!
//! `reader` finds and reads the codes, `text` turns their bytes into characters, `cause` tells why
//! nothing was read and `hint` when the rider is told so. Each frame is decoded behind `contain`: should a picture make the reader panic,
//! that becomes [`NothingRead::Panicked`], is counted, and stays off standard error; the next frame
//! gets a new reader.

mod cause;
mod hint;
mod reader;
mod scene;
mod text;

pub use cause::Unread;
pub use hint::{Hint, Hints};

use crate::clock::Stopwatch;
use crate::contain;
use crate::frame::Frame;
use reader::{Area, Picture, Reader, Reading};
use scene::Scene;
use std::time::Duration;
use thiserror::Error;

/// One QR code that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QrContent {
    /// What it says. QR codes carry bytes; text is one use of them.
    pub bytes: Vec<u8>,
    /// The assignment number of its character set, if it names one (extended channel interpretation).
    pub eci: Option<u32>,
    /// Some of it is in kanji mode, which is Shift JIS.
    pub has_kanji: bool,
    /// The code's corners in the frame: x to the right and y down, in pixels, clockwise from the
    /// code's own top left. They may lie outside the frame.
    pub corners: [(i32, i32); 4],
    /// Area between the corners in square pixels: of two codes, the larger one is nearer.
    pub area_px: u64,
    /// QR version 1 to 40; a code is 17 + 4·version modules wide.
    pub version: u8,
}

/// Why nothing was read from a frame.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NothingRead {
    /// Nobody holds a code before the camera.
    #[error("no QR code was seen")]
    Nothing,
    /// Something was held before the camera and could not be read.
    #[error("{0}")]
    Unread(Unread),
    /// The decoder panicked on this frame, which was contained.
    #[error("the decoder failed on this picture: {what}")]
    Panicked {
        /// The panic's message and place.
        what: String,
    },
}

impl NothingRead {
    /// A short stable code for counters, logs and reports.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Unread(why) => why.code(),
            Self::Panicked { .. } => "decoder-panic",
        }
    }
}

/// The result of decoding one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The codes read, nearest first and never empty, or why there are none.
    pub read: Result<Vec<QrContent>, NothingRead>,
    /// How long decoding took.
    pub elapsed: Duration,
}

impl Decoded {
    /// The codes read, nearest first; empty when nothing was read.
    pub fn codes(&self) -> &[QrContent] {
        self.read.as_deref().unwrap_or_default()
    }
}

/// Decodes frames, and counts the panics it contained.
#[derive(Debug, Default)]
pub struct Decoder {
    eye: Eye,
    panics: u64,
}

/// What is kept from frame to frame.
#[derive(Debug)]
struct Eye {
    still: Reader,
    stream: Reader,
    scene: Scene,
    /// Where a code was in the last frame.
    place: Option<Area>,
}

impl Default for Eye {
    fn default() -> Self {
        Self {
            still: Reader::default(),
            stream: Reader::of_stream(),
            scene: Scene::default(),
            place: None,
        }
    }
}

impl Decoder {
    /// A decoder. The first one of the process also silences contained panics on standard error.
    pub fn new() -> Self {
        contain::install_quiet_hook();
        Self::default()
    }

    /// Reads all QR codes in a frame, whatever came before it.
    pub fn decode(&mut self, frame: &Frame) -> Decoded {
        self.decode_with(|eye| eye.read_still(picture(frame)))
    }

    /// Reads the next frame of a camera that stands still: looks only when something has come, first
    /// where the last frame had a code, and puts together what several frames show of one code.
    pub fn watch(&mut self, frame: &Frame) -> Decoded {
        self.decode_with(|eye| eye.read_next(picture(frame)))
    }

    /// How many frames the decoder has panicked on.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    fn decode_with(
        &mut self,
        read: impl FnOnce(&mut Eye) -> Result<Vec<QrContent>, NothingRead>,
    ) -> Decoded {
        let watch = Stopwatch::start();
        // What a panic leaves is dropped with it.
        let mut eye = std::mem::take(&mut self.eye);
        let read = contain::contain(|| {
            let read = read(&mut eye);
            (read, eye)
        });
        let read = match read {
            Ok((read, eye)) => {
                self.eye = eye;
                read
            }
            Err(what) => {
                self.panics += 1;
                Err(NothingRead::Panicked { what })
            }
        };
        Decoded {
            read,
            elapsed: watch.elapsed(),
        }
    }
}

/// Around a code's corners, what is looked at first in the next frame: so much of its size on each
/// side, for a hand moves on.
const PLACE_MARGIN: f32 = 0.35;

impl Eye {
    fn read_still(&mut self, picture: Picture<'_>) -> Result<Vec<QrContent>, NothingRead> {
        let codes = contents(self.still.read(picture), picture.area());
        if codes.is_empty() {
            return Err(cause::of(picture, &self.still.sight()));
        }
        Ok(codes)
    }

    fn read_next(&mut self, picture: Picture<'_>) -> Result<Vec<QrContent>, NothingRead> {
        if !self.scene.changed(picture) {
            self.place = None;
            return Err(NothingRead::Nothing);
        }
        let fits = |place: &Area| place.right <= picture.width && place.bottom <= picture.height;
        let place = self.place.take().filter(fits);
        // Then all of it: the scene may have been learnt while somebody stood there.
        for area in place.into_iter().chain([picture.area()]) {
            let codes = contents(self.stream.read(picture.crop(area)), area);
            if let Some(nearest) = codes.first() {
                let place = nearest.area(picture);
                self.place = Some(place);
                self.scene.keep_out(place);
                return Ok(codes);
            }
        }
        Err(cause::of(picture, &self.stream.sight()))
    }
}

fn picture(frame: &Frame) -> Picture<'_> {
    Picture::new(
        frame.width() as usize,
        frame.height() as usize,
        frame.luma(),
    )
}

/// The codes of a part of a frame, nearest first.
fn contents(readings: Vec<Reading>, part: Area) -> Vec<QrContent> {
    let mut codes: Vec<_> = readings
        .into_iter()
        .map(|reading| content(reading, part))
        .collect();
    codes.sort_unstable_by_key(|code| std::cmp::Reverse(code.area_px));
    codes
}

impl QrContent {
    /// Where in a picture the code is, with some room.
    fn area(&self, picture: Picture<'_>) -> Area {
        let [a, b, c, d] = self
            .corners
            .map(|(x, y)| reader::Point::new(x as f32, y as f32));
        let middle = (a + b + c + d) * 0.25;
        let reach = [a, b, c, d].iter().fold(0.0f32, |reach, &corner| {
            let way = corner - middle;
            reach.max(way.x.abs()).max(way.y.abs())
        });
        picture.around(middle, reach * (1.0 + PLACE_MARGIN))
    }
}

fn content(reading: Reading, part: Area) -> QrContent {
    let corners = reading.corners.map(|at| {
        let (left, top) = (part.left as f32, part.top as f32);
        ((at.x + left).round() as i32, (at.y + top).round() as i32)
    });
    QrContent {
        area_px: area(&corners),
        bytes: reading.bytes,
        eci: reading.eci,
        has_kanji: reading.has_kanji,
        corners,
        version: reading.version,
    }
}

/// Area of a quadrilateral by the shoelace formula, in 128 bits as corners may lie far outside.
fn area(corners: &[(i32, i32); 4]) -> u64 {
    let next = corners.iter().cycle().skip(1);
    let doubled: i128 = corners
        .iter()
        .zip(next)
        .map(|(&(x0, y0), &(x1, y1))| {
            i128::from(x0) * i128::from(y1) - i128::from(x1) * i128::from(y0)
        })
        .sum();
    u64::try_from(doubled.unsigned_abs() / 2).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
