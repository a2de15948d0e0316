//! Modes: how strictly a gate works, in each direction, and the record of each change.
//!
//! Who changes it is said too: staff at the gate, the server by a command, the fire input. The layout
//! of the record stands in [`crate::record`].

use crate::cbor::{Reader, Writer};
use crate::{CommandId, Direction, FormatError, GateId, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest reason, in bytes of UTF-8.
pub const REASON_LEN_MAX: usize = 60;

/// How strictly a gate works at the moment.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All rules apply.
    #[default]
    Normal,
    /// A missing entry or exit does not matter.
    EntryExitExempt,
    /// A code's age does not matter.
    TimeExempt,
    /// A credential's end date does not matter.
    DateExempt,
    /// No fare is taken.
    FareExempt,
    /// Nobody is admitted.
    Closed,
    /// The barrier is open: somebody may be in danger.
    Emergency,
    /// The barrier is open, nobody needs a code.
    Free,
}

/// The modes of a gate, one for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Modes {
    /// For riders who go in.
    pub entry: Mode,
    /// For riders who go out.
    pub exit: Mode,
}

/// Who changed a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeSource {
    /// Somebody at the gate.
    Staff,
    /// The server, by a command.
    Server,
    /// The fire input.
    Fire,
}

/// Why a mode was changed, in a few words: at most [`REASON_LEN_MAX`] bytes, no control characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reason {
    len: u8,
    bytes: [u8; REASON_LEN_MAX],
}

/// A text that is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is 1 to {REASON_LEN_MAX} bytes of one line")]
pub struct BadReason;

/// A gate's record that its modes changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeChange {
    /// From now on.
    pub modes: Modes,
    /// Who wanted it.
    pub source: ModeSource,
    /// The server's command, when it was the server.
    pub command: Option<CommandId>,
    /// Why.
    pub reason: Reason,
}

/// What the server wants a gate to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeCommand {
    /// Made by the server, in the order of their making; a gate carries out none that is older than
    /// the last it carried out.
    pub id: CommandId,
    /// Which gate.
    pub gate: GateId,
    /// From now on.
    pub modes: Modes,
    /// Why.
    pub reason: Reason,
}

impl Mode {
    /// All modes in the order of their wire numbers.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::EntryExitExempt,
        Self::TimeExempt,
        Self::DateExempt,
        Self::FareExempt,
        Self::Closed,
        Self::Emergency,
        Self::Free,
    ];

    /// Its name, for files, command lines and people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::EntryExitExempt => "entry-exit-exempt",
            Self::TimeExempt => "time-exempt",
            Self::DateExempt => "date-exempt",
            Self::FareExempt => "fare-exempt",
            Self::Closed => "closed",
            Self::Emergency => "emergency",
            Self::Free => "free",
        }
    }

    /// Whether the barrier stands open in it.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Emergency | Self::Free => true,
            Self::Normal
            | Self::EntryExitExempt
            | Self::TimeExempt
            | Self::DateExempt
            | Self::FareExempt
            | Self::Closed => false,
        }
    }

    pub(crate) fn wire(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::EntryExitExempt => 1,
            Self::TimeExempt => 2,
            Self::DateExempt => 3,
            Self::FareExempt => 4,
            Self::Closed => 5,
            Self::Emergency => 6,
            Self::Free => 7,
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, FormatError> {
        let mode = Self::ALL.get(usize::from(r.u8(field)?)).copied();
        mode.ok_or_else(|| r.error(field, Problem::OutOfRange))
    }
}

impl Modes {
    /// The same mode in both directions.
    pub const fn both(mode: Mode) -> Self {
        Self {
            entry: mode,
            exit: mode,
        }
    }

    /// The mode in this direction.
    pub const fn of(self, direction: Direction) -> Mode {
        match direction {
            Direction::Entry => self.entry,
            Direction::Exit => self.exit,
        }
    }

