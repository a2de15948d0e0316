//! Camera frames and where they come from: a camera, a Y4M stream, a folder of pictures.
//!
//! Every source is a [`FrameSource`]. It blocks, so it runs on an operating system thread of its
//! own and hands frames to the decode thread through [`latest::Latest`]. A picture that cannot be
//! read is a [`SourceItem::Skipped`], which is named and counted; only a source that cannot go on
//! at all answers [`SourceError`].

#[cfg(feature = "camera")]
pub mod camera;
pub mod folder;
pub mod latest;
pub mod paced;
pub mod picture;
pub mod y4m;

use crate::clock;
use fare_protocol::UnixMs;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// Most pixels a frame may have along one side; no gate camera comes near it.
pub const FRAME_SIDE_PX_MAX: u32 = 8192;

/// One picture: 8-bit luma, row by row from the top left, and when it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    luma: Vec<u8>,
    captured_at: UnixMs,
}

/// Why pixels are not a frame.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// A side is 0 or above [`FRAME_SIDE_PX_MAX`].
    #[error("a frame of {width}×{height} px; each side must be 1 to {FRAME_SIDE_PX_MAX}")]
    Side {
        /// Pixels per row, as given.
        width: u32,
        /// Rows, as given.
        height: u32,
    },
    /// The buffer does not hold one byte for each pixel.
    #[error("{got} bytes of luma for a frame of {width}×{height} px, expected {expected}")]
    LumaLength {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
}

impl Frame {
    /// Makes a frame from `width`·`height` bytes of luma.
    ///
    /// # Errors
    /// [`FrameError`] when a side is out of range or the buffer has another length.
    pub fn new(
        width: u32,
        height: u32,
        luma: Vec<u8>,
        captured_at: UnixMs,
    ) -> Result<Self, FrameError> {
        let expected = luma_len(width, height)?;
        if luma.len() != expected {
            return Err(FrameError::LumaLength {
                width,
                height,
                expected,
                got: luma.len(),
            });
        }
        Ok(Self {
            width,
            height,
            luma,
            captured_at,
        })
    }

    /// Pixels per row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, row by row; 0 is black, 255 white.
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }

    /// When the frame was taken.
    pub fn captured_at(&self) -> UnixMs {
        self.captured_at
    }

    /// The same picture taken at another moment.
    #[must_use]
    pub fn at(self, captured_at: UnixMs) -> Self {
        Self {
            captured_at,
            ..self
        }
    }

    /// Gives the pixel buffer back for use by a later frame.
    pub fn into_luma(self) -> Vec<u8> {
        self.luma
    }
}

/// Bytes of luma a frame of this size has, after checking both sides.
fn luma_len(width: u32, height: u32) -> Result<usize, FrameError> {
    let fits = |side: u32| (1..=FRAME_SIDE_PX_MAX).contains(&side);
    if fits(width) && fits(height) {
        Ok(width as usize * height as usize)
    } else {
        Err(FrameError::Side { width, height })
    }
}

/// What one frame of a source is called in messages and reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameName {
    /// A file, by its path below the recording's folder, with `/` between the parts.
    File(String),
    /// A frame of a stream, counted from 0.
    Number(u64),
}

impl fmt::Display for FrameName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.pad(path),
            Self::Number(number) => f.pad(&format!("frame-{number:06}")),
        }
    }
}

