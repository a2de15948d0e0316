//! Frames from a Y4M stream: a file, a named pipe, or standard input.
//!
//! A stream is `YUV4MPEG2` with parameters on one line, then `FRAME` lines each followed by the
//! planes (mjpegtools, yuv4mpeg(5)). Only the luma plane is used, so every 8-bit chroma layout is
//! read; interlacing and aspect are ignored.

use super::{Frame, FrameName, FrameRate, FrameSource, SourceError, SourceItem, Timing};
use fare_protocol::UnixMs;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest header line of the stream or of a frame, with its line end.
pub const HEADER_BYTES_MAX: usize = 512;
/// What a stream starts with.
const MAGIC: &str = "YUV4MPEG2";
/// What each frame starts with.
const FRAME_MAGIC: &str = "FRAME";

/// Which time the frames of a stream carry.
#[derive(Clone, Copy)]
pub enum Times {
    /// The time each arrives, by this clock.
    Arrival(fn() -> UnixMs),
    /// The start and pace of a recording; the pace in the stream's own header goes before.
    Recorded(Timing),
}

/// A Y4M stream being read.
pub struct Y4m<R> {
    reader: BufReader<R>,
    path: PathBuf,
    header: Header,
    header_len: u64,
    times: Times,
    number: u64,
    ended: bool,
    total: Option<u64>,
    spare: Option<Vec<u8>>,
}

/// What the stream's header says, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    width: u32,
    height: u32,
    chroma_len: u64,
    rate: Option<FrameRate>,
}

/// Opens a file or named pipe. Opening a pipe waits for its writer.
///
/// # Errors
/// [`SourceError`] when it cannot be opened or does not start with a Y4M header.
pub fn open(path: &Path, times: Times) -> Result<Y4m<File>, SourceError> {
    let cannot = |source| SourceError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(cannot)?;
    let meta = file.metadata().map_err(cannot)?;
    let mut stream = Y4m::new(file, path, times)?;
    if meta.is_file() {
        let frame_len = (FRAME_MAGIC.len() + 1) as u64 + stream.header.planes_len();
        stream.total = Some(
            meta.len()
                .saturating_sub(stream.header_len)
                .div_ceil(frame_len),
        );
    }
    Ok(stream)
}

impl<R: Read> Y4m<R> {
    /// Reads the header of a stream; `path` names it in messages.
    ///
    /// # Errors
    /// [`SourceError::Y4mHeader`] when it is not one of Y4M, [`SourceError::Read`] when reading
    /// fails.
    pub fn new(reader: R, path: impl Into<PathBuf>, times: Times) -> Result<Self, SourceError> {
        let path = path.into();
        let mut reader = BufReader::new(reader);
        let line = match read_line(&mut reader) {
            Ok(line) => line,
            Err(LineFault::Read(source)) => return Err(SourceError::Read { path, source }),
            Err(fault) => {
                return Err(SourceError::Y4mHeader {
                    path,
                    why: fault.to_string(),
                });
            }
        };
        let header = match Header::parse(&line) {
            Ok(header) => header,
            Err(why) => return Err(SourceError::Y4mHeader { path, why }),
        };
        let header_len = line.len() as u64 + 1;
        let (number, ended, total, spare) = (0, false, None, None);
        Ok(Self {
            reader,
            path,
            header,
            header_len,
            times,
            number,
            ended,
            total,
            spare,
        })
    }

    /// Reads one frame's line and planes.
    fn read_frame(&mut self) -> Result<Option<Vec<u8>>, FrameFault> {
        let line = match read_line(&mut self.reader) {
            Err(LineFault::Empty) => return Ok(None),
            line => line?,
        };
        let is_frame = line.split(|&b| b == b' ').next() == Some(FRAME_MAGIC.as_bytes());
        if !is_frame {
            return Err(FrameFault::NotAFrame(excerpt(&line)));
        }
        let mut luma = self.spare.take().unwrap_or_default();
        luma.resize(self.header.luma_len(), 0);
        self.reader.read_exact(&mut luma)?;
        let chroma_len = self.header.chroma_len;
        let skipped = io::copy(&mut self.reader.by_ref().take(chroma_len), &mut io::sink())?;
        if skipped == chroma_len {
            Ok(Some(luma))
        } else {
            Err(FrameFault::CutShort)
        }
    }

    fn time_of(&self, number: u64) -> UnixMs {
        match self.times {
            Times::Arrival(clock) => clock(),
            Times::Recorded(Timing { start, rate }) => {
                self.header.rate.unwrap_or(rate).time_of(start, number)
            }
        }
    }

    /// What the planes of frame `number` are to the gate.
    fn item(&self, number: u64, luma: Vec<u8>) -> SourceItem {
        let Header { width, height, .. } = self.header;
        let name = FrameName::Number(number);
        match Frame::new(width, height, luma, self.time_of(number)) {
            Ok(frame) => SourceItem::Frame { name, frame },
            Err(error) => SourceItem::Skipped {
                name,
                why: error.to_string(),
            },
        }
    }
}

impl<R: Read + Send> FrameSource for Y4m<R> {
    fn next_frame(&mut self) -> Result<Option<SourceItem>, SourceError> {
        if self.ended {
            return Ok(None);
        }
        let number = self.number;
        self.number += 1;
        match self.read_frame() {
            Ok(Some(luma)) => Ok(Some(self.item(number, luma))),
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(FrameFault::Read(source)) => {
                self.ended = true;
                Err(SourceError::Read {
                    path: self.path.clone(),
                    source,
                })
            }
            // Nothing marks where the next frame would begin, so the rest cannot be read either.
            Err(fault) => {
                self.ended = true;
                let why = format!("{fault}; the stream ends here");
                Ok(Some(SourceItem::Skipped {
                    name: FrameName::Number(number),
                    why,
                }))
            }
        }
    }

