//! What gates did lately, counted from their records as they come: the page of a station shows it.

use crate::store::{StoreError, Tx};
use fare_protocol::{Direction, GateId, RecordBody, Seq, UnixMs};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How far back taps are counted: one hour.
pub(super) const SPAN_MS: i64 = 3_600_000;

/// Most records of one gate looked at once: more than an hour has.
const RECORDS_MAX: u32 = 10_000;

/// What one gate did lately. Clones of the whole share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies(Arc<Mutex<HashMap<GateId, Tally>>>);

#[derive(Debug, Default)]
struct Tally {
    /// The highest place of the chain that was looked at.
    seen: u64,
    taps: VecDeque<(UnixMs, Direction)>,
    let_through: VecDeque<UnixMs>,
    last: Option<(UnixMs, Direction)>,
}

/// The figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Lately {
    /// Riders admitted in within the last hour.
    pub(super) entries: usize,
    /// Riders admitted out.
    pub(super) exits: usize,
    /// People whom staff let through.
    pub(super) let_through: usize,
    /// When the last one was, by the gate's clock.
    pub(super) last_tap_ms: Option<UnixMs>,
    /// Whether that one went out.
    pub(super) last_was_exit: bool,
}

impl Tallies {
    /// What the gate did up to now. Only records that are new since the last time are read.
    pub(super) fn of(&self, tx: &Tx<'_>, gate: GateId, now: UnixMs) -> Result<Lately, StoreError> {
        let seen = self.lock().get(&gate).map_or(0, |tally| tally.seen);
        let new = tx.records_after(gate, Seq(seen), RECORDS_MAX)?;
        let mut tallies = self.lock();
        let tally = tallies.entry(gate).or_default();
        for (place, record) in new.iter().rev() {
            // Somebody else may have looked meanwhile.
            if place.0 <= tally.seen {
                continue;
            }
            tally.seen = place.0;
            let record = record.record();
            match record.body {
                RecordBody::Confirmation(confirmation) => {
                    tally.add(record.stamp.at, confirmation.direction);
                }
                RecordBody::LetThrough(_) => tally.let_through.push_back(record.stamp.at),
                RecordBody::Passage(_) | RecordBody::ModeChange(_) | RecordBody::Config(_) => {}
            }
        }
        Ok(tally.figures(now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GateId, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn add(&mut self, at: UnixMs, direction: Direction) {
        self.taps.push_back((at, direction));
        self.last = Some((at, direction));
    }

    fn figures(&mut self, now: UnixMs) -> Lately {
        self.taps.retain(|(at, _)| now.since(*at) < SPAN_MS);
        self.let_through.retain(|at| now.since(*at) < SPAN_MS);
        let exits = self.taps.iter().filter(|(_, way)| *way == Direction::Exit);
        let exits = exits.count();
        Lately {
            entries: self.taps.len() - exits,
            exits,
            let_through: self.let_through.len(),
            last_tap_ms: self.last.map(|(at, _)| at),
            last_was_exit: self.last.is_some_and(|(_, way)| way == Direction::Exit),
        }
    }
}
