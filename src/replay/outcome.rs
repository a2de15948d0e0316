//! What came of a replay, as plain data.

use super::expect::Expectation;
use crate::decode::NothingRead;
use crate::frame::Frame;
use fare_protocol::{PayCodePatterns, UnixMs};
use serde::Serialize;
use std::fmt::{self, Write};
use std::time::Duration;

/// Longer side of the largest thumbnail, in pixels.
pub const THUMBNAIL_SIDE_PX_MAX: u32 = 160;
/// Longest content on a frame's line; a ride code has 368 characters.
const CONTENT_CHARS_MAX: usize = 48;
/// How a frame differs that only the manifest knows of.
pub(super) const MISSING: &str = "the manifest names it and the recording does not have it";

/// A whole replay.
#[derive(Clone, Debug, Default)]
pub struct ReplayOutcome {
    /// The recording, as it was named on the command line.
    pub recording: String,
    /// Every frame, in the order played.
    pub frames: Vec<FrameOutcome>,
    /// What should have been frames and could not be read.
    pub skipped: Vec<SkippedFrame>,
    /// How long the replay took.
    pub wall: Duration,
    /// The comparison with expected results, where those were given.
    pub comparison: Option<Comparison>,
}

/// What came of one frame.
#[derive(Clone, Debug)]
pub struct FrameOutcome {
    /// The file, or the number in the stream.
    pub name: String,
    /// When it was taken, by the recording.
    pub at: UnixMs,
    /// How long decoding took, in milliseconds.
    pub decode_ms: f64,
    /// The contents of the codes read, nearest first.
    pub codes: Vec<Vec<u8>>,
    /// Why none was read, where none was.
    pub nothing: Option<NothingRead>,
    /// What the lane decided on this frame, if it decided anything.
    pub decision: Option<DecisionOutcome>,
    /// What was expected, where the manifest names this frame, and how the frame differs.
    pub check: Option<Check>,
    /// The picture in small, kept for the first failures only.
    pub thumbnail: Option<Thumbnail>,
}

/// What the lane decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionOutcome {
    /// `admit` or the refusal's code, such as `expired`.
    pub label: String,
    /// The refusal's number; none when admitted.
    pub number: Option<u16>,
    /// What the rider is told.
    pub sentence: String,
}

/// A frame held against what was expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was expected.
    pub expected: Expectation,
    /// How the frame differs; none when it is as expected.
    pub difference: Option<String>,
}

/// Something in the recording that should have been a frame and could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedFrame {
    /// The file, the line of the list, or the number in the stream.
    pub name: String,
    /// What is wrong with it.
    pub why: String,
    /// Whether the manifest expected a frame of this name.
    pub expected: bool,
}

/// How the replay as a whole compares with the manifest, beside the frames' own checks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Files the manifest names that the recording does not have.
    pub missing: Vec<String>,
    /// Frames the manifest does not name; they count neither way.
    pub unlisted: Vec<String>,
}

/// A picture in small, 8-bit luma.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The pixels, row by row.
    pub luma: Vec<u8>,
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The frame or file.
    pub name: String,
    /// How it differs.
    pub what: String,
}

impl ReplayOutcome {
    /// Everything that is not as expected, in the order played; skipped and missing frames last.
    pub fn differences(&self) -> Vec<Difference> {
        let difference = |name: &str, what: &str| Difference {
            name: name.to_owned(),
            what: what.to_owned(),
        };
        let frames = self.frames.iter().filter_map(|frame| {
            let what = frame.difference()?;
            Some(difference(&frame.name, what))
        });
        let skipped = self
            .skipped
            .iter()
            .filter(|skipped| skipped.expected)
            .map(|skipped| difference(&skipped.name, &format!("skipped: {}", skipped.why)));
        let missing = self.comparison.iter().flat_map(|comparison| {
            comparison
                .missing
                .iter()
                .map(|name| difference(name, MISSING))
        });
        frames.chain(skipped).chain(missing).collect()
    }
}

impl FrameOutcome {
    /// How the frame differs from what was expected of it, if it does.
    pub fn difference(&self) -> Option<&str> {
        self.check.as_ref()?.difference.as_deref()
    }

    /// The nearest code as people read it: its text, or its bytes in hexadecimal; a pay code not at all.
    pub fn content(&self) -> Option<String> {
        let shown = |bytes: &Vec<u8>| hidden(bytes).unwrap_or_else(|| readable(bytes));
        self.codes.first().map(shown)
    }

