//! The ride code: made on the phone with no network, verified at the gate with no network.
//!
//! As text it is `FG1:` followed by the base45 (RFC 9285) of a COSE_Sign1, so that it fills a QR
//! code in alphanumeric mode and survives scanners that type what they read. Two parts, each an
//! envelope of [`crate`]'s profile around a CBOR array:
//!
//! ```text
//! device part, signed by the phone's key     issuer part, signed by the issuer's key
//!   0 kind            1                        0 kind            2
//!   1 version         1                        1 version         1
//!   2 issuer part     bytes (the envelope)     2 account         16 bytes
//!   3 made at         unix ms                  3 device key      32 bytes, Ed25519
//!   4 counter         0 .. 2^32-1              4 rider class     0 .. 5
//!                                              5 fare limit      [minor units, currency]
//!                                              6 lifetime        ms a code lives, 1 .. 600 000
//!                                              7 not after       unix ms
//! ```
//! The envelope of the issuer part names the issuer's key; that of the device part names none, for
//! its key is in the issuer part. The device signs the issuer part whole, so neither part can be
//! moved to another code.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1, Signed};
use crate::{
    AccountId, CodeRef, FormatError, KeyId, KeySet, Millis, Money, Problem, PublicKey, Signer,
    Stamp, UnixMs, VerifyError,
};
use serde::{Deserialize, Serialize};

/// What every ride code's text begins with.
pub const PREFIX: &str = "FG1:";

/// Longest text of a ride code: what a version 10-L QR code holds in alphanumeric mode.
pub const TEXT_LEN_MAX: usize = 395;

/// Longest lifetime an issuer may give one code.
pub const LIFETIME_MAX: Millis = Millis(600_000);

const DEVICE_PART: &str = "ride code, device part";
const ISSUER_PART: &str = "ride code, issuer part";
const DEVICE_KIND: u64 = 1;
const ISSUER_KIND: u64 = 2;
const VERSION: u64 = 1;

/// Which fares a rider pays; the number is the one on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum RiderClass {
    /// Full fare.
    Adult = 0,
    /// A child.
    Child = 1,
    /// A student.
    Student = 2,
    /// A senior citizen.
    Senior = 3,
    /// A person with a disability.
    Disabled = 4,
    /// An employee on duty.
    Staff = 5,
}

/// What the issuer says about a rider and the rider's phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerPart {
    /// Who pays.
    pub account: AccountId,
    /// The key that the phone made and keeps.
    pub device_key: PublicKey,
    /// The fares that apply.
    pub class: RiderClass,
    /// The most that one journey may cost without asking the server.
    pub fare_limit: Money,
    /// How long each code lives from its making.
    pub lifetime: Millis,
    /// First moment at which the issuer stands for it no longer.
    pub not_after: UnixMs,
}

/// A well-formed ride code: claims, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RideCode {
    claims: Claims,
    issuer_key: KeyId,
    issuer: Signed,
    device: Signed,
}

/// A ride code whose two signatures hold. Only [`RideCode::verify`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedRideCode(Claims);

/// What a ride code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The issuer's part.
    pub issuer: IssuerPart,
    /// When the phone made the code.
    pub made_at: UnixMs,
    /// Counts the codes of this device key; a later code has a higher one.
    pub counter: u32,
    /// Names the code without being it.
    pub code_ref: CodeRef,
}

impl RiderClass {
    /// All classes in the order of their wire numbers.
    pub const ALL: [Self; 6] = [
        Self::Adult,
        Self::Child,
        Self::Student,
        Self::Senior,
        Self::Disabled,
        Self::Staff,
    ];

    /// As explanations and files call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Child => "child",
            Self::Student => "student",
            Self::Senior => "senior",
            Self::Disabled => "disabled",
            Self::Staff => "staff",
        }
    }

    pub(crate) fn wire(self) -> u64 {
        let (Self::Adult
        | Self::Child
        | Self::Student
        | Self::Senior
        | Self::Disabled
        | Self::Staff) = self;
        u64::from(self as u8)
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let number = r.u8("rider class")?;
        let class = Self::ALL.get(usize::from(number)).copied();
        class.ok_or_else(|| r.error("rider class", Problem::OutOfRange))
    }
}

impl IssuerPart {
    const FIELDS: u64 = 6;

