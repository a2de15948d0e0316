//! The mode switch: who may set the gate's modes, and that each change is a record of the chain.
//!
//! A change is recorded first and obeyed then; one that staff want and that cannot be recorded is not
//! made. Emergency is obeyed first and recorded as soon as that can be done, and so is the fire
//! input, which the lane has obeyed already. One change is in the journal at a time, the others wait.
//! Here nothing is done, only decided: the lane loop carries out the [`Step`]s.

use crate::control::{Answer, ModeWanted, ModesReport};
use crate::ids::new_record_id;
use crate::journal::SetModes;
use fare_protocol::wire::Revocation;
use fare_protocol::{
    GateId, Millis, Mode, ModeChange, ModeCommand, ModeSource, Modes, Reason, RecordId, Stamp,
    UnixMs,
};
use fare_rules::ModeChangeDraft;
use std::collections::VecDeque;
use tokio::sync::oneshot;

/// Changes that may wait. More come only from somebody who plays with the switch.
const CHANGES_MAX: usize = 16;

/// Between two attempts to record a change that stands.
const RETRY: Millis = Millis(1_000);

/// Something for the lane loop to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Tell the lane.
    Obey(Modes),
    /// Have the journal commit this; tell the switch what came of it.
    Record(Box<ModeChangeDraft>),
}

/// What is set, and the changes on their way.
pub(super) struct ModeSwitch {
    gate: GateId,
    set: SetModes,
    fire: bool,
    /// The server believes this gate no longer: it stays closed.
    revoked: bool,
    changes: VecDeque<Change>,
}

struct Change {
    id: RecordId,
    change: ModeChange,
    obeyed: bool,
    reply: Option<oneshot::Sender<Answer>>,
    /// When the journal is asked again; nothing while it has the change or it is not its turn.
    retry_at: Option<UnixMs>,
}

impl ModeSwitch {
    pub(super) fn new(gate: GateId, set: SetModes) -> Self {
        Self {
            gate,
            set,
            fire: false,
            revoked: false,
            changes: VecDeque::new(),
        }
    }

    /// Tells somebody at the gate which modes there are.
    pub(super) fn tell(&self, reply: oneshot::Sender<Answer>) {
        answer(reply, Answer::Modes(self.report()));
    }

    /// Takes what somebody at the gate asked for.
    pub(super) fn asked(
        &mut self,
        wanted: ModeWanted,
        reply: oneshot::Sender<Answer>,
        now: Stamp,
    ) -> Vec<Step> {
        if self.revoked {
            let why =
                "the server has revoked this gate: it stays closed until it enrols anew".to_owned();
            answer(reply, Answer::Refused(why));
            return Vec::new();
        }
        if self.changes.len() >= CHANGES_MAX {
            let why = "too many changes wait for the journal; look at its disk".to_owned();
            answer(reply, Answer::Refused(why));
            return Vec::new();
        }
        let change = ModeChange {
            modes: self.newest().with(wanted.direction, wanted.mode),
            source: ModeSource::Staff,
            command: None,
            reason: wanted.reason,
        };
        self.take(change, Some(reply), now)
    }

    /// Takes the server's newest command, which may be an old one.
    pub(super) fn commanded(&mut self, command: ModeCommand, now: Stamp) -> Vec<Step> {
        let waiting = self
            .changes
            .iter()
            .filter_map(|change| change.change.command);
        let newest = waiting.chain(self.set.last_command).max();
        if self.revoked || newest.is_some_and(|newest| command.id <= newest) {
            return Vec::new();
        }
        let change = ModeChange {
            modes: command.modes,
            source: ModeSource::Server,
            command: Some(command.id),
            reason: command.reason,
        };
        self.take(change, None, now)
    }

    /// The server believes this gate no longer: closed at once, and recorded.
    pub(super) fn revoke(&mut self, why: &Revocation, now: Stamp) -> Vec<Step> {
        let closed = Modes::both(Mode::Closed);
        let was = std::mem::replace(&mut self.revoked, true);
        let Ok(reason) = "the server has revoked this gate".parse::<Reason>() else {
            return Vec::new();
        };
        tracing::error!(reason = %why.reason, at = %why.at_ms.to_rfc3339(),
            "the server has revoked this gate: it is closed, and what it knew of riders is gone");
        let set = self.set.how.is_some_and(|how| how.reason == reason);
        if was || (set && self.set.modes == closed) {
            return Vec::new();
        }
        let change = ModeChange {
            modes: closed,
            source: ModeSource::Server,
            command: None,
            reason,
        };
        let mut steps = vec![Step::Obey(closed)];
        steps.extend(self.take(change, None, now));
        steps
    }

