//! Records: what a gate signs and keeps. Each is one link of the gate's chain.
//!
//! ```text
//! record, signed by the gate's key (the envelope names it)
//!   0 kind            3 confirmation, 4 passage, 10 mode change, 12 let through,
//!                     13 configuration
//!   1 version         1; 2 for a confirmation that names an entry
//!   2 id              16 bytes, UUIDv7, made at the gate
//!   3 gate            text
//!   4 seq             1, 2, 3 ... without gaps
//!   5 previous        32 bytes, SHA-256 of the envelope of seq - 1; zeros for the first
//!   6 at              unix ms, the gate's clock
//!   7 clock error     ms, bound either way
//! confirmation adds                          passage adds
//!   8 direction       0 entry, 1 exit          8 confirmation   16 bytes, its id, or a let through's
//!   9 code reference  16 bytes                 9 outcome        0 passed, 1 annulled: nobody went
//!  10 account         16 bytes                                  through in time, 2 annulled: staff
//!  11 rider class     0 .. 5                                    or shutdown, 3 annulled: the barrier
//!  12 location        [station, line, lane,                     did not open, 4 unknown (power cut)
//!                      lat e7, lon e7]
//!  13 mode            0 .. 7
//!  14 fare quoted     [minor, currency] or null
//!  15 tariff          16 bytes or null
//!  16 rules           number of the lane rules' version
//!  17 entry           version 2 alone: 16 bytes, the entry confirmation of the picture that was shown, or of
//!                     the journey that the server told of a pay code
//! mode change adds
//!   8 entry mode      0 .. 7                10 source         0 staff, 1 server, 2 fire input
//!   9 exit mode       0 .. 7                11 command        16 bytes, the server's, or null
//!                                           12 reason         text, 1 to 60 bytes
//! let through adds
//!   8 direction       0 entry, 1 exit         10 command        16 bytes, the server's, or null
//!   9 source          0 staff, 1 server       11 reason         text, 1 to 60 bytes
//! configuration adds
//!   8 command         16 bytes, the server's
//!   9 outcome         0 live, 1 refused, 2 rolled back, 3 set aside
//!  10 in force        32 bytes, SHA-256 of the configuration that is in force now
//!  11 why             text, at most 160 bytes
//! ```

use crate::cbor::{Reader, Writer};
#[cfg(feature = "batch")]
use crate::cose::Signed;
use crate::cose::{self, Sign1};
use crate::{
    AccountId, CodeRef, ConfigChange, FormatError, GateId, KeyId, LetThrough, Location, Millis,
    Mode, ModeChange, Money, Problem, PublicKey, RecordId, RiderClass, Signer, Stamp, TariffHash,
    UnixMs, VerifyError,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longest envelope of a record, in bytes.
pub const RECORD_LEN_MAX: usize = 512;

const WHAT: &str = "record";
const CONFIRMATION: &str = "confirmation";
const PASSAGE: &str = "passage";
const CONFIRMATION_KIND: u64 = 3;
const PASSAGE_KIND: u64 = 4;
const MODE_CHANGE: &str = "mode change";
const MODE_CHANGE_KIND: u64 = 10;
const LET_THROUGH: &str = "let through";
const LET_THROUGH_KIND: u64 = 12;
const CONFIG: &str = "configuration";
const CONFIG_KIND: u64 = 13;
const VERSION: u64 = 1;
/// Of a confirmation that names an entry.
const NAMING_VERSION: u64 = 2;
const HEAD_FIELDS: u64 = 6;

/// Place in a gate's chain; the first record has 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// SHA-256 of a record's envelope: what the next record carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordHash(pub [u8; 32]);

/// Into the system or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Entry.
    Entry,
    /// Exit.
    Exit,
}

/// Why an opened barrier was not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Annulment {
    /// Nobody went through in time.
    TimedOut,
    /// Staff or a shutdown closed it.
    Cancelled,
    /// The barrier did not take the open command.
    NotOpened,
}

/// What the sensors saw after the barrier opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassageOutcome {
    /// Somebody went through.
    Passed,
    /// Nobody did.
    Annulled(Annulment),
    /// The gate cannot tell: it lost power, or the barrier was opened for all meanwhile.
    Unknown,
}

