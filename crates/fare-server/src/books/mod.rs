//! The books beyond one posting: the proof every hour, closes every day, each of which carries the hash of the one before;
//! clearing, which shares revenue out among operators; and exposure, what riders may still not pay.

pub mod clearing;
mod closing;
pub mod exposure;
pub mod keeper;

pub use closing::{CloseError, SETTLED_MS, Verdict, close, keep, prepare, verify};
