//! What the lane loop counts, for status and metrics.

use crate::status::Taps;
use fare_protocol::wire::{PayCodeAnswer, PayCodeOutcome};
use fare_protocol::{Direction, Mode, UnixMs};
use fare_rules::Note;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts since the daemon's start; shared by the lane loop, which counts, and the publisher.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Lane>);

/// The lane as it was last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) taps: Taps,
    pub(super) barrier_faults: u64,
    pub(super) mode: Mode,
    pub(super) fire: bool,
    pub(super) state: &'static str,
}

impl Tally {
    /// A copy of everything.
    pub(super) fn now(&self) -> Lane {
        self.lane().clone()
    }

    /// The lane is in this state now.
    pub(super) fn state(&self, state: &'static str) {
        self.lane().state = state;
    }

    /// The barrier was open so long after the frame.
    pub(super) fn opened_after(&self, ms: i64) {
        self.lane()
            .taps
            .open_times
            .add(u64::try_from(ms).unwrap_or(0));
    }

    /// The server was asked about a pay code.
    pub(super) fn heard(&self, answer: Option<&PayCodeAnswer>, took: Duration) {
        let asked = &mut self.lane().taps.pay_codes;
        let counter = match answer.map(|answer| &answer.outcome) {
            Some(PayCodeOutcome::Admit { .. }) => &mut asked.yes,
            Some(PayCodeOutcome::Refuse { .. }) => &mut asked.no,
            None => &mut asked.unreached,
        };
        *counter += 1;
        if answer.is_some() {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            asked.times.add(ms);
        }
    }

    /// Something happened at the lane.
    pub(super) fn count(&self, note: &Note, at: UnixMs) {
        let mut lane = self.lane();
        let Lane { taps, .. } = &mut *lane;
        match note {
            Note::Admitted { direction, .. } => {
                match direction {
                    Direction::Entry => taps.entries += 1,
                    Direction::Exit => taps.exits += 1,
                }
                taps.last_tap_ms = Some(at);
            }
            Note::LetThrough { .. } => taps.let_through += 1,
            Note::Refused { refusal, .. } => {
                *taps.refused.entry(refusal.number()).or_default() += 1;
                taps.last_tap_ms = Some(at);
            }
            Note::Passed { .. } => {
                taps.passed += 1;
                taps.last_passage_ms = Some(at);
            }
            Note::Annulled { .. } => taps.annulled += 1,
            Note::PassageUnknown { .. } => taps.unknown += 1,
            Note::UnaskedPassage => taps.unasked += 1,
            Note::FreePassage => {
                taps.free += 1;
                taps.last_passage_ms = Some(at);
            }
            // The status says the clock's bound itself.
            Note::PassageNotCommitted { .. }
            | Note::NotLetThrough { .. }
            | Note::ClockUnsure { .. } => {}
            Note::BarrierFailed => lane.barrier_faults += 1,
            Note::FireAlarm(on) => lane.fire = *on,
            // The screen has room for one: of two, the further from normal.
            Note::ModeChanged(modes) => lane.mode = modes.entry.max(modes.exit),
        }
    }

    /// Numbers are whole whatever a thread that panicked was doing.
    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
