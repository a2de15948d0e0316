//! Incidents: times in which riders could come or go without a tap, so that a missing end costs nothing. They are
//! read from what gates sign about themselves: their modes, and taps that came to nothing by no fault of the rider.
//!
//! A window begins with the record of a mode in which riders pass a direction without a tap ([`needs_no_tap`]), and
//! ends with the gate's next change; while none has arrived it goes on. It concerns everybody who was inside then:
//! nobody can tell who left there. That the barrier did not open, or that power was lost while a rider stood in the
//! lane, concerns that rider alone ([`came_to_nothing`]).

use fare_protocol::{Annulment, Mode, PassageOutcome};

/// Whether riders pass a gate in this mode without a tap, or are told that a missing one does not matter.
pub const fn needs_no_tap(mode: Mode) -> bool {
    match mode {
        Mode::EntryExitExempt | Mode::FareExempt | Mode::Emergency | Mode::Free => true,
        Mode::Normal | Mode::TimeExempt | Mode::DateExempt | Mode::Closed => false,
    }
}

/// The modes in which that is so.
pub fn modes() -> impl Iterator<Item = Mode> {
    Mode::ALL.into_iter().filter(|mode| needs_no_tap(*mode))
}

/// Whether a tap with this passage shows a fault of the gate: the barrier did not take the command, the power went,
/// or the barrier was opened for all meanwhile.
pub const fn came_to_nothing(passage: PassageOutcome) -> bool {
    match passage {
        PassageOutcome::Annulled(Annulment::NotOpened) | PassageOutcome::Unknown => true,
        PassageOutcome::Passed
        | PassageOutcome::Annulled(Annulment::TimedOut | Annulment::Cancelled) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn riders_pass_without_a_tap_where_the_barrier_stands_open() {
        for mode in Mode::ALL {
            assert!(needs_no_tap(mode) || !mode.is_open(), "{mode}");
        }
        let names: Vec<_> = modes().map(Mode::code).collect();
        assert_eq!(
            names,
            ["entry-exit-exempt", "fare-exempt", "emergency", "free"]
        );
    }

    #[test]
    fn a_rider_who_went_elsewhere_had_no_fault_in_the_way() {
        for (passage, fault) in [
            (PassageOutcome::Passed, false),
            (PassageOutcome::Unknown, true),
            (PassageOutcome::Annulled(Annulment::NotOpened), true),
            (PassageOutcome::Annulled(Annulment::TimedOut), false),
            (PassageOutcome::Annulled(Annulment::Cancelled), false),
        ] {
            assert_eq!(came_to_nothing(passage), fault, "{passage:?}");
        }
    }
}
