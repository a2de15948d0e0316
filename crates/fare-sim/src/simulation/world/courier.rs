//! What goes between a gate and the server.

use super::{Doing, Happening, World};
use crate::simulation::RuleBroken;
use crate::simulation::network::deliver;
use crate::simulation::server::Luck;
use fare_protocol::UnixMs;
use fare_protocol::wire::{Answer, Envelope, UploadRecord, UploadRequest};
use faregate::journal::RawAnswer;
use serde::Deserialize;

/// Most records in one upload here: small, so that there are many.
const BATCH: usize = 20;

#[derive(Deserialize)]
struct Answers {
    answers: Vec<serde_json::Value>,
}

impl World {
    pub(super) fn upload(&mut self, g: usize) -> Result<(), RuleBroken> {
        self.at(g, 10_000, 20_000, Doing::Upload);
        let Some(running) = &self.gates[g].running else {
            return Ok(());
        };
        let records = running.journal.pending(None, BATCH)?;
        if records.is_empty() || !self.gates[g].online {
            return Ok(());
        }
        let records = records.into_iter().map(|record| UploadRecord {
            id: record.id,
            envelope: Envelope(record.envelope),
        });
        let request = UploadRequest {
            records: records.collect(),
        };
        let body = serde_json::to_vec(&request)
            .map_err(|err| RuleBroken::Simulation(format!("an upload: {err}")))?;
        let (epoch, faults) = (self.gates[g].epoch, self.faults());
        for delivery in deliver(&body, faults, &mut self.chance) {
            let after = delivery.after_ms;
            self.later(
                after,
                after + 1,
                Happening::Arrives(g, epoch, delivery.bytes),
            );
        }
        Ok(())
    }

    pub(super) fn arrives(&mut self, g: usize, epoch: u32, body: &[u8]) -> Result<(), RuleBroken> {
        // Down, or answering 5xx before anything is done: the same to the gate.
        if !self.server.up || !self.gates[g].online || self.happens(0.02) {
            return Ok(());
        }
        let luck = match () {
            () if self.happens(0.02) => Luck::Undone,
            () if self.happens(0.02) => Luck::Unanswered,
            () => Luck::Good,
        };
        self.report.uploads += 1;
        let gate = self.gates[g].registered;
        let Some(answer) = self.server.take(&gate, body, self.now, luck)? else {
            return Ok(());
        };
        let faults = self.faults();
        for delivery in deliver(&answer, faults, &mut self.chance) {
            let doing = Doing::Answered(delivery.bytes);
            let after = delivery.after_ms;
            self.later(after, after + 1, Happening::AtGate(g, epoch, doing));
        }
        Ok(())
    }

    pub(super) fn answered(&mut self, g: usize, body: &[u8]) -> Result<(), RuleBroken> {
        let Ok(answers) = serde_json::from_slice::<Answers>(body) else {
            return Ok(());
        };
        let read = |value: serde_json::Value| {
            let json = value.to_string();
            let answer = Answer::deserialize(value).ok()?;
            Some(RawAnswer { answer, json })
        };
        let answers = answers.answers.into_iter().filter_map(read).collect();
        if let Some(running) = &self.gates[g].running {
            let done = running.journal.acknowledge(answers, self.now);
            let done = self.runtime.block_on(done)?;
            if done.quarantined > 0 {
                return Err(RuleBroken::Lost(format!(
                    "{} quarantined",
                    done.quarantined
                )));
            }
        }
        Ok(())
    }

    pub(super) fn feed(&mut self, g: usize) -> Result<(), RuleBroken> {
        self.at(g, 20_000, 60_000, Doing::Feed);
        // Also where no rider comes the clock is looked at.
        self.gates[g].stamp(self.now)?;
        if !self.server.up || !self.gates[g].online || self.happens(0.1) {
            return Ok(());
        }
        // It was on its way for so long; when in that time it was made nobody knows.
        let trip = i64::try_from(self.chance.below(3_000)).unwrap_or(0);
        let made = i64::try_from(self.chance.below(3_000))
            .unwrap_or(0)
            .min(trip);
        let as_of = UnixMs(self.now.0 - made);
        self.gates[g].clocks.heard(self.now, trip, as_of);
        if let Some(running) = &self.gates[g].running {
            let feed = self
                .server
                .feed(running.journal.cached()?.cursor, self.now)?;
            self.runtime.block_on(running.journal.apply_feed(feed))?;
            self.gates[g].heard(self.now);
        }
        Ok(())
    }
}
