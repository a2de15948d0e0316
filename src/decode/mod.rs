//! Reading QR codes out of frames, so that no picture can take the gate down.
//!
//! `reader` finds and reads the codes, `text` turns their bytes into characters, `cause` tells why
//! nothing was read. Each frame is decoded behind `contain`: should a picture make the reader panic,
//! that becomes [`NothingRead::Panicked`], is counted, and stays off standard error; the next frame
//! gets a new reader.

mod cause;
mod reader;
mod text;

pub use cause::Unread;

use crate::clock::Stopwatch;
use crate::contain;
use crate::frame::Frame;
use reader::{Picture, Reader, Reading};
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
    pub fn code(&self) -> &'static str {
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
    reader: Reader,
    panics: u64,
}

impl Decoder {
    /// A decoder. The first one of the process also silences contained panics on standard error.
    pub fn new() -> Self {
        contain::install_quiet_hook();
        Self::default()
    }

    /// Reads all QR codes in a frame.
    pub fn decode(&mut self, frame: &Frame) -> Decoded {
        self.decode_with(|reader| read_codes(reader, frame))
    }

    /// How many frames the decoder has panicked on.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    fn decode_with(
        &mut self,
        read: impl FnOnce(&mut Reader) -> Result<Vec<QrContent>, NothingRead>,
    ) -> Decoded {
        let watch = Stopwatch::start();
        // What a panic leaves of a reader is dropped with it.
        let mut reader = std::mem::take(&mut self.reader);
        let read = contain::contain(|| {
            let read = read(&mut reader);
            (read, reader)
        });
        let read = match read {
            Ok((read, reader)) => {
                self.reader = reader;
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

/// All codes of a frame, nearest first, or why there are none.
fn read_codes(reader: &mut Reader, frame: &Frame) -> Result<Vec<QrContent>, NothingRead> {
    let picture = Picture::new(
        frame.width() as usize,
        frame.height() as usize,
        frame.luma(),
    );
    let mut codes: Vec<_> = reader.read(picture).into_iter().map(content).collect();
    if codes.is_empty() {
        return Err(cause::of(picture, &reader.sight()));
    }
    codes.sort_unstable_by_key(|code| std::cmp::Reverse(code.area_px));
    Ok(codes)
}

fn content(reading: Reading) -> QrContent {
    let corners = reading
        .corners
        .map(|at| (at.x.round() as i32, at.y.round() as i32));
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
