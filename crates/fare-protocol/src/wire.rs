//! The messages between gate and server: JSON bodies over HTTPS, and the feed in the server's envelope.
//!
//! ```text
//! POST /v1/gates/{gate}/records                       UploadRequest -> UploadResponse
//! GET  /v1/gates/{gate}/feed?after=CURSOR&wait_ms=N   -> feed: [kind 7, version 1, JSON of Feed]
//! POST /v1/gates/{gate}/pay-codes                     PayCodeAsk -> PayCodeAnswer: see pay_code::ask
//! ```
//! Envelopes stand in JSON as base64url without padding.

pub use crate::pay_code::ask::{PayCodeAnswer, PayCodeAsk, PayCodeOutcome, PayCodeRefusal};

use crate::cbor::{Reader, Writer};
use crate::cose::{self, Sign1};
use crate::{
    AccountId, ConfigCommand, FormatError, GateId, KeySet, LetThroughCommand, LineId, ModeCommand,
    Problem, PublicKey, Reason, RecordId, Signer, StationId, UnixMs, VerifyError,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Most records in one upload.
pub const UPLOAD_RECORDS_MAX: usize = 500;

/// Longest time that a feed request may ask the server to wait for news.
pub const FEED_WAIT_MS_MAX: u32 = 30_000;

/// Longest feed answer that a gate reads, in bytes.
pub const FEED_LEN_MAX: usize = 16 * 1024 * 1024;

const FEED: &str = "feed";
const FEED_KIND: u64 = 7;
const FEED_VERSION: u64 = 1;

/// Bytes of an envelope; base64url in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Envelope(pub Vec<u8>);

/// A batch of records in chain order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRequest {
    /// At most [`UPLOAD_RECORDS_MAX`].
    pub records: Vec<UploadRecord>,
}

/// One record to upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// Its id, so that even a record that cannot be read gets an answer.
    pub id: RecordId,
    /// The record.
    pub envelope: Envelope,
}

/// One answer for each record of the request, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResponse {
    /// The answers.
    pub answers: Vec<Answer>,
    /// The server's time at answering.
    pub server_time_ms: UnixMs,
}

/// What the server says to one record. A repeat gets the first answer back, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which record.
    pub id: RecordId,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: AnswerOutcome,
}

/// What became of an uploaded record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum AnswerOutcome {
    /// Stored for good.
    Accepted {
        /// The answer to a confirmation, when the server could already make one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voucher: Option<Envelope>,
    },
    /// Will never be stored: the gate quarantines it.
    Refused {
        /// Why, for programs.
        code: RecordRefusal,
        /// Why, for people.
        reason: String,
    },
}

/// Why a record will never be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordRefusal {
    /// Not a record, or not with the id it was sent under.
    Malformed,
    /// Not of the gate whose address it was sent to.
    WrongGate,
    /// Not signed by this gate's key.
    BadSignature,
    /// Another record already stands at this place of the chain, or the hash before it differs.
    Fork,
    /// The gate is believed no longer, and it came after that.
    Revoked,
}

/// What gates must know, from the server; newer than the cursor that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The server's time at making it.
    pub as_of_ms: UnixMs,
    /// What to ask for next.
    pub cursor: u64,
    /// True when the changes are everything, and what the gate had is to be forgotten.
    pub snapshot: bool,
    /// The issuers believed from now on; absent when unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuers: Option<KeySet>,
    /// The tariff from now on; absent when unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<TariffText>,
    /// In the order in which they happened.
    pub changes: Vec<FeedChange>,
}

/// A tariff as its two TOML texts, for `fare_rules::Tariff::parse`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffText {
    /// Steps and classes.
    pub tariff: String,
    /// Stations and the distances between them.
    pub stations: String,
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum FeedChange {
    /// Somebody entered.
    JourneyOpened(OpenJourney),
    /// The journey that this entry opened is over.
    JourneyClosed {
        /// Whose.
        account: AccountId,
        /// The entry confirmation.
        entry: RecordId,
    },
    /// Refuse this account.
    Denied {
        /// Whom.
        account: AccountId,
    },
    /// Refuse it no longer.
    Cleared {
        /// Whom.
        account: AccountId,
    },
    /// Refuse the ride codes of this phone, whoever's account is in them.
    KeyDenied {
        /// The phone's key.
        key: PublicKey,
    },
    /// Refuse them no longer.
    KeyCleared {
        /// The phone's key.
        key: PublicKey,
    },
    /// One gate is to be in another mode.
    ModeCommanded(ModeCommand),
    /// One gate is to open once; in no snapshot, for it counts half a minute.
    LetThroughCommanded(LetThroughCommand),
    /// A gate is believed no longer. It closes and forgets riders; others need do nothing.
    GateRevoked(Revocation),
    /// One gate is to work by another configuration; in that gate's feed alone.
    ConfigCommanded(Box<ConfigCommand>),
    /// Something that this program does not know of: a newer server's. It is left out, and counted.
    #[serde(untagged)]
    Unknown(UnknownChange),
}

