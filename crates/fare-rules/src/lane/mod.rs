//! The lane: from a tap to a passage, as a pure state machine.

mod effect;
mod event;
mod policy;

pub use effect::{ConfirmationDraft, Display, Draft, Effect, Note, PassageDraft};
pub use event::{Event, Facts, Tap};
pub use policy::{
    COMMIT_WAIT, ExitWithoutEntry, FAULT_REST, LanePolicy, OBSTRUCTED_EXTRA, RECENT_TAPS_MAX,
    RECORD_RETRY, REOPEN, Role, SETTLE, SHUTDOWN_PASSAGE, SHUTDOWN_TOTAL,
};

use fare_protocol::{Mode, Stamp};

/// Version of the rules that confirmations name.
pub const RULES_VERSION: u16 = 1;

/// One lane.
#[derive(Clone, Debug)]
pub struct Lane {}

impl Lane {
    /// A lane at rest. Send it [`Event::Deadline`] once: it answers with the first display, and in
    /// emergency mode by opening.
    pub fn new(_policy: LanePolicy, _mode: Mode) -> Self {
        Self {}
    }

    /// What follows from `event` at `now`.
    pub fn on(self, _event: Event, _now: Stamp) -> (Self, Vec<Effect>) {
        (self, Vec::new())
    }

    /// The state's name, for people.
    pub fn state_name(&self) -> &'static str {
        "idle"
    }

    /// Whether no tap is under way.
    pub fn is_idle(&self) -> bool {
        true
    }
}
