//! What can be said of a record by itself, before the database is asked.

use crate::store::Gate;
use fare_protocol::wire::{RecordRefusal, UploadRecord};
use fare_protocol::{RecordHash, RecordId, Seq, SignedRecord, VerifiedRecord, VerifyError};
use std::collections::HashMap;

/// Greatest place in a chain that is believed: far above any gate's, far below what SQLite counts.
const SEQ_MAX: u64 = 1 << 53;

/// A record, looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Signed by the gate's registered key.
    Verified(Box<VerifiedRecord>),
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
    /// What names its bytes, and the place in the chain that a believed record claims.
    pub(super) fn name(&self) -> Option<(RecordHash, Option<Seq>)> {
        let seq = match self {
            Self::Verified(record) => Some(record.record().seq),
            Self::Refused { .. } => None,
        };
        self.hash().map(|hash| (hash, seq))
    }

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
    match read(upload, gate) {
        Ok(signed) => {
            let (id, hash) = (signed.record().id, signed.hash());
            believed(id, hash, signed.verify(&gate.key), gate)
        }
        Err(refused) => refused,
    }
}

/// The same for many, their signatures looked at together.
pub(super) fn check_all(
    uploads: impl Iterator<Item = Result<UploadRecord, Checked>>,
    gate: &Gate,
) -> Vec<Checked> {
    let read = uploads.map(|upload| upload.and_then(|upload| read(&upload, gate)));
    let (mut signed, mut checked) = (Vec::new(), Vec::new());
    for read in read {
        // A believed record takes the place of one that is still to be looked at.
        checked.push(read.map(|record| signed.push(record)));
    }
    let names = signed
        .iter()
        .map(|record| (record.record().id, record.hash()));
    let names: Vec<_> = names.collect();
    let verified = SignedRecord::verify_all(signed, &gate.key);
    let mut verified = names.into_iter().zip(verified);
    let next = |read: Result<(), Checked>| match read {
        Ok(()) => verified
            .next()
            .map(|((id, hash), verified)| believed(id, hash, verified, gate)),
        Err(refused) => Some(refused),
    };
    checked.into_iter().filter_map(next).collect()
}

/// A record by itself, before its signature is looked at.
fn read(upload: &UploadRecord, gate: &Gate) -> Result<SignedRecord, Checked> {
    let refused = |code, reason| Checked::Refused {
        id: upload.id,
        hash: None,
        code,
        reason,
    };
    let malformed = |reason| refused(RecordRefusal::Malformed, reason);
    let signed =
        SignedRecord::parse(&upload.envelope.0).map_err(|err| malformed(err.to_string()))?;
    let record = signed.record();
    if record.id != upload.id {
        return Err(malformed(format!(
            "the record's own id is {}, sent as {}",
            record.id, upload.id
        )));
    }
    if record.seq.0 > SEQ_MAX {
        return Err(malformed(format!("seq {} is beyond {SEQ_MAX}", record.seq)));
    }
    if record.gate != gate.id {
        let reason = format!("a record of gate {} came to gate {}", record.gate, gate.id);
        return Err(refused(RecordRefusal::WrongGate, reason));
    }
    Ok(signed)
}

fn believed(
    id: RecordId,
    hash: RecordHash,
    verified: Result<VerifiedRecord, VerifyError>,
    gate: &Gate,
) -> Checked {
    verified.map_or_else(
        |err| Checked::Refused {
            id,
            hash: Some(hash),
            code: RecordRefusal::BadSignature,
            reason: format!(
                "{err}; gate {} is registered with key {}",
                gate.id, gate.key
            ),
        },
        |record| Checked::Verified(Box::new(record)),
    )
}
