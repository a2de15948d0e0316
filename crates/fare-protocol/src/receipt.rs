//! The receipt: a confirmation as text, which a rider can keep and anybody can check with no network.
//!
//! It is `FR1:` followed by the base45 (RFC 9285) of the confirmation's envelope, so that it fills a
//! QR code in alphanumeric mode. It is the very record of the gate's chain: whoever holds it can
//! prove what the gate signed, even when the gate's disk is lost.

use crate::record::RECORD_LEN_MAX;
use crate::{Confirmation, FormatError, GateId, Problem, PublicKey, Record, RecordBody};
use crate::{SignedRecord, VerifyError};
use serde::{Deserialize, Serialize};

/// What every receipt's text begins with.
pub const PREFIX: &str = "FR1:";

/// Longest text of a receipt: three characters for two bytes.
pub const TEXT_LEN_MAX: usize = PREFIX.len() + RECORD_LEN_MAX / 2 * 3;

const WHAT: &str = "receipt";

/// A gate and the key that signs its records: what it takes to check receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateKey {
    /// The gate.
    pub gate: GateId,
    /// Its key.
    pub key: PublicKey,
}

/// A well-formed receipt, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    record: SignedRecord,
    confirmation: Confirmation,
}

/// Why a receipt is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The gate that it names is not in the list.
    #[error("no key of gate {0} is known; fetch the list anew: fareserver gate list --json")]
    UnknownGate(GateId),
    /// The gate's key did not sign it.
    #[error("{0}; it is forged, or the gate has a new key")]
    Forged(#[from] VerifyError),
}

impl Receipt {
    /// The text of the receipt that `record` is; nothing when it is no confirmation.
    pub fn text(record: &SignedRecord) -> Option<String> {
        match record.record().body {
            RecordBody::Confirmation(_) => {
                Some(format!("{PREFIX}{}", base45::encode(record.bytes())))
            }
            RecordBody::Passage(_)
            | RecordBody::ModeChange(_)
            | RecordBody::LetThrough(_)
            | RecordBody::Config(_) => None,
        }
    }

    /// Reads a receipt's text. White space around it is ignored.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        // A space is a character of base45, but none that an envelope's text ends with.
        let envelope = crate::text::decode(WHAT, PREFIX, TEXT_LEN_MAX, text.trim().as_bytes())?;
        let record = SignedRecord::parse(&envelope)?;
        match record.record().body {
            RecordBody::Confirmation(confirmation) => Ok(Self {
                record,
                confirmation,
            }),
            RecordBody::Passage(_)
            | RecordBody::ModeChange(_)
            | RecordBody::LetThrough(_)
            | RecordBody::Config(_) => {
                let other = "another record stands in it; a receipt is a confirmation".to_owned();
                Err(FormatError {
                    what: WHAT,
                    field: "text",
                    at: PREFIX.len(),
                    problem: Problem::Text(other),
                })
            }
        }
    }

    /// Believes the receipt when its gate's key, one of `gates`, signed it.
    ///
    /// # Errors
    /// Says whether the gate is unknown or the signature does not hold.
    pub fn verify(self, gates: &[GateKey]) -> Result<(Record, Confirmation), ReceiptError> {
        let gate = self.record.record().gate;
        let Some(known) = gates.iter().find(|known| known.gate == gate) else {
            return Err(ReceiptError::UnknownGate(gate));
        };
        let verified = self.record.verify(&known.key)?;
        Ok((*verified.record(), self.confirmation))
    }
}
