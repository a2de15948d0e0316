//! What the states share: the lane's memory, and one turn of handling an event with it.

use super::asking::{Asking, Unasked};
use super::rest::{Closed, Fault, Idle};
use super::restoring::{Answer, Recording};
use super::ride::{Deciding, Ride, Rider};
use super::{
    COMMIT_WAIT, ConfirmationDraft, Display, Draft, Effect, FreePassage, LanePolicy,
    LetThroughAsked, LetThroughDraft, Note, PassageDraft, Role, State, Tap, recent::Recent,
};
use crate::Refusal;
use crate::admission::{self, Admission};
use fare_protocol::{
    AccountId, CodeRef, Direction, Millis, Mode, Modes, Passage, PassageOutcome, Stamp, UnixMs,
    VerifiedCredential,
};

/// What the lane knows in every state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) policy: LanePolicy,
    pub(super) modes: Modes,
    pub(super) fire: bool,
    pub(super) obstructed: bool,
    pub(super) recent: Recent,
    pub(super) stop: Stop,
    /// What the display was told last.
    pub(super) shown: Option<Display>,
    /// Until when the refusal on the display stays.
    pub(super) refusal_until: Option<UnixMs>,
    /// What was asked for last.
    pub(super) wake: Option<UnixMs>,
    /// Whether the clock was too far off to judge the times of codes, when it was looked at last.
    pub(super) unsure: bool,
    /// Who was admitted without the server's word.
    pub(super) unasked: Unasked,
}

/// How far a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// None was asked for.
    No,
    /// Asked for at this time.
    Asked(UnixMs),
    /// Said to be finished.
    Finished,
}

/// One event's handling.
pub(super) struct Turn {
    pub(super) memory: Memory,
    pub(super) now: Stamp,
    pub(super) effects: Vec<Effect>,
}

impl Memory {
    pub(super) fn new(policy: LanePolicy, modes: Modes) -> Self {
        Self {
            policy,
            modes,
            fire: false,
            obstructed: false,
            recent: Recent::new(policy.grace),
            stop: Stop::No,
            shown: None,
            refusal_until: None,
            wake: None,
            unsure: false,
            unasked: Unasked::default(),
        }
    }

    /// When a shutdown was asked for that is not finished.
    pub(super) fn stopping_since(&self) -> Option<UnixMs> {
        match self.stop {
            Stop::Asked(at) => Some(at),
            Stop::No | Stop::Finished => None,
        }
    }

    /// Whether the barrier is to stand open.
    pub(super) fn is_free(&self) -> bool {
        self.fire || self.opens()
    }

    /// Whether one of the modes opens the barrier for all.
    fn opens(&self) -> bool {
        self.modes().any(Mode::is_open)
    }

    /// Whether nobody is admitted in any direction.
    fn is_closed(&self) -> bool {
        self.modes().all(|mode| mode == Mode::Closed)
    }

    /// The modes of the directions that the gate leads in.
    fn modes(&self) -> impl Iterator<Item = Mode> {
        let Modes { entry, exit } = self.modes;
        let (entry, exit) = match self.policy.role {
            Role::Entry => (Some(entry), None),
            Role::Exit => (None, Some(exit)),
            Role::Both => (Some(entry), Some(exit)),
        };
        entry.into_iter().chain(exit)
    }

    /// What the display shows when nothing is under way and nothing is broken.
    pub(super) fn display_at_rest(&self) -> Display {
        if self.is_free() {
            Display::FreePassage
        } else if self.is_closed() {
            Display::Closed
        } else {
            Display::Ready
        }
    }

    /// Whether riders are admitted one by one.
    pub(super) fn admits(&self) -> bool {
        !self.is_free() && !self.is_closed()
    }
}

impl Turn {
    pub(super) fn at(&self) -> UnixMs {
        self.now.at
    }