    /// The fire input says so; the lane has been told.
    pub(super) fn fire(&mut self, on: bool, now: Stamp) -> Vec<Step> {
        if std::mem::replace(&mut self.fire, on) == on {
            return Vec::new();
        }
        let (modes, reason) = if on {
            (Modes::both(Mode::Emergency), "the fire input came on")
        } else {
            (self.newest(), "the fire input went off")
        };
        let Ok(reason) = reason.parse::<Reason>() else {
            return Vec::new();
        };
        let change = ModeChange {
            modes,
            source: ModeSource::Fire,
            command: None,
            reason,
        };
        self.take(change, None, now)
    }

    /// The journal has this record.
    pub(super) fn committed(&mut self, id: RecordId, now: Stamp) -> Vec<Step> {
        let Some(done) = self.changes.pop_front_if(|change| change.id == id) else {
            return Vec::new();
        };
        self.set = self.set.after(&done.change, now.at);
        let mut steps = Vec::new();
        // Emergency overtakes what waited before it.
        let overtaken = self
            .changes
            .iter()
            .any(|change| change.obeyed && change.change.source != ModeSource::Fire);
        if !done.obeyed && !overtaken {
            steps.push(Step::Obey(done.change.modes));
        }
        if let Some(reply) = done.reply {
            answer(reply, Answer::Modes(self.report()));
        }
        steps.extend(self.next());
        steps
    }

    /// The journal does not have this record.
    pub(super) fn failed(&mut self, id: RecordId, why: &str, now: Stamp) -> Vec<Step> {
        let Some(first) = self.changes.front_mut().filter(|change| change.id == id) else {
            return Vec::new();
        };
        if first.obeyed || first.reply.is_none() {
            first.retry_at = Some(now.at.after(RETRY));
            return Vec::new();
        }
        if let Some(refused) = self.changes.pop_front()
            && let Some(reply) = refused.reply
        {
            let why = format!("the change could not be recorded, the mode stays: {why}");
            answer(reply, Answer::Refused(why));
        }
        self.next().into_iter().collect()
    }

    /// When to be woken.
    pub(super) fn due(&self) -> Option<UnixMs> {
        self.changes.front().and_then(|change| change.retry_at)
    }

    /// Tries again what is due.
    pub(super) fn wake(&mut self, now: Stamp) -> Vec<Step> {
        if self.due().is_some_and(|due| now.at >= due) {
            self.next().into_iter().collect()
        } else {
            Vec::new()
        }
    }

    fn take(
        &mut self,
        change: ModeChange,
        reply: Option<oneshot::Sender<Answer>>,
        now: Stamp,
    ) -> Vec<Step> {
        let emergency = [change.modes.entry, change.modes.exit].contains(&Mode::Emergency);
        let is_fire = change.source == ModeSource::Fire;
        let mut steps = Vec::new();
        if emergency && !is_fire {
            steps.push(Step::Obey(change.modes));
        }
        self.changes.push_back(Change {
            id: new_record_id(now.at),
            change,
            obeyed: emergency || is_fire,
            reply,
            retry_at: None,
        });
        if self.changes.len() == 1 {
            steps.extend(self.next());
        }
        steps
    }

    /// Has the first change recorded.
    fn next(&mut self) -> Option<Step> {
        let first = self.changes.front_mut()?;
        first.retry_at = None;
        Some(Step::Record(Box::new(ModeChangeDraft {
            id: first.id,
            change: first.change,
        })))
    }

    /// What is set once all that wait are done.
    fn newest(&self) -> Modes {
        let sets = |change: &&Change| change.change.source != ModeSource::Fire;
        let newest = self.changes.iter().rev().find(sets);
        newest.map_or(self.set.modes, |change| change.change.modes)
    }

    fn report(&self) -> ModesReport {
        let how = self.set.how;
        ModesReport {
            gate: self.gate,
            modes: self.set.modes,
            fire: self.fire,
            source: how.map(|how| how.source),
            reason: how.map(|how| how.reason),
            since_ms: how.map(|how| how.at),
        }
    }
}

