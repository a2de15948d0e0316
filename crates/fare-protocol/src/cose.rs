//! The envelope: COSE_Sign1 (RFC 9052, section 4.2), untagged, in one narrow profile.
//!
//! ```text
//! 84                        array of four
//!   48 A2 01 27 04 44 k k k k   protected: {1: -8 (EdDSA), 4: key id}, or
//!   43 A1 01 27                 protected: {1: -8} where the payload names the key
//!   A0                          unprotected: empty
//!   58 nn / 59 nnnn ...         payload, a byte string
//!   58 40 ...                   signature, 64 bytes
//! ```
//! The signature is over `["Signature1", protected, h'', payload]`, so that any COSE library
//! verifies it. The algorithm is fixed to Ed25519 by the profile.

use crate::cbor::{Reader, Writer};
use crate::{FormatError, KeyId, Problem, PublicKey, Signer};

const SIGNATURE_LEN: usize = 64;
const PROTECTED_LEN_MAX: usize = 16;
const ALG_ONLY: [u8; 3] = [0xa1, 0x01, 0x27];
const ALG_AND_KEY_ID: [u8; 5] = [0xa2, 0x01, 0x27, 0x04, 0x44];

/// A well-formed COSE_Sign1 whose signature is not yet checked.
pub(crate) struct Sign1<'b> {
    protected: &'b [u8],
    pub(crate) payload: &'b [u8],
    signature: [u8; SIGNATURE_LEN],
}

impl<'b> Sign1<'b> {
    pub(crate) fn parse(what: &'static str, bytes: &'b [u8]) -> Result<Self, FormatError> {
        let mut r = Reader::array(what, bytes, 4)?;
        let protected = r.bytes("protected header", PROTECTED_LEN_MAX)?;
        r.empty_map("unprotected header")?;
        let payload = r.bytes("payload", bytes.len())?;
        let signature = r.exact("signature")?;
        r.end()?;
        Ok(Self {
            protected,
            payload,
            signature,
        })
    }

    /// The key id of the protected header; an error when the header is not the one with a key id.
    pub(crate) fn key_id(&self, what: &'static str) -> Result<KeyId, FormatError> {
        let id = self.protected.strip_prefix(&ALG_AND_KEY_ID);
        let id = id.and_then(|id| <[u8; 4]>::try_from(id).ok());
        id.map(KeyId).ok_or_else(|| header_error(what))
    }

    /// An error unless the protected header names the algorithm alone.
    pub(crate) fn no_key_id(&self, what: &'static str) -> Result<(), FormatError> {
        if self.protected == ALG_ONLY {
            Ok(())
        } else {
            Err(header_error(what))
        }
    }

    pub(crate) fn holds_for(&self, key: &PublicKey) -> bool {
        self.to_signed().holds_for(key)
    }

    /// What is needed to check the signature later.
    pub(crate) fn to_signed(&self) -> Signed {
        Signed {
            message: to_be_signed(self.protected, self.payload),
            signature: self.signature,
        }
    }
}

/// What was signed and its signature, apart from the bytes that they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) message: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
}

impl Signed {
    #[cfg(feature = "batch")]
    pub(crate) fn all_hold_for(all: &[Self], key: &PublicKey) -> bool {
        let pairs = all.iter().map(|one| (&one.message[..], one.signature));
        key.verifies_all(&pairs.collect::<Vec<_>>())
    }

    pub(crate) fn holds_for(&self, key: &PublicKey) -> bool {
        key.verifies(&self.message, &self.signature)
    }
}

fn header_error(what: &'static str) -> FormatError {
    FormatError {
        what,
        field: "protected header",
        at: 1,
        problem: Problem::Header,
    }
}

fn to_be_signed(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut w = Writer::array(4);
    w.text("Signature1");
    w.bytes(protected);
    w.bytes(&[]);
    w.bytes(payload);
    w.finish()
}

/// Signs `payload`, naming the signer's key id in the header.
pub(crate) fn seal(payload: &[u8], signer: &dyn Signer) -> Vec<u8> {
    let KeyId([a, b, c, d]) = signer.public().id();
    let [m, one, alg, four, len] = ALG_AND_KEY_ID;
    seal_with(&[m, one, alg, four, len, a, b, c, d], payload, signer)
}

/// Signs `payload`, which itself says whose key it is.
pub(crate) fn seal_without_key_id(payload: &[u8], signer: &dyn Signer) -> Vec<u8> {
    seal_with(&ALG_ONLY, payload, signer)
}

fn seal_with(protected: &[u8], payload: &[u8], signer: &dyn Signer) -> Vec<u8> {
    let signature = signer.sign(&to_be_signed(protected, payload));
    let mut w = Writer::array(4);
    w.bytes(protected);
    w.empty_map();
    w.bytes(payload);
    w.bytes(&signature);
    w.finish()
}
