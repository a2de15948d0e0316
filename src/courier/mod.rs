//! The courier: carries the outbox to the server and the server's feed into the journal.
//!
//! ```text
//! upload: wait for a commit ─▶ oldest batch ─▶ POST records ─▶ mark what was answered, by id
//! feed:   GET feed (long poll) ─▶ verify ─▶ journal ─▶ announce issuers and tariff
//! asker:  what the lane wants to know of a pay code ─▶ POST pay-codes ─▶ the lane
//! ```
//! Two loops side by side, each with its own back-off; both try for ever and lose nothing: a record
//! leaves the outbox only when the server answered it by its id.

mod backoff;
mod body;
pub mod bundle;
mod client;
mod error;
mod feed;
mod let_through;
mod own;
mod pay_code;
mod renewal;
mod status;
#[cfg(test)]
mod tests;
mod upload;

pub use backoff::Backoff;
pub(crate) use body::causes;
pub use error::CourierError;
pub use let_through::HeardCommand;
pub use pay_code::Asker;
pub use renewal::CertificateStanding;
pub use status::{CourierStatus, Link};

use crate::clock::ServerTime;
use crate::config::{GateConfig, ServerConfig};
use crate::enrol::tls_key_from_pem;
use crate::journal::{JournalError, JournalHandle};
use client::Client;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::UPLOAD_RECORDS_MAX;
use fare_protocol::{GateId, KeySet, UnixMs};
use fare_rules::Tariff;
use feed::FeedLoop;
use renewal::Renewal;
use status::{Reporter, Which};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use upload::{Batch, Upload};

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
    /// PEM file with the newest certificate that the gate has got since, if there is one.
    pub renewed: PathBuf,
    /// The key that signs the gate's records, with which it asks for a new certificate.
    pub record_key: Arc<SigningKey>,
    /// Who may sign feeds.
    pub server_keys: KeySet,
    /// Most records in one upload.
    pub batch_max: usize,
    /// How long to wait after failures.
    pub backoff: Backoff,
}

impl CourierConfig {
    /// The courier of a gate with this configuration, to this server.
    pub fn new(gate: &GateConfig, server: &ServerConfig) -> Self {
        Self {
            gate: gate.gate,
            server: server.url.clone(),
            ca: server.ca.clone(),
            cert: server.certificate.clone(),
            key: server.private_key.clone(),
            renewed: renewed(&gate.journal),
            record_key: Arc::clone(&gate.signing_key),
            server_keys: gate.servers.clone(),
            batch_max: UPLOAD_RECORDS_MAX,
            backoff: Backoff {
                min: server.backoff_min,
                max: server.backoff_max,
            },
        }
    }
}

/// Where the newest certificate lies: beside the journal, where the daemon may write.
fn renewed(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".certificate.pem");
    PathBuf::from(name)
}

/// Tells the time of day, as well as the gate knows it.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// What the courier tells the rest of the gate; always the newest value.
#[derive(Clone, Debug)]
pub struct CourierNews {
    /// The issuers to believe; nothing before the first feed ever.
    pub issuers: watch::Receiver<Option<KeySet>>,
    /// The tariff to quote fares from; nothing before the first feed ever.
    pub tariff: watch::Receiver<Option<Arc<Tariff>>>,
    /// What time the server said it is, last.
    pub server_time: watch::Receiver<Option<ServerTime>>,
    /// Commands to let somebody through that count, or did a moment ago.
    pub let_through: watch::Receiver<Vec<HeardCommand>>,
    /// For the status display.
    pub status: watch::Receiver<CourierStatus>,
}

/// The task that connects journal and server.
pub struct Courier {
    gate: GateId,
    client: Client,
    record_key: Arc<SigningKey>,
    tls_key: Option<SigningKey>,
    server_keys: KeySet,
    batch_max: usize,
    backoff: Backoff,
    journal: JournalHandle,
    clock: Clock,
    announce: Announce,
}

/// The sending ends of [`CourierNews`].
struct Announce {
    issuers: watch::Sender<Option<KeySet>>,
    tariff: watch::Sender<Option<Arc<Tariff>>>,
    server_time: watch::Sender<Option<ServerTime>>,
    let_through: watch::Sender<Vec<HeardCommand>>,
    status: watch::Sender<CourierStatus>,
}

