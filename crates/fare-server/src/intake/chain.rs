//! A record's place in its gate's chain: forks are refused, gaps are shown until they are filled.

use super::{Intake, IntakeError};
use crate::store::{Scope, Tx};
use fare_protocol::{RecordBody, RecordHash, Seq, VerifiedRecord};
use fare_rules::journey::ConflictKind;

impl Intake<'_> {
    /// Why the record would fork the chain; nothing when it fits between what is stored.
    pub(super) fn fork(&self, record: &VerifiedRecord) -> Result<Option<String>, IntakeError> {
        let body = record.record();
        let (tx, gate, seq) = (self.tx, body.gate, body.seq);
        if tx.record_at(gate, seq)?.is_some() {
            return Ok(Some(format!("another record stands at seq {seq} already")));
        }
        if tx.record(gate, body.id)?.is_some() || id_is_taken(tx, record)? {
            return Ok(Some(format!(
                "another record has the id {} already",
                body.id
            )));
        }
        let before = previous(seq)
            .map(|before| tx.record_at(gate, before))
            .transpose()?;
        let expected = match before {
            Some(Some(before)) => Some(before.hash()),
            Some(None) => None,
            None => Some(RecordHash::NONE),
        };
        if let Some(expected) = expected.filter(|expected| *expected != body.previous) {
            let got = body.previous;
            return Ok(Some(format!(
                "seq {seq} says the record before it has hash {got}, expected {expected}"
            )));
        }
        let after = tx.record_at(gate, seq.next())?;
        if after.is_some_and(|after| after.record().previous != record.hash()) {
            let next = seq.next();
            return Ok(Some(format!(
                "the record at seq {next} follows another than this one"
            )));
        }
        Ok(None)
    }

    /// Raises and clears the gaps that a record at `seq` makes and fills. A gap is named by the
    /// first record after it.
    pub(super) fn note_gaps(&mut self, seq: Seq) -> Result<(), IntakeError> {
        let (below, above) = self.tx.around(self.gate.id, seq)?;
        self.note_gap(below, seq)?;
        match above {
            Some(above) => self.note_gap(Some(seq), above),
            None => Ok(()),
        }
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
        self.raise(scope, ConflictKind::ChainGap, &subject, &detail)
    }
}

/// Whether another gate has used a confirmation's id for the same account.
fn id_is_taken(tx: &Tx<'_>, record: &VerifiedRecord) -> Result<bool, IntakeError> {
    match record.record().body {
        RecordBody::Confirmation(confirmation) => {
            Ok(tx.tap(confirmation.account, record.record().id)?.is_some())
        }
        RecordBody::Passage(_) => Ok(false),
    }
}

fn previous(seq: Seq) -> Option<Seq> {
    seq.0
        .checked_sub(1)
        .map(Seq)
        .filter(|seq| *seq >= Seq::FIRST)
}
