//! One ride, and the state in which it waits for the journal: deciding.

use super::free::Unfinished;
use super::open::Releasing;
use super::restoring::Restoring;
use super::turn::Turn;
use super::{
    COMMIT_WAIT, ConfirmationDraft, Event, FreePassage, LetThroughAsked, Note, State, Tap,
};
use crate::tariff::ByProducts;
use fare_protocol::{
    AccountId, Annulment, CodeRef, Direction, Millis, Mode, Money, PassageOutcome, RecordId,
    UnixMs, VerifiedCredential,
};

/// One confirmation, or somebody let through, and what it takes to finish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ride {
    /// The record for which the barrier opens.
    pub(super) confirmation: RecordId,
    pub(super) passage: RecordId,
    pub(super) direction: Direction,
    /// Who goes through; nobody known when staff let somebody through.
    pub(super) rider: Option<Rider>,
    pub(super) confirmed_at: UnixMs,
    /// When the barrier was told to open; the time of the verdict until then.
    pub(super) opened_at: UnixMs,
}

/// A rider by a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rider {
    pub(super) shown: CodeRef,
    pub(super) account: AccountId,
    pub(super) fare: Option<Money>,
    /// By which products that is paid.
    pub(super) by: ByProducts,
    /// What is left of the account's stored value after this fare.
    pub(super) balance: Option<Money>,
    /// The server's time behind the fare, when that is no longer fresh.
    pub(super) as_of: Option<UnixMs>,
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
            direction: draft.direction,
            rider: Some(Rider {
                shown: tap.shown,
                account: draft.account,
                fare: draft.fare_quoted,
                by: by_products(tap, draft),
                balance: left_after(tap, draft.fare_quoted),
                as_of: priced_as_of(tap).filter(old),
            }),
            confirmed_at: now,
            opened_at: now,
        }
    }

    /// Of somebody whom staff let through.
    pub(super) fn let_through(asked: &LetThroughAsked, now: UnixMs) -> Self {
        Self {
            confirmation: asked.id,
            passage: asked.passage_id,
            direction: asked.what.direction,
            rider: None,
            confirmed_at: now,
            opened_at: now,
        }
    }
}

/// By which products the fare is paid that is shown: none at an entry, and none where no fare is taken.
fn by_products(tap: &Tap, draft: &ConfirmationDraft) -> ByProducts {
    let quote = tap.facts.quote.as_ref();
    let shown = quote
        .filter(|quote| draft.fare_quoted == Some(quote.fare) && draft.mode != Mode::FareExempt);
    shown.map(ByProducts::of).unwrap_or_default()
}

/// What a picture says was left, less the fare; unknown where the fare is.
fn left_after(tap: &Tap, fare: Option<Money>) -> Option<Money> {
    match &tap.credential {
        Ok(VerifiedCredential::Picture(picture)) => {
            let left = fare?.checked_neg().ok()?;
            picture.picture().balance?.checked_add(left).ok()
        }
        Ok(
            VerifiedCredential::RideCode(_)
            | VerifiedCredential::PaperCode(_)
            | VerifiedCredential::PayCode(_),
        )
        | Err(_) => None,
    }
}

/// The server's time behind the fare: a picture brings its own.
fn priced_as_of(tap: &Tap) -> Option<UnixMs> {
    match &tap.credential {
        Ok(VerifiedCredential::Picture(picture)) => Some(picture.picture().as_of),
        Ok(
            VerifiedCredential::RideCode(_)
            | VerifiedCredential::PaperCode(_)
            | VerifiedCredential::PayCode(_),
        )
        | Err(_) => tap.facts.cache_as_of,
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
            Event::CommitFailed(id) if id == self.ride.confirmation => return self.failed(turn),
            Event::Tap(_) | Event::LetThrough(_) | Event::Committed(_) | Event::CommitFailed(_) => {
            }
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
                    turn.not_recorded(&self.ride);
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

    fn failed(self, turn: &mut Turn) -> State {
        match (self.then, self.ride.rider) {
            // Said already, or nothing to say.
            (Then::Record(_), None) => {}
            (Then::Open { .. }, _) | (Then::Record(_), Some(_)) => turn.not_recorded(&self.ride),
        }
        turn.rest()
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
