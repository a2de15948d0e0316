//! The states in which nothing is under way: closed, idle, fault.

use super::ride::Deciding;
use super::turn::Turn;
use super::{Display, Event, FAULT_REST, Note, State};
use crate::Refusal;
use fare_protocol::UnixMs;

/// Nobody is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// Ready for a rider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Idle;

/// The barrier did not open; it is left alone for a while, then the next rider tries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    retry_at: UnixMs,
}

impl Closed {
    pub(super) fn rest(turn: &mut Turn) -> Self {
        turn.show_at_rest(Display::Closed);
        Self
    }

    pub(super) fn on(self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(tap) => turn.turn_away(&tap, Refusal::GateClosed),
            Event::Answered(_) => {}
            Event::LetThrough(asked) => {
                if let Some(ride) = turn.let_through(&asked) {
                    return State::Deciding(Deciding::begin(ride, turn));
                }
            }
            Event::Committed(_) | Event::CommitFailed(_) | Event::BarrierOpened => {}
            Event::BarrierFailed => turn.note(Note::BarrierFailed),
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => {
                turn.set_fire(on);
                if turn.memory.is_free() {
                    return turn.rest();
                }
            }
            Event::SetMode(modes) => {
                turn.set_modes(modes);
                return turn.rest();
            }
            Event::Shutdown => turn.shut_down(),
            Event::Deadline => turn.show_at_rest(Display::Closed),
        }
        State::Closed(self)
    }
}

impl Idle {
    pub(super) fn rest(turn: &mut Turn) -> Self {
        turn.show_at_rest(Display::Ready);
        Self
    }

    pub(super) fn on(self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(tap) => {
                if let Some(begun) = turn.begin(tap) {
                    return begun;
                }
            }
            Event::Answered(_) => {}
            Event::LetThrough(asked) => {
                if let Some(ride) = turn.let_through(&asked) {
                    return State::Deciding(Deciding::begin(ride, turn));
                }
            }
            Event::Committed(_) | Event::CommitFailed(_) | Event::BarrierOpened => {}
            Event::BarrierFailed => {
                turn.note(Note::BarrierFailed);
                return State::Fault(Fault::rest(turn));
            }
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => {
                turn.set_fire(on);
                if turn.memory.is_free() {
                    return turn.rest();
                }
            }
            Event::SetMode(modes) => {
                turn.set_modes(modes);
                return turn.rest();
            }
            Event::Shutdown => turn.shut_down(),
            Event::Deadline => turn.show_at_rest(Display::Ready),
        }
        State::Idle(self)
    }
}

impl Fault {
    pub(super) fn rest(turn: &mut Turn) -> Self {
        turn.show_at_rest(Display::OutOfService);
        Self {
            retry_at: turn.at().after(FAULT_REST),
        }
    }

    pub(super) fn on(self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(tap) => turn.turn_away(&tap, Refusal::BarrierFault),
            Event::Answered(_) => {}
            Event::LetThrough(asked) => {
                if let Some(ride) = turn.let_through(&asked) {
                    return State::Deciding(Deciding::begin(ride, turn));
                }
            }
            Event::Committed(_) | Event::CommitFailed(_) | Event::BarrierOpened => {}
            Event::BarrierFailed => {
                turn.note(Note::BarrierFailed);
                return State::Fault(Self::rest(turn));
            }
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => {
                turn.set_fire(on);
                if turn.memory.is_free() {
                    return turn.rest();
                }
            }
            Event::SetMode(modes) => {
                turn.set_modes(modes);
                if !turn.memory.admits() {
                    return turn.rest();
                }
            }
            Event::Shutdown => turn.shut_down(),
            Event::Deadline if turn.at() >= self.retry_at => return turn.rest(),
            Event::Deadline => turn.show_at_rest(Display::OutOfService),
        }
        State::Fault(self)
    }

    pub(super) fn due(&self) -> UnixMs {
        self.retry_at
    }
}
