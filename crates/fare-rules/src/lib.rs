//! Pure rules: lane machine, verdicts, journey pairing, conflicts, fares, postings; used by gate and
//! server.
//! No clock, no I/O, no randomness: everything these need comes in as a parameter.

mod admission;
pub mod charging;
pub mod clock;
pub mod conflict;
pub mod journey;
pub mod lane;
pub mod ledger;
pub mod refusal;
#[cfg(test)]
mod sample;
pub mod tariff;

pub use lane::{
    ClockBeyond, ConfirmationDraft, Display, Draft, Effect, Ended, Event, ExitWithoutEntry, Facts,
    Lane, LanePolicy, ModeChangeDraft, Note, PassageDraft, RULES_VERSION, Role, Tap, Used,
};
pub use refusal::Refusal;
pub use tariff::{End, Paid, Quote, QuoteError, Ride, Station, Tariff, TariffError};
