//! Vouchers: the server's signed answers to confirmations.
//!
//! ```text
//! entry voucher, signed by the server         exit voucher, signed by the server
//!   0 kind          5                            0 kind          6
//!   1 version       1                            1 version       1 or 2
//!   2 id            16 bytes                     2 id            16 bytes
//!   3 journey       16 bytes                     3 journey       16 bytes
//!   4 confirmation  16 bytes                     4 entry         16 bytes, the confirmation's id
//!   5 account       16 bytes                     5 exit          16 bytes, the confirmation's id
//!   6 station       text                         6 account       16 bytes
//!   7 line          text                         7 from          text, station
//!   8 entered at    unix ms                      8 to            text, station
//!   9 valid until   unix ms                      9 entered at    unix ms
//!  10 fare limit    [minor, currency]           10 left at       unix ms
//!                                               11 fare          [minor, currency]
//!                                               12 tariff        16 bytes
//!                                               13 steps         up to 16
//! ```
//! The steps of an exit voucher say how its fare came about; their minor units sum to it. In version 1 a step is an
//! English sentence, `[text, minor units]`; in version 2 it is [data](crate::fare_step). What has nothing but
//! sentences is written in version 1, so that an old voucher stays as it was, byte for byte.

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1};
use crate::fare_step::{FareReason, FareStep, STEP_TEXT_LEN_MAX};
use crate::{
    AccountId, FormatError, JourneyId, KeyId, KeySet, LineId, Money, RecordId, Signer, StationId,
    TariffHash, UnixMs, VerifyError, VoucherId,
};

/// Most steps that an exit voucher carries.
pub const STEPS_MAX: usize = 16;

const WHAT: &str = "voucher";
const ENTRY: &str = "entry voucher";
const EXIT: &str = "exit voucher";
const ENTRY_KIND: u64 = 5;
const EXIT_KIND: u64 = 6;
const VERSION: u64 = 1;
/// Of exit vouchers whose steps are data.
const VERSION_STEPS: u64 = 2;

/// A journey was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryVoucher {
    /// This voucher.
    pub id: VoucherId,
    /// The journey it opens.
    pub journey: JourneyId,
    /// The entry confirmation it answers.
    pub confirmation: RecordId,
    /// Who pays.
    pub account: AccountId,
    /// Where the rider entered.
    pub station: StationId,
    /// On which line.
    pub line: LineId,
    /// When, by the gate's clock.
    pub entered_at: UnixMs,
    /// Until when the journey may be finished without a supplement.
    pub valid_until: UnixMs,
    /// The most it may cost.
    pub fare_limit: Money,
}

/// A journey was closed and priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitVoucher {
    /// This voucher.
    pub id: VoucherId,
    /// The journey it closes.
    pub journey: JourneyId,
    /// The entry confirmation.
    pub entry: RecordId,
    /// The exit confirmation it answers.
    pub exit: RecordId,
    /// Who pays.
    pub account: AccountId,
    /// Where the rider entered.
    pub from: StationId,
    /// Where the rider left.
    pub to: StationId,
    /// When the rider entered.
    pub entered_at: UnixMs,
    /// When the rider left.
    pub left_at: UnixMs,
    /// What it costs.
    pub fare: Money,
    /// By which tariff.
    pub tariff: TariffHash,
    /// How the fare came about.
    pub steps: Vec<FareStep>,
}

/// What a voucher says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// A journey was opened.
    Entry(EntryVoucher),
    /// A journey was closed.
    Exit(ExitVoucher),
}

impl EntryVoucher {
    const FIELDS: u64 = 9;

    fn write(&self) -> Vec<u8> {
        let mut w = Writer::signed(ENTRY_KIND, VERSION, Self::FIELDS);
        w.bytes(&self.id.0);
        w.bytes(&self.journey.0);
        w.bytes(&self.confirmation.0);
        w.bytes(&self.account.0);
        w.text(self.station.as_str());
        w.text(self.line.as_str());
        w.int(self.entered_at.0);
        w.int(self.valid_until.0);
        w.money(self.fare_limit);
        w.finish()
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let mut r = Reader::signed(ENTRY, payload, ENTRY_KIND, VERSION, Self::FIELDS)?;
        let voucher = Self {
            id: VoucherId(r.exact("id")?),
            journey: JourneyId(r.exact("journey")?),
            confirmation: RecordId(r.exact("confirmation")?),
            account: AccountId(r.exact("account")?),
            station: r.code("station")?,
            line: r.code("line")?,
            entered_at: UnixMs(r.int("entered at")?),
            valid_until: UnixMs(r.int("valid until")?),
            fare_limit: r.money("fare limit")?,
        };
        r.end()?;
        Ok(voucher)
    }
}

