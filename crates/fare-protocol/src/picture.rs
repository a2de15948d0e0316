//! The picture: the exit credential of an open journey, which the server signs beside the entry voucher
//! and the phone keeps. It is shown at the exit as it is, with no network and no key of the phone's.
//!
//! As text it is `FP1:` followed by the base45 (RFC 9285) of an envelope of [`crate`]'s profile:
//!
//! ```text
//! picture, signed by the server
//!   0 kind          11                         8 entered at   unix ms, the entry gate's clock
//!   1 version       1, 2 or 3                  9 made after   ms from 8, may be negative
//!   2 journey       16 bytes                  10 valid for    ms from 8, 1 .. 86 400 000
//!   3 entry         16 bytes, the entry       11 paid before  null, or an array of
//!                   confirmation's id            0 tariff     16 bytes
//!   4 account       16 bytes                     1 caps       up to 8 of minor units
//!   5 rider class   0 .. 5                       2 discounts  up to 8 of [minor units, journeys]
//!   6 station       text                         3 chain      null, or [rule or null, from, entered,
//!   7 line          text                                      last entered, last to, last left,
//!                                                             journeys, minor units, metres]
//!                                             12 balance      from version 2 on: [minor units, currency],
//!                                                             or null in version 3
//!                                             13 products     version 3 alone: 1 to 6 of
//!                                                0 offer      text
//!                                                1 covers     [0] pass, [1, rides] multi-ride, coupon
//!                                                             [2, uses, minor units], [3, uses, per cent]
//!                                                2 used       journeys
//!                                                3 most       null, or minor units of one journey
//!                                                4 zones      up to 8 of text
//! ```
//! *Paid before* is what the account's earlier journeys mean for this one's price, by one tariff: with it a
//! gate comes to the same fare as the server, as of the moment at which the picture was made. Times of the
//! chain are ms before 8. *Balance* is what was left of the account's stored value when the picture was made, less the
//! fares not yet taken from it; below zero the account owes. An account that pays otherwise has a picture of version 1.
//! *Products* are those that may pay for this journey, in the order of use, by the tariff of *paid before*.
//! An account without such has a picture of version 1 or 2.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1, Signed};
use crate::product::IN_HAND_MAX;
use crate::{
    AccountId, CodeRef, FormatError, InHand, JourneyId, KeyId, KeySet, LineId, Millis, Money,
    Problem, RecordId, RiderClass, Signer, Stamp, StationId, TariffHash, UnixMs, VerifyError,
};
use serde::{Deserialize, Serialize};

/// What every picture's text begins with.
pub const PREFIX: &str = "FP1:";

/// Longest text of a picture: what a version 15-L QR code holds in alphanumeric mode. A usual one has at
/// most the 535 characters of version 12.
pub const TEXT_LEN_MAX: usize = 758;

/// Longest time for which a picture is good.
pub const VALID_FOR_MAX: Millis = Millis(86_400_000);

/// Most caps, and most discounts, of which a picture tells.
pub const PAID_LIST_MAX: usize = 8;

const WHAT: &str = "picture";
const KIND: u64 = 11;
const VERSION: u64 = 1;
/// Of pictures with a balance.
const VERSION_BALANCE: u64 = 2;
/// Of pictures with products.
const VERSION_PRODUCTS: u64 = 3;

/// What a picture says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The journey that the entry voucher opened.
    pub journey: JourneyId,
    /// The entry confirmation that opened it.
    pub entry: RecordId,
    /// Who pays.
    pub account: AccountId,
    /// The fares that apply.
    pub class: RiderClass,
    /// Where the rider entered.
    pub station: StationId,
    /// On which line.
    pub line: LineId,
    /// When, by that gate's clock.
    pub entered_at: UnixMs,
    /// When the server made it: what it knew of the account is as of then.
    pub as_of: UnixMs,
    /// First moment at which gates take it no longer.
    pub valid_until: UnixMs,
    /// What the account paid before, as far as it matters for the price; absent when that does not fit.
    pub paid_before: Option<PaidBefore>,
    /// What was left of the account's stored value when the picture was made; absent when it pays otherwise.
    pub balance: Option<Money>,
    /// Products that may pay for the journey, in the order of use: those valid at its entry of which something
    /// is left. They mean something beside `paid_before` alone, whose tariff is theirs.
    pub products: Vec<InHand>,
}

/// What an account's earlier journeys mean for the price of one that begins now, by one tariff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidBefore {
    /// By which one: the lists below follow its caps and discounts.
    pub tariff: TariffHash,
    /// Paid in the span and zones of each cap, in minor units.
    pub caps: Vec<i64>,
    /// Paid, and journeys made, in the span of each discount.
    pub discounts: Vec<(i64, u32)>,
    /// The chain of the day's journeys that this one may go on from.
    pub chain: Option<ChainBefore>,
}

