//! Conflicts: records that do not fit together, what is proposed about them, and what a person's
//! decision does to the money. The records themselves stay as they are.
//!
//! ```text
//! raised -+-> cleared    later records made it fit
//!         +-> resolved   a person decided, once, with a reason
//!                -> overtaken   a late record changed what was decided about: the decision's
//!                               postings are reversed, and the conflict is raised anew
//! ```
//! A decision brings what the account has paid from `replaced` to `fare` by two postings: the old
//! charge is reversed, the new one made ([`adjust`]). Overtaking is the same the other way round.

use crate::journey::Tap;
use crate::ledger::{Posting, PostingError};
use fare_protocol::{AccountId, Millis, Money, Stamp, UnixMs};
use serde::{Deserialize, Serialize};

/// Two entries of one account at two gates within this time are one ride admitted twice: nobody
/// goes in, out and in again elsewhere so quickly.
pub const ADMITTED_TWICE: Millis = Millis(10 * 60_000);

/// How far a record's time may lie outside what the clocks' own error bounds allow.
pub const CLOCK_SLACK: Millis = Millis(120_000);

/// The widest error bound with which a gate's time is still taken as known.
pub const CLOCK_ERROR_MAX: Millis = Millis(300_000);

/// What staff must look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKind {
    /// Two gates admitted the account within [`ADMITTED_TWICE`], or upon one code.
    DoubleEntry,
    /// An entry followed an entry, and the exit between is missing.
    EntryTwice,
    /// An exit follows no entry, or its entry has not arrived yet.
    ExitWithoutEntry,
    /// An exit by a picture whose journey another exit by it has ended.
    PictureTwice,
    /// A gate admitted by a pay code that the server would not have charged.
    PayCodeRefused,
    /// One ride code was shown at two gates.
    SameCode,
    /// The gate cannot tell whether somebody went through, and the account's next tap has not.
    PassageUnknown,
    /// Two passages answer one confirmation; the first one counts.
    SecondPassage,
    /// The gate showed another fare than the server found; the lower one is charged.
    QuoteDiffers,
    /// No fare could be found.
    Unpriced,
    /// A rider says where a journey ended whose exit is missing.
    ExitClaimed,
    /// A late record changed a journey that was charged; the charge was reversed.
    Repaired,
    /// A late record changed what a person had decided about; the decision was reversed.
    Overtaken,
    /// A person looked at a journey that nothing else is wrong with.
    Asked,
    /// A gate's record names another station than the gate is registered at.
    WrongStation,
    /// A gate's time cannot be right, or is not known well enough.
    ClockOutOfBounds,
    /// Records of a gate's chain have not arrived.
    ChainGap,
    /// Two records claim one place of a gate's chain; the first one stays.
    ChainFork,
    /// A gate that is believed no longer sent a rider's record.
    AfterRevocation,
}

/// What a person may decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// What the server did stands; no money moves.
    Keep,
    /// The account pays this instead of what it was charged; zero gives everything back.
    Charge {
        /// Zero or more.
        fare: Money,
    },
}

/// What is proposed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What to decide.
    #[serde(flatten)]
    pub decision: Decision,
    /// For which reason.
    pub why: Why,
}

/// Reasons of proposals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// One ride was admitted twice.
    OneRide,
    /// Two left by one picture, which is for one journey.
    OneJourney,
    /// The rider left or came without a tap; the least fare that starts or ends there.
    LeastFare,
    /// What the journey costs that the rider tells of.
    AsTold,
    /// The missing record is likely still at its gate.
    RecordMissing,
    /// The account's next tap will tell.
    NextTapTells,
    /// Nothing has told within the time for it; the hold was voided.
    NoEvidence,
    /// The gate decided by its own policy; the fare is charged as any other, or owed.
    GateDecided,
    /// The first record counts, as both signatures show.
    FirstCounts,
    /// The rider paid the lower fare, as shown.
    LowerCharged,
    /// The books were put right already.
    PutRight,
    /// The gate, its clock or its registration must be mended; no money is involved.
    MendGate,
    /// What a gate signs that is believed no longer proves nothing.
    NotBelieved,
    /// Nothing can be proposed from the records: ask the rider and the staff.
    AskPeople,
}

/// What a proposal is made from, beside the kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The least fare that starts or ends where the tap was made.
    pub least: Option<Money>,
    /// What the journey costs that the rider tells of.
    pub told: Option<Money>,
    /// The time for evidence about an unknown passage is over.
    pub expired: bool,
}

