//! Replaying a recording: its frames through the gate's own pipeline with a virtual clock, and what
//! came of each.
//!
//! The run loop feeds a [`Collector`], which compares each frame with the [`Manifest`] while its
//! pixels are at hand. The finished [`ReplayOutcome`] is plain data; [`Summary`], [`junit`] and
//! [`html`] are functions of it.

pub mod collect;
mod csv;
pub mod expect;
pub mod html;
pub mod junit;
pub mod outcome;
pub mod run;
pub mod summary;

pub use collect::Collector;
pub use expect::{ExpectError, Expectation, Manifest};
pub use outcome::{DecisionOutcome, FrameOutcome, ReplayOutcome};
pub use summary::Summary;
