//! What gate, server and wallet say to one another: ride codes, pictures, paper codes, pay codes, records, vouchers and the
//! messages and files that carry them. Encode, sign, decode, verify; no I/O, no clock, no randomness.
//!
//! Signed things are COSE_Sign1 objects (RFC 9052) with Ed25519 over a CBOR array (RFC 8949) whose
//! first two elements are a kind and a version, so that a signature made for one purpose can never
//! be taken for another. Byte layouts stand in the module of each format; golden vectors stand in
//! `tests/golden.rs`; the reasons are in `docs/decisions/0001-formats.md`.
//!
//! Decoding hostile bytes never panics, allocates no more than the input's own size, and names the
//! field that is wrong ([`FormatError`]).

pub mod bundle;
mod cbor;
pub mod certificate;
mod configuration;
mod cose;
mod credential;
pub mod enrol;
mod error;
pub mod fare_step;
mod ids;
mod keys;
mod let_through;
mod mode;
mod money;
pub mod paper_code;
pub mod pay_code;
pub mod picture;
mod place;
pub mod product;
pub mod receipt;
pub mod record;
pub mod renewal;
pub mod ride_code;
pub mod rider;
mod text;
mod time;
pub mod voucher;
pub mod wire;

pub use configuration::{
    CONFIG_LEN_MAX, ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome, PROVE_DEFAULT,
    REMARK_LEN_MAX, Remark,
};
pub use credential::VerifiedCredential;
pub use error::{FormatError, Problem, VerifyError};
pub use fare_step::{FareReason, FareSpan, FareStep, RoundingHow, StepRounding, StepValue};
pub use ids::{
    AccountId, CodeRef, CommandId, ConflictId, GateId, IdError, JourneyId, LineId, ProductId,
    RecordId, StationId, TariffHash, VoucherId,
};
pub use keys::{KeyEntry, KeyId, KeySet, PublicKey, Signer, signing_key};
pub use let_through::{LET_THROUGH_COUNTS, LetThrough, LetThroughBy, LetThroughCommand};
pub use mode::{
    BadReason, Mode, ModeChange, ModeCommand, ModeSource, Modes, REASON_LEN_MAX, Reason,
    UnknownMode,
};
pub use money::{Currency, Money, MoneyError};
pub use paper_code::{PaperCode, SignedPaperCode, VerifiedPaperCode};
pub use pay_code::{PayCode, PayCodePatterns, PayPlatform, ShownPayCode};
pub use picture::{ChainBefore, PaidBefore, Picture, SignedPicture, VerifiedPicture};
pub use place::{GeoPoint, LaneNo, Location};
pub use product::{Covers, InHand, Off};
pub use record::{
    Annulment, Confirmation, Direction, Passage, PassageOutcome, Record, RecordBody, RecordHash,
    Seq, SignedRecord, VerifiedRecord,
};
pub use ride_code::{IssuerPart, RideCode, RiderClass, VerifiedRideCode};
pub use time::{Millis, Stamp, UnixMs};
pub use voucher::{EntryVoucher, ExitVoucher, Voucher};
