//! Fires, clocks that are set wrong, networks that go away.

use super::{Happening, MINUTE, World};
use crate::simulation::RuleBroken;
use fare_rules::Event;

impl World {
    pub(super) fn clock_jumps(&mut self, g: usize) {
        self.fault(45, Happening::ClockJumps(g));
        let off = i64::try_from(self.chance.below(7_200_000)).unwrap_or(0);
        self.gates[g].clocks.jump(off - 3_600_000);
        self.later(MINUTE, 10 * MINUTE, Happening::ClockKept(g));
        self.report.jumps += 1;
    }

    /// NTP puts a system's clock right, where the network is there.
    pub(super) fn clock_kept(&mut self, g: usize) {
        if self.gates[g].online {
            self.gates[g].clocks.keep(&mut self.chance);
        }
    }

    pub(super) fn network(&mut self, g: usize, there: bool) {
        if there {
            self.later(5_000, 3 * MINUTE, Happening::ClockKept(g));
        } else {
            self.fault(50, Happening::Network(g, false));
            self.later(MINUTE, 30 * MINUTE, Happening::Network(g, true));
            self.gates[g].clocks.let_go();
        }
        self.gates[g].online = there || self.calm;
    }

    pub(super) fn fire(&mut self, g: usize, on: bool) -> Result<(), RuleBroken> {
        if on {
            self.fault(120, Happening::Fire(g, true));
            self.later(20_000, 3 * MINUTE, Happening::Fire(g, false));
            if self.calm {
                return Ok(());
            }
            self.report.fires += u64::from(!self.gates[g].fire);
        }
        self.burns(g, on)
    }

    /// The fire input changes, also of a gate whose power is off.
    pub(super) fn burns(&mut self, g: usize, on: bool) -> Result<(), RuleBroken> {
        if self.gates[g].fire == on {
            return Ok(());
        }
        self.gates[g].fire = on;
        if on {
            // Whoever stands there goes away, and comes back another time.
            self.gates[g].before = None;
        }
        self.tell(g, Event::FireAlarm(on), None)
    }

    /// The board opens for all, or fails and is asked again.
    pub(super) fn opens_for_all(&mut self, g: usize) -> Result<(), RuleBroken> {
        if self.happens(0.1) {
            return self.tell(g, Event::BarrierFailed, None);
        }
        for _ in 0..self.chance.below(4) {
            self.later(500, 10_000, Happening::Flees(g));
        }
        self.tell(g, Event::BarrierOpened, None)
    }

    pub(super) fn flees(&mut self, g: usize) -> Result<(), RuleBroken> {
        if self.gates[g].fire {
            self.tell(g, Event::Passed, None)
        } else {
            Ok(())
        }
    }
}