    /// Whether the frame is not as expected or, where nothing is expected of it, a code was seen in
    /// it and not read.
    pub fn failed(&self) -> bool {
        match (&self.check, &self.nothing) {
            (Some(check), _) => check.difference.is_some(),
            (None, Some(NothingRead::Unread(_) | NothingRead::Panicked { .. })) => true,
            (None, Some(NothingRead::Nothing) | None) => false,
        }
    }

    /// The frame as one JSON object: `file`, `t_ms`, `ms`, `codes` (each `text` if UTF-8 and
    /// `bytes` in hexadecimal; a pay code has neither and says so), and where they apply `error`, its short `cause`, `decision` and
    /// `difference`.
    pub fn json(&self) -> serde_json::Value {
        let codes = self.codes.iter().map(|bytes| match hidden(bytes) {
            Some(hidden) => serde_json::json!({ "text": hidden, "bytes": null }),
            None => {
                serde_json::json!({ "text": std::str::from_utf8(bytes).ok(), "bytes": hex(bytes) })
            }
        });
        serde_json::json!({
            "file": self.name,
            "t_ms": self.at,
            "ms": self.decode_ms,
            "codes": codes.collect::<Vec<_>>(),
            "error": self.nothing.as_ref().map(ToString::to_string),
            "cause": self.nothing.as_ref().map(NothingRead::code),
            "decision": self.decision,
            "difference": self.difference(),
        })
    }

    /// What to count this frame under: the decision, `read` or the reason nothing was read.
    pub fn kind(&self) -> &str {
        match (&self.decision, &self.nothing) {
            (Some(decision), _) => &decision.label,
            (None, Some(nothing)) => nothing.code(),
            (None, None) => "read",
        }
    }
}

/// One line: name, decode time, decision, content.
impl fmt::Display for FrameOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}  {:.1} ms",
            readable(self.name.as_bytes()),
            self.decode_ms
        )?;
        if let Some(decision) = &self.decision {
            write!(f, "  {}: {}", decision.label, decision.sentence)?;
        }
        if let Some(NothingRead::Unread(why)) = &self.nothing {
            write!(f, "  not read: {}", why.code())?;
        }
        let Some(content) = self.content() else {
            return Ok(());
        };
        let cut: String = content.chars().take(CONTENT_CHARS_MAX).collect();
        let more = if cut.len() < content.len() { "…" } else { "" };
        write!(f, "  {cut}{more}")?;
        match self.codes.len() {
            0 | 1 => Ok(()),
            codes => write!(f, "  (and {} more)", codes - 1),
        }
    }
}

impl Thumbnail {
    /// A frame scaled down to [`THUMBNAIL_SIDE_PX_MAX`], each pixel the mean of those it stands
    /// for.
    pub fn of(frame: &Frame) -> Self {
        let longer = frame.width().max(frame.height());
        let factor = longer.div_ceil(THUMBNAIL_SIDE_PX_MAX);
        let (width, height) = (
            frame.width().div_ceil(factor),
            frame.height().div_ceil(factor),
        );
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let luma = pixels
            .map(|(x, y)| mean(frame, x * factor, y * factor, factor))
            .collect();
        Self {
            width,
            height,
            luma,
        }
    }
}

/// Mean luma of a square of side `factor`, cut off at the frame's edge.
fn mean(frame: &Frame, left: u32, top: u32, factor: u32) -> u8 {
    let right = (left + factor).min(frame.width()) as usize;
    let bottom = (top + factor).min(frame.height()) as usize;
    let (left, top, stride) = (left as usize, top as usize, frame.width() as usize);
    let rows = (top..bottom).map(|y| &frame.luma()[y * stride + left..y * stride + right]);
    let sum: u64 = rows.flatten().map(|&luma| u64::from(luma)).sum();
    let count = (right - left) * (bottom - top);
    (sum / count.max(1) as u64) as u8
}

/// What is said in the place of a code that is as good as money: reports are handed on.
fn hidden(bytes: &[u8]) -> Option<String> {
    let code = PayCodePatterns::default().recognise(bytes)?;
    Some(format!("pay code of {}, hidden", code.platform()))
}

/// Bytes as one line people can read: text if they are UTF-8, else hexadecimal. Control characters
/// are spelled out, so that a code cannot write to a terminal what its maker likes.
pub fn readable(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return format!("hex {}", hex(bytes));
    };
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_bidi_control(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Characters that reorder the text around them.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests;
