//! The settlement server: verifies records, pairs entries with exits, prices journeys, posts double
//! entry, answers vouchers, and tells gates what they must know.
//!
//! ```text
//! cli -> config -> server -> net -> api     -> intake -> store
//!                                -> console ----------> store
//!                                -> riders -----------> store
//!                                -> enrol ------------> store
//! ```
//! A person decides about conflicts through `inbox`. `intake` decides nothing by itself: pairing and postings are `fare_rules::journey`'s and
//! `fare_rules::ledger`'s. SQL stands in `store` alone.

// The schemas of the API are one text of JSON.
#![recursion_limit = "256"]

mod aead;
pub mod api;
pub mod bench;
pub mod books;
pub mod bulletin;
pub mod charging;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod configs;
pub mod console;
pub mod correction;
pub mod enrol;
pub mod fares;
pub mod gtfs;
pub mod health;
pub mod ids;
pub mod import;
pub mod inbox;
pub mod intake;
pub mod let_through;
pub mod metrics;
pub mod modes;
pub mod net;
pub mod openapi;
pub mod paper_codes;
pub mod pay_codes;
pub mod pki;
pub mod products;
pub mod riders;
pub mod server;
mod sse;
pub mod staff;
pub mod store;
pub mod tls;
