//! People whom staff let through: those who wait for the lane, and the one who is under way.
//!
//! A wish waits while a rider is under way, and dies with its time: somebody at the gate waits some seconds,
//! a command of the server's counts half a minute by the server's clock. The journal makes sure that a
//! command opens once, also when it comes again after a restart; here it is only not tried twice.

use super::LaneLoop;
use crate::clock::since_boot;
use crate::control::{Answer, LetThroughReport, LetThroughWanted};
use crate::courier::HeardCommand;
use crate::ids::new_record_id;
use fare_protocol::{
    CommandId, Direction, GateId, LetThrough, LetThroughBy, RecordId, Stamp, UnixMs,
};
use fare_rules::clock::SinceBoot;
use fare_rules::{Draft, Effect, Event, LetThroughAsked, Note};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long somebody at the gate waits for the lane, in ms; the command line waits a little longer.
const STAFF_WAIT_MS: i64 = 8_000;

/// People who may wait. More come only from somebody who plays.
const WAITING_MAX: usize = 4;

/// Commands remembered, so that none is tried twice.
const TAKEN_MAX: usize = 32;

const REVOKED: &str = "the server has revoked this gate";

/// Who waits, and who is under way.
pub(super) struct LetThroughs {
    gate: GateId,
    /// Nobody is let through any more.
    closed: bool,
    waiting: VecDeque<Waits>,
    taken: VecDeque<CommandId>,
    under_way: Option<UnderWay>,
}

struct Waits {
    what: LetThrough,
    /// When it is too late.
    until: SinceBoot,
    /// The same by the server's clock, when it was the server.
    until_ms: Option<UnixMs>,
    reply: Reply,
}

struct UnderWay {
    id: RecordId,
    direction: Direction,
    /// The record is there, the barrier was told to open.
    opening: bool,
    reply: Reply,
}

/// Where the answer goes, when somebody at the gate waits for one.
struct Reply(Option<oneshot::Sender<Answer>>);

impl Reply {
    /// Who asked may have gone.
    fn refuse(self, why: &str) {
        tracing::warn!(why, "nobody was let through");
        self.send(Answer::Refused(why.to_owned()));
    }

    fn send(self, answer: Answer) {
        if let Some(reply) = self.0 {
            let _gone = reply.send(answer);
        }
    }
}

impl Waits {
    /// Whoever stands there by then may be somebody else. The gate's own clock counts only where it is sure.
    fn is_too_late(&self, now: Stamp, since_boot: SinceBoot) -> bool {
        let surely = now.at.before(now.error_ms);
        since_boot >= self.until || self.until_ms.is_some_and(|until| surely >= until)
    }
}

impl LetThroughs {
    pub(super) fn new(gate: GateId) -> Self {
        Self {
            gate,
            closed: false,
            waiting: VecDeque::new(),
            taken: VecDeque::new(),
            under_way: None,
        }
    }

    /// Somebody at the gate asks.
    pub(super) fn asked(
        &mut self,
        wanted: LetThroughWanted,
        reply: oneshot::Sender<Answer>,
        since_boot: SinceBoot,
    ) {
        let waits = Waits {
            what: LetThrough {
                direction: wanted.direction,
                by: LetThroughBy::Staff,
                reason: wanted.reason,
            },
            until: SinceBoot(since_boot.0.saturating_add(STAFF_WAIT_MS)),
            until_ms: None,
            reply: Reply(Some(reply)),
        };
        self.wait(waits);
    }

    /// The server's commands that count; those that were taken before are left out.
    pub(super) fn commanded(&mut self, commands: &[HeardCommand]) {
        for HeardCommand { command, until } in commands {
            if self.taken.contains(&command.id) {
                continue;
            }
            self.taken.push_back(command.id);
            if self.taken.len() > TAKEN_MAX {
                self.taken.pop_front();
            }
            self.wait(Waits {
                what: LetThrough {
                    direction: command.direction,
                    by: LetThroughBy::Server(command.id),
                    reason: command.reason,
                },
                until: *until,
                until_ms: Some(command.until_ms),
                reply: Reply(None),
            });
        }
    }

