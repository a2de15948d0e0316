//! The lane: from a tap to a passage, as a pure state machine. Events go in, effects come out; no
//! clock, no I/O, no randomness. The whole table of states and events is `docs/lane.md`.
//!
//! ```text
//!            Tap           Committed          BarrierOpened
//!   Idle ---------> Deciding -----> Releasing ------------> Passing
//!    ^                 | CommitFailed   |                      |  Passed, or nobody in time
//!    +-----------------+                +----------+-----------+
//!    |                                             v
//!    +----------------- Committed ------------ Restoring
//! ```
//! With a pay code `Asking` stands before `Deciding`: the server is asked, and its `Answered`, or the time for
//! it being over, is what a `Tap` is otherwise. `Closed` is what `Idle` is when every direction that the gate leads in is closed. `Fault` follows
//! when the barrier did not open. `FreePassage` follows from every state on a fire alarm, or when a
//! direction is free or in emergency: one barrier cannot be open for one direction alone.
//! `LetThrough` goes the way of a tap, from every state at rest: also where the gate is closed, and where
//! the barrier failed, for staff know what they do.
//!
//! What holds in every state:
//! - [`Effect::Open`] comes only with the `Committed` of its own tap, or of its own record that staff let
//!   somebody through; everything else that opens is [`Effect::OpenForAll`].
//! - A committed confirmation, and a record of a let through, gets exactly one passage, and a passage is tried until the journal
//!   has it, always with the same id. Only a shutdown can cut this short; then the journal records
//!   the passage as unknown at its next start.
//! - The same shown code within the grace of its verdict is the same tap: no second confirmation
//!   and no second note. While a ride is under way other taps are ignored; the phone is still there
//!   in the next frame.
//! - A shutdown is finished within [`SHUTDOWN_TOTAL`].
//!
//! `now` comes from a clock that does not jump while a ride is under way: deadlines are compared
//! with it.

mod asking;
mod effect;
mod event;
mod free;
mod open;
mod policy;
mod recent;
mod rest;
mod restoring;
mod ride;
mod turn;

pub use effect::{
    ConfigDraft, ConfirmationDraft, Display, Draft, Effect, LetThroughDraft, ModeChangeDraft, Note,
    PassageDraft, Question, Used,
};
pub use event::{Answered, Ended, Event, Facts, FirstRide, Heard, LetThroughAsked, Said, Tap};
pub use policy::{
    ALONE_STEPS_MAX, AloneStep, COMMIT_WAIT, ClockBeyond, ExitWithoutEntry, FAULT_REST, HOUR,
    LanePolicy, OBSTRUCTED_EXTRA, PayCodePolicy, RECENT_TAPS_MAX, RECORD_RETRY, REOPEN, Role,
    SETTLE, SHUTDOWN_PASSAGE, SHUTDOWN_TOTAL, WithoutServer,
};

use asking::Asking;
use fare_protocol::{Modes, Stamp, UnixMs};
use free::FreePassage;
use open::{Passing, Releasing};
use rest::{Closed, Fault, Idle};
use restoring::Restoring;
use ride::Deciding;
use turn::{Memory, Stop, Turn};

/// Version of the rules that confirmations name.
pub const RULES_VERSION: u16 = 3;

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    state: State,
    memory: Memory,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Closed(Closed),
    Idle(Idle),
    Asking(Asking),
    Deciding(Deciding),
    Releasing(Releasing),
    Passing(Passing),
    Restoring(Restoring),
    FreePassage(FreePassage),
    Fault(Fault),
}

impl Lane {
    /// A lane at rest. Send it [`Event::Deadline`] once: it answers with the first display, and in
    /// free and emergency mode by opening.
    pub fn new(policy: LanePolicy, modes: Modes) -> Self {
        let memory = Memory::new(policy, modes);
        let state = if memory.is_free() {
            State::FreePassage(FreePassage::at_start())
        } else if memory.admits() {
            State::Idle(Idle)
        } else {
            State::Closed(Closed)
        };
        Self { state, memory }
    }

