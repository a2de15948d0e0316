//! A record's place in its gate's chain: forks are refused, gaps are shown until they are filled.

use super::conflicts::Found;
use super::{Intake, IntakeError};
use crate::store::{Scope, Tx};
use fare_protocol::{RecordBody, RecordHash, Seq, SignedRecord, VerifiedRecord};
use fare_rules::conflict::ConflictKind;

/// Why a record would fork its chain, and the stored record that it contradicts.
pub(super) type Fork = (String, Option<SignedRecord>);

impl Intake<'_> {
    /// Why the record would fork the chain; nothing when it fits between what is stored.
    pub(super) fn fork(&self, record: &VerifiedRecord) -> Result<Option<Fork>, IntakeError> {
        let body = record.record();
        let (tx, gate, seq) = (self.tx, body.gate, body.seq);
        if let Some(there) = tx.record_at(gate, seq)? {
            let reason = format!("another record stands at seq {seq} already");
            return Ok(Some((reason, Some(there))));
        }
        let same_id = match tx.record(gate, body.id)? {
            Some(same) => Some(same),
            None => id_is_taken(tx, record)?,
        };
        if same_id.is_some() {
            let reason = format!("another record has the id {} already", body.id);
            return Ok(Some((reason, same_id)));
        }
        let before = previous(seq)
            .map(|before| tx.record_at(gate, before))
            .transpose()?;
        let expected = match &before {
            Some(Some(before)) => Some(before.hash()),
            Some(None) => None,
            None => Some(RecordHash::NONE),
        };
        if let Some(expected) = expected.filter(|expected| *expected != body.previous) {
            let got = body.previous;
            let reason =
                format!("seq {seq} says the record before it has hash {got}, expected {expected}");
            return Ok(Some((reason, before.flatten())));
        }
        let after = tx.record_at(gate, seq.next())?;
        let other = after.filter(|after| after.record().previous != record.hash());
        if other.is_some() {
            let next = seq.next();
            let reason = format!("the record at seq {next} follows another than this one");
            return Ok(Some((reason, other)));
        }
        Ok(None)
    }

    /// Raises and clears the gaps that the records of this batch made and filled. A gap is named by
    /// the first record after it. Once a batch, so that a long gap is not told of at each record.
    pub(super) fn note_gaps(&mut self) -> Result<(), IntakeError> {
        let taken = self.taken.iter();
        let mut filled: Vec<_> = taken.map(|taken| taken.record.record().seq).collect();
        filled.sort_unstable();
        for run in filled.chunk_by(|seq, next| seq.next() == *next) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let (below, _) = self.tx.around(self.gate.id, *first)?;
            self.note_gap(below, *first)?;
            let (_, above) = self.tx.around(self.gate.id, *last)?;
            if let Some(above) = above {
                self.note_gap(Some(*last), above)?;
            }
        }
        Ok(())
    }

    fn note_gap(&mut self, below: Option<Seq>, above: Seq) -> Result<(), IntakeError> {
        let scope = Scope::Gate(self.gate.id);
        let subject = above.to_string();
        let first = below.map_or(Seq::FIRST, Seq::next);
        if first == above {
            self.tx
                .clear(scope, ConflictKind::ChainGap, &subject, self.now)?;
            return Ok(());
        }
        let last = previous(above).unwrap_or(first);
        let detail = if first == last {
            format!("record {first} has not arrived")
        } else {
            format!("records {first} to {last} have not arrived")
        };
        let below = match below {
            Some(below) => self.tx.record_at(self.gate.id, below)?,
            None => None,
        };
        let above = self.tx.record_at(self.gate.id, above)?;
        let found = Found::new(scope, ConflictKind::ChainGap, subject);
        self.raise(found.records(detail, below, above))
    }
}

/// The record for which another gate has used a confirmation's id, for the same account.
fn id_is_taken(tx: &Tx<'_>, record: &VerifiedRecord) -> Result<Option<SignedRecord>, IntakeError> {
    match record.record().body {
        RecordBody::Confirmation(confirmation) => {
            Ok(tx.tap_record(confirmation.account, record.record().id)?)
        }
        RecordBody::Passage(_)
        | RecordBody::ModeChange(_)
        | RecordBody::LetThrough(_)
        | RecordBody::Config(_) => Ok(None),
    }
}

fn previous(seq: Seq) -> Option<Seq> {
    seq.0
        .checked_sub(1)
        .map(Seq)
        .filter(|seq| *seq >= Seq::FIRST)
}
