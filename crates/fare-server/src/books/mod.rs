//! The books beyond one posting: closes, each of which carries the hash of the one before, and clearing,
//! which shares revenue out among operators.

pub mod clearing;
mod closing;

pub use closing::{CloseError, SETTLED_MS, Verdict, close, verify};
