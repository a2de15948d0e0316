//! The states with an open barrier: releasing, passing.

use super::restoring::Restoring;
use super::ride::{Ride, Rider};
use super::turn::Turn;
use super::{
    Display, Effect, Event, FreePassage, Note, OBSTRUCTED_EXTRA, SETTLE, SHUTDOWN_PASSAGE, State,
};
use crate::Refusal;
use fare_protocol::{Annulment, PassageOutcome, UnixMs};

/// The barrier was told to open and has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Releasing {
    open: Open,
}

/// The barrier is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passing {
    open: Open,
}

/// A ride in front of an open barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    ride: Ride,
    close_at: UnixMs,
    /// When to close even if somebody is in the lane.
    close_at_latest: UnixMs,
}

impl Releasing {
    pub(super) fn begin(mut ride: Ride, turn: &mut Turn) -> Self {
        ride.opened_at = turn.at();
        turn.ask(Effect::Open);
        say_open(&ride, turn);
        Self {
            open: Open::new(ride, turn),
        }
    }

    pub(super) fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) | Event::Deadline => {}
            Event::Committed(_) | Event::CommitFailed(_) => {}
            Event::BarrierOpened => {
                let open = Open::new(self.open.ride, turn).hurried(turn);
                return State::Passing(Passing { open });
            }
            Event::BarrierFailed => return self.open.failed(turn),
            Event::Passed => return self.open.passed(turn),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => {
                turn.shut_down();
                self.open = self.open.hurried(turn);
            }
        }
        self.open.end(turn).unwrap_or(State::Releasing(self))
    }

    pub(super) fn due(&self, obstructed: bool) -> UnixMs {
        self.open.due(obstructed)
    }
}

impl Passing {
    pub(super) fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) | Event::Deadline => {}
            Event::Committed(_) | Event::CommitFailed(_) => {}
            Event::BarrierOpened => {}
            Event::BarrierFailed => turn.note(Note::BarrierFailed),
            Event::Passed => return self.open.passed(turn),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => {
                turn.shut_down();
                self.open = self.open.hurried(turn);
            }
        }
        self.open.end(turn).unwrap_or(State::Passing(self))
    }

    pub(super) fn due(&self, obstructed: bool) -> UnixMs {
        self.open.due(obstructed)
    }
}

impl Open {
    fn new(ride: Ride, turn: &Turn) -> Self {
        let close_at = turn.at().after(turn.memory.policy.passage_timeout);
        Self {
            ride,
            close_at,
            close_at_latest: close_at.after(OBSTRUCTED_EXTRA),
        }
    }

    /// A shutdown leaves little time.
    fn hurried(mut self, turn: &Turn) -> Self {
        if let Some(asked) = turn.memory.stopping_since() {
            let close_at = asked.after(SHUTDOWN_PASSAGE).before(SETTLE);
            self.close_at = self.close_at.min(close_at);
            self.close_at_latest = self.close_at_latest.min(close_at);
        }
        self
    }

    fn passed(self, turn: &mut Turn) -> State {
        let state = Restoring::record(&self.ride, PassageOutcome::Passed, turn);
        turn.ask(Effect::Close);
        state
    }

    fn failed(self, turn: &mut Turn) -> State {
        turn.note(Note::BarrierFailed);
        if let Some(rider) = self.ride.rider {
            turn.memory
                .recent
                .refuse(rider.shown, Refusal::BarrierFault);
        }
        turn.show_refusal(Refusal::BarrierFault);
        self.close(Annulment::NotOpened, turn)
    }

    /// The state that follows when the barrier is open for all now, or the time is over.
    fn end(self, turn: &mut Turn) -> Option<State> {
        if turn.memory.is_free() {
            return Some(FreePassage::instead_of(&self.ride, turn));
        }
        if turn.at() < self.due(turn.memory.obstructed) {
            return None;
        }
        let annulment = match turn.memory.stopping_since() {
            Some(_) => Annulment::Cancelled,
            None => Annulment::TimedOut,
        };
        Some(self.close(annulment, turn))
    }

    fn close(self, annulment: Annulment, turn: &mut Turn) -> State {
        turn.ask(Effect::Close);
        Restoring::settle(self.ride, annulment, self.close_at_latest, turn)
    }

    fn due(&self, obstructed: bool) -> UnixMs {
        if obstructed {
            self.close_at_latest
        } else {
            self.close_at
        }
    }
}

/// Tells who stands there, and the notes, that the barrier opens.
fn say_open(ride: &Ride, turn: &mut Turn) {
    let Ride {
        confirmation,
        direction,
        ..
    } = *ride;
    let Some(Rider {
        shown,
        account,
        fare,
        by,
        balance,
        as_of,
    }) = ride.rider
    else {
        turn.show(Display::LetThrough);
        turn.note(Note::LetThrough {
            record: confirmation,
            direction,
        });
        return;
    };
    turn.show(Display::Admitted {
        direction,
        account,
        fare,
        by,
        balance,
        as_of,
    });
    turn.note(Note::Admitted {
        confirmation,
        shown,
        direction,
        account,
        fare,
    });
}
