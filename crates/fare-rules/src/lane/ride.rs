//! One ride, and the state in which it waits for the journal: deciding.

use super::free::Unfinished;
use super::open::Releasing;
use super::restoring::Restoring;
use super::turn::Turn;
use super::{COMMIT_WAIT, ConfirmationDraft, Event, FreePassage, Note, State, Tap};
use crate::Refusal;
use fare_protocol::{
    AccountId, Annulment, CodeRef, Direction, Millis, Money, PassageOutcome, RecordId, UnixMs,
    VerifiedCredential,
};

/// One confirmation and what it takes to finish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ride {
    pub(super) confirmation: RecordId,
    pub(super) passage: RecordId,
    pub(super) shown: CodeRef,
    pub(super) direction: Direction,
    pub(super) account: AccountId,
    pub(super) fare: Option<Money>,
    /// The server's time behind the fare, when that is no longer fresh.
    pub(super) as_of: Option<UnixMs>,
    pub(super) confirmed_at: UnixMs,
    /// When the barrier was told to open; the time of the verdict until then.
    pub(super) opened_at: UnixMs,
}

/// The journal has the confirmation and has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deciding {
    ride: Ride,
    then: Then,
}

/// What follows when the confirmation is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Open, unless the answer comes later than this.
    Open { until: UnixMs },
    /// Open nothing, record this.
    Record(PassageOutcome),
}

impl Ride {
    pub(super) fn new(tap: &Tap, draft: &ConfirmationDraft, fresh: Millis, now: UnixMs) -> Self {
        let old = |as_of: &UnixMs| now.since(*as_of) > i64::from(fresh.0);
        Self {
            confirmation: draft.id,
            passage: tap.passage_id,
            shown: tap.shown,
            direction: draft.direction,
            account: draft.account,
            fare: draft.fare_quoted,
            as_of: priced_as_of(tap).filter(old),
            confirmed_at: now,
            opened_at: now,
        }
    }
}

/// The server's time behind the fare: a picture brings its own.
fn priced_as_of(tap: &Tap) -> Option<UnixMs> {
    match &tap.credential {
        Ok(VerifiedCredential::Picture(picture)) => Some(picture.picture().as_of),
        Ok(VerifiedCredential::RideCode(_) | VerifiedCredential::PayCode(_)) | Err(_) => {
            tap.facts.cache_as_of
        }
    }
}

impl Deciding {
    pub(super) fn begin(ride: Ride, turn: &Turn) -> Self {
        Self {
            ride,
            then: Then::Open {
                until: turn.at().after(COMMIT_WAIT),
            },
        }
    }

    /// The barrier was open for all meanwhile: nobody can tell whether the rider went through.
    pub(super) fn for_the_record(ride: Ride) -> Self {
        Self {
            ride,
            then: Then::Record(PassageOutcome::Unknown),
        }
    }

    pub(super) fn on(mut self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Committed(id) if id == self.ride.confirmation => return self.committed(turn),
            Event::CommitFailed(id) if id == self.ride.confirmation => {
                turn.refuse_after_all(&self.ride, Refusal::NotRecorded);
                return turn.rest();
            }
            Event::Tap(_) | Event::Committed(_) | Event::CommitFailed(_) => {}
            Event::Answered(_) | Event::BarrierOpened => {}
            Event::BarrierFailed => turn.note(Note::BarrierFailed),
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => {
                turn.shut_down();
                self.give_up(Annulment::Cancelled);
            }
            Event::Deadline => {
                if self.due().is_some_and(|until| turn.at() >= until) {
                    self.give_up(Annulment::TimedOut);
                    turn.refuse_after_all(&self.ride, Refusal::NotRecorded);
                }
            }
        }
        if turn.memory.is_free() {
            let unfinished = Some(Unfinished::Confirming(self.ride));
            return State::FreePassage(FreePassage::open(unfinished, turn));
        }
        State::Deciding(self)
    }

    fn committed(self, turn: &mut Turn) -> State {
        match self.then {
            Then::Open { .. } => State::Releasing(Releasing::begin(self.ride, turn)),
            Then::Record(outcome) => Restoring::record(&self.ride, outcome, turn),
        }
    }

    fn give_up(&mut self, annulment: Annulment) {
        match self.then {
            Then::Open { .. } => self.then = Then::Record(PassageOutcome::Annulled(annulment)),
            Then::Record(_) => {}
        }
    }

    pub(super) fn due(&self) -> Option<UnixMs> {
        match self.then {
            Then::Open { until } => Some(until),
            Then::Record(_) => None,
        }
    }
}