/// What is wrong with a record's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// It lies this many ms after the server received it, error bound taken off.
    Ahead(i64),
    /// It lies this many ms before the record before it, error bounds taken off.
    Backwards(i64),
    /// The gate's own bound is wider than [`CLOCK_ERROR_MAX`].
    Unsure(Millis),
}

/// Why a decision cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// The conflict is about a gate.
    #[error("a conflict of kind {} moves no money; decide to keep", .0.code())]
    NoMoney(ConflictKind),
    /// Not an amount that can be charged here.
    #[error("{0}")]
    Posting(#[from] PostingError),
}

impl ConflictKind {
    /// All of them, as they stand in lists.
    pub const ALL: [Self; 19] = [
        Self::DoubleEntry,
        Self::EntryTwice,
        Self::ExitWithoutEntry,
        Self::PictureTwice,
        Self::PayCodeRefused,
        Self::SameCode,
        Self::PassageUnknown,
        Self::SecondPassage,
        Self::QuoteDiffers,
        Self::Unpriced,
        Self::ExitClaimed,
        Self::Repaired,
        Self::Overtaken,
        Self::Asked,
        Self::WrongStation,
        Self::ClockOutOfBounds,
        Self::ChainGap,
        Self::ChainFork,
        Self::AfterRevocation,
    ];

    /// Its name, for the database and for people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DoubleEntry => "double-entry",
            Self::EntryTwice => "entry-twice",
            Self::ExitWithoutEntry => "exit-without-entry",
            Self::PictureTwice => "picture-twice",
            Self::PayCodeRefused => "pay-code-refused",
            Self::SameCode => "same-code",
            Self::PassageUnknown => "passage-unknown",
            Self::SecondPassage => "second-passage",
            Self::QuoteDiffers => "quote-differs",
            Self::Unpriced => "unpriced",
            Self::ExitClaimed => "exit-claimed",
            Self::Repaired => "repaired",
            Self::Overtaken => "overtaken",
            Self::Asked => "asked",
            Self::WrongStation => "wrong-station",
            Self::ClockOutOfBounds => "clock-out-of-bounds",
            Self::ChainGap => "chain-gap",
            Self::ChainFork => "chain-fork",
            Self::AfterRevocation => "after-revocation",
        }
    }

    /// The kind with this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether a decision about it may charge somebody. The others are about a gate or a code.
    pub const fn may_charge(self) -> bool {
        match self {
            Self::DoubleEntry
            | Self::EntryTwice
            | Self::ExitWithoutEntry
            | Self::PictureTwice
            | Self::PayCodeRefused
            | Self::PassageUnknown
            | Self::SecondPassage
            | Self::QuoteDiffers
            | Self::Unpriced
            | Self::ExitClaimed
            | Self::Repaired
            | Self::Overtaken
            | Self::Asked => true,
            Self::SameCode
            | Self::WrongStation
            | Self::ClockOutOfBounds
            | Self::ChainGap
            | Self::ChainFork
            | Self::AfterRevocation => false,
        }
    }

    /// What is proposed about it.
    pub fn propose(self, around: &Circumstances) -> Proposal {
        let keep = |why| Proposal {
            decision: Decision::Keep,
            why,
        };
        let least = match around.least {
            Some(fare) => Proposal {
                decision: Decision::Charge { fare },
                why: Why::LeastFare,
            },
            None => keep(Why::AskPeople),
        };
        match self {
            Self::DoubleEntry => keep(Why::OneRide),
            Self::PictureTwice => keep(Why::OneJourney),
            Self::PayCodeRefused => keep(Why::GateDecided),
            Self::EntryTwice | Self::ExitWithoutEntry | Self::Unpriced => least,
            Self::PassageUnknown if around.expired => keep(Why::NoEvidence),
            Self::PassageUnknown => keep(Why::NextTapTells),
            Self::SecondPassage => keep(Why::FirstCounts),
            Self::QuoteDiffers => keep(Why::LowerCharged),
            Self::Repaired => keep(Why::PutRight),
            Self::ExitClaimed => match around.told {
                Some(fare) => Proposal {
                    decision: Decision::Charge { fare },
                    why: Why::AsTold,
                },
                None => keep(Why::AskPeople),
            },
            Self::SameCode | Self::Overtaken | Self::Asked => keep(Why::AskPeople),
            Self::WrongStation | Self::ClockOutOfBounds | Self::ChainFork => keep(Why::MendGate),
            Self::ChainGap => keep(Why::RecordMissing),
            Self::AfterRevocation => keep(Why::NotBelieved),
        }
    }
}

