//! The paper code: a printed ticket for one journey, which the server signs and gates verify with no network. Nobody's
//! phone is behind it: it is an account of its own, on which lies what was paid for it.
//!
//! As text it is `FT1:` followed by the base45 (RFC 9285) of an envelope of [`crate`]'s profile:
//!
//! ```text
//! paper code, signed by the server
//!   0 kind          14                        4 value        [minor units, currency], more than zero
//!   1 version       1                         5 valid from   unix ms
//!   2 account       16 bytes, begins ff ff    6 valid for    ms from 5, 1 .. 7 days
//!                   ff ff
//!   3 rider class   0 .. 5
//! ```
//! It opens one entry and one exit. At both the same text is shown, so each has a code reference of its own: the hash of
//! what was signed and one byte more, 0 for the entry and 1 for the exit.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1, Signed};
use crate::{
    AccountId, CodeRef, Direction, FormatError, KeyId, KeySet, Millis, Money, Problem, RiderClass,
    Signer, Stamp, UnixMs, VerifyError,
};

/// What every paper code's text begins with.
pub const PREFIX: &str = "FT1:";

/// Longest text of a paper code: what a version 8-M QR code holds in alphanumeric mode.
pub const TEXT_LEN_MAX: usize = 221;

/// Longest time for which a paper code is good: as long as a gate remembers by itself who went through.
pub const VALID_FOR_MAX: Millis = Millis(7 * 86_400_000);

/// How the accounts of paper codes begin. Those of others are random, and one in four thousand million begins so too:
/// that somebody has such an account means that it may be one, and no more.
const ACCOUNT_MARK: [u8; 4] = [0xff; 4];

const WHAT: &str = "paper code";
const KIND: u64 = 14;
const VERSION: u64 = 1;

/// What a paper code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperCode {
    /// Its own account, on which its value lies.
    pub account: AccountId,
    /// The fares that apply.
    pub class: RiderClass,
    /// What was paid for it: the most that its journey may cost.
    pub value: Money,
    /// First moment at which it lets somebody in.
    pub valid_from: UnixMs,
    /// First moment at which it lets nobody in any more. Who is inside may still leave.
    pub valid_until: UnixMs,
}

/// A well-formed paper code, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPaperCode {
    code: PaperCode,
    key: KeyId,
    signed: Signed,
}

/// A paper code that the server signed. Only [`SignedPaperCode::verify_within`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedPaperCode {
    code: PaperCode,
    entry_ref: CodeRef,
    exit_ref: CodeRef,
}

impl PaperCode {
    const FIELDS: u64 = 5;

    /// An account for a paper code, from random bytes.
    pub fn account(random: [u8; 16]) -> AccountId {
        let mut account = random;
        if let Some(mark) = account.first_chunk_mut() {
            *mark = ACCOUNT_MARK;
        }
        AccountId(account)
    }

    /// Whether an account may be that of a paper code. Of others it is as good as never true.
    pub fn may_have(account: AccountId) -> bool {
        account.0.starts_with(&ACCOUNT_MARK)
    }

    /// The paper code's text, signed by the server.
    pub fn seal(&self, server_key: &dyn Signer) -> String {
        let mut w = Writer::signed(KIND, VERSION, Self::FIELDS);
        w.bytes(&self.account.0);
        w.uint(self.class.wire());
        w.money(self.value);
        w.int(self.valid_from.0);
        w.int(self.valid_until.since(self.valid_from));
        let sealed = cose::seal(&w.finish(), server_key);
        format!("{PREFIX}{}", base45::encode(sealed))
    }

    /// Whether `scanned` claims to be a paper code at all.
    pub fn is_claimed_by(scanned: &[u8]) -> bool {
        scanned.starts_with(PREFIX.as_bytes())
    }

    /// Reads what a camera or scanner delivered. White space at the end is a scanner's and ignored.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(scanned: &[u8]) -> Result<SignedPaperCode, FormatError> {
        let sealed = crate::text::decode(WHAT, PREFIX, TEXT_LEN_MAX, scanned.trim_ascii_end())?;
        let sign1 = Sign1::parse(WHAT, &sealed)?;
        Ok(SignedPaperCode {
            code: Self::read(sign1.payload)?,
            key: sign1.key_id(WHAT)?,
            signed: sign1.to_signed(),
        })
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let mut r = Reader::signed(WHAT, payload, KIND, VERSION, Self::FIELDS)?;
        let account = AccountId(r.exact("account")?);
        if !Self::may_have(account) {
            return Err(r.error("account", Problem::OutOfRange));
        }
        let class = RiderClass::read(&mut r)?;
        let value = r.money("value")?;
        if value.minor <= 0 {
            return Err(r.error("value", Problem::OutOfRange));
        }
        let valid_from = UnixMs(r.int("valid from")?);
        let valid_for = Millis(r.u32("valid for")?);
        let valid_until = valid_from.after(valid_for);
        let overflows = valid_until.since(valid_from) != i64::from(valid_for.0);
        if valid_for.0 == 0 || valid_for > VALID_FOR_MAX || overflows {
            return Err(r.error("valid for", Problem::OutOfRange));
        }
        r.end()?;
        Ok(Self {
            account,
            class,
            value,
            valid_from,
            valid_until,
        })
    }
}

impl SignedPaperCode {
    /// What it says, unbelieved: for diagnosis only.
    pub fn code(&self) -> &PaperCode {
        &self.code
    }

    /// Believes the paper code when one of `servers`' keys that may be valid now signed it. Says nothing about its time.
    ///
    /// # Errors
    /// Says which key is unknown, or that the signature does not hold.
    pub fn verify_within(
        self,
        servers: &KeySet,
        now: Stamp,
    ) -> Result<VerifiedPaperCode, VerifyError> {
        servers.any_within(WHAT, self.key, now, |key| self.signed.holds_for(key))?;
        // Over what was signed, so that no other spelling of it is another one.
        let of = |way: u8| CodeRef::of(&[self.signed.message.as_slice(), &[way]].concat());
        Ok(VerifiedPaperCode {
            code: self.code,
            entry_ref: of(0),
            exit_ref: of(1),
        })
    }
}

impl VerifiedPaperCode {
    /// What it says, believed.
    pub fn code(&self) -> &PaperCode {
        &self.code
    }

    /// Names its use in this direction without being it.
    pub fn code_ref(&self, direction: Direction) -> CodeRef {
        match direction {
            Direction::Entry => self.entry_ref,
            Direction::Exit => self.exit_ref,
        }
    }
}