/// Journeys, each of which went on from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainBefore {
    /// The transfer rule by which they were joined; none when there is one journey alone.
    pub rule: Option<u8>,
    /// Where the first one began.
    pub from: StationId,
    /// When the first one began.
    pub entered_at: UnixMs,
    /// When the last one began; the first one, where the rule's time limit begins there.
    pub last_entered_at: UnixMs,
    /// Where the last one ended.
    pub last_to: StationId,
    /// When the last one ended; the first one, where the rule's time limit begins there.
    pub last_left_at: UnixMs,
    /// How many they are.
    pub journeys: u32,
    /// What they cost together, in minor units.
    pub minor: i64,
    /// How long they are together, where fares are by distance.
    pub metres: u32,
}

/// A well-formed picture, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPicture {
    picture: Picture,
    key: KeyId,
    signed: Signed,
}

/// A picture that the server signed. Only [`SignedPicture::verify_within`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPicture {
    picture: Picture,
    code_ref: CodeRef,
}

impl ChainBefore {
    const FIELDS: u64 = 9;

    fn write(&self, entered_at: UnixMs, w: &mut Writer) {
        w.nested(Self::FIELDS);
        match self.rule {
            Some(rule) => w.uint(rule.into()),
            None => w.null(),
        }
        w.text(self.from.as_str());
        w.int(entered_at.since(self.entered_at));
        w.int(entered_at.since(self.last_entered_at));
        w.text(self.last_to.as_str());
        w.int(entered_at.since(self.last_left_at));
        w.uint(self.journeys.into());
        w.int(self.minor);
        w.uint(self.metres.into());
    }

    fn read(entered_at: UnixMs, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.nested("chain", Self::FIELDS)?;
        Ok(Self {
            rule: r.optional("chain, rule", |r| r.u8("chain, rule"))?,
            from: r.code("chain, from")?,
            entered_at: moment(r, "chain, entered", entered_at, -1)?,
            last_entered_at: moment(r, "chain, last entered", entered_at, -1)?,
            last_to: r.code("chain, last to")?,
            last_left_at: moment(r, "chain, last left", entered_at, -1)?,
            journeys: r.u32("chain, journeys")?,
            minor: r.int("chain, minor units")?,
            metres: r.u32("chain, metres")?,
        })
    }
}

impl PaidBefore {
    const FIELDS: u64 = 4;

    /// Whether a picture can carry it.
    pub fn fits(&self) -> bool {
        self.caps.len() <= PAID_LIST_MAX && self.discounts.len() <= PAID_LIST_MAX
    }

    fn write(&self, entered_at: UnixMs, w: &mut Writer) {
        w.nested(Self::FIELDS);
        w.bytes(&self.tariff.0);
        w.nested(length(&self.caps));
        for minor in &self.caps {
            w.int(*minor);
        }
        w.nested(length(&self.discounts));
        for (minor, journeys) in &self.discounts {
            w.nested(2);
            w.int(*minor);
            w.uint((*journeys).into());
        }
        match &self.chain {
            Some(chain) => chain.write(entered_at, w),
            None => w.null(),
        }
    }

    fn read(entered_at: UnixMs, r: &mut Reader<'_>) -> Result<Self, FormatError> {
        r.nested("paid before", Self::FIELDS)?;
        let tariff = TariffHash(r.exact("tariff")?);
        let most = PAID_LIST_MAX as u64;
        let caps = (0..r.list("caps", most)?).map(|_| r.int("caps"));
        let caps = caps.collect::<Result<_, _>>()?;
        let mut discounts = Vec::new();
        for _ in 0..r.list("discounts", most)? {
            r.nested("discounts", 2)?;
            discounts.push((r.int("discounts")?, r.u32("discounts")?));
        }
        let chain = r.optional("chain", |r| ChainBefore::read(entered_at, r))?;
        Ok(Self {
            tariff,
            caps,
            discounts,
            chain,
        })
    }
}

impl Picture {
    const FIELDS: u64 = 10;

    /// The picture's text, signed by the server; at most [`TEXT_LEN_MAX`] characters: where it would be
    /// longer it says nothing of products.
    pub fn seal(&self, server_key: &dyn Signer) -> String {
        let whole = self.seal_with(&self.products, server_key);
        if self.products.is_empty() || whole.len() <= TEXT_LEN_MAX {
            return whole;
        }
        self.seal_with(&[], server_key)
    }

    fn seal_with(&self, products: &[InHand], server_key: &dyn Signer) -> String {
        let version = match (products.is_empty(), self.balance) {
            (false, _) => VERSION_PRODUCTS,
            (true, Some(_)) => VERSION_BALANCE,
            (true, None) => VERSION,
        };
        let fields = Self::fields(version);
        let mut w = Writer::signed(KIND, version, fields);
        w.bytes(&self.journey.0);
        w.bytes(&self.entry.0);
        w.bytes(&self.account.0);
        w.uint(self.class.wire());
        w.text(self.station.as_str());
        w.text(self.line.as_str());
        w.int(self.entered_at.0);
        w.int(self.as_of.since(self.entered_at));
        w.int(self.valid_until.since(self.entered_at));
        match &self.paid_before {
            Some(paid) => paid.write(self.entered_at, &mut w),
            None => w.null(),
        }
        match self.balance {
            Some(balance) => w.money(balance),
            None if version == VERSION_PRODUCTS => w.null(),
            None => {}
        }
        if version == VERSION_PRODUCTS {
            w.nested(length(products));
            products.iter().for_each(|product| product.write(&mut w));
        }
        let sealed = cose::seal(&w.finish(), server_key);
        format!("{PREFIX}{}", base45::encode(sealed))
    }

