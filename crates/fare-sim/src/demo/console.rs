//! What the settlement server says about journeys and books, read as anybody at its console would.

use anyhow::Context;
use fare_protocol::Money;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// `/v1/console/state`, as far as the demo looks.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct State {
    pub(super) counts: Counts,
    pub(super) journeys: Vec<Journey>,
    pub(super) books: Books,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Counts {
    pub(super) journeys: u64,
    pub(super) closed: u64,
    pub(super) conflicts: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Journey {
    /// Masked.
    pub(super) account: String,
    pub(super) state: String,
    pub(super) from: String,
    pub(super) to: Option<String>,
    pub(super) fare: Option<Money>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Books {
    pub(super) balanced: bool,
    pub(super) postings: u64,
    pub(super) sums: Vec<Sum>,
}

/// The balance of one kind of ledger account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sum {
    pub(super) account: String,
    pub(super) minor: i64,
}

impl Books {
    /// What has been earned, in minor units; the sign of a credit is the ledger's affair.
    pub(super) fn revenue_minor(&self) -> i64 {
        let earned = self.sums.iter().filter(|sum| sum.account == "fare-revenue");
        earned.map(|sum| sum.minor).sum::<i64>().abs()
    }
}

impl Journey {
    /// Charged and done.
    pub(super) fn is_closed(&self) -> bool {
        self.state == "closed"
    }
}

/// The console of one server.
#[derive(Clone, Debug)]
pub(super) struct Console {
    http: reqwest::Client,
    address: SocketAddr,
}

impl Console {
    pub(super) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        // Plain HTTP to this machine; nobody's certificate is believed.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(ANSWER_MAX)
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { http, address })
    }

    /// What it asks with: for other addresses on this machine too.
    pub(super) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The page for people.
    pub(super) fn page(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What stands in the books now.
    pub(super) async fn state(&self) -> anyhow::Result<State> {
        let url = format!("{}v1/console/state", self.page());
        let answer = self.http.get(&url).send().await?.error_for_status()?;
        answer
            .json()
            .await
            .with_context(|| format!("{url} did not answer as agreed"))
    }
}
