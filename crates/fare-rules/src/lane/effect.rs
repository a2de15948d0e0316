//! What the lane asks for.

use crate::Refusal;
use crate::tariff::ByProducts;
use fare_protocol::{
    AccountId, Annulment, CodeRef, ConfigChange, Direction, LetThrough, Millis, Mode, ModeChange,
    Modes, Money, Passage, PublicKey, RecordId, RiderClass, TariffHash, UnixMs,
};

/// Something to be done outside, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a handful follow from an event, none is stored"
)]
pub enum Effect {
    /// Make this a record and commit it durably; answer with `Committed` or `CommitFailed`.
    Commit(Draft),
    /// Ask the server about the pay code that was shown; answer with `Answered`, at best before the time
    /// is over. An answer that comes later is not waited for.
    Ask(Question),
    /// Open the barrier for the confirmation, or for who is let through, just committed; answer with
    /// `BarrierOpened` or `BarrierFailed`.
    Open,
    /// Open the barrier for everybody, now, record or no record; answered like `Open`.
    OpenForAll,
    /// Close the barrier.
    Close,
    /// Show this until something else is to be shown.
    Show(Display),
    /// Send `Deadline` at or after this time; the newest replaces the older.
    Wake(UnixMs),
    /// A row for diagnosis.
    Note(Note),
    /// After a shutdown: nothing is open any more. Said once.
    Finished,
}

/// What the server is asked about a pay code. The code itself the lane does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The confirmation to be, should there be one.
    pub id: RecordId,
    /// In or out, as far as the gate can tell.
    pub direction: Direction,
    /// Until when the rider waits for the answer.
    pub until: UnixMs,
}

/// What the display shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Show your code here.
    Ready,
    /// One moment: the server is asked.
    Asking,
    /// Go through.
    Admitted {
        /// In or out.
        direction: Direction,
        /// Whom; to be shown masked.
        account: AccountId,
        /// What it costs; at exits where it is known.
        fare: Option<Money>,
        /// By which products it is paid, wholly or in part; where a picture tells.
        by: ByProducts,
        /// What is left of the account's stored value after that; where a picture tells.
        balance: Option<Money>,
        /// The server's time behind what the gate knows, when that is no longer fresh.
        as_of: Option<UnixMs>,
    },
    /// Go through: staff say so.
    LetThrough,
    /// Not this time, and why.
    Refused(Refusal),
    /// Nobody is admitted here.
    Closed,
    /// Go through, no code needed.
    FreePassage,
    /// The gate cannot work at the moment.
    OutOfService,
}

/// A record without what only the journal knows: gate, place in the chain, signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "two are made for a rider, none is stored"
)]
pub enum Draft {
    /// A rider is to be admitted.
    Confirmation(ConfirmationDraft),
    /// Somebody whom staff let through.
    LetThrough(LetThroughDraft),
    /// What followed.
    Passage(PassageDraft),
    /// The modes are others now. Not the lane's: whoever sets its modes has this recorded.
    ModeChange(ModeChangeDraft),
    /// What became of a configuration of the server's. Not the lane's either.
    Config(ConfigDraft),
}

impl Draft {
    /// The id that the record will have.
    pub const fn id(&self) -> RecordId {
        match self {
            Self::Confirmation(confirmation) => confirmation.id,
            Self::LetThrough(let_through) => let_through.id,
            Self::Passage(passage) => passage.id,
            Self::ModeChange(change) => change.id,
            Self::Config(config) => config.id,
        }
    }
}

/// A confirmation to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmationDraft {
    /// The record's id.
    pub id: RecordId,
    /// In or out.
    pub direction: Direction,
    /// Which code was shown.
    pub code_ref: CodeRef,
    /// Who pays.
    pub account: AccountId,
    /// The fares that apply.
    pub class: RiderClass,
    /// What is used up with this record.
    pub used: Used,
    /// How strictly the lane decided.
    pub mode: Mode,
    /// The fare shown, at exits where the entry is known.
    pub fare_quoted: Option<Money>,
    /// The tariff behind it.
    pub tariff: Option<TariffHash>,
    /// Version of the rules that decided.
    pub rules: u16,
    /// What it takes of what first rides may cost; nothing for other rides. It stays at the gate.
    pub first_ride: Option<Money>,
}

