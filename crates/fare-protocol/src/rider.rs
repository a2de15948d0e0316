//! What a rider's phone asks of the server, and how the phone proves that it is the one.
//!
//! Every request carries the phone's public key, its time and a signature by that key over
//!
//! ```text
//! faregate rider request 1\n
//! POST\n                        method
//! /v1/rider/corrections?x=1\n   path and query, as sent
//! 1795430096789\n               time, unix ms
//! 9f86…0a08\n                   SHA-256 of the body, 64 hexadecimal digits
//! ```
//! in the headers [`KEY_HEADER`], [`TIME_HEADER`] and [`SIGNATURE_HEADER`]. No other signature of
//! that key can stand for one: what COSE signs begins with a CBOR array, not with a letter.

use crate::{PublicKey, Signer, UnixMs, VerifyError};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The phone's public key: 64 hexadecimal digits.
pub const KEY_HEADER: &str = "rider-key";

/// The phone's time: unix ms.
pub const TIME_HEADER: &str = "rider-time";

/// The signature: 64 bytes in base64url without padding.
pub const SIGNATURE_HEADER: &str = "rider-signature";

/// How far a request's time may be from the server's, either way.
pub const SKEW_MS_MAX: i64 = 120_000;

const FIRST_LINE: &str = "faregate rider request 1\n";
const WHAT: &str = "rider request";

/// A request as it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiderRequest<'r> {
    /// `GET` or `POST`.
    pub method: &'r str,
    /// Path and query.
    pub target: &'r str,
    /// When the phone made it.
    pub at: UnixMs,
    /// The body; empty when there is none.
    pub body: &'r [u8],
}

impl RiderRequest<'_> {
    /// The bytes that are signed.
    pub fn to_be_signed(&self) -> Vec<u8> {
        let Self {
            method, target, at, ..
        } = self;
        let mut text = format!("{FIRST_LINE}{method}\n{target}\n{at}\n");
        for byte in Sha256::digest(self.body) {
            // Writing to a string cannot fail.
            let _written = write!(text, "{byte:02x}");
        }
        text.push('\n');
        text.into_bytes()
    }

    /// The signature that goes with it.
    pub fn sign(&self, device: &dyn Signer) -> [u8; 64] {
        device.sign(&self.to_be_signed())
    }

    /// Whether `signature` is `device`'s over this request. Says nothing about its time.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, device: &PublicKey, signature: &[u8; 64]) -> Result<(), VerifyError> {
        if device.verifies(&self.to_be_signed(), signature) {
            Ok(())
        } else {
            Err(VerifyError::BadSignature { what: WHAT })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ed25519_dalek::SigningKey;

    #[test]
    fn a_signature_holds_for_its_own_request_alone() {
        let device = SigningKey::from_bytes(&[2; 32]);
        let request = RiderRequest {
            method: "POST",
            target: "/v1/rider/corrections",
            at: UnixMs(1_795_430_096_789),
            body: b"{}",
        };
        let signature = request.sign(&device);
        let key = Signer::public(&device);
        request.verify(&key, &signature).unwrap();
        let at = UnixMs(request.at.0 + 1);
        for other in [
            RiderRequest {
                method: "GET",
                ..request
            },
            RiderRequest {
                target: "/v1/rider/journeys",
                ..request
            },
            RiderRequest { at, ..request },
            RiderRequest {
                body: b"{ }",
                ..request
            },
        ] {
            assert!(other.verify(&key, &signature).is_err(), "{other:?}");
        }
        let stranger = Signer::public(&SigningKey::from_bytes(&[3; 32]));
        assert!(request.verify(&stranger, &signature).is_err());
    }
}