    /// The server believes this gate no longer.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for waits in std::mem::take(&mut self.waiting) {
            waits.reply.refuse(REVOKED);
        }
    }

    fn wait(&mut self, waits: Waits) {
        if self.closed {
            return waits.reply.refuse(REVOKED);
        }
        if self.waiting.len() >= WAITING_MAX {
            return waits.reply.refuse("too many wait to be let through here");
        }
        self.waiting.push_back(waits);
    }

    /// Returns when somebody who waits has a turn, or has waited too long; never while nobody waits.
    pub(super) async fn turn(&self, lane_is_idle: bool) {
        let due = self.waiting.iter().map(|waits| waits.until).min();
        match due {
            Some(_) if lane_is_idle => {}
            Some(due) => {
                let wait_ms = u64::try_from(due.after(since_boot())).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Sends those away who have waited too long.
    fn forget_late(&mut self, now: Stamp, since_boot: SinceBoot) {
        let (late, rest): (VecDeque<_>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waits| waits.is_too_late(now, since_boot));
        self.waiting = rest;
        for waits in late {
            waits
                .reply
                .refuse("the lane had somebody in it for too long, or the command came too late");
        }
    }

    /// Whoever has a turn, for the lane.
    fn next(&mut self, now: Stamp) -> Option<LetThroughAsked> {
        let Waits { what, reply, .. } = self.waiting.pop_front()?;
        let (id, passage_id) = (new_record_id(now.at), new_record_id(now.at));
        self.under_way = Some(UnderWay {
            id,
            direction: what.direction,
            opening: false,
            reply,
        });
        Some(LetThroughAsked {
            id,
            passage_id,
            what,
        })
    }

    /// Who is under way is not let through after all.
    fn refuse(&mut self, why: &str) {
        if let Some(under_way) = self.under_way.take() {
            under_way.reply.refuse(why);
        }
    }

    /// Something happened at the lane.
    pub(super) fn noted(&mut self, note: &Note) {
        match note {
            Note::LetThrough { record, .. } => {
                if let Some(under_way) = self.under_way.as_mut().filter(|it| it.id == *record) {
                    under_way.opening = true;
                }
            }
            Note::NotLetThrough { record } => {
                if self.under_way.as_ref().is_some_and(|it| it.id == *record) {
                    self.refuse(
                        "it could not be recorded, so the barrier stays shut; look at the disk",
                    );
                }
            }
            Note::FireAlarm(true) => self.refuse("the barrier is open for all"),
            Note::Admitted { .. }
            | Note::Refused { .. }
            | Note::Passed { .. }
            | Note::Annulled { .. }
            | Note::PassageUnknown { .. }
            | Note::UnaskedPassage
            | Note::FreePassage
            | Note::PassageNotCommitted { .. }
            | Note::BarrierFailed
            | Note::FireAlarm(false)
            | Note::ModeChanged(_)
            | Note::ClockUnsure { .. } => {}
        }
    }

    /// The barrier is open.
    pub(super) fn opened(&mut self) {
        if let Some(open) = self.under_way.take_if(|it| it.opening) {
            let report = LetThroughReport {
                gate: self.gate,
                direction: open.direction,
                record: open.id,
            };
            open.reply.send(Answer::LetThrough(report));
        }
    }

    /// The barrier did not open.
    pub(super) fn not_opened(&mut self) {
        if self.under_way.as_ref().is_some_and(|it| it.opening) {
            self.refuse(
                "it is recorded, and the barrier did not open: clear the lane, look at the board",
            );
        }
    }
}

impl LaneLoop {
    /// Whoever waits has a turn, or has waited too long.
    pub(super) fn let_through(&mut self) {
        let now = self.now();
        self.let_through.forget_late(now, since_boot());
        if !self.controller.is_idle() {
            return;
        }
        let Some(asked) = self.let_through.next(now) else {
            return;
        };
        let effects = self.controller.on(Event::LetThrough(asked), now);
        let taken = |effect: &Effect| matches!(effect, Effect::Commit(Draft::LetThrough(_)));
        if !effects.iter().any(taken) {
            let why = match self.controller.state_name() {
                "free-passage" => "the barrier is open for all: nobody need be let through",
                _ => "this gate does not lead that way, or is stopping",
            };
            self.let_through.refuse(why);
        }
        self.carry_out(effects, now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{LetThroughCommand, Millis};

    const NOW: Stamp = Stamp {
        at: UnixMs(100_000),
        error_ms: Millis(1_000),
    };

    fn queue() -> LetThroughs {
        LetThroughs::new("PGY-01".parse().unwrap())
    }

    fn heard(n: u8, until: i64) -> HeardCommand {
        HeardCommand {
            command: LetThroughCommand {
                id: CommandId([n; 16]),
                gate: "PGY-01".parse().unwrap(),
                direction: Direction::Entry,
                reason: "phone is dead".parse().unwrap(),
                until_ms: UnixMs(130_000),
            },
            until: SinceBoot(until),
        }
    }

    fn staff(queue: &mut LetThroughs, at: i64) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let wanted = LetThroughWanted {
            direction: Direction::Exit,
            reason: "wheelchair".parse().unwrap(),
        };
        queue.asked(wanted, reply, SinceBoot(at));
        answer
    }

    fn refused(answer: &mut oneshot::Receiver<Answer>) -> String {
        match answer.try_recv().unwrap() {
            Answer::Refused(why) => why,
            other @ (Answer::Modes(_) | Answer::LetThrough(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_has_one_turn_however_often_it_comes() {
        let mut queue = queue();
        queue.commanded(&[heard(1, 30_000), heard(2, 30_000)]);
        queue.commanded(&[heard(1, 30_000), heard(2, 30_000), heard(3, 30_000)]);
        let by = |asked: LetThroughAsked| asked.what.by.command().unwrap().0[0];
        let turns: Vec<_> = std::iter::from_fn(|| queue.next(NOW)).map(by).collect();
        assert_eq!(turns, [1, 2, 3]);
    }

    #[test]
    fn who_has_waited_too_long_has_no_turn() {
        let mut queue = queue();
        let mut answer = staff(&mut queue, 0);
        queue.commanded(&[heard(1, 30_000)]);
        queue.forget_late(NOW, SinceBoot(STAFF_WAIT_MS - 1));
        assert!(answer.try_recv().is_err());
        queue.forget_late(NOW, SinceBoot(STAFF_WAIT_MS));
        assert!(refused(&mut answer).contains("too long"));
        queue.forget_late(NOW, SinceBoot(30_000));
        assert!(queue.next(NOW).is_none());
        // By the server's clock, as far as the gate is sure of it.
        for (at, counts) in [(130_999, true), (131_000, false)] {
            let now = Stamp {
                at: UnixMs(at),
                ..NOW
            };
            queue.commanded(&[heard(u8::try_from(at % 251).unwrap(), 30_000)]);
            queue.forget_late(now, SinceBoot(0));
            assert_eq!(queue.next(now).is_some(), counts, "{at}");
        }
    }

    #[test]
    fn who_asked_at_the_gate_is_told_what_came_of_it() {
        let mut queue = queue();
        let mut answer = staff(&mut queue, 0);
        let asked = queue.next(NOW).unwrap();
        queue.opened();
        assert!(answer.try_recv().is_err(), "not recorded yet");
        let (record, direction) = (asked.id, Direction::Exit);
        queue.noted(&Note::LetThrough { record, direction });
        queue.opened();
        let Answer::LetThrough(report) = answer.try_recv().unwrap() else {
            panic!("it is open")
        };
        assert_eq!((report.record, report.direction), (record, direction));

        let mut answer = staff(&mut queue, 0);
        let record = queue.next(NOW).unwrap().id;
        queue.noted(&Note::NotLetThrough { record });
        assert!(refused(&mut answer).contains("recorded"));

        let mut answer = staff(&mut queue, 0);
        let record = queue.next(NOW).unwrap().id;
        queue.noted(&Note::LetThrough { record, direction });
        queue.not_opened();
        assert!(refused(&mut answer).contains("did not open"));
    }

    #[test]
    fn only_so_many_wait() {
        let mut queue = queue();
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| staff(&mut queue, 0)).collect();
        assert!(refused(&mut staff(&mut queue, 0)).contains("too many"));
        assert_eq!(waiting.len(), queue.waiting.len());
    }
}