    /// Whether `scanned` claims to be a picture at all.
    pub fn is_claimed_by(scanned: &[u8]) -> bool {
        scanned.starts_with(PREFIX.as_bytes())
    }

    /// Reads what a camera or scanner delivered. White space at the end is a scanner's and ignored.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(scanned: &[u8]) -> Result<SignedPicture, FormatError> {
        let sealed = crate::text::decode(WHAT, PREFIX, TEXT_LEN_MAX, scanned.trim_ascii_end())?;
        let sign1 = Sign1::parse(WHAT, &sealed)?;
        Ok(SignedPicture {
            picture: Self::read(sign1.payload)?,
            key: sign1.key_id(WHAT)?,
            signed: sign1.to_signed(),
        })
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let (_, version) = Reader::kind_and_version(WHAT, payload)?;
        let version = version.clamp(VERSION, VERSION_PRODUCTS);
        let fields = Self::fields(version);
        let mut r = Reader::signed(WHAT, payload, KIND, version, fields)?;
        let journey = JourneyId(r.exact("journey")?);
        let entry = RecordId(r.exact("entry")?);
        let account = AccountId(r.exact("account")?);
        let class = RiderClass::read(&mut r)?;
        let station = r.code("station")?;
        let line = r.code("line")?;
        let entered_at = UnixMs(r.int("entered at")?);
        let as_of = moment(&mut r, "made after", entered_at, 1)?;
        let valid_for = Millis(r.u32("valid for")?);
        let valid_until = entered_at.after(valid_for);
        let overflows = valid_until.since(entered_at) != i64::from(valid_for.0);
        if valid_for.0 == 0 || valid_for > VALID_FOR_MAX || overflows {
            return Err(r.error("valid for", Problem::OutOfRange));
        }
        let paid_before = r.optional("paid before", |r| PaidBefore::read(entered_at, r))?;
        let balance = match version {
            VERSION_PRODUCTS => r.optional("balance", |r| r.money("balance"))?,
            VERSION_BALANCE => Some(r.money("balance")?),
            _ => None,
        };
        let products = match version {
            VERSION_PRODUCTS => products(&mut r)?,
            _ => Vec::new(),
        };
        r.end()?;
        Ok(Self {
            journey,
            entry,
            account,
            class,
            station,
            line,
            entered_at,
            as_of,
            valid_until,
            paid_before,
            balance,
            products,
        })
    }

    /// How many fields follow this version: each version has one more than the one before.
    fn fields(version: u64) -> u64 {
        Self::FIELDS.saturating_add(version).saturating_sub(VERSION)
    }
}

fn products(r: &mut Reader<'_>) -> Result<Vec<InHand>, FormatError> {
    const FIELD: &str = "products";
    let most = u64::try_from(IN_HAND_MAX).unwrap_or(u64::MAX);
    let count = r.list(FIELD, most)?;
    if count == 0 {
        return Err(r.error(FIELD, Problem::OutOfRange));
    }
    (0..count).map(|_| InHand::read(r)).collect()
}

/// A moment written as so many ms after (`sign` 1) or before (-1) another.
fn moment(
    r: &mut Reader<'_>,
    field: &'static str,
    from: UnixMs,
    sign: i64,
) -> Result<UnixMs, FormatError> {
    let apart = r.int(field)?;
    let at = apart
        .checked_mul(sign)
        .and_then(|apart| from.0.checked_add(apart));
    at.map(UnixMs)
        .ok_or_else(|| r.error(field, Problem::OutOfRange))
}

fn length<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

impl SignedPicture {
    /// What it says, unbelieved: for diagnosis only.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Believes the picture when one of `servers`' keys that may be valid now signed it. Says nothing about
    /// its time.
    ///
    /// # Errors
    /// Says which key is unknown, or that the signature does not hold.
    pub fn verify_within(
        self,
        servers: &KeySet,
        now: Stamp,
    ) -> Result<VerifiedPicture, VerifyError> {
        servers.any_within(WHAT, self.key, now, |key| self.signed.holds_for(key))?;
        // Over what was signed, so that no other spelling of a picture is another one.
        let code_ref = CodeRef::of(&self.signed.message);
        Ok(VerifiedPicture {
            picture: self.picture,
            code_ref,
        })
    }
}

impl VerifiedPicture {
    /// What it says, believed.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Names it without being it.
    pub fn code_ref(&self) -> CodeRef {
        self.code_ref
    }
}
