//! Sends what a protocol makes to a platform and hands back what it answers: the one place with a network.

use super::error::ChargeError;
use super::message::{Call, Method, Moment, Protocol, Request, Response};
use super::platform::{
    Answer, BillRow, Capability, Notice, Order, Outcome, Platform, PlatformId, Refund,
    RefundOutcome,
};
use crate::ids;
use crate::tls::{self, TlsError};
use fare_protocol::UnixMs;
use fare_rules::tariff::Day;
use reqwest::{Url, redirect};
use rustls::RootCertStore;
use std::path::Path;
use std::time::Duration;

/// Longest answer that is read, a day's bill included.
const ANSWER_LEN_MAX: usize = 64 * 1024 * 1024;

/// From the first packet to a TLS connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long an answer may take when nothing else is configured; then the order is asked after.
pub const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Not an address of a platform.
    #[error("{got:?} is no address of a platform: {why}; write one like \"https://api.example\"")]
    Address {
        /// What stands there.
        got: String,
        /// What is wrong with it.
        why: String,
    },
    /// The certificates of the authorities that are believed.
    #[error("{0}")]
    Authority(#[from] TlsError),
    /// No connection, or it broke off, or it took too long.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// More than is read.
    #[error("the answer is longer than {ANSWER_LEN_MAX} bytes")]
    TooLong,
}

/// A way to one platform: HTTPS, or plain HTTP on this machine.
pub struct Transport {
    http: reqwest::Client,
    base: Url,
}