/// Who asked may have gone: it was done all the same.
fn answer(reply: oneshot::Sender<Answer>, answer: Answer) {
    let _gone = reply.send(answer);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use fare_protocol::{CommandId, Direction};

    const NOW: Stamp = Stamp {
        at: UnixMs(1_000),
        error_ms: Millis(0),
    };

    fn switch() -> ModeSwitch {
        ModeSwitch::new("PGY-01".parse().unwrap(), SetModes::NEW)
    }

    fn set(mode: Mode, direction: Option<Direction>) -> ModeWanted {
        ModeWanted {
            direction,
            mode,
            reason: "a test".parse().unwrap(),
        }
    }

    fn command(n: u8, mode: Mode) -> ModeCommand {
        ModeCommand {
            id: CommandId([n; 16]),
            gate: "PGY-01".parse().unwrap(),
            modes: Modes::both(mode),
            reason: "crowd".parse().unwrap(),
        }
    }

    /// The id and the modes of the one record that is asked for.
    fn recorded(steps: &[Step]) -> (RecordId, Modes) {
        let records: Vec<_> = steps
            .iter()
            .filter_map(|step| match step {
                Step::Record(draft) => Some((draft.id, draft.change.modes)),
                Step::Obey(_) => None,
            })
            .collect();
        assert_eq!(records.len(), 1, "{steps:?}");
        records[0]
    }

    #[test]
    fn a_change_is_recorded_before_it_is_obeyed() {
        let mut switch = switch();
        let (reply, mut answer) = oneshot::channel();
        let steps = switch.asked(set(Mode::Closed, Some(Direction::Exit)), reply, NOW);
        let (id, modes) = recorded(&steps);
        assert_eq!(
            (steps.len(), modes.to_string()),
            (1, "entry normal, exit closed".into())
        );
        assert!(answer.try_recv().is_err(), "not done yet");
        assert_eq!(switch.committed(id, NOW), [Step::Obey(modes)]);
        let Answer::Modes(report) = answer.try_recv().unwrap() else {
            panic!("it was done")
        };
        assert_eq!((report.modes, report.since_ms), (modes, Some(NOW.at)));
    }

    #[test]
    fn what_cannot_be_recorded_is_not_done_for_staff_and_tried_again_for_the_server() {
        let mut switch = switch();
        let (reply, mut answer) = oneshot::channel();
        let (id, _) = recorded(&switch.asked(set(Mode::Free, None), reply, NOW));
        assert_eq!(switch.failed(id, "disk full", NOW), []);
        assert!(matches!(answer.try_recv().unwrap(), Answer::Refused(why) if why.contains("full")));
        let (id, modes) = recorded(&switch.commanded(command(1, Mode::Closed), NOW));
        assert_eq!(switch.failed(id, "disk full", NOW), []);
        assert_eq!(switch.wake(NOW), []);
        let later = Stamp {
            at: switch.due().unwrap(),
            ..NOW
        };
        assert_eq!(recorded(&switch.wake(later)), (id, modes));
        assert_eq!(switch.committed(id, later), [Step::Obey(modes)]);
    }

    #[test]
    fn emergency_is_obeyed_first() {
        let mut switch = switch();
        let (reply, _answer) = oneshot::channel();
        let steps = switch.asked(set(Mode::Emergency, None), reply, NOW);
        assert_eq!(steps[0], Step::Obey(Modes::both(Mode::Emergency)));
        let (id, _) = recorded(&steps);
        // Not even a full disk takes it back.
        assert_eq!(switch.failed(id, "disk full", NOW), []);
        assert!(switch.due().is_some());
    }

    #[test]
    fn emergency_overtakes_what_waits() {
        let mut switch = switch();
        let (closed, _) = recorded(&switch.commanded(command(1, Mode::Closed), NOW));
        let (reply, _answer) = oneshot::channel();
        let emergency = Step::Obey(Modes::both(Mode::Emergency));
        assert_eq!(
            switch.asked(set(Mode::Emergency, None), reply, NOW),
            [emergency]
        );
        let (id, modes) = recorded(&switch.committed(closed, NOW));
        assert_eq!(modes, Modes::both(Mode::Emergency));
        assert_eq!(switch.committed(id, NOW), []);
    }

    #[test]
    fn a_command_is_carried_out_once_and_no_older_one_after_it() {
        let mut switch = switch();
        let (id, modes) = recorded(&switch.commanded(command(5, Mode::Free), NOW));
        assert_eq!(switch.commanded(command(5, Mode::Free), NOW), []);
        assert_eq!(switch.committed(id, NOW), [Step::Obey(modes)]);
        for n in [4, 5] {
            assert_eq!(switch.commanded(command(n, Mode::Closed), NOW), []);
        }
        recorded(&switch.commanded(command(6, Mode::Normal), NOW));
    }

    #[test]
    fn a_fire_is_recorded_and_sets_nothing() {
        let mut switch = switch();
        let (on, modes) = recorded(&switch.fire(true, NOW));
        assert_eq!(modes, Modes::both(Mode::Emergency));
        assert_eq!(switch.fire(true, NOW), [], "said already");
        // Comes while the first is in the journal, and waits for it.
        assert_eq!(switch.fire(false, NOW), []);
        let (off, modes) = recorded(&switch.committed(on, NOW));
        assert_eq!(modes, Modes::default());
        assert_eq!(switch.committed(off, NOW), []);
        assert_eq!(switch.report().source, None);
    }
}
