//! A gate's certificate for TLS ends one day; before that the gate asks for another for the same key, which
//! never leaves it.
//!
//! ```text
//! POST /v1/gates/{gate}/certificate   RenewalRequest -> RenewedCertificate
//! both proofs sign "faregate renew 1\n" + gate + "\n" + record key (32 bytes) + TLS key (32 bytes)
//! ```
//! A request that is sent again gets one more certificate for the same key, and helps nobody who has not got
//! that.

use crate::wire::Envelope;
use crate::{GateId, PublicKey, Signer};
use serde::{Deserialize, Serialize};

const FIRST_LINE: &str = "faregate renew 1\n";

/// A gate asks for a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalRequest {
    /// Proves the gate in TLS (Ed25519, RFC 8410).
    pub tls_key: PublicKey,
    /// By the key that signs the gate's records.
    pub record_proof: Envelope,
    /// By the TLS key.
    pub tls_proof: Envelope,
}

/// What it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewedCertificate {
    /// PEM.
    pub certificate: String,
}

/// Whoever asks has not got this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not made by its key; a gate renews for the keys with which it enrolled")]
pub struct BadProof(pub &'static str);

impl RenewalRequest {
    /// Asks with both keys.
    pub fn new(gate: GateId, record_key: &dyn Signer, tls_key: &dyn Signer) -> Self {
        let message = message(gate, &record_key.public(), &tls_key.public());
        Self {
            tls_key: tls_key.public(),
            record_proof: Envelope(record_key.sign(&message).to_vec()),
            tls_proof: Envelope(tls_key.sign(&message).to_vec()),
        }
    }

    /// Believes that the gate with this record key asks.
    ///
    /// # Errors
    /// Names the proof that does not hold.
    pub fn verify(&self, gate: GateId, record_key: &PublicKey) -> Result<(), BadProof> {
        let message = message(gate, record_key, &self.tls_key);
        let holds = |proof: &Envelope, key: &PublicKey| {
            let signature = proof.0.as_slice().try_into();
            signature.is_ok_and(|signature| key.verifies(&message, signature))
        };
        if !holds(&self.record_proof, record_key) {
            return Err(BadProof("record_proof"));
        }
        if !holds(&self.tls_proof, &self.tls_key) {
            return Err(BadProof("tls_proof"));
        }
        Ok(())
    }
}

fn message(gate: GateId, record_key: &PublicKey, tls_key: &PublicKey) -> Vec<u8> {
    let (record, tls) = (record_key.to_bytes(), tls_key.to_bytes());
    [
        FIRST_LINE.as_bytes(),
        gate.as_str().as_bytes(),
        b"\n",
        &record,
        &tls,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn both_keys_prove_that_they_ask_for_this_gate() {
        let (record, tls) = (
            SigningKey::from_bytes(&[1; 32]),
            SigningKey::from_bytes(&[2; 32]),
        );
        let (gate, other): (GateId, GateId) =
            ("PGY-01".parse().unwrap(), "PGY-02".parse().unwrap());
        let request = RenewalRequest::new(gate, &record, &tls);
        let record_key = Signer::public(&record);
        assert_eq!(request.verify(gate, &record_key), Ok(()));
        let wrong = Err(BadProof("record_proof"));
        assert_eq!(request.verify(other, &record_key), wrong);
        assert_eq!(request.verify(gate, &Signer::public(&tls)), wrong);
        let stolen = RenewalRequest {
            tls_key: record_key,
            ..request.clone()
        };
        assert_eq!(stolen.verify(gate, &record_key), wrong);
        let unproved = RenewalRequest {
            tls_proof: Envelope(vec![0; 64]),
            ..request
        };
        assert_eq!(
            unproved.verify(gate, &record_key),
            Err(BadProof("tls_proof"))
        );
    }
}