    /// With another mode in one direction, or in both when none is named.
    #[must_use]
    pub const fn with(self, direction: Option<Direction>, mode: Mode) -> Self {
        match direction {
            None => Self::both(mode),
            Some(Direction::Entry) => Self {
                entry: mode,
                ..self
            },
            Some(Direction::Exit) => Self { exit: mode, ..self },
        }
    }
}

impl ModeSource {
    /// Its name, for files and people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Server => "server",
            Self::Fire => "fire",
        }
    }

    fn wire(self) -> u64 {
        match self {
            Self::Staff => 0,
            Self::Server => 1,
            Self::Fire => 2,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        match r.u8("source")? {
            0 => Ok(Self::Staff),
            1 => Ok(Self::Server),
            2 => Ok(Self::Fire),
            _ => Err(r.error("source", Problem::OutOfRange)),
        }
    }
}

impl Reason {
    /// What it says.
    pub fn as_str(&self) -> &str {
        // Only checked text gets in, so neither fallback is ever taken.
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl ModeChange {
    pub(crate) const FIELDS: u64 = 5;

    pub(crate) fn write(&self, w: &mut Writer) {
        w.uint(self.modes.entry.wire());
        w.uint(self.modes.exit.wire());
        w.uint(self.source.wire());
        match self.command {
            Some(command) => w.bytes(&command.0),
            None => w.null(),
        }
        w.text(self.reason.as_str());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let entry = Mode::read(r, "entry mode")?;
        let exit = Mode::read(r, "exit mode")?;
        let source = ModeSource::read(r)?;
        let command = r.optional("command", |r| r.exact("command").map(CommandId))?;
        let reason = r.text("reason", REASON_LEN_MAX)?.parse();
        let reason =
            reason.map_err(|BadReason| r.error("reason", Problem::Text(BadReason.to_string())))?;
        Ok(Self {
            modes: Modes { entry, exit },
            source,
            command,
            reason,
        })
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let known = Self::ALL.into_iter().find(|mode| mode.code() == text);
        known.ok_or(UnknownMode)
    }
}

/// A text that names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a mode is one of normal, free, closed, emergency, entry-exit-exempt, time-exempt, \
     date-exempt, fare-exempt"
)]
pub struct UnknownMode;

impl FromStr for Reason {
    type Err = BadReason;

    fn from_str(text: &str) -> Result<Self, BadReason> {
        let mut bytes = [0; REASON_LEN_MAX];
        let room = bytes.get_mut(..text.len()).ok_or(BadReason)?;
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(BadReason);
        }
        room.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| BadReason)?;
        Ok(Self { len, bytes })
    }
}

impl TryFrom<String> for Reason {
    type Error = BadReason;

    fn try_from(text: String) -> Result<Self, BadReason> {
        text.parse()
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.as_str().to_owned()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Display for Modes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entry == self.exit {
            self.entry.fmt(f)
        } else {
            write!(f, "entry {}, exit {}", self.entry, self.exit)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn modes_are_read_by_their_names_and_stand_at_their_wire_numbers() {
        for (number, mode) in (0..).zip(Mode::ALL) {
            assert_eq!(mode.code().parse(), Ok(mode));
            assert_eq!(mode.wire(), number);
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.code());
        }
        assert_eq!("open".parse::<Mode>(), Err(UnknownMode));
    }

    #[test]
    fn directions_have_modes_of_their_own() {
        let modes = Modes::default().with(Some(Direction::Exit), Mode::Closed);
        assert_eq!(modes.of(Direction::Entry), Mode::Normal);
        assert_eq!(modes.of(Direction::Exit), Mode::Closed);
        assert_eq!(modes.to_string(), "entry normal, exit closed");
        assert_eq!(modes.with(None, Mode::Free).to_string(), "free");
    }

    #[test]
    fn a_reason_is_one_short_line() {
        for good in ["crowd after the match", "人多", &"x".repeat(60)] {
            assert_eq!(good.parse::<Reason>().unwrap().as_str(), good);
        }
        for bad in ["", "  ", "two\nlines", &"x".repeat(61), &"人".repeat(21)] {
            assert_eq!(bad.parse::<Reason>(), Err(BadReason), "{bad:?}");
        }
    }
}
