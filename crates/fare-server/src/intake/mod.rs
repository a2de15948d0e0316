//! What happens to a batch of records: each is read, verified, put into its gate's chain, applied
//! once and answered; all in one transaction. A record that cannot be believed refuses only itself.

mod answers;
mod body;
mod chain;
mod check;
mod completion;
mod conflicts;
mod evidence;
mod missing;
mod pay_codes;
mod picture;
mod pricing;
mod riders;
mod settle;
mod voucher;

pub use body::{BodyError, Nameless, Rows};
pub use check::{Checked, check};
pub use evidence::expire;
pub use missing::{BY_TARIFF, charge_without_entry, close_ended, look_at_incidents};
pub use pay_codes::{look_at_overruled, open_journey};
pub use pricing::price_again;

use crate::config::Settlement;
use crate::inbox::RulingError;
use crate::products::ProductError;
use crate::store::{Gate, Scope, StoreError, Tx, VoucherKind};
use answers::{Said, Taken, encode};
use conflicts::Found;
use fare_protocol::wire::{AnswerOutcome, RecordRefusal, Revocation};
use fare_protocol::{
    Confirmation, Direction, JourneyId, Money, Passage, RecordBody, RecordId, RiderClass,
    StationId, UnixMs, VerifiedRecord, Voucher,
};
use fare_rules::conflict::ConflictKind;
use fare_rules::journey::Tap;
use fare_rules::ledger::PostingError;
use serde_json::value::RawValue;
use std::collections::HashMap;

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
    /// A use of a product that cannot be booked.
    #[error("a product: {0}")]
    Product(#[from] ProductError),
    /// What an exit without an entry costs cannot be decided.
    #[error("an exit without an entry: {0}")]
    Ruling(#[from] RulingError),
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
    /// Since when the gate is believed no longer, if it is not.
    revocation: Option<Revocation>,
    /// Records that were accepted now.
    taken: Vec<Taken<'a>>,
    /// What may be news to riders' phones.
    news: Vec<riders::News>,
    /// Whether journeys that are priced again may only cost less than before.
    only_less: bool,
    /// The most that a journey can cost, by where it begins.
    dearest: HashMap<(StationId, RiderClass), Option<Money>>,
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
            revocation: None,
            taken: Vec::new(),
            news: Vec::new(),
            only_less: false,
            dearest: HashMap::new(),
        }
    }

    /// Takes the records in order.
    ///
    /// # Errors
    /// When the batch must be undone and sent again.
    pub fn take(mut self, records: &'a [Checked]) -> Result<Report, IntakeError> {
        let named: Vec<_> = records.iter().filter_map(Checked::name).collect();
        let (end, first) = self.tx.first_answers(self.gate.id, &named)?;
        self.revocation = self.tx.revocation(self.gate.id, &self.gate.key)?;
        let new: Vec<_> = records
            .iter()
            .filter_map(|checked| checked.unanswered(&first))
            .collect();
        self.tx
            .expect((self.gate.id, end), &new, self.settlement.reach())?;
        let mut said: Vec<Said> = Vec::with_capacity(records.len());
        // What is stored now is the first answer to a repeat in the same batch.
        let mut here = HashMap::new();
        for (place, checked) in records.iter().enumerate() {
            let hash = checked.hash();
            if let Some(first) = hash.and_then(|hash| first.get(&hash)) {
                self.report.repeated += 1;
                said.push(Said::Text(first.clone()));
            } else if let Some(first) = hash.and_then(|hash| here.get(&hash)) {
                self.report.repeated += 1;
                said.push(Said::Same(*first));
            } else {
                said.push(self.answer(place, checked)?);
                if let Checked::Verified(record) = checked {
                    here.insert(record.hash(), place);
                }
            }
        }
        self.finish(said)
    }

    fn finish(mut self, said: Vec<Said>) -> Result<Report, IntakeError> {
        let mut signed = self.sign()?;
        let mut answers: Vec<Box<RawValue>> = Vec::with_capacity(said.len());
        for said in said {
            answers.push(match said {
                Said::Text(text) => RawValue::from_string(text)?,
                Said::Taken(nth) => {
                    let text = signed.get_mut(nth).map(|signed| &mut signed.text);
                    RawValue::from_string(text.map(std::mem::take).unwrap_or_default())?
                }
                Said::Same(place) => answers.get(place).cloned().unwrap_or_default(),
            });
        }
        self.report.answers = answers;
        self.note_gaps()?;
        self.keep_vouchers(&signed)?;
        Ok(self.report)
    }

    fn answer(&mut self, place: usize, checked: &'a Checked) -> Result<Said, IntakeError> {
        let record = match checked {
            Checked::Verified(record) => record,
            Checked::Refused {
                id, code, reason, ..
            } => {
                let answer = self.refuse(place, *id, *code, reason.clone())?;
                return Ok(Said::Text(answer));
            }
        };
        let id = record.record().id;
        if let Some(revocation) = self.revocation {
            let (since, why) = (revocation.at_ms.to_rfc3339(), revocation.reason);
            let reason = format!(
                "gate {} was revoked at {since} ({why}); what comes after that is not taken",
                self.gate.id
            );
            self.came_late(record, &reason)?;
            let answer = self.refuse(place, id, RecordRefusal::Revoked, reason)?;
            return Ok(Said::Text(answer));
        }
        if let Some((reason, stored)) = self.fork(record)? {
            let answer = self.refuse(place, id, RecordRefusal::Fork, reason.clone())?;
            self.tx.insert_fork(record, &answer, self.now)?;
            let scope = Scope::Gate(self.gate.id);
            let found = Found::new(scope, ConflictKind::ChainFork, record.hash().to_string());
            self.raise(found.records(reason, stored, Some(record.signed().clone())))?;
            return Ok(Said::Text(answer));
        }
        self.look_at_clock(record)?;
        let voucher = self.apply(record)?;
        self.report.accepted += 1;
        self.accept(record, voucher)
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
    fn apply(&mut self, record: &VerifiedRecord) -> Result<Option<Voucher>, IntakeError> {
        match record.record().body {
            RecordBody::Confirmation(confirmation) => self.confirm(record, confirmation),
            RecordBody::Passage(passage) => self.pass(record, passage).map(|()| None),
            RecordBody::ModeChange(change) => {
                let record = record.record();
                self.tx.insert_mode_change(record, &change, self.now)?;
                Ok(None)
            }
            RecordBody::LetThrough(said) => {
                let record = record.record();
                self.tx.insert_let_through(record, &said, self.now)?;
                Ok(None)
            }
            RecordBody::Config(said) => {
                let record = record.record();
                self.tx.insert_config_change(record, &said, self.now)?;
                Ok(None)
            }
        }
    }

    fn confirm(
        &mut self,
        record: &VerifiedRecord,
        confirmation: Confirmation,
    ) -> Result<Option<Voucher>, IntakeError> {
        let tap = self.placed(Tap::new(record.record(), confirmation))?;
        let passage = self.tx.passage(tap.gate, tap.id)?;
        let (before, after) = self.tx.adjacent(&tap)?;
        let tap = evidence::weighed(Tap { passage, ..tap }, after.as_ref());
        self.tx.insert_tap(&tap, record.signed(), self.now)?;
        self.look_at(&tap)?;
        let (account, direction) = (tap.account(), tap.direction());
        match direction {
            Direction::Entry => {
                let journey = JourneyId(self.new_id()?);
                // Who learns of an entry late waits for its exit as long as anybody.
                let late = UnixMs(tap.at.0.max(self.now.0));
                let due = self.settlement.tariff_at(tap.at).day_ends(late);
                self.tx.insert_journey(&tap, journey, due)?;
                self.weigh_again(before, &tap)?;
                let paired = self.settle(&tap)?;
                let voucher = self.entry_voucher(&tap, journey)?;
                self.made(&tap, (VoucherKind::Entry, tap.id), voucher.is_some());
                self.charged(paired);
                Ok(voucher)
            }
            Direction::Exit => {
                self.weigh_again(before, &tap)?;
                let paired = self.settle(&tap)?;
                let own = paired.into_iter().find(|pair| pair.charge.exit == tap.id);
                let Some(pair) = own else { return Ok(None) };
                let journey = self.tx.journey(account, pair.entry.id)?;
                let Some(journey) = journey else {
                    return Ok(None);
                };
                let voucher = self.exit_voucher(&pair, &tap, journey.id)?;
                let about = (VoucherKind::Exit, pair.entry.id);
                self.made(&tap, about, voucher.is_some());
                Ok(voucher)
            }
        }
    }

    /// The tap at its place: an exit that names an entry stands behind that.
    fn placed(&self, tap: Tap) -> Result<Tap, IntakeError> {
        let Some(entry) = tap.confirmation.entry else {
            return Ok(tap);
        };
        let entry = self.tx.tap(tap.account(), entry)?;
        let entry = entry.filter(|entry| entry.direction() == Direction::Entry);
        let follows = entry.map(|entry| entry.at);
        Ok(Tap {
            follows: follows.or(tap.follows),
            ..tap
        })
    }

    fn pass(&mut self, record: &VerifiedRecord, passage: Passage) -> Result<(), IntakeError> {
        let (gate, of) = (self.gate.id, passage.confirmation);
        let first = self.tx.insert_passage(gate, of, passage.outcome)?;
        let confirmation = self.tx.record(gate, of)?.map(|record| record.record().body);
        let account = match confirmation {
            Some(RecordBody::Confirmation(confirmation)) => confirmation.account,
            // Its confirmation is missing still and finds it when it comes, or it answers nothing.
            // Whom staff let through pays nothing, so nothing follows.
            Some(
                RecordBody::Passage(_)
                | RecordBody::ModeChange(_)
                | RecordBody::LetThrough(_)
                | RecordBody::Config(_),
            )
            | None => return Ok(()),
        };
        if first.is_some() {
            let detail = format!("gate {gate} sent a second passage; the first one counts");
            let scope = Scope::Account(account);
            let found = Found::new(scope, ConflictKind::SecondPassage, of.to_hex());
            let tap = self.tx.tap_record(account, of)?;
            return self.raise(found.records(detail, tap, Some(record.signed().clone())));
        }
        if let Some(tap) = self.tx.tap(account, of)? {
            let (_, after) = self.tx.adjacent(&tap)?;
            let passage = Some(passage.outcome);
            let tap = evidence::weighed(Tap { passage, ..tap }, after.as_ref());
            self.tx.update_tap(&tap, self.now)?;
            let paired = self.settle(&tap)?;
            self.charged(paired);
        }
        Ok(())
    }

    fn new_id(&self) -> Result<[u8; 16], IntakeError> {
        Ok(crate::ids::new_id(self.now)?)
    }
}
