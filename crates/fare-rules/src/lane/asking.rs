//! The state in which a rider with a pay code waits for the server: asking.
//!
//! It lasts no longer than the policy's deadline. A code that the gate can judge by itself is not held up
//! by it: who would be admitted is, and the question lapses. Another pay code waits for its turn; the phone
//! is still there in the next frame.

use super::rest::Fault;
use super::ride::{Deciding, Ride};
use super::turn::Turn;
use super::{
    Answered, Display, Effect, Event, HOUR, Heard, Note, Question, Said, State, Tap, WithoutServer,
};
use crate::Refusal;
use fare_protocol::{Direction, UnixMs};

/// The server was asked about a pay code and has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    tap: Box<Tap>,
    until: UnixMs,
}

/// Riders who were admitted without the server's word, in the hour that began with the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unasked {
    began: Option<UnixMs>,
    count: u16,
}

impl Unasked {
    /// Counts one more; answers whether there was room.
    fn take(&mut self, per_hour: u16, now: UnixMs) -> bool {
        let within = |began: &UnixMs| now.since(*began).unsigned_abs() < u64::from(HOUR.0);
        if self.began.filter(within).is_none() {
            *self = Self {
                began: Some(now),
                count: 0,
            };
        }
        let room = self.count < per_hour;
        self.count = self.count.saturating_add(u16::from(room));
        room
    }
}

impl Asking {
    pub(super) fn begin(tap: Box<Tap>, direction: Direction, turn: &mut Turn) -> Self {
        let until = turn.at().after(turn.memory.policy.pay_codes.deadline);
        turn.ask(Effect::Ask(Question {
            id: tap.id,
            direction,
            until,
        }));
        turn.show(Display::Asking);
        Self { tap, until }
    }

    pub(super) fn on(self, event: Event, turn: &mut Turn) -> State {
        match event {
            Event::Answered(answer) if answer.id == self.tap.id => {
                return self.answered(*answer, turn);
            }
            Event::Tap(other) => {
                if let Some(ride) = self.overtaken(&other, turn) {
                    return State::Deciding(Deciding::begin(ride, turn));
                }
            }
            Event::Answered(_) | Event::LetThrough(_) => {}
            Event::Committed(_) | Event::CommitFailed(_) => {}
            Event::BarrierOpened => {}
            Event::BarrierFailed => {
                turn.note(Note::BarrierFailed);
                return State::Fault(Fault::rest(turn));
            }
            Event::Passed => turn.note(Note::UnaskedPassage),
            Event::Obstructed(on) => turn.obstructed(on),
            Event::FireAlarm(on) => turn.set_fire(on),
            Event::SetMode(modes) => turn.set_modes(modes),
            Event::Shutdown => {
                turn.shut_down();
                return turn.rest();
            }
            Event::Deadline if turn.at() >= self.until => return self.unanswered(turn),
            Event::Deadline => {}
        }
        if turn.memory.admits() {
            State::Asking(self)
        } else {
            turn.rest()
        }
    }

    /// The ride of another rider, for whom nobody has to be asked.
    fn overtaken(&self, other: &Tap, turn: &mut Turn) -> Option<Ride> {
        if other.needs_server() || other.shown == self.tap.shown {
            return None;
        }
        match turn.judge(other)? {
            Ok(draft) => Some(turn.confirm(other, draft)),
            Err(_) => None,
        }
    }

    fn answered(self, answer: Answered, turn: &mut Turn) -> State {
        let Self { mut tap, until } = self;
        match answer.said {
            Said::Yes(facts) => {
                (tap.facts, tap.heard) = (facts, Heard::Yes);
                turn.begin(tap).unwrap_or_else(|| turn.rest())
            }
            Said::No(refusal) => {
                turn.refuse_tap(&tap, refusal);
                turn.rest()
            }
            Said::Nothing => Self { tap, until }.unanswered(turn),
        }
    }

    /// Nobody has said anything: the policy does.
    fn unanswered(self, turn: &mut Turn) -> State {
        let Self { mut tap, .. } = self;
        tap.heard = Heard::Silence;
        match turn.judge(&tap) {
            Some(Ok(draft)) if turn.may_admit_unasked() => {
                let ride = turn.confirm(&tap, draft);
                return State::Deciding(Deciding::begin(ride, turn));
            }
            Some(Ok(_)) => turn.refuse_tap(&tap, Refusal::ServerSilent),
            Some(Err(refusal)) => turn.refuse_tap(&tap, refusal),
            None => {}
        }
        turn.rest()
    }

    pub(super) fn due(&self) -> UnixMs {
        self.until
    }
}

impl Turn {
    fn may_admit_unasked(&mut self) -> bool {
        let now = self.at();
        match self.memory.policy.pay_codes.without_server {
            WithoutServer::Refuse => false,
            WithoutServer::Admit { per_hour } => self.memory.unasked.take(per_hour, now),
        }
    }
}