    pub(super) fn ask(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn note(&mut self, note: Note) {
        self.ask(Effect::Note(note));
    }

    pub(super) fn obstructed(&mut self, on: bool) {
        self.memory.obstructed = on;
    }

    /// Notes when the clock's bound passes its limit, either way.
    pub(super) fn look_at_clock(&mut self) {
        let unsure = self.now.error_ms > self.memory.policy.clock_error_max;
        if std::mem::replace(&mut self.memory.unsure, unsure) != unsure {
            let error = self.now.error_ms;
            self.note(Note::ClockUnsure { unsure, error });
        }
    }

    /// Opens at once when a mode is free or emergency; else a state looks at it when it comes to rest.
    pub(super) fn set_modes(&mut self, modes: Modes) {
        if std::mem::replace(&mut self.memory.modes, modes) != modes {
            if self.memory.opens() {
                self.ask(Effect::OpenForAll);
            }
            self.note(Note::ModeChanged(modes));
        }
    }

    /// Opens at once, however often it is told.
    pub(super) fn set_fire(&mut self, on: bool) {
        if on {
            self.ask(Effect::OpenForAll);
        }
        if std::mem::replace(&mut self.memory.fire, on) != on {
            self.note(Note::FireAlarm(on));
        }
    }

    pub(super) fn shut_down(&mut self) {
        match self.memory.stop {
            Stop::No => self.memory.stop = Stop::Asked(self.at()),
            Stop::Asked(_) | Stop::Finished => {}
        }
    }

    /// Shows something that stays, unless it is there already.
    pub(super) fn show(&mut self, display: Display) {
        self.memory.refusal_until = None;
        self.put(display);
    }

    /// Shows a refusal for its time.
    pub(super) fn show_refusal(&mut self, refusal: Refusal) {
        self.put(Display::Refused(refusal));
        let until = self.at().after(self.memory.policy.refusal_shown);
        self.memory.refusal_until = Some(until);
    }

    /// Shows what belongs to a state at rest, once a refusal has had its time.
    pub(super) fn show_at_rest(&mut self, display: Display) {
        let refusal_is_over = self
            .memory
            .refusal_until
            .is_none_or(|until| self.at() >= until);
        if refusal_is_over && self.memory.stop == Stop::No {
            self.show(display);
        }
    }

    fn put(&mut self, display: Display) {
        if self.memory.shown.replace(display) != Some(display) {
            self.ask(Effect::Show(display));
        }
    }

    /// What begins with a tap at a lane that can open; nothing when the rider is refused.
    pub(super) fn begin(&mut self, tap: Box<Tap>) -> Option<State> {
        match self.verdict(&tap)? {
            Ok(draft) if tap.needs_server() => {
                Some(State::Asking(Asking::begin(tap, draft.direction, self)))
            }
            Ok(draft) => {
                let ride = self.confirm(&tap, draft);
                Some(State::Deciding(Deciding::begin(ride, self)))
            }
            Err(refusal) => {
                self.refuse_tap(&tap, refusal);
                None
            }
        }
    }

    /// Has the journal commit the confirmation that admits the rider.
    pub(super) fn confirm(&mut self, tap: &Tap, draft: ConfirmationDraft) -> Ride {
        self.memory.recent.push(tap.shown, self.now.at, None);
        self.ask(Effect::Commit(Draft::Confirmation(draft)));
        let fresh = self.memory.policy.cache_fresh;
        Ride::new(tap, &draft, fresh, self.now.at)
    }

    /// Has the journal commit that staff let somebody through; nothing where the gate does not lead that
    /// way, or while it shuts down.
    pub(super) fn let_through(&mut self, asked: &LetThroughAsked) -> Option<Ride> {
        let LetThroughAsked { id, what, .. } = *asked;
        if self.memory.stop != Stop::No || !self.memory.policy.role.leads(what.direction) {
            return None;
        }
        let draft = LetThroughDraft { id, what };
        self.ask(Effect::Commit(Draft::LetThrough(draft)));
        Some(Ride::let_through(asked, self.at()))
    }

    /// The verdict of a lane that cannot: who would be admitted is told why not.
    pub(super) fn turn_away(&mut self, tap: &Tap, otherwise: Refusal) {
        match self.verdict(tap) {
            Some(Ok(_)) => self.refuse_tap(tap, otherwise),
            Some(Err(refusal)) => self.refuse_tap(tap, refusal),
            None => {}
        }
    }

    /// Nothing when this is no new tap: a repeat, whose rider is told once more, or during a shutdown.
    fn verdict(&mut self, tap: &Tap) -> Option<Result<ConfirmationDraft, Refusal>> {
        let seen = self.memory.recent.find(tap.shown, self.at());
        let refusal = seen.and_then(|seen| seen.refusal);
        if let Some(refusal) = refusal.filter(|_| self.memory.stop == Stop::No) {
            self.show_refusal(refusal);
        }
        self.judge(tap)
    }

    /// The same, and nobody is told anything.
    pub(super) fn judge(&self, tap: &Tap) -> Option<Result<ConfirmationDraft, Refusal>> {
        let is_repeat = self.memory.recent.find(tap.shown, self.at()).is_some();
        if is_repeat || self.memory.stop != Stop::No {
            return None;
        }
        let Memory {
            policy,
            modes,
            recent,
            ..
        } = &self.memory;
        let direction = admission::direction(policy.role, &tap.facts);
        let just_left = |account| recent.has_left(account, self.now.at);
        Some(
            Admission {
                policy,
                mode: modes.of(direction),
                direction,
                just_left,
                now: self.now,
            }
            .decide(tap),
        )
    }

    pub(super) fn refuse_tap(&mut self, tap: &Tap, refusal: Refusal) {
        self.memory
            .recent
            .push(tap.shown, self.now.at, Some(refusal));
        let account = tap.credential.as_ref().ok();
        let account = account.map(VerifiedCredential::account);
        self.refuse(refusal, tap.shown, account);
    }

    /// Who was about to go through does not after all, for the record is not there; said once.
    pub(super) fn not_recorded(&mut self, ride: &Ride) {
        let Some(Rider { shown, account, .. }) = ride.rider else {
            let record = ride.confirmation;
            return self.note(Note::NotLetThrough { record });
        };
        let refusal = Refusal::NotRecorded;
        if self.memory.recent.refuse(shown, refusal) {
            self.refuse(refusal, shown, Some(account));
        }
    }

    fn refuse(&mut self, refusal: Refusal, shown: CodeRef, account: Option<AccountId>) {
        self.note(Note::Refused {
            refusal,
            shown,
            account,
        });
        self.show_refusal(refusal);
    }

    /// Has the journal commit what became of a ride.
    pub(super) fn record(&mut self, ride: &Ride, outcome: PassageOutcome) -> Recording {
        let confirmation = ride.confirmation;
        let draft = PassageDraft {
            id: ride.passage,
            passage: Passage {
                confirmation,
                outcome,
            },
            direction: ride.direction,
            account: ride.rider.map(|rider| rider.account),
            confirmed_at: ride.confirmed_at,
        };
        self.ask(Effect::Commit(Draft::Passage(draft)));
        let answer = Answer::Awaited(self.at().after(COMMIT_WAIT));
        match outcome {
            PassageOutcome::Passed => self.passed(ride),
            PassageOutcome::Annulled(annulment) => {
                self.note(Note::Annulled {
                    confirmation,
                    annulment,
                });
            }
            PassageOutcome::Unknown => self.note(Note::PassageUnknown { confirmation }),
        }
        Recording { draft, answer }
    }

    fn passed(&mut self, ride: &Ride) {
        let since_open = self.at().since(ride.opened_at);
        let after = Millis(u32::try_from(since_open.max(0)).unwrap_or(u32::MAX));
        self.note(Note::Passed {
            confirmation: ride.confirmation,
            after,
        });
        match (ride.direction, ride.rider) {
            (Direction::Exit, Some(Rider { shown, account, .. })) => {
                self.memory.recent.leave(shown, account, self.now.at);
            }
            (Direction::Entry, _) | (Direction::Exit, None) => {}
        }
    }

    /// Where the lane goes when nothing is under way and the barrier has failed.
    pub(super) fn rest_in_fault(&mut self) -> State {
        if self.memory.admits() {
            State::Fault(Fault::rest(self))
        } else {
            self.rest()
        }
    }

    /// Where the lane goes when nothing is under way.
    pub(super) fn rest(&mut self) -> State {
        if self.memory.is_free() {
            State::FreePassage(FreePassage::open(None, self))
        } else if self.memory.admits() {
            State::Idle(Idle::rest(self))
        } else {
            State::Closed(Closed::rest(self))
        }
    }
}
