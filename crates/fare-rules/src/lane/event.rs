//! What the lane is told.

use crate::{Quote, Refusal};
use fare_protocol::wire::OpenJourney;
use fare_protocol::{CodeRef, LetThrough, Modes, Money, RecordId, UnixMs, VerifiedCredential};

/// Something that happened at the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A credential was shown.
    Tap(Box<Tap>),
    /// What came of asking the server about a pay code.
    Answered(Box<Answered>),
    /// Staff want one person let through. While another is under way it is ignored: to be asked again.
    LetThrough(LetThroughAsked),
    /// The journal holds the record with this id durably.
    Committed(RecordId),
    /// The journal does not hold the record with this id, and never will unless asked again.
    CommitFailed(RecordId),
    /// The barrier reports that it is open.
    BarrierOpened,
    /// The barrier did not acknowledge a command.
    BarrierFailed,
    /// The passage counter moved: somebody went through.
    Passed,
    /// Whether somebody or something is in the lane.
    Obstructed(bool),
    /// The fire input.
    FireAlarm(bool),
    /// The modes from now on.
    SetMode(Modes),
    /// Finish what is open and say so.
    Shutdown,
    /// The time asked for by the newest [`super::Effect::Wake`] has come. Harmless when early.
    Deadline,
}

/// One presentation of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The id of the confirmation, should there be one; made at the edge.
    pub id: RecordId,
    /// The id of the passage that follows it; made at the edge.
    pub passage_id: RecordId,
    /// Hash of the scanned bytes: tells a repeat of the same code.
    pub shown: CodeRef,
    /// The credential, or why it was not believed.
    pub credential: Result<VerifiedCredential, Refusal>,
    /// What the gate knows about it.
    pub facts: Facts,
    /// What the server has said of it. Of a ride code or a picture it is never asked.
    pub heard: Heard,
}

/// What the server has said of a pay code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heard {
    /// It has not been asked.
    #[default]
    NotAsked,
    /// It would charge the code, and the facts are its own.
    Yes,
    /// Nothing, in the time for it.
    Silence,
}

/// What came of asking the server about a pay code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The tap that it was asked for.
    pub id: RecordId,
    /// What it said.
    pub said: Said,
}

/// The server's word about a pay code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "one is made for an ask, none is stored"
)]
pub enum Said {
    /// It would charge the code; what is known of the account by now.
    Yes(Facts),
    /// It would not.
    No(Refusal),
    /// It cannot be reached.
    Nothing,
}

impl Tap {
    /// Whether the server has to be asked before this rider can be admitted.
    pub fn needs_server(&self) -> bool {
        match (&self.credential, self.heard) {
            (Ok(VerifiedCredential::PayCode(_)), Heard::NotAsked) => true,
            (Ok(VerifiedCredential::PayCode(_)), Heard::Yes | Heard::Silence)
            | (
                Ok(
                    VerifiedCredential::RideCode(_)
                    | VerifiedCredential::Picture(_)
                    | VerifiedCredential::PaperCode(_),
                )
                | Err(_),
                _,
            ) => false,
        }
    }
}

/// Somebody to be let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetThroughAsked {
    /// The id of the record; made at the edge.
    pub id: RecordId,
    /// The id of the passage that follows it; made at the edge.
    pub passage_id: RecordId,
    /// Which way, for whom of the staff, why.
    pub what: LetThrough,
}

/// How a journey is known to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This gate let the account through since.
    Here,
    /// The server says so.
    Elsewhere,
}

/// The account was never seen to ride here before the server's news.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstRide {
    /// What such rides since the news may cost together, in minor units of the tariff's currency.
    pub taken_minor: i64,
    /// The most that this one may cost; nothing where it is paid for, or the server answers for it.
    pub may_cost: Option<Money>,
}

/// What the gate's caches say about a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The account's open journey, if one is known; a picture's own.
    pub open_journey: Option<OpenJourney>,
    /// How the journey of a picture or a paper code is known to be over.
    pub ended: Option<Ended>,
    /// The highest counter seen of this device key.
    pub last_counter: Option<u32>,
    /// Whether the account is on the deny list.
    pub denied: bool,
    /// Whether the phone that made the code is, by its key.
    pub key_denied: bool,
    /// The server's time behind what the caches hold.
    pub cache_as_of: Option<UnixMs>,
    /// How often the account was let in here since the server's news.
    pub entries_since: u32,
    /// What is known of rides as this one, where nothing is known of the account.
    pub first_ride: Option<FirstRide>,
    /// What the journey costs if it ends here; at exits with a known entry.
    pub quote: Option<Quote>,
}