/// The gate's record that it admitted a rider: the rider's receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Entry or exit.
    pub direction: Direction,
    /// Which code was shown.
    pub code_ref: CodeRef,
    /// Who pays.
    pub account: AccountId,
    /// The fares that apply.
    pub class: RiderClass,
    /// Where the gate stands.
    pub location: Location,
    /// How strictly the gate worked.
    pub mode: Mode,
    /// The fare that the gate showed, at exits where it knew the entry.
    pub fare_quoted: Option<Money>,
    /// The tariff behind that fare.
    pub tariff: Option<TariffHash>,
    /// Version of the lane rules that decided.
    pub rules: u16,
    /// The entry of the journey that this exit ends, where a picture or the server said so.
    pub entry: Option<RecordId>,
}

/// What became of an admitted rider, or of somebody whom staff let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The confirmation that opened the barrier, or the record of a let through.
    pub confirmation: RecordId,
    /// What the sensors saw.
    pub outcome: PassageOutcome,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordBody {
    /// A rider was admitted.
    Confirmation(Confirmation),
    /// What followed.
    Passage(Passage),
    /// The gate works more or less strictly from now on.
    ModeChange(ModeChange),
    /// Staff let one person through.
    LetThrough(LetThrough),
    /// What became of a configuration of the server's.
    Config(ConfigChange),
}

/// One link of a gate's chain, before or after its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Made at the gate, before anything is sent.
    pub id: RecordId,
    /// Whose chain.
    pub gate: GateId,
    /// Where in the chain.
    pub seq: Seq,
    /// Hash of the record before.
    pub previous: RecordHash,
    /// When, by the gate's clock.
    pub stamp: Stamp,
    /// What happened.
    pub body: RecordBody,
}

/// A record in its envelope; well formed, its signature not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRecord {
    record: Record,
    key: KeyId,
    bytes: Vec<u8>,
}

/// A record whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRecord(SignedRecord);

impl Seq {
    /// The first place in a chain.
    pub const FIRST: Self = Self(1);

    /// The place after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl RecordHash {
    /// What the first record of a chain carries.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of an envelope.
    pub fn of(envelope: &[u8]) -> Self {
        Self(Sha256::digest(envelope).into())
    }
}

impl Direction {
    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Exit => "exit",
        }
    }

    /// The direction of this name.
    pub fn from_code(code: &str) -> Option<Self> {
        let both = [Self::Entry, Self::Exit];
        both.into_iter().find(|direction| direction.code() == code)
    }

    /// The other one.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Entry => Self::Exit,
            Self::Exit => Self::Entry,
        }
    }

    pub(crate) fn wire(self) -> u64 {
        match self {
            Self::Entry => 0,
            Self::Exit => 1,
        }
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        match r.u8("direction")? {
            0 => Ok(Self::Entry),
            1 => Ok(Self::Exit),
            _ => Err(r.error("direction", Problem::OutOfRange)),
        }
    }
}

impl PassageOutcome {
    fn wire(self) -> u64 {
        match self {
            Self::Passed => 0,
            Self::Annulled(Annulment::TimedOut) => 1,
            Self::Annulled(Annulment::Cancelled) => 2,
            Self::Annulled(Annulment::NotOpened) => 3,
            Self::Unknown => 4,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        match r.u8("outcome")? {
            0 => Ok(Self::Passed),
            1 => Ok(Self::Annulled(Annulment::TimedOut)),
            2 => Ok(Self::Annulled(Annulment::Cancelled)),
            3 => Ok(Self::Annulled(Annulment::NotOpened)),
            4 => Ok(Self::Unknown),
            _ => Err(r.error("outcome", Problem::OutOfRange)),
        }
    }
}

impl Confirmation {
    const FIELDS: u64 = 9;

    fn write(&self, w: &mut Writer) {
        w.uint(self.direction.wire());
        w.bytes(&self.code_ref.0);
        w.bytes(&self.account.0);
        w.uint(self.class.wire());
        w.nested(Location::FIELDS);
        self.location.write(w);
        w.uint(self.mode.wire());
        match self.fare_quoted {
            Some(fare) => w.money(fare),
            None => w.null(),
        }
        match self.tariff {
            Some(hash) => w.bytes(&hash.0),
            None => w.null(),
        }
        w.uint(self.rules.into());
        if let Some(entry) = self.entry {
            w.bytes(&entry.0);
        }
    }

