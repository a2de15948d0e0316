//! The one place that makes an HTTP client: TLS 1.2 or newer with the ring provider, the configured
//! authority and no other, the gate's certificate, no proxy, no redirects, a limit on every wait.

use super::backoff::retry_after;
use super::error::Failure;
use super::own::OwnCertificate;
use super::{Clock, CourierConfig, CourierError, body};
use fare_protocol::pay_code::ask::ANSWER_LEN_MAX;
use fare_protocol::renewal::RenewalRequest;
use fare_protocol::wire::{FEED_LEN_MAX, PayCodeAsk, UploadRequest};
use fare_protocol::{GateId, Millis};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// From the first packet to a TLS connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// From sending a batch to the last byte of its answers.
const UPLOAD_MAX: Duration = Duration::from_secs(30);

/// What a feed may take beyond the time that the server waits for news.
const FEED_EXTRA: Duration = Duration::from_secs(30);

/// Longest answer to an upload, in bytes: for each of 500 records an answer of 8 KiB.
const ANSWERS_LEN_MAX: usize = 4 * 1024 * 1024;

/// Longest answer with a certificate, in bytes.
const CERTIFICATE_LEN_MAX: usize = 64 * 1024;

/// What a feed's envelope adds to its JSON, at most, in bytes.
const ENVELOPE_EXTRA: usize = 1_024;

/// Longest error body that is read, in bytes.
const ERROR_LEN_MAX: usize = 64 * 1024;

/// Speaks with the server. Clones share its connections.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    records: Url,
    feed: Url,
    pay_codes: Url,
    healthz: Url,
    certificate: Url,
    /// Nothing without TLS.
    own: Option<Arc<OwnCertificate>>,
}

impl Client {
    pub(super) fn new(config: &CourierConfig, clock: &Clock) -> Result<Self, CourierError> {
        let server = address(&config.server)?;
        if server.scheme() != "https" {
            let detail = "records go over https only".to_owned();
            return Err(CourierError::Address {
                got: config.server.clone(),
                detail,
            });
        }
        let (tls, own) = tls(config, clock)?;
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls);
        Ok(Self {
            own: Some(own),
            ..Self::with(http, &server, config.gate)?
        })
    }

    /// The same without TLS, for servers that tests write by hand.
    #[cfg(test)]
    pub(super) fn plain(server: &str, gate: GateId) -> Result<Self, CourierError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|err| CourierError::Tls {
                detail: err.to_string(),
            })?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls);
        Self::with(http, &address(server)?, gate)
    }

    fn with(
        http: reqwest::ClientBuilder,
        server: &Url,
        gate: GateId,
    ) -> Result<Self, CourierError> {
        let http = http
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_MAX)
            .pool_max_idle_per_host(2)
            .user_agent(concat!("faregate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|err| CourierError::Tls {
                detail: err.to_string(),
            })?;
        let below = |what: &str| {
            let path = format!("v1/gates/{gate}/{what}");
            server.join(&path).map_err(|err| CourierError::Address {
                got: server.to_string(),
                detail: err.to_string(),
            })
        };
        Ok(Self {
            http,
            records: below("records")?,
            feed: below("feed")?,
            pay_codes: below("pay-codes")?,
            healthz: server
                .join("healthz")
                .map_err(|err| CourierError::Address {
                    got: server.to_string(),
                    detail: err.to_string(),
                })?,
            certificate: below("certificate")?,
            own: None,
        })
    }

    /// Sends a batch; the body of the answer.
    pub(super) async fn upload(&self, batch: &UploadRequest) -> Result<Vec<u8>, Failure> {
        let request = self
            .http
            .post(self.records.clone())
            .timeout(UPLOAD_MAX)
            .json(batch);
        answer(request, ANSWERS_LEN_MAX).await
    }

    /// Asks about a pay code; the body of the answer. Whoever asks says how long it may take.
    pub(super) async fn ask(&self, ask: &PayCodeAsk) -> Result<Vec<u8>, Failure> {
        answer(
            self.http.post(self.pay_codes.clone()).json(ask),
            ANSWER_LEN_MAX,
        )
        .await
    }

    /// The least that can be asked of the server: whether it is there.
    pub(super) async fn round_trip(&self) -> Result<(), Failure> {
        let answer = answer(self.http.get(self.healthz.clone()), ANSWER_LEN_MAX).await;
        answer.map(drop)
    }

    /// What is shown to the server.
    pub(super) fn own(&self) -> Option<&Arc<OwnCertificate>> {
        self.own.as_ref()
    }

    /// Asks for another certificate; the body of the answer.
    pub(super) async fn renew(&self, request: &RenewalRequest) -> Result<Vec<u8>, Failure> {
        let request = self
            .http
            .post(self.certificate.clone())
            .timeout(UPLOAD_MAX)
            .json(request);
        answer(request, CERTIFICATE_LEN_MAX).await
    }

    /// Asks for what came after `cursor`, waiting so long for news; the feed's envelope.
    pub(super) async fn feed(&self, cursor: u64, wait: Millis) -> Result<Vec<u8>, Failure> {
        let mut url = self.feed.clone();
        url.query_pairs_mut()
            .append_pair("after", &cursor.to_string())
            .append_pair("wait_ms", &wait.0.to_string());
        let wait = Duration::from_millis(wait.0.into());
        let request = self.http.get(url).timeout(wait + FEED_EXTRA);
        answer(request, FEED_LEN_MAX + ENVELOPE_EXTRA).await
    }
}

