//! Expected results of a recording: `manifest.csv`.
//!
//! The first line names the columns. `file` is the frame's name; at least one of these must stand
//! beside it, and other columns are ignored:
//!
//! - `expected`: a JSON list of texts. Reading any one of them counts; an empty list or cell means
//!   only that something must be read. Without this column nothing is claimed about what is read.
//! - `kind`: where it starts with `neg`, nothing may be read, whatever `expected` says.
//! - `verdict`: what the lane must decide on this frame: `admit`, a refusal's code, or `none`; an
//!   empty cell claims nothing.
//!
//! A column `set` may say which pictures belong together; `faregate bench decode` counts by it.

use super::csv::{self, CsvError, Record};
use super::outcome::{Check, DecisionOutcome, FrameOutcome, readable};
use serde::Serialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Largest manifest read.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// The verdict of a frame on which the lane decides nothing.
const NO_DECISION: &str = "none";

/// What is expected of the frames of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    by_file: HashMap<String, usize>,
}

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The frame's name.
    pub file: String,
    /// The line of the manifest, from 1.
    pub line: usize,
    /// The set the frame belongs to; empty where the manifest does not say.
    pub set: String,
    /// What is expected of the frame.
    pub expectation: Expectation,
}

/// What is expected of one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// What must be read.
    pub reading: Reading,
    /// What the lane must decide, `none` for nothing; unset where nothing is claimed.
    pub verdict: Option<String>,
}

/// What must be read from a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Nothing is claimed.
    Unstated,
    /// Nothing may be read.
    Nothing,
    /// Something must be read.
    Something,
    /// One of these texts must be read.
    OneOf(Vec<String>),
}

