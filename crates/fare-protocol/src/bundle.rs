//! What goes by hand when there is no network: a gate's outbox on a stick, and the server's answers
//! back. Sealed for the reader (HPKE, RFC 9180), then signed by the writer.
//!
//! ```text
//! file    magic, 8 bytes: FAREOUT1 (records) or FAREACK1 (answers)
//!         then parts, each: length, 4 bytes, big endian; that many bytes
//! part    signed by the writer's key (the envelope names it)
//!   0 kind           8 records, 9 answers
//!   1 version        1
//!   2 gate           text: whose outbox
//!   3 recipient      4 bytes, id of the key that it is sealed for
//!   4 encapsulated   32 bytes, HPKE's enc
//!   5 sealed         HPKE's ciphertext of JSON: UploadRequest or UploadResponse
//! HPKE    DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305; mode base
//!         recipient's key: its Ed25519 key in Montgomery form (RFC 7748, section 4.1)
//!         info: "faregate outbox records 1" or "faregate outbox answers 1"; aad: the gate's id
//! ```
//! Parts stand alone: a file that was cut off loses its last part and no other. A part of records is
//! what one upload would have been, and is treated as one; so a file may be taken twice.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1};
use crate::{FormatError, GateId, KeyId, KeySet, Problem, PublicKey, Signer, UnixMs, VerifyError};
use ed25519_dalek::SigningKey;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, HpkeError, OpModeR, OpModeS, Serializable};
use sha2::{Digest, Sha256};
use std::convert::Infallible;

/// Longest part, in bytes: 500 answers of 8 KiB each, sealed and signed, and some room.
pub const PART_LEN_MAX: usize = 5 * 1024 * 1024;

/// Bytes at the start of a file.
pub const MAGIC_LEN: usize = 8;

/// Bytes in front of each part.
pub const PREFIX_LEN: usize = 4;

const WHAT: &str = "bundle part";
const VERSION: u64 = 1;
const FIELDS: u64 = 4;

type PublicHalf = <X25519HkdfSha256 as Kem>::PublicKey;
type PrivateHalf = <X25519HkdfSha256 as Kem>::PrivateKey;
type Encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey;

/// What a file and its parts hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleKind {
    /// From a gate: each part an [`crate::wire::UploadRequest`].
    Records,
    /// From the server: each part an [`crate::wire::UploadResponse`].
    Answers,
}

/// A part as it came, unbelieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPart {
    kind: BundleKind,
    gate: GateId,
    key: KeyId,
    recipient: KeyId,
    encapsulated: [u8; 32],
    sealed: Vec<u8>,
    signed: cose::Signed,
}

/// A part whose signature holds; still sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPart(SignedPart);

/// Why a part could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// More than one part can hold.
    #[error("a part of {got} bytes is too long, {PART_LEN_MAX} at most; put fewer records in it")]
    TooLong {
        /// How long it would be.
        got: usize,
    },
    /// It is meant for somebody else.
    #[error("sealed for key {got}, this is {own}; give it to the one who holds {got}")]
    OtherRecipient {
        /// Whom it is sealed for.
        got: KeyId,
        /// Who tries.
        own: KeyId,
    },
    /// Its contents were changed, or it was not made for this key, gate and purpose.
    #[error("cannot be opened with key {own}: changed on the way, or made for something else")]
    Unreadable {
        /// Who tries.
        own: KeyId,
    },
}

impl BundleKind {
    /// The first bytes of a file of this kind.
    pub const fn magic(self) -> [u8; MAGIC_LEN] {
        match self {
            Self::Records => *b"FAREOUT1",
            Self::Answers => *b"FAREACK1",
        }
    }

    const fn wire(self) -> u64 {
        match self {
            Self::Records => 8,
            Self::Answers => 9,
        }
    }

    const fn info(self) -> &'static [u8] {
        match self {
            Self::Records => b"faregate outbox records 1",
            Self::Answers => b"faregate outbox answers 1",
        }
    }
}

/// What stands in front of a part in the file.
///
/// # Errors
/// When the part is longer than [`PART_LEN_MAX`].
pub fn prefix(part: &[u8]) -> Result<[u8; PREFIX_LEN], SealError> {
    match u32::try_from(part.len()) {
        Ok(len) if part.len() <= PART_LEN_MAX => Ok(len.to_be_bytes()),
        Ok(_) | Err(_) => Err(SealError::TooLong { got: part.len() }),
    }
}

/// How many bytes follow a prefix.
///
/// # Errors
/// When it says more than [`PART_LEN_MAX`].
pub fn part_len(prefix: [u8; PREFIX_LEN]) -> Result<usize, FormatError> {
    let got = u64::from(u32::from_be_bytes(prefix));
    match usize::try_from(got) {
        Ok(len) if len <= PART_LEN_MAX => Ok(len),
        Ok(_) | Err(_) => Err(FormatError {
            what: "bundle",
            field: "length of a part",
            at: 0,
            problem: Problem::Length {
                got,
                expected: PART_LEN_MAX as u64,
            },
        }),
    }
}

