//! Public keys, who may sign, and which keys are believed when.

use crate::ids::{from_hex, to_hex};
use crate::{IdError, Millis, Stamp, UnixMs, VerifyError};
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The first four bytes of the SHA-256 of a public key. A hint for finding the key, not a proof:
/// two keys may share one, and then both are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

/// An Ed25519 public key (RFC 8032) that is a point of the curve and not of small order.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

/// Something that signs with Ed25519: a key in memory, or one that never leaves its chip.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;
    /// The 64-byte signature over `message` (RFC 8032, pure Ed25519).
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// A key and when it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// The key.
    pub key: PublicKey,
    /// First moment at which it is believed.
    pub from_ms: UnixMs,
    /// First moment at which it is not any more.
    pub until_ms: UnixMs,
}

/// The keys believed for one purpose. Several are valid at once while keys are being rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeySet(pub Vec<KeyEntry>);

impl PublicKey {
    /// The key with these 32 bytes; nothing when they are no point or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    /// The 32 bytes of RFC 8032.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The short name under which signatures refer to it.
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(self.0.as_bytes()));
        KeyId([a, b, c, d])
    }

    /// The X25519 public key of the same secret (RFC 7748, section 4.1).
    pub(crate) fn to_montgomery(self) -> [u8; 32] {
        self.0.to_montgomery().to_bytes()
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
    }

    /// Whether all signatures hold, looked at together: a third of the work. False when any does not, and
    /// then each must be looked at by itself. Only who has the key can make one on which the two ways
    /// differ.
    #[cfg(feature = "batch")]
    pub(crate) fn verifies_all(&self, signed: &[(&[u8], [u8; 64])]) -> bool {
        let messages: Vec<_> = signed.iter().map(|(message, _)| *message).collect();
        let signatures = signed.iter().map(|(_, signature)| signature);
        let signatures: Vec<_> = signatures
            .map(ed25519_dalek::Signature::from_bytes)
            .collect();
        let keys = vec![self.0; signed.len()];
        ed25519_dalek::verify_batch(&messages, &signatures, &keys).is_ok()
    }
}

/// The signing key whose Ed25519 seed `hex` spells, as key files hold it.
///
/// # Errors
/// When `hex` is not 64 hexadecimal digits.
pub fn signing_key(hex: &str) -> Result<SigningKey, IdError> {
    let seed = from_hex(hex).ok_or(IdError::BadHex {
        what: "an Ed25519 seed",
        digits: 64,
    })?;
    Ok(SigningKey::from_bytes(&seed))
}

impl KeySet {
    /// Whether one of the keys called `id` and valid at `at` satisfies `holds`.
    pub(crate) fn any(
        &self,
        what: &'static str,
        id: KeyId,
        at: UnixMs,
        holds: impl Fn(&PublicKey) -> bool,
    ) -> Result<(), VerifyError> {
        let error_ms = Millis(0);
        self.any_within(what, id, Stamp { at, error_ms }, holds)
    }

    /// The same by a clock that may be off: a key counts that may be valid.
    pub(crate) fn any_within(
        &self,
        what: &'static str,
        id: KeyId,
        now: Stamp,
        holds: impl Fn(&PublicKey) -> bool,
    ) -> Result<(), VerifyError> {
        let mut error = VerifyError::UnknownKey { what, key: id };
        for entry in self.0.iter().filter(|entry| entry.key.id() == id) {
            if now.latest() < entry.from_ms || now.earliest() >= entry.until_ms {
                error = VerifyError::KeyNotValidNow { what, key: id };
            } else if holds(&entry.key) {
                return Ok(());
            } else {
                error = VerifyError::BadSignature { what };
            }
        }
        Err(error)
    }
}

impl Signer for SigningKey {
    fn public(&self) -> PublicKey {
        PublicKey(self.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        ed25519_dalek::Signer::sign(self, message).to_bytes()
    }
}

impl FromStr for PublicKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let key = from_hex(text).and_then(|bytes| Self::from_bytes(&bytes));
        key.ok_or(IdError::BadHex {
            what: "an Ed25519 public key",
            digits: 64,
        })
    }
}

impl TryFrom<String> for PublicKey {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        to_hex(&key.to_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
