//! Reading QR codes out of frames, so that no picture can take the gate down.
//!
//! The reader is rqrr. It panics on some real photographs, so each frame is decoded behind
//! `contain`: a panic becomes [`NothingRead::Panicked`], is counted, and stays off standard error.
//! Nothing of a frame outlives its decoding, so there is no state that a panic could leave broken.

use crate::clock::Stopwatch;
use crate::contain;
use crate::frame::Frame;
use std::time::Duration;
use thiserror::Error;

/// One QR code that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrContent {
    /// What it says. QR codes carry bytes; text is one use of them.
    pub bytes: Vec<u8>,
    /// The code's corners in the frame: x to the right and y down, in pixels, clockwise from the
    /// code's own top left. They may lie outside the frame.
    pub corners: [(i32, i32); 4],
    /// Area between the corners in square pixels: of two codes, the larger one is nearer.
    pub area_px: u64,
    /// QR version 1 to 40; a code is 17 + 4·version modules wide.
    pub version: u8,
}

impl QrContent {
    /// The bytes as text, where they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// Why nothing was read from a frame.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NothingRead {
    /// No three finder patterns that belong together.
    #[error("no QR code was seen")]
    NoFinder,
    /// Codes were seen, and none could be decoded.
    #[error("{found} QR {} seen, none could be decoded: {first_error}", codes(*.found))]
    Undecodable {
        /// How many were seen.
        found: usize,
        /// What was wrong with the first.
        first_error: String,
    },
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
            Self::NoFinder => "no-finder",
            Self::Undecodable { .. } => "undecodable",
            Self::Panicked { .. } => "decoder-panic",
        }
    }
}

fn codes(found: usize) -> &'static str {
    if found == 1 { "code was" } else { "codes were" }
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
        self.decode_with(|| read_codes(frame))
    }

    /// How many frames the decoder has panicked on.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    fn decode_with(
        &mut self,
        read: impl FnOnce() -> Result<Vec<QrContent>, NothingRead>,
    ) -> Decoded {
        let watch = Stopwatch::start();
        let read = contain::contain(read).unwrap_or_else(|what| {
            self.panics += 1;
            Err(NothingRead::Panicked { what })
        });
        Decoded {
            read,
            elapsed: watch.elapsed(),
        }
    }
}

/// Finds and decodes with rqrr. May panic.
fn read_codes(frame: &Frame) -> Result<Vec<QrContent>, NothingRead> {
    let (width, luma) = (frame.width() as usize, frame.luma());
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, frame.height() as usize, |x, y| {
            luma[y * width + x]
        });
    let grids = prepared.detect_grids();
    let found = grids.len();
    let mut codes = Vec::with_capacity(found);
    let mut first_error = None;
    for grid in grids {
        let mut bytes = Vec::new();
        match grid.decode_to(&mut bytes) {
            Ok(meta) => codes.push(content(bytes, grid.bounds, meta.version.0)),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    codes.sort_by_key(|code| std::cmp::Reverse(code.area_px));
    if !codes.is_empty() {
        return Ok(codes);
    }
    Err(match first_error {
        Some(error) => NothingRead::Undecodable {
            found,
            first_error: sentence(error).to_owned(),
        },
        None => NothingRead::NoFinder,
    })
}

/// What is wrong with a code, in words for people.
fn sentence(error: rqrr::DeQRError) -> &'static str {
    use rqrr::DeQRError as E;
    match error {
        E::DataEcc => "too much of it is damaged, covered or blurred",
        E::FormatEcc => "its format information cannot be read",
        E::InvalidVersion | E::InvalidGridSize => "its size is not one a QR code can have",
        E::DataUnderflow => "its data ends too soon",
        E::DataOverflow => "its data does not fit its size",
        E::UnknownDataType => "it holds a kind of data this gate does not know",
        E::EncodingError => "its text is not UTF-8",
        E::IoError => "its content could not be stored",
    }
}

fn content(bytes: Vec<u8>, bounds: [rqrr::Point; 4], version: usize) -> QrContent {
    let corners = bounds.map(|point| (point.x, point.y));
    // rqrr reads no version above 40.
    QrContent {
        bytes,
        corners,
        area_px: area(&corners),
        version: version.min(40) as u8,
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