/// Makes a part about `gate`'s outbox: `json` sealed for `recipient` and signed by `writer`. `random`
/// must be 32 fresh random bytes for every part: who knows them can open it.
///
/// # Errors
/// When it gets too long.
pub fn seal(
    kind: BundleKind,
    gate: GateId,
    json: &[u8],
    writer: &dyn Signer,
    recipient: &PublicKey,
    random: [u8; 32],
) -> Result<Vec<u8>, SealError> {
    let unreadable = |_: HpkeError| SealError::Unreadable {
        own: recipient.id(),
    };
    let public = PublicHalf::from_bytes(&recipient.to_montgomery()).map_err(unreadable)?;
    let (encapsulated, sealed) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            kind.info(),
            json,
            gate.as_str().as_bytes(),
            &mut Stretched::new(random),
        )
        .map_err(unreadable)?;
    let mut w = Writer::signed(kind.wire(), VERSION, FIELDS);
    w.text(gate.as_str());
    w.bytes(&recipient.id().0);
    w.bytes(&encapsulated.to_bytes());
    w.bytes(&sealed);
    let part = cose::seal(&w.finish(), writer);
    prefix(&part).map(|_| part)
}

impl SignedPart {
    /// Reads a part of this kind.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(kind: BundleKind, bytes: &[u8]) -> Result<Self, FormatError> {
        let sign1 = Sign1::parse(WHAT, bytes)?;
        let key = sign1.key_id(WHAT)?;
        let mut r = Reader::signed(WHAT, sign1.payload, kind.wire(), VERSION, FIELDS)?;
        let part = Self {
            kind,
            gate: r.code("gate")?,
            key,
            recipient: KeyId(r.exact("recipient")?),
            encapsulated: r.exact("encapsulated")?,
            sealed: r.bytes("sealed", PART_LEN_MAX)?.to_vec(),
            signed: sign1.to_signed(),
        };
        r.end()?;
        Ok(part)
    }

    /// Whose outbox, unbelieved.
    pub fn gate(&self) -> GateId {
        self.gate
    }

    /// The key that is said to have signed it.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Believes a part of records when `gate_key` signed it.
    ///
    /// # Errors
    /// When it did not.
    pub fn verify(self, gate_key: &PublicKey) -> Result<VerifiedPart, VerifyError> {
        if self.key != gate_key.id() {
            return Err(VerifyError::UnknownKey {
                what: WHAT,
                key: self.key,
            });
        }
        if self.signed.holds_for(gate_key) {
            Ok(VerifiedPart(self))
        } else {
            Err(VerifyError::BadSignature { what: WHAT })
        }
    }

    /// Believes a part of answers when one of `servers`' keys, valid at `now`, signed it.
    ///
    /// # Errors
    /// Says which key is unknown or whether the signature does not hold.
    pub fn verify_any(self, servers: &KeySet, now: UnixMs) -> Result<VerifiedPart, VerifyError> {
        servers.any(WHAT, self.key, now, |key| self.signed.holds_for(key))?;
        Ok(VerifiedPart(self))
    }
}

impl VerifiedPart {
    /// Whose outbox.
    pub fn gate(&self) -> GateId {
        self.0.gate
    }

    /// The JSON inside, byte for byte as it was sealed.
    ///
    /// # Errors
    /// When it is sealed for another key, or was changed.
    pub fn open(&self, own_key: &SigningKey) -> Result<Vec<u8>, SealError> {
        let part = &self.0;
        let own = Signer::public(own_key).id();
        if part.recipient != own {
            let got = part.recipient;
            return Err(SealError::OtherRecipient { got, own });
        }
        let unreadable = |_: HpkeError| SealError::Unreadable { own };
        let private = PrivateHalf::from_bytes(&own_key.to_scalar_bytes()).map_err(unreadable)?;
        let encapsulated = Encapsulated::from_bytes(&part.encapsulated).map_err(unreadable)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &private,
            &encapsulated,
            part.kind.info(),
            &part.sealed,
            part.gate.as_str().as_bytes(),
        )
        .map_err(unreadable)
    }
}

/// The caller's random bytes as the generator that HPKE asks for: SHA-256 over them and a counter.
struct Stretched {
    random: [u8; 32],
    block: u64,
}

impl Stretched {
    fn new(random: [u8; 32]) -> Self {
        Self { random, block: 0 }
    }

    fn next_block(&mut self) -> [u8; 32] {
        let block = Sha256::new()
            .chain_update(self.random)
            .chain_update(self.block.to_be_bytes())
            .finalize();
        self.block = self.block.wrapping_add(1);
        block.into()
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = self.next_block();
            chunk.copy_from_slice(block.get(..chunk.len()).unwrap_or_default());
        }
    }
}

impl TryRng for Stretched {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.take()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.take()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Stretched {}
