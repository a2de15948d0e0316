//! What the lane is told.

use crate::{Quote, Refusal};
use fare_protocol::wire::OpenJourney;
use fare_protocol::{CodeRef, Modes, RecordId, UnixMs, VerifiedCredential};

/// Something that happened at the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A credential was shown.
    Tap(Box<Tap>),
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
}

/// How a journey is known to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This gate let the account through since.
    Here,
    /// The server says so.
    Elsewhere,
}

/// What the gate's caches say about a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The account's open journey, if one is known; a picture's own.
    pub open_journey: Option<OpenJourney>,
    /// How the journey of a picture is known to be over.
    pub ended: Option<Ended>,
    /// The highest counter seen of this device key.
    pub last_counter: Option<u32>,
    /// Whether the account is on the deny list.
    pub denied: bool,
    /// The server's time behind what the caches hold.
    pub cache_as_of: Option<UnixMs>,
    /// What the journey costs if it ends here; at exits with a known entry.
    pub quote: Option<Quote>,
}
