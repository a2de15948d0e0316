//! The courier: carries the outbox to the server and the server's feed into the journal.
//!
//! ```text
//! upload: wait for a commit ─▶ oldest batch ─▶ POST records ─▶ mark what was answered, by id
//! feed:   GET feed (long poll) ─▶ verify ─▶ journal ─▶ announce issuers and tariff
//! ```
//! Two loops side by side, each with its own back-off; both try for ever and lose nothing: a record
//! leaves the outbox only when the server answered it by its id.

mod backoff;
mod body;
mod client;
mod error;
mod feed;
mod status;
#[cfg(test)]
mod tests;
mod upload;

pub use backoff::Backoff;
pub use error::CourierError;
pub use status::{CourierStatus, Link};

use crate::journal::{Cached, JournalHandle};
use client::Client;
use fare_protocol::{GateId, KeySet, UnixMs};
use fare_rules::Tariff;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the server is and how to prove who we are.
#[derive(Clone, Debug)]
pub struct CourierConfig {
    /// Whose outbox.
    pub gate: GateId,
    /// The server's address, `https://host[:port]`.
    pub server: String,
    /// PEM file with the certificates that may vouch for the server; no others do.
    pub ca: PathBuf,
    /// PEM file with the gate's certificate, and those between it and the authority.
    pub cert: PathBuf,
    /// PEM file with that certificate's private key.
    pub key: PathBuf,
    /// Who may sign feeds.
    pub server_keys: KeySet,
    /// Most records in one upload.
    pub batch_max: usize,
    /// How long to wait after failures.
    pub backoff: Backoff,
}

/// What the courier tells the rest of the gate; always the newest value.
#[derive(Clone, Debug)]
pub struct CourierNews {
    /// The issuers to believe; nothing before the first feed ever.
    pub issuers: watch::Receiver<Option<KeySet>>,
    /// The tariff to quote fares from; nothing before the first feed ever.
    pub tariff: watch::Receiver<Option<Arc<Tariff>>>,
    /// For the status display.
    pub status: watch::Receiver<CourierStatus>,
}

/// The task that connects journal and server.
pub struct Courier {
    gate: GateId,
    client: Client,
    server_keys: KeySet,
    batch_max: usize,
    backoff: Backoff,
    journal: JournalHandle,
    clock: fn() -> UnixMs,
    announce: Announce,
}