impl Courier {
    /// Reads the files and prepares the client; nothing is sent before [`Courier::run`]. `clock`
    /// tells the time of day.
    ///
    /// # Errors
    /// When the address or one of the files is wrong.
    pub fn new(
        config: CourierConfig,
        journal: JournalHandle,
        clock: Clock,
    ) -> Result<(Self, CourierNews), CourierError> {
        let client = Client::new(&config, &clock)?;
        Ok(Self::with(client, config, journal, clock))
    }

    fn with(
        client: Client,
        config: CourierConfig,
        journal: JournalHandle,
        clock: Clock,
    ) -> (Self, CourierNews) {
        let tls_key = std::fs::read_to_string(&config.key);
        let tls_key = tls_key.ok().and_then(|pem| tls_key_from_pem(&pem));
        let CourierConfig {
            gate,
            record_key,
            server_keys,
            batch_max,
            backoff,
            ..
        } = config;
        let (issuers, issuers_seen) = watch::channel(None);
        let (tariff, tariff_seen) = watch::channel(None);
        let (server_time, server_time_seen) = watch::channel(None);
        let (let_through, let_through_seen) = watch::channel(Vec::new());
        let (status, status_seen) = watch::channel(CourierStatus::default());
        let announce = Announce {
            issuers,
            tariff,
            server_time,
            let_through,
            status,
        };
        let news = CourierNews {
            issuers: issuers_seen,
            tariff: tariff_seen,
            server_time: server_time_seen,
            let_through: let_through_seen,
            status: status_seen,
        };
        (
            Self {
                gate,
                client,
                record_key,
                tls_key,
                server_keys,
                batch_max,
                backoff,
                journal,
                clock,
                announce,
            },
            news,
        )
    }

    /// Asks the server about pay codes, over the courier's own connection.
    pub fn asker(&self) -> Asker {
        Asker(self.client.clone())
    }

    /// Carries until `stop` becomes true, or its sender goes. What is under way then is dropped: it
    /// is still in the outbox, and sent again next time.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let cursor = match self.cursor() {
            Ok(cursor) => cursor,
            Err(err) => {
                tracing::error!(%err, "caches unreadable, asking the server for everything");
                0
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            ((), (), ()) = async {
                tokio::join!(self.upload().run(), self.feed().run(cursor), self.renewal().run())
            } => {}
        }
    }

    fn cursor(&self) -> Result<u64, JournalError> {
        Ok(self.journal.cached()?.cursor)
    }

    fn upload(&self) -> Upload<'_> {
        Upload {
            client: &self.client,
            journal: &self.journal,
            backoff: self.backoff,
            clock: Arc::clone(&self.clock),
            report: self.report(Which::Upload),
            batch: Batch::new(self.batch_max),
        }
    }

    fn renewal(&self) -> Renewal<'_> {
        Renewal {
            gate: self.gate,
            client: &self.client,
            own: self.client.own(),
            record_key: Arc::clone(&self.record_key),
            tls_key: self.tls_key.clone(),
            clock: Arc::clone(&self.clock),
            status: self.announce.status.clone(),
        }
    }

    fn feed(&self) -> FeedLoop<'_> {
        FeedLoop {
            gate: self.gate,
            client: &self.client,
            journal: &self.journal,
            server_keys: &self.server_keys,
            backoff: self.backoff,
            clock: Arc::clone(&self.clock),
            announce: &self.announce,
            timed: None,
            report: self.report(Which::Feed),
        }
    }

    fn report(&self, which: Which) -> Reporter {
        Reporter::new(which, self.announce.status.clone(), Arc::clone(&self.clock))
    }
}

/// Waits after so many failures, by chance and as long as the server asks for.
async fn pause(backoff: Backoff, failures: u32, retry_after: Option<Duration>) {
    // Without randomness the wait is the shortest one: worse for the server, no harm here.
    let random = getrandom::u64().unwrap_or(0);
    tokio::time::sleep(backoff.wait_for_server(failures, random, retry_after)).await;
}