    fn describe(&self) -> String {
        let Header { width, height, .. } = self.header;
        format!("Y4M stream {}, {width}×{height} px", self.path.display())
    }

    /// Exact for a file whose frame lines carry no parameters, unknown for a pipe.
    fn total(&self) -> Option<u64> {
        self.total
    }

    fn reuse(&mut self, luma: Vec<u8>) {
        self.spare = Some(luma);
    }
}

impl Header {
    /// Reads the parameters of the stream's first line; the error says which one is wrong.
    fn parse(line: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        if words.next() != Some(MAGIC) {
            return Err(format!("expected {MAGIC} first, got {}", excerpt(line)));
        }
        let (mut width, mut height, mut rate, mut chroma) = (None, None, None, Chroma::C420);
        for word in words {
            let (key, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            match key {
                "W" => width = Some(side("W", value)?),
                "H" => height = Some(side("H", value)?),
                "F" => rate = frame_rate(value)?,
                "C" => chroma = Chroma::parse(value)?,
                _ => {}
            }
        }
        let width = width.ok_or("the width parameter W is missing")?;
        let height = height.ok_or("the height parameter H is missing")?;
        super::luma_len(width, height).map_err(|error| error.to_string())?;
        Ok(Self {
            width,
            height,
            chroma_len: chroma.len(width, height),
            rate,
        })
    }

    fn luma_len(&self) -> usize {
        self.width as usize * self.height as usize
    }

    fn planes_len(&self) -> u64 {
        self.luma_len() as u64 + self.chroma_len
    }
}

fn side(key: &str, value: &str) -> Result<u32, String> {
    value
        .parse()
        .map_err(|_| format!("{key}{value} is no number of pixels"))
}

/// A rate as `numerator:denominator`; `0:0` is the format's word for unknown.
fn frame_rate(value: &str) -> Result<Option<FrameRate>, String> {
    let wrong = || format!("F{value} is no frame rate, expected one such as F30:1");
    let (num, den) = value.split_once(':').ok_or_else(wrong)?;
    let num: u32 = num.parse().map_err(|_| wrong())?;
    let den: u32 = den.parse().map_err(|_| wrong())?;
    if (num, den) == (0, 0) {
        return Ok(None);
    }
    FrameRate::new(f64::from(num) / f64::from(den))
        .map(Some)
        .map_err(|_| wrong())
}

/// How the chroma planes are laid out, which only says how many bytes to pass over.
#[derive(Clone, Copy)]
enum Chroma {
    Mono,
    C420,
    C411,
    C422,
    C444,
    C444Alpha,
}

impl Chroma {
    fn parse(value: &str) -> Result<Self, String> {
        match value {
            "mono" => Ok(Self::Mono),
            "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(Self::C420),
            "411" => Ok(Self::C411),
            "422" => Ok(Self::C422),
            "444" => Ok(Self::C444),
            "444alpha" => Ok(Self::C444Alpha),
            _ => Err(format!(
                "C{value} is not read; expected 8-bit Cmono, C420, C420jpeg, C420mpeg2, \
                 C420paldv, C411, C422, C444 or C444alpha"
            )),
        }
    }

    /// Bytes after the luma plane.
    fn len(self, width: u32, height: u32) -> u64 {
        let (w, h) = (u64::from(width), u64::from(height));
        match self {
            Self::Mono => 0,
            Self::C420 => 2 * w.div_ceil(2) * h.div_ceil(2),
            Self::C411 => 2 * w.div_ceil(4) * h,
            Self::C422 => 2 * w.div_ceil(2) * h,
            Self::C444 => 2 * w * h,
            Self::C444Alpha => 3 * w * h,
        }
    }
}

/// Why a header line could not be read.
#[derive(Debug, Error)]
enum LineFault {
    #[error("it is empty")]
    Empty,
    #[error("it ends inside a header line")]
    CutShort,
    #[error("a header line of more than {HEADER_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Read(#[source] io::Error),
}

/// Why a frame could not be read.
#[derive(Debug, Error)]
enum FrameFault {
    #[error("the stream breaks off inside the frame")]
    CutShort,
    #[error("a frame line of more than {HEADER_BYTES_MAX} bytes")]
    LineTooLong,
    #[error("expected a line {FRAME_MAGIC}, got {0}")]
    NotAFrame(String),
    #[error("{0}")]
    Read(#[source] io::Error),
}

impl From<LineFault> for FrameFault {
    fn from(fault: LineFault) -> Self {
        match fault {
            LineFault::Empty | LineFault::CutShort => Self::CutShort,
            LineFault::TooLong => Self::LineTooLong,
            LineFault::Read(error) => Self::Read(error),
        }
    }
}

impl From<io::Error> for FrameFault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::CutShort
        } else {
            Self::Read(error)
        }
    }
}

/// Reads up to the next line end, which is not part of the answer.
fn read_line(reader: &mut impl BufRead) -> Result<Vec<u8>, LineFault> {
    let mut line = Vec::new();
    let limit = HEADER_BYTES_MAX as u64;
    reader
        .take(limit)
        .read_until(b'\n', &mut line)
        .map_err(LineFault::Read)?;
    match line.pop() {
        None => Err(LineFault::Empty),
        Some(b'\n') => Ok(line),
        Some(_) if line.len() + 1 < HEADER_BYTES_MAX => Err(LineFault::CutShort),
        Some(_) => Err(LineFault::TooLong),
    }
}

/// The first bytes of what was got instead, fit for a message.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 24;
    let head = bytes.get(..SHOWN_BYTES_MAX).unwrap_or(bytes);
    format!("{:?}", String::from_utf8_lossy(head))
}

#[cfg(test)]
mod tests;