/// What a confirmation uses up, so that it opens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// A ride code.
    Code {
        /// The phone's key.
        device_key: PublicKey,
        /// The code's counter: it and all below are used up.
        counter: u32,
    },
    /// A picture: it and the journey of this entry end together.
    Picture {
        /// The entry confirmation.
        entry: RecordId,
    },
    /// A paper code: each way is used up by the passage there.
    PaperCode,
    /// A pay code, which is used up by its platform and not here.
    PayCode {
        /// Whether the server had said yes. If not it must still learn the code, or cannot charge it.
        answered: bool,
        /// At an exit, the entry by which the server told the journey.
        entry: Option<RecordId>,
    },
}

impl Used {
    /// The entry that the confirmation is to name.
    pub const fn entry(&self) -> Option<RecordId> {
        match self {
            Self::Code { .. } | Self::PaperCode => None,
            Self::Picture { entry } => Some(*entry),
            Self::PayCode { entry, .. } => *entry,
        }
    }
}

/// Somebody to be let through by staff: nobody's account, and nothing is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetThroughDraft {
    /// The record's id.
    pub id: RecordId,
    /// What it says.
    pub what: LetThrough,
}

/// A passage to be, with what a cache of open journeys needs: an entry that was not annulled opens
/// a journey (unknown counts as gone through), an exit that was not annulled ends one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassageDraft {
    /// The record's id.
    pub id: RecordId,
    /// What followed which confirmation, or whom staff let through.
    pub passage: Passage,
    /// The confirmation's direction.
    pub direction: Direction,
    /// The confirmation's account; nobody's when staff let somebody through.
    pub account: Option<AccountId>,
    /// The confirmation's time.
    pub confirmed_at: UnixMs,
}

/// A mode change to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeChangeDraft {
    /// The record's id.
    pub id: RecordId,
    /// What changes.
    pub change: ModeChange,
}

/// A record of what became of a configuration, to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigDraft {
    /// The record's id.
    pub id: RecordId,
    /// What became of which.
    pub change: ConfigChange,
}

/// A row for diagnosis; never needed for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A rider was admitted: the confirmation is durable.
    Admitted {
        /// The confirmation.
        confirmation: RecordId,
        /// Which bytes were shown.
        shown: CodeRef,
        /// In or out.
        direction: Direction,
        /// Who pays.
        account: AccountId,
        /// The fare shown.
        fare: Option<Money>,
    },
    /// Staff let somebody through: the record is durable.
    LetThrough {
        /// The record.
        record: RecordId,
        /// In or out.
        direction: Direction,
    },
    /// The journal did not take it, or too late: the barrier stays shut.
    NotLetThrough {
        /// The record.
        record: RecordId,
    },
    /// A rider was refused.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Which bytes were shown.
        shown: CodeRef,
        /// Who, when the credential was believed.
        account: Option<AccountId>,
    },
    /// The admitted rider went through.
    Passed {
        /// The confirmation.
        confirmation: RecordId,
        /// From the open command to the passage.
        after: Millis,
    },
    /// The admitted rider did not.
    Annulled {
        /// The confirmation.
        confirmation: RecordId,
        /// Why.
        annulment: Annulment,
    },
    /// Nobody can tell, because the barrier was opened for all.
    PassageUnknown {
        /// The confirmation.
        confirmation: RecordId,
    },
    /// Somebody went through for whom the barrier was not open: forced, or after an annulment.
    UnaskedPassage,
    /// Somebody went through during free passage.
    FreePassage,
    /// The journal did not take a passage; it will be tried again.
    PassageNotCommitted {
        /// The passage.
        passage: RecordId,
    },
    /// The barrier did not acknowledge a command.
    BarrierFailed,
    /// The fire input changed.
    FireAlarm(bool),
    /// The modes changed.
    ModeChanged(Modes),
    /// The clock's bound has passed its limit, one way or the other.
    ClockUnsure {
        /// Whether it is beyond it now.
        unsure: bool,
        /// The bound.
        error: Millis,
    },
}