impl ExitVoucher {
    const FIELDS: u64 = 12;

    fn write(&self) -> Vec<u8> {
        let sentences: Option<Vec<_>> = self.steps.iter().map(sentence).collect();
        let version = sentences.as_ref().map_or(VERSION_STEPS, |_| VERSION);
        let mut w = Writer::signed(EXIT_KIND, version, Self::FIELDS);
        w.bytes(&self.id.0);
        w.bytes(&self.journey.0);
        w.bytes(&self.entry.0);
        w.bytes(&self.exit.0);
        w.bytes(&self.account.0);
        w.text(self.from.as_str());
        w.text(self.to.as_str());
        w.int(self.entered_at.0);
        w.int(self.left_at.0);
        w.money(self.fare);
        w.bytes(&self.tariff.0);
        w.nested(u64::try_from(self.steps.len()).unwrap_or(u64::MAX));
        match sentences {
            Some(sentences) => {
                for (text, minor) in sentences {
                    w.nested(2);
                    w.text(text);
                    w.int(minor);
                }
            }
            None => self.steps.iter().for_each(|step| step.write(&mut w)),
        }
        w.finish()
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let (_, version) = Reader::kind_and_version(EXIT, payload)?;
        let known = version.clamp(VERSION, VERSION_STEPS);
        let mut r = Reader::signed(EXIT, payload, EXIT_KIND, known, Self::FIELDS)?;
        let mut voucher = Self {
            id: VoucherId(r.exact("id")?),
            journey: JourneyId(r.exact("journey")?),
            entry: RecordId(r.exact("entry")?),
            exit: RecordId(r.exact("exit")?),
            account: AccountId(r.exact("account")?),
            from: r.code("from")?,
            to: r.code("to")?,
            entered_at: UnixMs(r.int("entered at")?),
            left_at: UnixMs(r.int("left at")?),
            fare: r.money("fare")?,
            tariff: TariffHash(r.exact("tariff")?),
            steps: Vec::new(),
        };
        for _ in 0..r.list("steps", STEPS_MAX as u64)? {
            voucher.steps.push(match version {
                VERSION => read_sentence(&mut r)?,
                _ => FareStep::read(&mut r)?,
            });
        }
        r.end()?;
        Ok(voucher)
    }
}

/// A step that is a sentence and nothing more.
fn sentence(step: &FareStep) -> Option<(&str, i64)> {
    if let FareReason::Said { text } = &step.reason {
        Some((text, step.minor))
    } else {
        None
    }
}

fn read_sentence(r: &mut Reader<'_>) -> Result<FareStep, FormatError> {
    r.nested("steps", 2)?;
    let text = r.text("steps", STEP_TEXT_LEN_MAX)?.to_owned();
    let minor = r.int("steps")?;
    Ok(FareStep {
        reason: FareReason::Said { text },
        minor,
    })
}

impl Voucher {
    /// The voucher in its envelope.
    pub fn sign(&self, server_key: &dyn Signer) -> Vec<u8> {
        let payload = match self {
            Self::Entry(voucher) => voucher.write(),
            Self::Exit(voucher) => voucher.write(),
        };
        cose::seal(&payload, server_key)
    }

    /// Reads an envelope without believing it; answers the key said to have signed it.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<(Self, KeyId), FormatError> {
        let sign1 = Sign1::parse(WHAT, bytes)?;
        let key = sign1.key_id(WHAT)?;
        let voucher = match Reader::kind(WHAT, sign1.payload)? {
            EXIT_KIND => Self::Exit(ExitVoucher::read(sign1.payload)?),
            // Anything else is read as an entry voucher and refused at its kind.
            _ => Self::Entry(EntryVoucher::read(sign1.payload)?),
        };
        Ok((voucher, key))
    }

    /// Whether one of `servers`' keys, valid at `now`, signed the envelope `bytes`.
    ///
    /// # Errors
    /// Says which key is unknown or whether the signature does not hold.
    pub fn verify(bytes: &[u8], servers: &KeySet, now: UnixMs) -> Result<(), VerifyError> {
        let bad = VerifyError::BadSignature { what: WHAT };
        let sign1 = Sign1::parse(WHAT, bytes).map_err(|_| bad.clone())?;
        let key = sign1.key_id(WHAT).map_err(|_| bad)?;
        servers.any(WHAT, key, now, |key| sign1.holds_for(key))
    }
}