impl Transport {
    /// The way to `base`, believing the authorities in `authorities` (PEM); an answer may take `most`.
    ///
    /// # Errors
    /// When the address is none, not encrypted and not on this machine, or the file cannot be read.
    pub fn new(base: &str, authorities: &Path, most: Duration) -> Result<Self, TransportError> {
        let bad = |why: String| TransportError::Address {
            got: base.to_owned(),
            why,
        };
        let base = Url::parse(base).map_err(|err| bad(err.to_string()))?;
        let here = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let mut roots = RootCertStore::empty();
        match base.scheme() {
            // The machine's list may hold some that cannot be used; those that can are believed.
            "https" => roots.add_parsable_certificates(tls::certificates(authorities)?),
            "http" if here => (0, 0),
            _ => return Err(bad("orders go over https only".to_owned())),
        };
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(roots)?)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_MAX)
            .timeout(most)
            .user_agent(concat!("fareserver/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, base })
    }

    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let bad = |why: String| TransportError::Address {
            got: request.target.clone(),
            why,
        };
        let url = self.base.join(&request.target);
        let url = url.map_err(|err| bad(err.to_string()))?;
        let mut sending = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url).body(request.body),
        };
        for (name, value) in request.headers {
            sending = sending.header(name, value);
        }
        let mut answer = sending.send().await?;
        let headers = answer.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_LEN_MAX {
                return Err(TransportError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

/// A platform beyond a network, that speaks `P`.
pub struct Remote<P> {
    protocol: P,
    transport: Transport,
}

impl<P: Protocol> Remote<P> {
    /// The platform that speaks `protocol` at the end of `transport`.
    pub fn new(protocol: P, transport: Transport) -> Self {
        Self {
            protocol,
            transport,
        }
    }

    async fn send(&self, request: Request) -> Result<Response, ChargeError> {
        let sent = self.transport.send(request).await;
        sent.map_err(|err| ChargeError::Unanswered {
            platform: self.protocol.id(),
            err,
        })
    }

    async fn call(&self, call: &Call<'_>, now: UnixMs) -> Result<Response, ChargeError> {
        let (platform, capability) = (self.protocol.id(), call.needs());
        if !self.protocol.capabilities().contains(&capability) {
            return Err(ChargeError::Unsupported {
                platform,
                capability,
            });
        }
        self.send(self.protocol.ask(call, &moment(now)?)?).await
    }

    /// Fetches the platform's certificates; answers how many there are. Platforms without any have 0.
    ///
    /// # Errors
    /// When they cannot be had, or are not the platform's.
    pub async fn fetch_certificates(&self, now: UnixMs) -> Result<usize, ChargeError> {
        let Some(request) = self.protocol.certificates(&moment(now)?)? else {
            return Ok(0);
        };
        let answer = self.send(request).await?;
        self.protocol.take_certificates(&answer, now)
    }

    /// Reads an answer; fetches certificates and reads it again when its signature does not hold, because
    /// platforms change their certificates.
    async fn read<T>(
        &self,
        answer: &Response,
        now: UnixMs,
        read: impl Fn(&Response) -> Result<T, ChargeError>,
    ) -> Result<T, ChargeError> {
        match read(answer) {
            Err(err @ ChargeError::Forged { .. }) => match self.fetch_certificates(now).await {
                Ok(1..) => read(answer),
                Ok(0) | Err(_) => Err(err),
            },
            other => other,
        }
    }

    async fn order(
        &self,
        call: &Call<'_>,
        order: &Order,
        now: UnixMs,
    ) -> Result<Outcome, ChargeError> {
        let answer = self.call(call, now).await?;
        let read = |answer: &Response| self.protocol.order_answer(call, order, answer, now);
        self.read(&answer, now, read).await
    }

    async fn give_back(
        &self,
        call: &Call<'_>,
        refund: &Refund,
        now: UnixMs,
    ) -> Result<RefundOutcome, ChargeError> {
        let answer = self.call(call, now).await?;
        let read = |answer: &Response| self.protocol.refund_answer(call, refund, answer, now);
        self.read(&answer, now, read).await
    }

    async fn bill_of(&self, day: Day, now: UnixMs) -> Result<Vec<BillRow>, ChargeError> {
        let answer = self.call(&Call::Bill(day), now).await?;
        let moment = moment(now)?;
        let read = |answer: &Response| self.protocol.bill_file(answer, &moment);
        let Some(bill) = self.read(&answer, now, read).await? else {
            return Ok(Vec::new());
        };
        let file = self.send(bill.request.clone()).await?;
        if !bill.is(&file.body) {
            return Err(ChargeError::Forged {
                platform: self.protocol.id(),
                what: "a bill that is not the one whose hash was signed".to_owned(),
            });
        }
        self.protocol.bill_rows(&file)
    }
}

fn moment(now: UnixMs) -> Result<Moment, ChargeError> {
    let nonce = ids::new_nonce().map_err(|_| super::KeyError::NotSigned)?;
    Ok(Moment { now, nonce })
}

impl<P: Protocol> Platform for Remote<P> {
    fn id(&self) -> PlatformId {
        self.protocol.id()
    }

    fn capabilities(&self) -> &'static [Capability] {
        self.protocol.capabilities()
    }

    fn charge<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(async move { self.order(&Call::Charge(order), order, now).await })
    }

    fn query<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(async move { self.order(&Call::Query(order), order, now).await })
    }

    fn cancel<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        Box::pin(async move { self.order(&Call::Cancel(order), order, now).await })
    }

    fn refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome> {
        Box::pin(async move { self.give_back(&Call::Refund(refund), refund, now).await })
    }

    fn query_refund<'a>(&'a self, refund: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome> {
        Box::pin(async move {
            self.give_back(&Call::QueryRefund(refund), refund, now)
                .await
        })
    }

    fn notice(&self, told: &Response, now: UnixMs) -> Result<Notice, ChargeError> {
        self.protocol.notice(told, now)
    }

    fn notice_answer(&self) -> (&'static str, &'static str) {
        self.protocol.notice_answer()
    }

    fn bill(&self, day: Day, now: UnixMs) -> Answer<'_, Vec<BillRow>> {
        Box::pin(self.bill_of(day, now))
    }
}
