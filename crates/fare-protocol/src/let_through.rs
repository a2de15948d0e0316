//! Letting one person through: staff beside a gate, or the server for staff at its pages, have it open once.
//!
//! A gate opens for a command of the server's at most once, and not at all after the command's end: who
//! stands there later is somebody else. The layout of the record stands in [`crate::record`].

use crate::cbor::{Reader, Writer};
use crate::mode::{BadReason, REASON_LEN_MAX, Reason};
use crate::{CommandId, Direction, FormatError, GateId, Millis, Problem, UnixMs};
use serde::{Deserialize, Serialize};

/// For how long a command counts after the server has made it.
pub const LET_THROUGH_COUNTS: Millis = Millis(30_000);

/// Who had a gate open for one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LetThroughBy {
    /// Somebody at the gate.
    Staff,
    /// The server, by this command; it knows for whom of its staff.
    Server(CommandId),
}

/// A gate's record that it opens for one person whom staff let through. Nobody is charged for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetThrough {
    /// In or out.
    pub direction: Direction,
    /// Who wanted it.
    pub by: LetThroughBy,
    /// Why.
    pub reason: Reason,
}

/// The server wants one gate to open once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetThroughCommand {
    /// Made by the server; the gate carries it out once.
    pub id: CommandId,
    /// Which gate.
    pub gate: GateId,
    /// In or out.
    pub direction: Direction,
    /// Why.
    pub reason: Reason,
    /// First moment, by the server's clock, at which it counts no longer.
    pub until_ms: UnixMs,
}

impl LetThroughBy {
    /// Its name, for files and people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Server(_) => "server",
        }
    }

    /// The server's command, when it was the server.
    pub const fn command(self) -> Option<CommandId> {
        match self {
            Self::Staff => None,
            Self::Server(command) => Some(command),
        }
    }
}

impl LetThrough {
    pub(crate) const FIELDS: u64 = 4;

    pub(crate) fn write(&self, w: &mut Writer) {
        w.uint(self.direction.wire());
        match self.by {
            LetThroughBy::Staff => {
                w.uint(0);
                w.null();
            }
            LetThroughBy::Server(command) => {
                w.uint(1);
                w.bytes(&command.0);
            }
        }
        w.text(self.reason.as_str());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let direction = Direction::read(r)?;
        let source = r.u8("source")?;
        let command = r.optional("command", |r| r.exact("command").map(CommandId))?;
        let by = match (source, command) {
            (0, None) => LetThroughBy::Staff,
            (1, Some(command)) => LetThroughBy::Server(command),
            (_, _) => return Err(r.error("source", Problem::OutOfRange)),
        };
        let reason = r.text("reason", REASON_LEN_MAX)?.parse();
        let reason =
            reason.map_err(|BadReason| r.error("reason", Problem::Text(BadReason.to_string())))?;
        Ok(Self {
            direction,
            by,
            reason,
        })
    }
}