/// Why a manifest cannot be used.
#[derive(Debug, Error)]
pub enum ExpectError {
    /// It cannot be read.
    #[error("cannot read {path}: {why}")]
    Read {
        /// The manifest.
        path: PathBuf,
        /// The system's reason.
        why: io::Error,
    },
    /// One of its lines is wrong.
    #[error("{path}:{line}: {why}")]
    Line {
        /// The manifest.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it and what was expected.
        why: String,
    },
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ExpectError`], with the line.
    pub fn read(path: &Path) -> Result<Self, ExpectError> {
        let cannot = |why| ExpectError::Read {
            path: path.to_owned(),
            why,
        };
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MANIFEST_BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(cannot)?;
        if text.len() as u64 > MANIFEST_BYTES_MAX {
            let why = format!("more than {MANIFEST_BYTES_MAX} bytes; split the recording");
            return Err(cannot(io::Error::new(io::ErrorKind::FileTooLarge, why)));
        }
        Self::parse(&text).map_err(|LineError { line, why }| ExpectError::Line {
            path: path.to_owned(),
            line,
            why,
        })
    }

    /// Reads the text of a manifest.
    fn parse(text: &str) -> Result<Self, LineError> {
        let mut records = csv::parse(text)?.into_iter();
        let header = records
            .next()
            .ok_or_else(|| LineError::new(1, "the manifest is empty"))?;
        let columns = Columns::find(&header)?;
        let mut manifest = Self::default();
        for record in records {
            manifest.add(&columns, &record).map_err(|why| LineError {
                line: record.line,
                why,
            })?;
        }
        Ok(manifest)
    }

    fn add(&mut self, columns: &Columns, record: &Record) -> Result<(), String> {
        let (got, expected) = (record.fields.len(), columns.count);
        if got != expected {
            return Err(format!(
                "{got} fields, expected {expected} as in the first line"
            ));
        }
        let entry = columns.entry(record)?;
        let place = self.entries.len();
        if self.by_file.insert(entry.file.clone(), place).is_some() {
            return Err(format!("{} stands here a second time", entry.file));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// What is expected of the frame of this name.
    pub fn expectation(&self, name: &str) -> Option<&Expectation> {
        let place = *self.by_file.get(name)?;
        Some(&self.entries[place].expectation)
    }

    /// The frames named, in the manifest's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Holds a frame against what is expected of it; nothing if the manifest does not name it.
    pub fn check(&self, frame: &FrameOutcome) -> Option<Check> {
        let expected = self.expectation(&frame.name)?.clone();
        let difference = expected.difference(frame);
        Some(Check {
            expected,
            difference,
        })
    }
}

/// Where the columns are.
struct Columns {
    count: usize,
    file: usize,
    expected: Option<usize>,
    kind: Option<usize>,
    verdict: Option<usize>,
    set: Option<usize>,
}

impl Columns {
    fn find(header: &Record) -> Result<Self, LineError> {
        let place = |name: &str| header.fields.iter().position(|field| field.trim() == name);
        let missing = |what: &str| {
            let got = header.fields.join(",");
            LineError {
                line: header.line,
                why: format!("no column {what} among {got:?}"),
            }
        };
        let file = place("file").ok_or_else(|| missing("`file`"))?;
        let (expected, kind, verdict) = (place("expected"), place("kind"), place("verdict"));
        if expected.is_none() && verdict.is_none() {
            return Err(missing("`expected` or `verdict`"));
        }
        Ok(Self {
            count: header.fields.len(),
            file,
            expected,
            kind,
            verdict,
            set: place("set"),
        })
    }

    fn entry(&self, record: &Record) -> Result<Entry, String> {
        let cell = |column: Option<usize>| column.map_or("", |at| record.fields[at].trim());
        let file = cell(Some(self.file)).to_owned();
        if file.is_empty() {
            return Err("the column `file` is empty".to_owned());
        }
        let reading = match self.expected {
            _ if cell(self.kind).starts_with("neg") => Reading::Nothing,
            Some(_) => Reading::parse(cell(self.expected))?,
            None => Reading::Unstated,
        };
        let verdict = Some(cell(self.verdict))
            .filter(|v| !v.is_empty())
            .map(str::to_owned);
        Ok(Entry {
            file,
            line: record.line,
            set: cell(self.set).to_owned(),
            expectation: Expectation { reading, verdict },
        })
    }
}

impl Reading {
    fn parse(cell: &str) -> Result<Self, String> {
        if cell.is_empty() {
            return Ok(Self::Something);
        }
        let mut texts: Vec<String> = serde_json::from_str(cell).map_err(|error| {
            let wanted = r#"a JSON list of texts such as ["FG1:…"]"#;
            format!("`expected` is {cell:?}, expected {wanted}: {error}")
        })?;
        // No QR code says nothing: an empty text stands for one that nobody wrote down.
        texts.retain(|text| !text.is_empty());
        Ok(if texts.is_empty() {
            Self::Something
        } else {
            Self::OneOf(texts)
        })
    }

    /// Whether codes with these bytes are as expected.
    pub fn allows(&self, codes: &[Vec<u8>]) -> bool {
        let read = |text: &String| codes.iter().any(|bytes| says(bytes, text));
        match self {
            Self::Unstated => true,
            Self::Nothing => codes.is_empty(),
            Self::Something => !codes.is_empty(),
            Self::OneOf(texts) => texts.iter().any(read),
        }
    }

    fn difference(&self, frame: &FrameOutcome) -> Option<String> {
        if self.allows(&frame.codes) {
            return None;
        }
        let expected = match self {
            Self::Unstated => return None,
            Self::Nothing => "nothing".to_owned(),
            Self::Something => "a code".to_owned(),
            Self::OneOf(texts) => {
                let wanted = texts
                    .first()
                    .map_or_else(String::new, |t| readable(t.as_bytes()));
                let or = if texts.len() > 1 { " or another" } else { "" };
                format!("{wanted}{or}")
            }
        };
        Some(format!("expected {expected}, {}", got(frame)))
    }
}

/// Whether a code's bytes say this text, as UTF-8 or in the QR code's own ISO 8859-1. Manifests are
/// written from text files, so the kind of line ends and white space at the end do not count.
fn says(bytes: &[u8], text: &str) -> bool {
    let plain = |text: &str| text.replace('\r', "").trim_end().to_owned();
    let latin1 = || {
        bytes
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
    };
    let wanted = plain(text);
    std::str::from_utf8(bytes).is_ok_and(|utf8| plain(utf8) == wanted) || plain(&latin1()) == wanted
}

fn got(frame: &FrameOutcome) -> String {
    match (frame.content(), &frame.nothing) {
        (Some(content), _) => format!("read {content}"),
        (None, Some(nothing)) => format!("read nothing: {nothing}"),
        (None, None) => "read nothing".to_owned(),
    }
}

impl Expectation {
    /// How a frame differs from this, if it does.
    fn difference(&self, frame: &FrameOutcome) -> Option<String> {
        let verdict = || verdict_difference(self.verdict.as_deref()?, frame.decision.as_ref());
        self.reading.difference(frame).or_else(verdict)
    }
}

fn verdict_difference(expected: &str, decision: Option<&DecisionOutcome>) -> Option<String> {
    let got = decision.map_or(NO_DECISION, |decision| &decision.label);
    (got != expected).then(|| format!("expected the verdict {expected}, got {got}"))
}

/// What is wrong on one line of the manifest.
#[derive(Debug, PartialEq, Eq)]
struct LineError {
    line: usize,
    why: String,
}

impl LineError {
    fn new(line: usize, why: &str) -> Self {
        Self {
            line,
            why: why.to_owned(),
        }
    }
}

impl From<CsvError> for LineError {
    fn from(error: CsvError) -> Self {
        Self::new(error.line, error.why)
    }
}

#[cfg(test)]
mod tests;
