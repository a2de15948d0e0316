//! What is answered to the records that a batch brings: a voucher to be signed, then a text for good. Signing
//! a whole upload's vouchers takes as long as writing its rows, so one is done beside the other.

use super::{Intake, IntakeError};
use fare_protocol::wire::{Answer, AnswerOutcome, Envelope};
use fare_protocol::{RecordId, Signer, VerifiedRecord, Voucher};
use std::panic::resume_unwind;
use std::thread;

/// Fewer vouchers are signed sooner than another thread has started.
const ASIDE_MIN: usize = 8;

/// A record that was accepted.
pub(super) struct Taken<'r> {
    pub(super) record: &'r VerifiedRecord,
    voucher: Option<Voucher>,
    /// Its row is written without its answer, which waits for a signature.
    waits: bool,
}

/// A voucher as it is signed, if there is one, and the text of the answer with it.
pub(super) struct Signed {
    pub(super) voucher: Option<Envelope>,
    pub(super) text: String,
}

/// What is answered to one record of the batch.
pub(super) enum Said {
    /// This.
    Text(String),
    /// What this one of the accepted records is answered, once that is signed.
    Taken(usize),
    /// The same as the record at this place of the batch.
    Same(usize),
}

impl<'a> Intake<'a> {
    /// Accepts a record. Its answer is there when all of the batch are signed.
    pub(super) fn accept(
        &mut self,
        record: &'a VerifiedRecord,
        voucher: Option<Voucher>,
    ) -> Result<Said, IntakeError> {
        let waits = self.tx.note_record(record);
        let taken = Taken {
            record,
            voucher,
            waits,
        };
        if !waits {
            let signed = taken.sign(self.settlement.signer.as_ref())?;
            self.tx.insert_record(record, &signed.text, self.now)?;
        }
        self.taken.push(taken);
        Ok(Said::Taken(self.taken.len() - 1))
    }

    /// Signs the vouchers, beside it writes what is to be written, and then the records with their answers.
    pub(super) fn sign(&mut self) -> Result<Vec<Signed>, IntakeError> {
        let (taken, signer) = (&self.taken, self.settlement.signer.as_ref());
        let sign = || taken.iter().map(|taken| taken.sign(signer)).collect();
        let vouchers = taken.iter().filter(|taken| taken.voucher.is_some());
        let signed: Result<Vec<_>, IntakeError> = if vouchers.count() < ASIDE_MIN {
            sign()
        } else {
            thread::scope(|scope| {
                let name = thread::Builder::new().name("vouchers".to_owned());
                let Ok(aside) = name.spawn_scoped(scope, sign) else {
                    return sign();
                };
                let written = self.tx.flush();
                let signed = aside.join().unwrap_or_else(|panic| resume_unwind(panic));
                written?;
                signed
            })
        };
        let signed = signed?;
        for (taken, signed) in self.taken.iter().zip(&signed) {
            if taken.waits {
                self.tx
                    .insert_record(taken.record, &signed.text, self.now)?;
            }
        }
        Ok(signed)
    }
}

impl Taken<'_> {
    fn sign(&self, signer: &dyn Signer) -> Result<Signed, IntakeError> {
        let voucher = self.voucher.as_ref();
        let voucher = voucher.map(|voucher| Envelope(voucher.sign(signer)));
        let outcome = AnswerOutcome::Accepted {
            voucher: voucher.clone(),
        };
        let text = encode(self.record.record().id, outcome)?;
        Ok(Signed { voucher, text })
    }
}

pub(super) fn encode(id: RecordId, outcome: AnswerOutcome) -> Result<String, IntakeError> {
    Ok(serde_json::to_string(&Answer { id, outcome })?)
}