    /// What follows from `event` at `now`: the lane after it, and what is to be done, in order.
    pub fn on(self, event: Event, now: Stamp) -> (Self, Vec<Effect>) {
        let Self { state, mut memory } = self;
        if event == Event::Deadline {
            memory.wake = None;
        }
        let mut turn = Turn {
            memory,
            now,
            effects: Vec::new(),
        };
        turn.look_at_clock();
        let state = match state {
            State::Closed(state) => state.on(event, &mut turn),
            State::Idle(state) => state.on(event, &mut turn),
            State::Asking(state) => state.on(event, &mut turn),
            State::Deciding(state) => state.on(event, &mut turn),
            State::Releasing(state) => state.on(event, &mut turn),
            State::Passing(state) => state.on(event, &mut turn),
            State::Restoring(state) => state.on(event, &mut turn),
            State::FreePassage(state) => state.on(event, &mut turn),
            State::Fault(state) => state.on(event, &mut turn),
        };
        state.finish(&mut turn);
        state.arm(&mut turn);
        (
            Self {
                state,
                memory: turn.memory,
            },
            turn.effects,
        )
    }

    /// The state's name, for people.
    pub fn state_name(&self) -> &'static str {
        match &self.state {
            State::Closed(_) => "closed",
            State::Idle(_) => "idle",
            State::Asking(_) => "asking",
            State::Deciding(_) => "deciding",
            State::Releasing(_) => "releasing",
            State::Passing(_) => "passing",
            State::Restoring(_) => "restoring",
            State::FreePassage(_) => "free-passage",
            State::Fault(_) => "fault",
        }
    }

    /// Whether no ride is under way.
    pub fn is_idle(&self) -> bool {
        !self.state.is_under_way()
    }
}

impl State {
    fn is_under_way(&self) -> bool {
        match self {
            Self::Closed(_) | Self::Idle(_) | Self::Fault(_) => false,
            Self::FreePassage(state) => state.is_under_way(),
            Self::Asking(_) | Self::Deciding(_) => true,
            Self::Releasing(_) | Self::Passing(_) | Self::Restoring(_) => true,
        }
    }

    /// Says once that a shutdown is finished: nothing is under way, or the time is over.
    fn finish(&self, turn: &mut Turn) {
        let Some(asked) = turn.memory.stopping_since() else {
            return;
        };
        if self.is_under_way() && turn.at() < asked.after(SHUTDOWN_TOTAL) {
            return;
        }
        turn.memory.stop = Stop::Finished;
        if !turn.memory.is_free() {
            turn.show(Display::OutOfService);
        }
        turn.ask(Effect::Finished);
    }

    /// Asks to be woken when something is due and this was not asked for already.
    fn arm(&self, turn: &mut Turn) {
        let limit = turn
            .memory
            .stopping_since()
            .map(|asked| asked.after(SHUTDOWN_TOTAL));
        let due = [self.due(&turn.memory), limit].into_iter().flatten().min();
        if let Some(at) = due
            && turn.memory.wake != due
        {
            turn.ask(Effect::Wake(at));
            turn.memory.wake = due;
        }
    }

    fn due(&self, memory: &Memory) -> Option<UnixMs> {
        match self {
            Self::Closed(_) | Self::Idle(_) => memory.refusal_until,
            Self::Fault(state) => [memory.refusal_until, Some(state.due())]
                .into_iter()
                .flatten()
                .min(),
            Self::Asking(state) => Some(state.due()),
            Self::Deciding(state) => state.due(),
            Self::Releasing(state) => Some(state.due(memory.obstructed)),
            Self::Passing(state) => Some(state.due(memory.obstructed)),
            Self::Restoring(state) => state.due(memory.obstructed),
            Self::FreePassage(state) => state.due(),
        }
    }
}

#[cfg(test)]
mod tests;