/// The name of a change that this program does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "ChangeName")]
pub struct UnknownChange {
    change: String,
}

/// A change's name, whatever else it says.
#[derive(Deserialize)]
struct ChangeName {
    change: String,
}

/// A gate that is believed no longer, by the key that signs its records. What the server took before stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Which.
    pub gate: GateId,
    /// With which key; a gate that enrols anew has another.
    pub key: PublicKey,
    /// Since when, by the server's clock.
    pub at_ms: UnixMs,
    /// Why.
    pub reason: Reason,
}

/// A journey without its exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenJourney {
    /// Who pays.
    pub account: AccountId,
    /// The entry confirmation.
    pub entry: RecordId,
    /// Where the rider entered.
    pub station: StationId,
    /// On which line.
    pub line: LineId,
    /// When, by that gate's clock.
    pub entered_at_ms: UnixMs,
}

/// An error body of the server's API (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiProblem {
    /// The same code as a URI: `urn:faregate:problem:` and the title. docs/problems.md lists them.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// A stable code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence: what was got, what was expected, what to do.
    pub detail: String,
    /// Which header, parameter or field of the body is wrong, when it is one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl FeedChange {
    /// The names of all that this program knows. What has one of these and is made otherwise is an error.
    pub const NAMES: [&'static str; 10] = [
        "journey-opened",
        "journey-closed",
        "denied",
        "cleared",
        "key-denied",
        "key-cleared",
        "mode-commanded",
        "let-through-commanded",
        "gate-revoked",
        "config-commanded",
    ];

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::JourneyOpened(_) => "journey-opened",
            Self::JourneyClosed { .. } => "journey-closed",
            Self::Denied { .. } => "denied",
            Self::Cleared { .. } => "cleared",
            Self::KeyDenied { .. } => "key-denied",
            Self::KeyCleared { .. } => "key-cleared",
            Self::ModeCommanded(_) => "mode-commanded",
            Self::LetThroughCommanded(_) => "let-through-commanded",
            Self::GateRevoked(_) => "gate-revoked",
            Self::ConfigCommanded(_) => "config-commanded",
            Self::Unknown(unknown) => unknown.name(),
        }
    }
}

impl UnknownChange {
    /// As the server calls it.
    pub fn name(&self) -> &str {
        &self.change
    }
}

impl TryFrom<ChangeName> for UnknownChange {
    type Error = String;

    fn try_from(ChangeName { change }: ChangeName) -> Result<Self, String> {
        match FeedChange::NAMES.contains(&change.as_str()) {
            true => Err(format!("a {change} that is not made as one")),
            false => Ok(Self { change }),
        }
    }
}

impl Feed {
    /// The feed in the server's envelope.
    ///
    /// # Errors
    /// When JSON cannot hold it, which no value of these types brings about.
    pub fn seal(&self, server_key: &dyn Signer) -> Result<Vec<u8>, serde_json::Error> {
        let mut w = Writer::signed(FEED_KIND, FEED_VERSION, 1);
        w.bytes(&serde_json::to_vec(self)?);
        Ok(cose::seal(&w.finish(), server_key))
    }

    /// Reads an envelope and believes it when one of `servers`' keys, valid at `now`, signed it.
    ///
    /// # Errors
    /// Says what is malformed, or whose signature is missing.
    pub fn open(bytes: &[u8], servers: &KeySet, now: UnixMs) -> Result<Self, OpenError> {
        let sign1 = Sign1::parse(FEED, bytes)?;
        let key = sign1.key_id(FEED)?;
        servers.any(FEED, key, now, |key| sign1.holds_for(key))?;
        let mut r = Reader::signed(FEED, sign1.payload, FEED_KIND, FEED_VERSION, 1)?;
        let json = r.bytes("json", FEED_LEN_MAX)?;
        let feed = serde_json::from_slice(json)
            .map_err(|err| r.error("json", Problem::Text(err.to_string())))?;
        r.end()?;
        Ok(feed)
    }
}

/// Why a signed message was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Its bytes are wrong.
    #[error("{0}")]
    Format(#[from] FormatError),
    /// Its signature is.
    #[error("{0}")]
    Verify(#[from] VerifyError),
}

impl TryFrom<String> for Envelope {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, base64::DecodeError> {
        URL_SAFE_NO_PAD.decode(text).map(Self)
    }
}

impl From<Envelope> for String {
    fn from(envelope: Envelope) -> Self {
        URL_SAFE_NO_PAD.encode(envelope.0)
    }
}
