//! The daemon's ear for people at the gate: a Unix socket beside the journal.
//!
//! ```text
//! one connection: a request as one line of JSON -> an answer as one line of JSON
//! ```
//! Whoever may open the socket may command the gate: it is the daemon's user's alone. The command
//! line is its client; what is asked is answered by the lane loop.

mod client;
mod listen;

pub use client::{ControlError, ask};
pub(crate) use listen::{Asked, listen};

use fare_protocol::{Direction, GateId, Mode, ModeSource, Modes, Reason, RecordId, UnixMs};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Longest request and answer, in bytes.
const LINE_LEN_MAX: u64 = 4096;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Which modes are there?
    Modes,
    /// Be in another mode.
    SetMode(ModeWanted),
    /// Open once, for one person.
    LetThrough(LetThroughWanted),
}

/// The mode that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeWanted {
    /// In this direction, or in both.
    pub direction: Option<Direction>,
    /// Which mode.
    pub mode: Mode,
    /// Why.
    pub reason: Reason,
}

/// Whom somebody wants let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LetThroughWanted {
    /// In or out.
    pub direction: Direction,
    /// Why.
    pub reason: Reason,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// What there is, after what was asked for has been done.
    Modes(ModesReport),
    /// The barrier is open for one person.
    LetThrough(LetThroughReport),
    /// Why it was not done.
    Refused(String),
}

/// The modes of a running gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModesReport {
    /// Whose.
    pub gate: GateId,
    /// What is set.
    #[serde(flatten)]
    pub modes: Modes,
    /// The fire input is on: the barrier is open whatever is set.
    pub fire: bool,
    /// Who set the modes; nothing while nobody has.
    pub source: Option<ModeSource>,
    /// Why.
    pub reason: Option<Reason>,
    /// Since when, by the gate's clock.
    pub since_ms: Option<UnixMs>,
}

/// Somebody is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetThroughReport {
    /// Where.
    pub gate: GateId,
    /// In or out.
    pub direction: Direction,
    /// The record of the gate's chain.
    pub record: RecordId,
}

/// Where the daemon that keeps `journal` listens.
pub fn socket(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".control");
    PathBuf::from(name)
}
