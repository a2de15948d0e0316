//! What happens to a batch of records: each is read, verified, put into its gate's chain, applied
//! once and answered; all in one transaction. A record that cannot be believed refuses only itself.

mod chain;
mod check;
mod settle;
mod voucher;

pub use check::{Checked, check};

use crate::config::Settlement;
use crate::store::{Gate, Scope, StoreError, Tx};
use fare_protocol::wire::{Answer, AnswerOutcome, RecordRefusal};
use fare_protocol::{
    Confirmation, Direction, JourneyId, Passage, RecordBody, RecordId, UnixMs, VerifiedRecord,
};
use fare_rules::journey::{ConflictKind, Tap};
use fare_rules::ledger::PostingError;
use serde_json::value::RawValue;

/// Why a batch could not be taken; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// An amount that cannot be posted.
    #[error("a posting: {0}")]
    Posting(#[from] PostingError),
    /// An answer that JSON cannot hold.
    #[error("an answer: {0}")]
    Json(#[from] serde_json::Error),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Report {
    /// One answer for each record, in order: the bytes that every repeat gets too.
    pub answers: Vec<Box<RawValue>>,
    /// Records stored now.
    pub accepted: usize,
    /// Records that had been answered before.
    pub repeated: usize,
    /// Records refused now, each with the place of the batch, why, and a sentence.
    pub refused: Vec<(usize, RecordRefusal, String)>,
    /// Conflicts raised, for the log: the account is masked.
    pub conflicts: Vec<(ConflictKind, Scope, String)>,
}

/// One transaction's work on records of one gate.
pub struct Intake<'a> {
    settlement: &'a Settlement,
    tx: &'a Tx<'a>,
    gate: Gate,
    now: UnixMs,
    report: Report,
}

impl<'a> Intake<'a> {
    /// Ready to take records of `gate`, at `now`.
    pub fn new(settlement: &'a Settlement, tx: &'a Tx<'a>, gate: Gate, now: UnixMs) -> Self {
        Self {
            settlement,
            tx,
            gate,
            now,
            report: Report::default(),
        }
    }

    /// Takes the records in order.
    ///
    /// # Errors
    /// When the batch must be undone and sent again.
    pub fn take(mut self, records: &[Checked]) -> Result<Report, IntakeError> {
        for (place, checked) in records.iter().enumerate() {
            let answer = match checked.hash() {
                Some(hash) => self.tx.first_answer(self.gate.id, hash)?,
                None => None,
            };
            let answer = match answer {
                Some(first) => {
                    self.report.repeated += 1;
                    first
                }
                None => self.answer(place, checked)?,
            };
            self.report.answers.push(RawValue::from_string(answer)?);
        }
        Ok(self.report)
    }

    fn answer(&mut self, place: usize, checked: &Checked) -> Result<String, IntakeError> {
        let record = match checked {
            Checked::Verified(record) => record,
            Checked::Refused {
                id, code, reason, ..
            } => {
                return self.refuse(place, *id, *code, reason.clone());
            }
        };
        let id = record.record().id;
        if let Some(reason) = self.fork(record)? {
            let answer = self.refuse(place, id, RecordRefusal::Fork, reason.clone())?;
            self.tx.insert_fork(record, &answer, self.now)?;
            self.raise(
                Scope::Gate(self.gate.id),
                ConflictKind::ChainFork,
                &record.hash().to_string(),
                &reason,
            )?;
            return Ok(answer);
        }
        self.note_gaps(record.record().seq)?;
        let voucher = self.apply(record)?;
        let answer = encode(id, AnswerOutcome::Accepted { voucher })?;
        self.tx.insert_record(record, &answer, self.now)?;
        self.report.accepted += 1;
        Ok(answer)
    }

    fn refuse(
        &mut self,
        place: usize,
        id: RecordId,
        code: RecordRefusal,
        reason: String,
    ) -> Result<String, IntakeError> {
        let answer = encode(
            id,
            AnswerOutcome::Refused {
                code,
                reason: reason.clone(),
            },
        )?;
        self.report.refused.push((place, code, reason));
        Ok(answer)
    }