/// Which kind of conflict it is when `second`, an entry too, is the tap after the entry `first`.
pub fn entered_again(first: &Tap, second: &Tap) -> ConflictKind {
    let soon = second.at.since(first.at) <= i64::from(ADMITTED_TWICE.0);
    let same_code = first.code_ref() == second.code_ref();
    if first.gate != second.gate && (soon || same_code) {
        ConflictKind::DoubleEntry
    } else {
        ConflictKind::EntryTwice
    }
}

impl Decision {
    /// What the account has paid once this is carried out, when it has paid `charged` before.
    ///
    /// # Errors
    /// When the kind moves no money.
    pub fn fare(self, kind: ConflictKind, charged: Money) -> Result<Money, DecisionError> {
        match self {
            Self::Keep => Ok(charged),
            Self::Charge { .. } if !kind.may_charge() => Err(DecisionError::NoMoney(kind)),
            Self::Charge { fare } => Ok(fare),
        }
    }
}

/// The postings that bring what `rider` has paid for one journey from `from` to `to`: what was paid
/// is reversed, the new amount charged. None when nothing changes.
///
/// # Errors
/// When an amount is negative or the currencies differ.
pub fn adjust(rider: AccountId, from: Money, to: Money) -> Result<Vec<Posting>, PostingError> {
    from.checked_add(to)?;
    if from == to {
        return Ok(Vec::new());
    }
    let mut postings = Vec::new();
    if from.minor != 0 {
        postings.push(Posting::reverse(rider, from)?);
    }
    if to.minor != 0 {
        postings.push(Posting::resolve(rider, to)?);
    }
    Ok(postings)
}

/// What is wrong with the time of a record received at `received`; `previous` is the stamp of the
/// record before it in its gate's chain. Old records are fine: gates work for days alone.
pub fn clock_fault(stamp: Stamp, previous: Option<Stamp>, received: UnixMs) -> Option<ClockFault> {
    let bound = |stamp: Stamp| i64::from(stamp.error_ms.0);
    let slack = i64::from(CLOCK_SLACK.0);
    if stamp.error_ms > CLOCK_ERROR_MAX {
        return Some(ClockFault::Unsure(stamp.error_ms));
    }
    let ahead = stamp.at.since(received).saturating_sub(bound(stamp));
    if ahead > slack {
        return Some(ClockFault::Ahead(ahead));
    }
    let previous = previous?;
    let bounds = bound(stamp).saturating_add(bound(previous));
    let back = previous.at.since(stamp.at).saturating_sub(bounds);
    (back > slack).then_some(ClockFault::Backwards(back))
}

impl ClockFault {
    /// Its name, for the database.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ahead(_) => "ahead",
            Self::Backwards(_) => "backwards",
            Self::Unsure(_) => "unsure",
        }
    }

    /// One sentence for staff.
    pub fn sentence(self) -> String {
        match self {
            Self::Ahead(ms) => format!("its clock is {ms} ms ahead of the server's"),
            Self::Backwards(ms) => format!("its clock went back by {ms} ms"),
            Self::Unsure(bound) => format!("its clock may be off by {bound}"),
        }
    }
}

impl Why {
    /// One sentence for staff.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OneRide => "one ride was admitted twice; the first entry costs nothing",
            Self::OneJourney => {
                "one picture, one journey: the first exit is charged; look who held the copy"
            }
            Self::LeastFare => "the other end of the journey is missing; the least fare from there",
            Self::AsTold => {
                "what the journey costs as the rider tells it; look whether that can be"
            }
            Self::RecordMissing => {
                "the records are likely still at the gate; bring its outbox here"
            }
            Self::NextTapTells => "the account's next tap will tell where the rider was",
            Self::NoEvidence => "no tap has told in time; nothing is charged without evidence",
            Self::GateDecided => {
                "the gate decided by its own policy; the fare is charged if it can be, else it is owed"
            }
            Self::FirstCounts => "the first record counts",
            Self::LowerCharged => "the rider paid the lower fare, as the gate showed it",
            Self::PutRight => "the books were put right already",
            Self::MendGate => "the gate must be mended; no money is involved",
            Self::NotBelieved => {
                "whoever has the gate's key can have made it; nothing is charged unless other evidence shows the ride"
            }
            Self::AskPeople => "the records do not tell; ask the rider and the staff",
        }
    }
}

#[cfg(test)]
mod tests;