    fn read(r: &mut Reader<'_>, names_entry: bool) -> Result<Self, FormatError> {
        let direction = Direction::read(r)?;
        let code_ref = CodeRef(r.exact("code reference")?);
        let account = AccountId(r.exact("account")?);
        let class = RiderClass::read(r)?;
        r.nested("location", Location::FIELDS)?;
        let location = Location::read(r)?;
        let mode = Mode::read(r, "mode")?;
        let fare_quoted = r.optional("fare quoted", |r| r.money("fare quoted"))?;
        if fare_quoted.is_some_and(|fare| fare.minor < 0) {
            return Err(r.error("fare quoted", Problem::OutOfRange));
        }
        let tariff = r.optional("tariff", |r| r.exact("tariff").map(TariffHash))?;
        let rules = r.u16("rules")?;
        let entry = match names_entry {
            true => Some(RecordId(r.exact("entry")?)),
            false => None,
        };
        if entry.is_some() && direction == Direction::Entry {
            return Err(r.error("entry", Problem::OutOfRange));
        }
        Ok(Self {
            direction,
            code_ref,
            account,
            class,
            location,
            mode,
            fare_quoted,
            tariff,
            rules,
            entry,
        })
    }
}

impl Passage {
    const FIELDS: u64 = 2;

    fn write(&self, w: &mut Writer) {
        w.bytes(&self.confirmation.0);
        w.uint(self.outcome.wire());
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let confirmation = RecordId(r.exact("confirmation")?);
        let outcome = PassageOutcome::read(r)?;
        Ok(Self {
            confirmation,
            outcome,
        })
    }
}

impl Record {
    /// The record in its envelope.
    pub fn sign(self, gate_key: &dyn Signer) -> SignedRecord {
        let (kind, version, fields) = match &self.body {
            RecordBody::Confirmation(said) if said.entry.is_some() => {
                (CONFIRMATION_KIND, NAMING_VERSION, Confirmation::FIELDS + 1)
            }
            RecordBody::Confirmation(_) => (CONFIRMATION_KIND, VERSION, Confirmation::FIELDS),
            RecordBody::Passage(_) => (PASSAGE_KIND, VERSION, Passage::FIELDS),
            RecordBody::ModeChange(_) => (MODE_CHANGE_KIND, VERSION, ModeChange::FIELDS),
            RecordBody::LetThrough(_) => (LET_THROUGH_KIND, VERSION, LetThrough::FIELDS),
            RecordBody::Config(_) => (CONFIG_KIND, VERSION, ConfigChange::FIELDS),
        };
        let mut w = Writer::signed(kind, version, HEAD_FIELDS.saturating_add(fields));
        w.bytes(&self.id.0);
        w.text(self.gate.as_str());
        w.uint(self.seq.0);
        w.bytes(&self.previous.0);
        w.int(self.stamp.at.0);
        w.uint(self.stamp.error_ms.0.into());
        match &self.body {
            RecordBody::Confirmation(confirmation) => confirmation.write(&mut w),
            RecordBody::Passage(passage) => passage.write(&mut w),
            RecordBody::ModeChange(change) => change.write(&mut w),
            RecordBody::LetThrough(said) => said.write(&mut w),
            RecordBody::Config(said) => said.write(&mut w),
        }
        let bytes = cose::seal(&w.finish(), gate_key);
        SignedRecord {
            record: self,
            key: gate_key.public().id(),
            bytes,
        }
    }

