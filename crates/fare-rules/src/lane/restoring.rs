//! The state in which a ride is brought to its end: restoring.
//!
//! A passage that comes late still counts. When the time is over the barrier is told to close
//! first, and the annulment is drafted only after [`SETTLE`], or later while somebody is in the
//! lane: until then a passage makes the ride passed. Once drafted a passage is never changed: what
//! comes later than that is noted as an unasked passage.

use super::free::Unfinished;
use super::ride::Ride;
use super::turn::Turn;
use super::{
    COMMIT_WAIT, Display, Draft, Effect, Event, FreePassage, Note, PassageDraft, RECORD_RETRY,
    SETTLE, SHUTDOWN_PASSAGE, State,
};
use fare_protocol::{Annulment, PassageOutcome, RecordId, UnixMs};

/// The barrier closes, the ride is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restoring {
    step: Step,
}

/// How far restoring is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Closing; a passage still counts.
    Settling(Settling),
    /// The journal has the passage.
    Recording(Recording),
}

/// A ride that is about to be annulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settling {
    ride: Ride,
    annulment: Annulment,
    until: UnixMs,
    /// Until when, while somebody is in the lane.
    until_latest: UnixMs,
}

/// A passage on its way into the journal. It is tried until it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recording {
    pub(super) draft: PassageDraft,
    pub(super) answer: Answer,
}

/// What the journal has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing yet; from this time on it is slow.
    Awaited(UnixMs),
    /// Nothing yet, and it is slow.
    Slow,
    /// That it could not; to be tried again at this time.
    Failed(UnixMs),
}

impl Restoring {
    /// The barrier closes; while somebody is in the lane there is time until `latest`.
    pub(super) fn settle(ride: Ride, annulment: Annulment, latest: UnixMs, turn: &Turn) -> State {
        let until = turn.at().after(SETTLE);
        let until_latest = latest.max(turn.at()).after(SETTLE);
        let settling = Settling {
            ride,
            annulment,
            until,
            until_latest,
        }
        .hurried(turn);
        State::Restoring(Self {
            step: Step::Settling(settling),
        })
    }

    pub(super) fn record(ride: &Ride, outcome: PassageOutcome, turn: &mut Turn) -> State {
        Self::resume(turn.record(ride, outcome))
    }

    pub(super) fn resume(recording: Recording) -> State {
        State::Restoring(Self {
            step: Step::Recording(recording),
        })
    }

    pub(super) fn on(self, event: Event, turn: &mut Turn) -> State {
        match self.step {
            Step::Settling(settling) => settling.on(event, turn),
            Step::Recording(recording) => recording.on(event, turn),
        }
    }

    pub(super) fn due(&self, obstructed: bool) -> Option<UnixMs> {
        match &self.step {
            Step::Settling(settling) => Some(settling.due(obstructed)),
            Step::Recording(recording) => recording.due(),
        }
    }
}

impl Settling {
    fn hurried(mut self, turn: &Turn) -> Self {
        if let Some(asked) = turn.memory.stopping_since() {
            let until = asked.after(SHUTDOWN_PASSAGE);
            self.until = self.until.min(until);
            self.until_latest = self.until_latest.min(until);
        }
        self
    }

    fn due(&self, obstructed: bool) -> UnixMs {
        if obstructed {
            self.until_latest
        } else {
            self.until
        }
    }

    fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) | Event::Deadline => {}
            Event::Committed(_) | Event::CommitFailed(_) => {}
            Event::BarrierOpened => {}
            Event::BarrierFailed => turn.note(Note::BarrierFailed),
            Event::Passed => return Restoring::record(&self.ride, PassageOutcome::Passed, turn),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => {
                turn.shut_down();
                self = self.hurried(turn);
            }
        }
        if turn.memory.is_free() {
            FreePassage::instead_of(&self.ride, turn)
        } else if turn.at() >= self.due(turn.memory.obstructed) {
            Restoring::record(&self.ride, PassageOutcome::Annulled(self.annulment), turn)
        } else {
            State::Restoring(Restoring {
                step: Step::Settling(self),
            })
        }
    }
}

impl Recording {
    fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Committed(id) if id == self.draft.id => return self.committed(turn),
            Event::CommitFailed(id) => {
                if self.take_failure(id, turn) {
                    turn.show(Display::OutOfService);
                }
            }
            Event::Tap(_) | Event::Answered(_) | Event::LetThrough(_) => {}
            Event::Committed(_) | Event::BarrierOpened => {}
            Event::BarrierFailed => turn.note(Note::BarrierFailed),
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => turn.shut_down(),
            Event::Deadline => {
                if self.take_deadline(turn) {
                    turn.show(Display::OutOfService);
                }
            }
        }
        if turn.memory.is_free() {
            let unfinished = Some(Unfinished::Recording(self));
            return State::FreePassage(FreePassage::open(unfinished, turn));
        }
        Restoring::resume(self)
    }

    fn committed(self, turn: &mut Turn) -> State {
        match self.draft.passage.outcome {
            PassageOutcome::Annulled(Annulment::NotOpened) => turn.rest_in_fault(),
            PassageOutcome::Passed
            | PassageOutcome::Unknown
            | PassageOutcome::Annulled(Annulment::TimedOut | Annulment::Cancelled) => turn.rest(),
        }
    }

    /// True when it was this passage that the journal could not commit.
    pub(super) fn take_failure(&mut self, id: RecordId, turn: &mut Turn) -> bool {
        if id != self.draft.id {
            return false;
        }
        turn.note(Note::PassageNotCommitted { passage: id });
        self.answer = Answer::Failed(turn.at().after(RECORD_RETRY));
        true
    }

    /// Tries again what failed. True when the journal has just become slow.
    pub(super) fn take_deadline(&mut self, turn: &mut Turn) -> bool {
        match self.answer {
            Answer::Awaited(until) if turn.at() >= until => {
                self.answer = Answer::Slow;
                true
            }
            Answer::Failed(retry_at) if turn.at() >= retry_at => {
                turn.ask(Effect::Commit(Draft::Passage(self.draft)));
                self.answer = Answer::Awaited(turn.at().after(COMMIT_WAIT));
                false
            }
            Answer::Awaited(_) | Answer::Failed(_) | Answer::Slow => false,
        }
    }

    pub(super) fn due(&self) -> Option<UnixMs> {
        match self.answer {
            Answer::Awaited(until) => Some(until),
            Answer::Failed(retry_at) => Some(retry_at),
            Answer::Slow => None,
        }
    }
}