async fn answer(request: RequestBuilder, max: usize) -> Result<Vec<u8>, Failure> {
    let response = request.send().await.map_err(body::unreached)?;
    let status = response.status();
    if status == StatusCode::OK {
        return body::read(response, max).await;
    }
    let asked = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(retry_after);
    let head = match body::read(response, ERROR_LEN_MAX).await {
        Ok(body) => body::head(&body),
        Err(Failure::TooLong { head, .. }) => head,
        Err(failure) => failure.to_string(),
    };
    Err(Failure::Status {
        status: status.as_u16(),
        head,
        retry_after,
    })
}

/// Certificates are judged by the gate's time: a system clock that a dead battery has reset would
/// keep away the very server that knows the time.
struct GateTimeProvider(Clock);

impl fmt::Debug for GateTimeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateTimeProvider")
    }
}

impl TimeProvider for GateTimeProvider {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from((self.0)().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

/// The server's address as a folder, so that paths are joined below it.
fn address(text: &str) -> Result<Url, CourierError> {
    let wrong = |detail: String| CourierError::Address {
        got: text.to_owned(),
        detail,
    };
    let mut url: Url = text.parse().map_err(|err| wrong(format!("{err}")))?;
    if !url.has_host() {
        return Err(wrong("it names no host".to_owned()));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn tls(
    config: &CourierConfig,
    clock: &Clock,
) -> Result<(ClientConfig, Arc<OwnCertificate>), CourierError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = Arc::new(OwnCertificate::load(config, &provider)?);
    let time = Arc::new(GateTimeProvider(Arc::clone(clock)));
    let mut tls = ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_root_certificates(roots(&config.ca)?)
        .with_client_cert_resolver(Arc::clone(&own) as Arc<dyn ResolvesClientCert>);
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((tls, own))
}

fn wrong(err: rustls::Error) -> CourierError {
    CourierError::Tls {
        detail: err.to_string(),
    }
}

/// Who may vouch for servers and gates.
pub(super) fn roots(ca: &Path) -> Result<RootCertStore, CourierError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates("certificate authority", ca)? {
        roots.add(authority).map_err(wrong)?;
    }
    Ok(roots)
}

pub(super) fn certificates(
    what: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, CourierError> {
    let text = file(what, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(not_pem(what, path, &pem::Error::NoItemsFound))
        }
        Ok(certificates) => Ok(certificates),
        Err(err) => Err(not_pem(what, path, &err)),
    }
}

pub(super) fn private_key(
    what: &'static str,
    path: &Path,
) -> Result<PrivateKeyDer<'static>, CourierError> {
    let text = file(what, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|err| not_pem(what, path, &err))
}

fn file(what: &'static str, path: &Path) -> Result<Vec<u8>, CourierError> {
    std::fs::read(path).map_err(|source| CourierError::File {
        what,
        path: path.to_owned(),
        source,
    })
}

fn not_pem(what: &'static str, path: &Path, err: &pem::Error) -> CourierError {
    CourierError::Pem {
        what,
        path: path.to_owned(),
        detail: err.to_string(),
    }
}
