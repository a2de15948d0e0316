//! Payment platforms: one suite that every adapter passes, against a platform that does wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod parties;
