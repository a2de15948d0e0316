//! The logbook: a gate's journal as people read it, one line for each tap.
//!
//! ```text
//! journal::JournalView ─▶ Lines (confirmations and notes, merged by time) ─▶ Filter ─▶ words | json
//!                                                   one tap, all that is kept of it ─▶ story
//! ```
//! Admitted taps come from the chain, which is never thinned out before its time; refused ones, and
//! how long things took, from diagnostic notes, which go first when room is short. Accounts are
//! masked everywhere.

mod filter;
mod json;
mod lines;
mod story;
#[cfg(test)]
mod tests;
mod words;
mod zone;

pub use filter::{Filter, Reason, account_tail};
pub use json::LineJson;
pub use lines::{Lines, Place, start_of};
pub use story::Story;
pub use words::{heading, text, unread_advice};
pub(crate) use zone::span;
pub use zone::{NoTime, Zone};

use crate::decode::Unread;
use crate::journal::{Event, Sent};
use crate::stages::pairs;
use fare_protocol::{AccountId, Annulment, Direction, Record, RecordId, UnixMs};
use fare_protocol::{ConfigChange, Confirmation, LetThrough, Mode, ModeChange, Money};
use fare_rules::Refusal;
use std::fmt;

/// Digits of an account that people are shown, and so may ask for.
pub const TAIL_DIGITS: usize = 4;

/// Digits of a confirmation's id by which a line names its tap.
const TAP_DIGITS: usize = 6;

/// Something that happened at the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A tap that was admitted.
    Admitted(Box<Admitted>),
    /// A tap that was refused.
    Refused(Refused),
    /// Somebody whom staff let through.
    LetThrough(Box<Helped>),
    /// Anything else.
    Happening(Happening),
}

/// A rider was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Place in the gate's chain.
    pub seq: i64,
    /// The record.
    pub record: Record,
    /// What it says.
    pub confirmation: Confirmation,
    /// What followed.
    pub passing: Passing,
    /// What the server said.
    pub sent: Sent,
}

/// Staff let somebody through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helped {
    /// Place in the gate's chain.
    pub seq: i64,
    /// The record.
    pub record: Record,
    /// What it says.
    pub what: LetThrough,
    /// What followed.
    pub passing: Passing,
    /// What the server said.
    pub sent: Sent,
}

/// What followed a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Nothing yet.
    UnderWay,
    /// Somebody went through.
    Passed {
        /// Milliseconds after the tap.
        after_ms: i64,
    },
    /// Nobody did.
    Annulled(Annulment),
    /// The gate cannot tell.
    Unknown,
}

/// A rider was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The note.
    pub event: Event,
    /// Why, when this program knows the reason.
    pub refusal: Option<Refusal>,
}

/// Something that is no tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A code was held out and not read.
    Unread {
        /// The note.
        event: Event,
        /// Why.
        why: Unread,
    },
    /// The modes were set, or the fire input changed.
    ModeChange {
        /// When.
        at: UnixMs,
        /// The record.
        change: ModeChange,
    },
    /// What became of a configuration of the server's.
    Config {
        /// When.
        at: UnixMs,
        /// The record.
        change: ConfigChange,
    },
    /// Any other note.
    Note(Event),
    /// A record that this program cannot read.
    Unreadable {
        /// Its place in the chain.
        seq: i64,
        /// Its time.
        at: UnixMs,
    },
}

/// How a line names its tap, and how people ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapName {
    /// The last digits of a confirmation's id, which is the rider's receipt.
    Receipt(RecordId),
    /// `r` and the number of a refusal's note.
    Refusal(i64),
}

impl Line {
    /// When it happened, by the gate's clock.
    pub fn at(&self) -> UnixMs {
        match self {
            Self::Admitted(admitted) => admitted.record.stamp.at,
            Self::LetThrough(helped) => helped.record.stamp.at,
            Self::Refused(refused) => refused.event.at,
            Self::Happening(Happening::Unread { event, .. } | Happening::Note(event)) => event.at,
            Self::Happening(
                Happening::Unreadable { at, .. }
                | Happening::ModeChange { at, .. }
                | Happening::Config { at, .. },
            ) => *at,
        }
    }

    /// The tap's name; nothing for what is no tap.
    pub fn tap(&self) -> Option<TapName> {
        match self {
            Self::Admitted(admitted) => Some(TapName::Receipt(admitted.record.id)),
            Self::LetThrough(helped) => Some(TapName::Receipt(helped.record.id)),
            Self::Refused(refused) => Some(TapName::Refusal(refused.event.id)),
            Self::Happening(_) => None,
        }
    }

    /// In or out, where that is known.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            Self::Admitted(admitted) => Some(admitted.confirmation.direction),
            Self::LetThrough(helped) => Some(helped.what.direction),
            Self::Refused(refused) => match refused.value("direction") {
                Some("entry") => Some(Direction::Entry),
                Some("exit") => Some(Direction::Exit),
                Some(_) | None => None,
            },
            Self::Happening(_) => None,
        }
    }

    /// The account, masked: `…ab12`.
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Admitted(admitted) => Some(masked(admitted.confirmation.account)),
            Self::Refused(refused) => refused.value("account").map(str::to_owned),
            Self::LetThrough(_) | Self::Happening(_) => None,
        }
    }

    /// A note by itself.
    fn of_event(event: Event) -> Self {
        match (event.kind.as_str(), event.code.as_deref()) {
            ("refused", code) => {
                let refusal = code.and_then(Refusal::from_code);
                Self::Refused(Refused { event, refusal })
            }
            ("unread", Some(code)) => match Unread::from_code(code) {
                Some(why) => Self::Happening(Happening::Unread { event, why }),
                None => Self::Happening(Happening::Note(event)),
            },
            (_, _) => Self::Happening(Happening::Note(event)),
        }
    }
}

impl Admitted {
    /// The mode, unless it is the normal one.
    pub fn special_mode(&self) -> Option<Mode> {
        Some(self.confirmation.mode).filter(|mode| *mode != Mode::Normal)
    }

    /// The fare that was shown.
    pub fn fare(&self) -> Option<Money> {
        self.confirmation.fare_quoted
    }
}

impl Refused {
    /// A value of its note.
    pub fn value(&self, name: &str) -> Option<&str> {
        pairs(&self.event.detail)
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The stable name of its reason.
    pub fn code(&self) -> &str {
        self.event.code.as_deref().unwrap_or("unknown")
    }
}

impl TapName {
    /// Whether people who typed `wanted` may mean this tap: the end of its receipt, or all of a
    /// refusal's name.
    pub fn is_meant_by(self, wanted: &str) -> bool {
        let wanted = wanted.to_ascii_lowercase();
        match self {
            Self::Receipt(id) => !wanted.is_empty() && id.to_hex().ends_with(&wanted),
            Self::Refusal(_) => self.to_string() == wanted,
        }
    }
}

impl fmt::Display for TapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipt(id) => {
                let hex = id.to_hex();
                f.pad(hex.get(hex.len() - TAP_DIGITS..).unwrap_or_default())
            }
            Self::Refusal(number) => f.pad(&format!("r{number}")),
        }
    }
}

fn masked(account: AccountId) -> String {
    account.to_string()
}
