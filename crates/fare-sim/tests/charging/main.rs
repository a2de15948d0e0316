//! Payment platforms: one suite that every adapter passes, against a platform that does wrong; and journeys
//! charged through them, on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Both engines' suites are made of the same files, some of which other suites share.
#![allow(clippy::duplicate_mod, dead_code)]

mod conformance;
#[path = "../../../fare-server/tests/server/fresh.rs"]
mod fresh;
#[path = "../../../fare-server/tests/server/gate.rs"]
mod gate;
mod parties;
mod postgres;
mod sqlite;
