//! People whom staff let through.

use super::{Happening, MINUTE, World};
use crate::simulation::RuleBroken;
use crate::simulation::gate::Person;
use fare_protocol::{CommandId, Direction, LetThrough, LetThroughBy};
use fare_rules::{Event, LetThroughAsked, Role};

impl World {
    /// Somebody stands before a gate that is at rest, and staff let them through: at the gate, or by a
    /// command of the server's. Whoever it is travels no further here.
    pub(super) fn helped(&mut self, g: usize) -> Result<(), RuleBroken> {
        if self.calm {
            return Ok(());
        }
        self.later(10 * MINUTE, 40 * MINUTE, Happening::Helped(g));
        let gate = &self.gates[g];
        let at_rest = gate.running.as_ref().is_some_and(|it| it.lane.is_idle());
        if !at_rest || gate.before.is_some() {
            return Ok(());
        }
        let direction = match gate.role {
            Role::Entry => Direction::Entry,
            Role::Exit | Role::Both => Direction::Exit,
        };
        let by = if self.chance.happens(0.5) {
            LetThroughBy::Server(CommandId(self.new_id().0))
        } else {
            LetThroughBy::Staff
        };
        let reason = "phone is dead".parse();
        let reason = reason.map_err(|err| RuleBroken::Simulation(format!("a reason: {err}")))?;
        let asked = LetThroughAsked {
            id: self.new_id(),
            passage_id: self.new_id(),
            what: LetThrough {
                direction,
                by,
                reason,
            },
        };
        self.gates[g].before = Some(Person {
            rider: None,
            attempt: u32::MAX,
        });
        self.report.helped += 1;
        self.tell(g, Event::LetThrough(asked), None)?;
        self.later(9_000, 10_000, Happening::GoesAway(g));
        Ok(())
    }

    /// Whoever was not let through has waited enough.
    pub(super) fn goes_away(&mut self, g: usize) {
        let gate = &mut self.gates[g];
        gate.before.take_if(|person| person.attempt == u32::MAX);
    }
}
