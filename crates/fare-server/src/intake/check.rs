//! What can be said of a record by itself, before the database is asked.

use crate::store::Gate;
use fare_protocol::wire::{RecordRefusal, UploadRecord};
use fare_protocol::{RecordHash, RecordId, SignedRecord, VerifiedRecord};
use std::collections::HashMap;

/// Greatest place in a chain that is believed: far above any gate's, far below what SQLite counts.
const SEQ_MAX: u64 = 1 << 53;

/// A record, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Signed by the gate's registered key.
    Verified(VerifiedRecord),
    /// Not to be believed.
    Refused {
        /// Under which id it was sent.
        id: RecordId,
        /// The hash of a record that can be read: it may have been accepted before.
        hash: Option<RecordHash>,
        /// Why, for programs.
        code: RecordRefusal,
        /// Why, for people.
        reason: String,
    },
}

impl Checked {
    /// What names the record's bytes, when they are a record.
    pub fn hash(&self) -> Option<RecordHash> {
        match self {
            Self::Verified(record) => Some(record.hash()),
            Self::Refused { hash, .. } => *hash,
        }
    }
}

impl Checked {
    /// The record, when it is believed and not among those that were answered before.
    pub(super) fn unanswered(
        &self,
        answered: &HashMap<RecordHash, String>,
    ) -> Option<&VerifiedRecord> {
        match self {
            Self::Verified(record) => (!answered.contains_key(&record.hash())).then_some(record),
            Self::Refused { .. } => None,
        }
    }
}

/// Looks at one record sent to `gate`: form, id, gate, signature, in this order.
pub fn check(upload: &UploadRecord, gate: &Gate) -> Checked {
    let refused = |hash, code, reason| Checked::Refused {
        id: upload.id,
        hash,
        code,
        reason,
    };
    let malformed = |reason| refused(None, RecordRefusal::Malformed, reason);
    let signed = match SignedRecord::parse(&upload.envelope.0) {
        Ok(signed) => signed,
        Err(err) => return malformed(err.to_string()),
    };
    let record = signed.record();
    if record.id != upload.id {
        return malformed(format!(
            "the record's own id is {}, sent as {}",
            record.id, upload.id
        ));
    }
    if record.seq.0 > SEQ_MAX {
        return malformed(format!("seq {} is beyond {SEQ_MAX}", record.seq));
    }
    if record.gate != gate.id {
        let reason = format!("a record of gate {} came to gate {}", record.gate, gate.id);
        return refused(None, RecordRefusal::WrongGate, reason);
    }
    let hash = signed.hash();
    match signed.verify(&gate.key) {
        Ok(verified) => Checked::Verified(verified),
        Err(err) => {
            let reason = format!(
                "{err}; gate {} is registered with key {}",
                gate.id, gate.key
            );
            refused(Some(hash), RecordRefusal::BadSignature, reason)
        }
    }
}