    fn read(payload: &[u8]) -> Result<Self, FormatError> {
        let (kind, version) = Reader::kind_and_version(WHAT, payload)?;
        let names_entry = kind == CONFIRMATION_KIND && version == NAMING_VERSION;
        let (what, kind, fields) = match kind {
            PASSAGE_KIND => (PASSAGE, PASSAGE_KIND, Passage::FIELDS),
            MODE_CHANGE_KIND => (MODE_CHANGE, MODE_CHANGE_KIND, ModeChange::FIELDS),
            LET_THROUGH_KIND => (LET_THROUGH, LET_THROUGH_KIND, LetThrough::FIELDS),
            CONFIG_KIND => (CONFIG, CONFIG_KIND, ConfigChange::FIELDS),
            // Anything else is read as a confirmation and refused at its kind.
            _ => (CONFIRMATION, CONFIRMATION_KIND, Confirmation::FIELDS),
        };
        let (version, fields) = match names_entry {
            true => (NAMING_VERSION, fields + 1),
            false => (VERSION, fields),
        };
        let fields = HEAD_FIELDS.saturating_add(fields);
        let mut r = Reader::signed(what, payload, kind, version, fields)?;
        let id = RecordId(r.exact("id")?);
        let gate = r.code("gate")?;
        let seq = Seq(r.uint("seq")?);
        if seq < Seq::FIRST {
            return Err(r.error("seq", Problem::OutOfRange));
        }
        let previous = RecordHash(r.exact("previous")?);
        let at = UnixMs(r.int("at")?);
        let error_ms = Millis(r.u32("clock error")?);
        let body = match kind {
            PASSAGE_KIND => RecordBody::Passage(Passage::read(&mut r)?),
            MODE_CHANGE_KIND => RecordBody::ModeChange(ModeChange::read(&mut r)?),
            LET_THROUGH_KIND => RecordBody::LetThrough(LetThrough::read(&mut r)?),
            CONFIG_KIND => RecordBody::Config(ConfigChange::read(&mut r)?),
            _ => RecordBody::Confirmation(Confirmation::read(&mut r, names_entry)?),
        };
        r.end()?;
        Ok(Self {
            id,
            gate,
            seq,
            previous,
            stamp: Stamp { at, error_ms },
            body,
        })
    }
}

impl SignedRecord {
    /// Reads an envelope.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > RECORD_LEN_MAX {
            let got = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let problem = Problem::Length {
                got,
                expected: RECORD_LEN_MAX as u64,
            };
            return Err(FormatError {
                what: WHAT,
                field: "the whole",
                at: 0,
                problem,
            });
        }
        let sign1 = Sign1::parse(WHAT, bytes)?;
        let key = sign1.key_id(WHAT)?;
        let record = Record::read(sign1.payload)?;
        Ok(Self {
            record,
            key,
            bytes: bytes.to_vec(),
        })
    }

    /// What it says, unbelieved.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The key that is said to have signed it.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// The envelope.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the next record of the chain carries.
    pub fn hash(&self) -> RecordHash {
        RecordHash::of(&self.bytes)
    }

    /// Believes those of many records that `gate_key` signed; the answers are in their order.
    #[cfg(feature = "batch")]
    pub fn verify_all(
        records: Vec<Self>,
        gate_key: &PublicKey,
    ) -> Vec<Result<VerifiedRecord, VerifyError>> {
        let signed = |record: &Self| {
            let sign1 = Sign1::parse(WHAT, &record.bytes).ok()?;
            (record.key == gate_key.id()).then(|| sign1.to_signed())
        };
        let all: Option<Vec<_>> = records.iter().map(signed).collect();
        let believed = all.is_some_and(|all| Signed::all_hold_for(&all, gate_key));
        let one = |record: Self| match believed {
            true => Ok(VerifiedRecord(record)),
            false => record.verify(gate_key),
        };
        records.into_iter().map(one).collect()
    }

    /// Believes the record when `gate_key` signed it.
    ///
    /// # Errors
    /// When it did not.
    pub fn verify(self, gate_key: &PublicKey) -> Result<VerifiedRecord, VerifyError> {
        if self.key != gate_key.id() {
            return Err(VerifyError::UnknownKey {
                what: WHAT,
                key: self.key,
            });
        }
        match Sign1::parse(WHAT, &self.bytes) {
            Ok(sign1) if sign1.holds_for(gate_key) => Ok(VerifiedRecord(self)),
            Ok(_) | Err(_) => Err(VerifyError::BadSignature { what: WHAT }),
        }
    }
}

impl VerifiedRecord {
    /// The same without the belief: as it is kept.
    pub fn signed(&self) -> &SignedRecord {
        &self.0
    }

    /// What it says.
    pub fn record(&self) -> &Record {
        &self.0.record
    }

    /// The envelope.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// What the next record of the chain carries.
    pub fn hash(&self) -> RecordHash {
        self.0.hash()
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::ids::to_hex(&self.0))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