    /// The issuer's envelope around these claims: what a phone is given and keeps.
    pub fn seal(&self, issuer: &dyn Signer) -> Vec<u8> {
        let mut w = Writer::signed(ISSUER_KIND, VERSION, Self::FIELDS);
        w.bytes(&self.account.0);
        w.bytes(&self.device_key.to_bytes());
        w.uint(self.class.wire());
        w.money(self.fare_limit);
        w.uint(self.lifetime.0.into());
        w.int(self.not_after.0);
        cose::seal(&w.finish(), issuer)
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let mut r = Reader::signed(ISSUER_PART, payload, ISSUER_KIND, VERSION, Self::FIELDS)?;
        let account = AccountId(r.exact("account")?);
        let device_key = PublicKey::from_bytes(&r.exact("device key")?)
            .ok_or_else(|| r.error("device key", Problem::OutOfRange))?;
        let class = RiderClass::read(&mut r)?;
        let fare_limit = r.money("fare limit")?;
        if fare_limit.minor < 0 {
            return Err(r.error("fare limit", Problem::OutOfRange));
        }
        let lifetime = Millis(r.u32("lifetime")?);
        if lifetime.0 == 0 || lifetime > LIFETIME_MAX {
            return Err(r.error("lifetime", Problem::OutOfRange));
        }
        let not_after = UnixMs(r.int("not after")?);
        r.end()?;
        Ok(Self {
            account,
            device_key,
            class,
            fare_limit,
            lifetime,
            not_after,
        })
    }
}

impl RideCode {
    const DEVICE_FIELDS: u64 = 3;

    /// The text of a new code: `issuer_part` as [`IssuerPart::seal`] made it, signed over together
    /// with `made_at` and `counter` by the phone's own key.
    pub fn make(issuer_part: &[u8], made_at: UnixMs, counter: u32, device: &dyn Signer) -> String {
        let mut w = Writer::signed(DEVICE_KIND, VERSION, Self::DEVICE_FIELDS);
        w.bytes(issuer_part);
        w.int(made_at.0);
        w.uint(counter.into());
        let sealed = cose::seal_without_key_id(&w.finish(), device);
        format!("{PREFIX}{}", base45::encode(sealed))
    }

    /// Whether `scanned` claims to be a ride code at all.
    pub fn is_claimed_by(scanned: &[u8]) -> bool {
        scanned.starts_with(PREFIX.as_bytes())
    }

    /// Reads what a camera or scanner delivered. White space at the end is a scanner's and ignored;
    /// base45 itself never ends in a space.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(scanned: &[u8]) -> Result<Self, FormatError> {
        let text = scanned.trim_ascii_end();
        let sealed = crate::text::decode("ride code", PREFIX, TEXT_LEN_MAX, text)?;
        let device = Sign1::parse(DEVICE_PART, &sealed)?;
        device.no_key_id(DEVICE_PART)?;
        let mut r = Reader::signed(
            DEVICE_PART,
            device.payload,
            DEVICE_KIND,
            VERSION,
            Self::DEVICE_FIELDS,
        )?;
        let issuer_sealed = r.bytes("issuer part", sealed.len())?;
        let made_at = UnixMs(r.int("made at")?);
        let counter = r.u32("counter")?;
        r.end()?;
        let issuer = Sign1::parse(ISSUER_PART, issuer_sealed)?;
        let device = device.to_signed();
        let claims = Claims {
            issuer: IssuerPart::read(issuer.payload)?,
            made_at,
            counter,
            // Over what was signed, so that no other spelling of a code is another code.
            code_ref: CodeRef::of(&device.message),
        };
        Ok(Self {
            claims,
            issuer_key: issuer.key_id(ISSUER_PART)?,
            issuer: issuer.to_signed(),
            device,
        })
    }

    /// The claims, unbelieved: for diagnosis only.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Believes the code when an issuer key valid at `now` signed the issuer part, and the device
    /// key named there signed the whole. Says nothing about the code's age.
    ///
    /// # Errors
    /// Says which signature does not hold, or which key is unknown.
    pub fn verify(&self, issuers: &KeySet, now: UnixMs) -> Result<VerifiedRideCode, VerifyError> {
        let error_ms = Millis(0);
        self.verify_within(issuers, Stamp { at: now, error_ms })
    }

    /// The same by a clock that may be off: an issuer key counts that may be valid.
    ///
    /// # Errors
    /// As there.
    pub fn verify_within(
        &self,
        issuers: &KeySet,
        now: Stamp,
    ) -> Result<VerifiedRideCode, VerifyError> {
        let holds = |key: &PublicKey| self.issuer.holds_for(key);
        issuers.any_within(ISSUER_PART, self.issuer_key, now, holds)?;
        if !self.device.holds_for(&self.claims.issuer.device_key) {
            return Err(VerifyError::BadSignature { what: DEVICE_PART });
        }
        Ok(VerifiedRideCode(self.claims))
    }
}

impl VerifiedRideCode {
    /// The claims, believed.
    pub fn claims(&self) -> &Claims {
        &self.0
    }
}