    /// Applies a record that is new, once; answers the voucher for a confirmation.
    fn apply(
        &mut self,
        record: &VerifiedRecord,
    ) -> Result<Option<fare_protocol::wire::Envelope>, IntakeError> {
        match record.record().body {
            RecordBody::Confirmation(confirmation) => self.confirm(record, confirmation),
            RecordBody::Passage(passage) => self.pass(passage).map(|()| None),
        }
    }

    fn confirm(
        &mut self,
        record: &VerifiedRecord,
        confirmation: Confirmation,
    ) -> Result<Option<fare_protocol::wire::Envelope>, IntakeError> {
        let tap = Tap::new(record.record(), confirmation);
        let passage = self.tx.passage(tap.gate, tap.id)?;
        let tap = Tap { passage, ..tap };
        self.tx.insert_tap(&tap, record.bytes())?;
        self.look_at(&tap)?;
        let (account, direction) = (tap.account(), tap.direction());
        match direction {
            Direction::Entry => {
                let journey = JourneyId(self.new_id()?);
                self.tx.insert_journey(&tap, journey)?;
                self.settle(&tap)?;
                self.entry_voucher(&tap, journey)
            }
            Direction::Exit => {
                let paired = self.settle(&tap)?;
                let own = paired.into_iter().find(|pair| pair.charge.exit == tap.id);
                let Some(pair) = own else { return Ok(None) };
                let journey = self.tx.journey(account, pair.entry.id)?;
                let Some(journey) = journey else {
                    return Ok(None);
                };
                self.exit_voucher(&pair, &tap, journey.id)
            }
        }
    }

    fn pass(&mut self, passage: Passage) -> Result<(), IntakeError> {
        let (gate, of) = (self.gate.id, passage.confirmation);
        let first = self.tx.insert_passage(gate, of, passage.outcome)?;
        let confirmation = self.tx.record(gate, of)?.map(|record| record.record().body);
        let account = match confirmation {
            Some(RecordBody::Confirmation(confirmation)) => confirmation.account,
            // Its confirmation is missing still and finds it when it comes, or it answers nothing.
            Some(RecordBody::Passage(_)) | None => return Ok(()),
        };
        if first.is_some() {
            let detail = format!("gate {gate} sent a second passage; the first one counts");
            let (scope, kind) = (Scope::Account(account), ConflictKind::SecondPassage);
            return self.raise(scope, kind, &of.to_hex(), &detail);
        }
        if let Some(tap) = self.tx.tap(account, of)? {
            let tap = Tap {
                passage: Some(passage.outcome),
                ..tap
            };
            self.tx.update_tap(&tap)?;
            self.settle(&tap)?;
        }
        Ok(())
    }

    /// Conflicts that a confirmation shows by itself.
    fn look_at(&mut self, tap: &Tap) -> Result<(), IntakeError> {
        let (gate, station) = (self.gate, tap.station());
        if station != gate.station {
            let detail = format!(
                "registered at {}, its record says {station}; correct the gate's configuration \
                 or `fareserver gate add`",
                gate.station
            );
            let kind = ConflictKind::WrongStation;
            self.raise(Scope::Gate(gate.id), kind, station.as_str(), &detail)?;
        }
        if let Some(other) = self.tx.same_code_elsewhere(tap)? {
            let detail = format!("one code was shown at gates {other} and {}", gate.id);
            let scope = Scope::Account(tap.account());
            self.raise(
                scope,
                ConflictKind::SameCode,
                &tap.code_ref().to_hex(),
                &detail,
            )?;
        }
        Ok(())
    }

    fn raise(
        &mut self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
        detail: &str,
    ) -> Result<(), IntakeError> {
        if self.tx.raise(scope, kind, subject, detail, self.now)? {
            self.report.conflicts.push((kind, scope, detail.to_owned()));
        }
        Ok(())
    }

    fn new_id(&self) -> Result<[u8; 16], IntakeError> {
        Ok(crate::ids::new_id(self.now)?)
    }
}

fn encode(id: RecordId, outcome: AnswerOutcome) -> Result<String, IntakeError> {
    Ok(serde_json::to_string(&Answer { id, outcome })?)
}
