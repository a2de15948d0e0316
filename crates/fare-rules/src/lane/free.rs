//! The state in which the barrier is open for all: fire, or a mode that is free or emergency.
//!
//! The command to open is sent with the event itself, before anything else and from every state
//! (`Turn::set_fire`, `Turn::set_modes`), and again until the barrier has taken it. Nobody needs a
//! code, so taps are ignored. A ride that was under way is finished with an unknown passage: the
//! counter now counts everybody, so whether this rider went through is what nobody can tell, and
//! the server decides.

use super::restoring::{Recording, Restoring};
use super::ride::{Deciding, Ride};
use super::turn::Turn;
use super::{Display, Effect, Event, Note, REOPEN, State};
use crate::Refusal;
use fare_protocol::{PassageOutcome, RecordId, UnixMs};

/// The barrier is open for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FreePassage {
    unfinished: Option<Unfinished>,
    /// When to send the open command again.
    reopen_at: Option<UnixMs>,
}

/// What is left of the ride that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The journal has the confirmation and has not answered.
    Confirming(Ride),
    /// The journal has the passage.
    Recording(Recording),
}

impl FreePassage {
    /// A lane that starts free or in emergency opens at its first deadline.
    pub(super) fn at_start() -> Self {
        Self {
            unfinished: None,
            reopen_at: Some(UnixMs(i64::MIN)),
        }
    }

    pub(super) fn open(unfinished: Option<Unfinished>, turn: &mut Turn) -> Self {
        turn.show(Display::FreePassage);
        Self {
            unfinished,
            reopen_at: None,
        }
    }

    /// Instead of waiting on for this rider.
    pub(super) fn instead_of(ride: &Ride, turn: &mut Turn) -> State {
        let recording = turn.record(ride, PassageOutcome::Unknown);
        State::FreePassage(Self::open(Some(Unfinished::Recording(recording)), turn))
    }

    pub(super) fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) => {}
            Event::Committed(id) => self.committed(id, turn),
            Event::CommitFailed(id) => self.commit_failed(id, turn),
            Event::BarrierOpened => self.reopen_at = None,
            Event::BarrierFailed => {
                turn.note(Note::BarrierFailed);
                self.reopen_at = Some(turn.at().after(REOPEN));
            }
            Event::Passed => turn.note(Note::FreePassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => {
                turn.set_fire(on);
                return self.unless_over(turn);
            }
            Event::SetMode(modes) => {
                turn.set_modes(modes);
                return self.unless_over(turn);
            }
            Event::Shutdown => turn.shut_down(),
            Event::Deadline => self.deadline(turn),
        }
        State::FreePassage(self)
    }

    fn committed(&mut self, id: RecordId, turn: &mut Turn) {
        match self.unfinished {
            Some(Unfinished::Confirming(ride)) if ride.confirmation == id => {
                let recording = turn.record(&ride, PassageOutcome::Unknown);
                self.unfinished = Some(Unfinished::Recording(recording));
            }
            Some(Unfinished::Recording(recording)) if recording.draft.id == id => {
                self.unfinished = None;
            }
            Some(Unfinished::Confirming(_) | Unfinished::Recording(_)) | None => {}
        }
    }

    fn commit_failed(&mut self, id: RecordId, turn: &mut Turn) {
        match &mut self.unfinished {
            Some(Unfinished::Confirming(ride)) if ride.confirmation == id => {
                if let Some(rider) = ride.rider {
                    turn.memory.recent.refuse(rider.shown, Refusal::NotRecorded);
                }
                self.unfinished = None;
            }
            Some(Unfinished::Recording(recording)) => {
                recording.take_failure(id, turn);
            }
            Some(Unfinished::Confirming(_)) | None => {}
        }
    }

    fn deadline(&mut self, turn: &mut Turn) {
        turn.show(Display::FreePassage);
        if self.reopen_at.is_some_and(|at| turn.at() >= at) {
            self.reopen_at = None;
            turn.ask(Effect::OpenForAll);
        }
        match &mut self.unfinished {
            Some(Unfinished::Recording(recording)) => {
                recording.take_deadline(turn);
            }
            Some(Unfinished::Confirming(_)) | None => {}
        }
    }

    fn unless_over(self, turn: &mut Turn) -> State {
        if turn.memory.is_free() {
            return State::FreePassage(self);
        }
        turn.ask(Effect::Close);
        match self.unfinished {
            None => turn.rest(),
            Some(Unfinished::Confirming(ride)) => {
                turn.show(turn.memory.display_at_rest());
                State::Deciding(Deciding::for_the_record(ride))
            }
            Some(Unfinished::Recording(recording)) => {
                turn.show(turn.memory.display_at_rest());
                Restoring::resume(recording)
            }
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.unfinished.is_some()
    }

    pub(super) fn due(&self) -> Option<UnixMs> {
        let recording = match &self.unfinished {
            Some(Unfinished::Recording(recording)) => recording.due(),
            Some(Unfinished::Confirming(_)) | None => None,
        };
        [self.reopen_at, recording].into_iter().flatten().min()
    }
}
