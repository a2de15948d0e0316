//! Reading QR codes out of frames, so that no picture can take the gate down.
//!
//! The crate `fare-decode` reads them and tells why nothing was read; `hint` says when the rider is
//! told so. Each frame is decoded behind `contain`: should a picture make the reader panic, that
//! becomes [`NothingRead::Panicked`], is counted, and stays off standard error; the next frame gets
//! a new reader.

mod hint;

pub use fare_decode::{QrContent, Unread};
pub use hint::{Hint, Hints};

use crate::clock::Stopwatch;
use crate::contain;
use crate::frame::Frame;
use fare_decode::{Eye, Missed, Picture};
use std::time::Duration;
use thiserror::Error;

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

impl From<Missed> for NothingRead {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Nothing => Self::Nothing,
            Missed::Unread(why) => Self::Unread(why),
        }
    }
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

impl Decoder {
    /// A decoder. The first one of the process also silences contained panics on standard error.
    pub fn new() -> Self {
        contain::install_quiet_hook();
        Self::default()
    }

    /// Reads all QR codes in a frame, whatever came before it.
    pub fn decode(&mut self, frame: &Frame) -> Decoded {
        self.decode_with(|eye| eye.read_still(picture(frame)?))
    }

    /// Reads the next frame of a camera that stands still: looks only when something has come, first
    /// where the last frame had a code, and puts together what several frames show of one code.
    pub fn watch(&mut self, frame: &Frame) -> Decoded {
        self.decode_with(|eye| eye.read_next(picture(frame)?))
    }

    /// How many frames the decoder has panicked on.
    pub fn panics(&self) -> u64 {
        self.panics
    }

    fn decode_with(
        &mut self,
        read: impl FnOnce(&mut Eye) -> Result<Vec<QrContent>, Missed>,
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
                read.map_err(NothingRead::from)
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

fn picture(frame: &Frame) -> Result<Picture<'_>, Missed> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    Picture::of(width, height, frame.luma()).ok_or(Missed::Nothing)
}

#[cfg(test)]
mod tests;
