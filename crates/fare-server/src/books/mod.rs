//! The books beyond one posting: closes, each of which carries the hash of the one before; clearing, which
//! shares revenue out among operators; and exposure, what riders may still not pay.

pub mod clearing;
mod closing;
pub mod exposure;

pub use closing::{CloseError, SETTLED_MS, Verdict, close, verify};
