//! Pure rules: lane machine, verdicts, journey pairing, conflicts, fares, postings; used by gate and
//! server.
//! No clock, no I/O, no randomness: everything these need comes in as a parameter.

mod admission;
pub mod charging;
pub mod clock;
pub mod completion;
pub mod conflict;
pub mod incident;
pub mod journey;
pub mod lane;
pub mod ledger;
pub mod refusal;
#[cfg(test)]
mod sample;
pub mod tariff;

pub use lane::{
    ALONE_STEPS_MAX, AloneStep, Answered, ClockBeyond, ConfigDraft, ConfirmationDraft, Display,
    Draft, Effect, Ended, Event, ExitWithoutEntry, Facts, FirstRide, Heard, Lane, LanePolicy,
    LetThroughAsked, LetThroughDraft, ModeChangeDraft, Note, PassageDraft, PayCodePolicy, Question,
    RULES_VERSION, Role, Said, Tap, Used, WithoutServer,
};
pub use refusal::Refusal;
pub use tariff::{End, Paid, Quote, QuoteError, Ride, Station, Tariff, TariffError};