/// What a source hands over next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceItem {
    /// A frame.
    Frame {
        /// The file, or the number in the stream.
        name: FrameName,
        /// The picture.
        frame: Frame,
    },
    /// Something that should have been a frame and is not; the source goes on after it.
    Skipped {
        /// The file, `frames.jsonl:LINE`, or the number in the stream.
        name: FrameName,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a source cannot go on.
#[derive(Debug, Error)]
pub enum SourceError {
    /// It could not be opened.
    #[error("cannot open {path}: {source}")]
    Open {
        /// What was opened.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Reading from it broke off.
    #[error("cannot read {path}: {source}")]
    Read {
        /// What was read.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is none of the kinds this gate reads.
    #[error(
        "{path} is no recording: {why}; give a folder of PNG or JPEG frames, a .y4m file, or - for \
         a Y4M stream on standard input"
    )]
    NotARecording {
        /// What was given.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// The header of a Y4M stream is wrong.
    #[error("{path} is not a Y4M stream this gate reads: {why}")]
    Y4mHeader {
        /// The stream.
        path: PathBuf,
        /// Which part of the header, with what was got and expected.
        why: String,
    },
    /// A camera is absent, busy, or went away.
    #[error("camera {device}: {why}")]
    Camera {
        /// The device as configured.
        device: String,
        /// What the driver said.
        why: String,
    },
}

/// A place that frames come from. Calls block; use it on a thread of its own.
pub trait FrameSource: Send {
    /// Waits for the next frame; `None` is the end of the stream.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot go on; open it anew to try again.
    fn next_frame(&mut self) -> Result<Option<SourceItem>, SourceError>;

    /// The kind of source and its path, for logs.
    fn describe(&self) -> String;

    /// How many items [`FrameSource::next_frame`] will give in all, where that is known.
    fn total(&self) -> Option<u64> {
        None
    }

    /// Whether the frames follow one another as one camera took them, or are pictures of their own.
    fn is_stream(&self) -> bool {
        true
    }

    /// Offers the pixel buffer of a frame no longer needed. A source may fill it again.
    fn reuse(&mut self, luma: Vec<u8>) {
        drop(luma);
    }
}

/// Frames per second of a recording that does not carry times of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameRate(f64);

/// A frame rate outside [`FrameRate::MIN`]..=[`FrameRate::MAX`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no frame rate; give frames per second from 0.01 to 1000, such as 30 or 29.97")]
pub struct FrameRateError(String);

impl FrameRate {
    /// Slowest rate, frames per second.
    pub const MIN: f64 = 0.01;
    /// Fastest rate, frames per second.
    pub const MAX: f64 = 1000.0;

    /// Checks a rate in frames per second.
    ///
    /// # Errors
    /// [`FrameRateError`] when it is out of range or not a number.
    pub fn new(per_second: f64) -> Result<Self, FrameRateError> {
        if (Self::MIN..=Self::MAX).contains(&per_second) {
            Ok(Self(per_second))
        } else {
            Err(FrameRateError(per_second.to_string()))
        }
    }

    /// When frame `number` (from 0) was taken if frame 0 was taken at `start`.
    pub fn time_of(self, start: UnixMs, number: u64) -> UnixMs {
        let offset_ms = (number as f64 * 1000.0 / self.0).round();
        UnixMs(start.0.saturating_add(offset_ms as i64))
    }
}

impl Default for FrameRate {
    fn default() -> Self {
        Self(30.0)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for FrameRate {
    type Err = FrameRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |_| FrameRateError(text.to_owned());
        text.parse::<f64>().map_err(wrong).and_then(Self::new)
    }
}

/// When the frames of a recording without times were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// The first frame's time.
    pub start: UnixMs,
    /// The pace of the others; a Y4M stream that states its own keeps that.
    pub rate: FrameRate,
}

/// Opens a recording with the times it was taken at: a folder, a Y4M file or pipe, or `-` for a Y4M
/// stream on standard input.
///
/// # Errors
/// [`SourceError`] when the path is none of these or cannot be opened. Opening a pipe waits for its
/// writer.
pub fn open_recording(path: &Path, timing: Timing) -> Result<Box<dyn FrameSource>, SourceError> {
    match RecordingKind::of(path)? {
        RecordingKind::Folder => Ok(Box::new(folder::Folder::open(path, timing)?)),
        RecordingKind::Y4m => {
            let times = y4m::Times::Recorded(timing);
            Ok(Box::new(y4m::open(path, times)?))
        }
        RecordingKind::StandardInput => {
            let times = y4m::Times::Recorded(timing);
            Ok(Box::new(y4m::Y4m::new(io::stdin(), "-", times)?))
        }
    }
}

/// Opens the same kinds of source as [`open_recording`] as if a camera were taking the frames now:
/// each is stamped when it arrives, and a folder is played at its own pace.
///
/// # Errors
/// As [`open_recording`].
pub fn open_live(path: &Path, rate: FrameRate) -> Result<Box<dyn FrameSource>, SourceError> {
    match RecordingKind::of(path)? {
        RecordingKind::Folder => {
            let timing = Timing {
                start: UnixMs(0),
                rate,
            };
            let folder = folder::Folder::open(path, timing)?;
            Ok(Box::new(paced::Paced::new(
                Box::new(folder),
                paced::Stamp::Arrival,
            )))
        }
        RecordingKind::Y4m => Ok(Box::new(y4m::open(path, y4m::Times::Arrival(clock::now))?)),
        RecordingKind::StandardInput => Ok(Box::new(y4m::Y4m::new(
            io::stdin(),
            "-",
            y4m::Times::Arrival(clock::now),
        )?)),
    }
}

/// The kinds of recording, told apart by the path alone.
enum RecordingKind {
    Folder,
    Y4m,
    StandardInput,
}

impl RecordingKind {
    fn of(path: &Path) -> Result<Self, SourceError> {
        if path == Path::new("-") {
            return Ok(Self::StandardInput);
        }
        let meta = std::fs::metadata(path).map_err(|source| SourceError::Open {
            path: path.to_owned(),
            source,
        })?;
        let is_y4m = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("y4m"));
        if meta.is_dir() {
            Ok(Self::Folder)
        } else if is_y4m || !meta.is_file() {
            // A pipe or a character device has no telling name; its first bytes must be Y4M.
            Ok(Self::Y4m)
        } else {
            let why = "it is a file that does not end in .y4m".to_owned();
            Err(SourceError::NotARecording {
                path: path.to_owned(),
                why,
            })
        }
    }
}

#[cfg(test)]
mod tests;
