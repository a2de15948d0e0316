//! A payment platform to try against: a real HTTP server that speaks Alipay's and WeChat Pay's words with
//! their signatures, keeps a book of what it charged, and does wrong when told to.
//!
//! ```text
//! POST /gateway.do                      Alipay: alipay.trade.pay, precreate, query, cancel, refund, ...
//! …    /v3/…                            WeChat Pay, API v3
//! GET  /bill/PLATFORM/DAY               what a bill's address leads to
//! POST /sandbox/fault                   {"on": "charge", "fault": "lose-answer"}; see Fault
//! POST /sandbox/pay/ORDER               the rider pays an order that waits
//! POST /sandbox/notice/ORDER?times=2    tells the merchant of an order, so many times
//! GET  /sandbox/orders                  the book
//! ```
//! Its keys lie in `keys/` and are known to everybody.

mod alipay;
mod bill;
mod book;
mod fault;
mod wechat;

pub use book::{Book, Entry, State};
pub use fault::{Fault, Operation};

use crate::clock;
use bytes::Bytes;
use fare_protocol::UnixMs;
use fare_server::charging::{MerchantKey, PlatformKey, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The merchant's private key, which the adapters sign with.
pub const MERCHANT_KEY: &str = include_str!("keys/merchant.pem");
const MERCHANT_PUBLIC: &str = include_str!("keys/merchant.pub.pem");
const PLATFORM_KEY: &str = include_str!("keys/platform.pem");
/// The platform's public key, for Alipay's adapter.
pub const PLATFORM_PUBLIC: &str = include_str!("keys/platform.pub.pem");
/// The platform's certificate, for WeChat Pay's.
pub const PLATFORM_CERTIFICATE: &str = include_str!("keys/platform.crt");
/// Its serial number.
pub const PLATFORM_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";
/// The serial number of the merchant's certificate.
pub const MERCHANT_SERIAL: &str = "3775B6A45ACD588826D15E583A95F5DD8F6D7C11";
/// The merchant's API v3 key.
pub const API_V3_KEY: &str = "sandbox-api-v3-key-of-32-letters";
/// The merchant's application at Alipay.
pub const ALIPAY_APP: &str = "2021000000000001";
/// The merchant's application at WeChat Pay.
pub const WECHAT_APP: &str = "wx0000000000000001";
/// The merchant at WeChat Pay.
pub const WECHAT_MERCHANT: &str = "1900000109";

/// Longest request that is read.
const BODY_LEN_MAX: usize = 1024 * 1024;

/// What all requests share.
struct Shared {
    book: Mutex<Book>,
    merchant: PlatformKey,
    key: MerchantKey,
    /// Signs in its place when told to sign badly.
    wrong_key: MerchantKey,
    address: SocketAddr,
    /// Answers that are held back wait for this number to change.
    released: watch::Sender<u64>,
    http: reqwest::Client,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is answered. Nothing: the connection is closed.
type Reply = Option<hyper::Response<Full<Bytes>>>;

/// A platform that runs in this process. It ends when it is dropped.
pub struct Sandbox {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Sandbox {
    /// Listens; `127.0.0.1:0` takes a free port.
    ///
    /// # Errors
    /// When the address cannot be had, or its own keys not be read.
    pub async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            merchant: PlatformKey::parse(MERCHANT_PUBLIC)?,
            key: MerchantKey::parse(PLATFORM_KEY)?,
            wrong_key: MerchantKey::parse(MERCHANT_KEY)?,
            address: listener.local_addr()?,
            released: watch::Sender::new(0),
            http: plain_client()?,
        });
        let serving = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { shared, serving })
    }

    /// Where it listens, as adapters write it.
    pub fn base(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Its book, to look at and to change.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book()
    }

    /// The next `times` calls of this kind go wrong in this way.
    pub fn tell(&self, on: Operation, fault: Fault, times: usize) {
        let mut book = self.book();
        (0..times).for_each(|_| book.faults.push((on, fault.clone())));
    }

    /// Its clock stands still at this moment; none: it is this machine's.
    pub fn set_time(&self, at: Option<UnixMs>) {
        self.book().time = at;
    }

    /// Lets go the answers that are held back.
    pub fn release(&self) {
        self.shared.released.send_modify(|n| *n += 1);
    }

    /// What it would tell the merchant of this order by Alipay's words: headers and body.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn alipay_notice(&self, order: &str) -> anyhow::Result<Response> {
        alipay::notice(&self.shared, order)
    }

    /// The same by WeChat Pay's.
    ///
    /// # Errors
    /// When there is no such order.
    pub fn wechat_notice(&self, order: &str) -> anyhow::Result<Response> {
        wechat::notice(&self.shared, order)
    }

    /// Serves until the task is ended from outside.
    pub async fn wait(mut self) {
        let _ended = (&mut self.serving).await;
    }
}

/// A client without certificates, for addresses on this machine.
fn plain_client() -> anyhow::Result<reqwest::Client> {
    let tls = fare_server::tls::client_config(rustls::RootCertStore::empty())?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()?)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(shared.clone(), request));
            let serving = hyper::server::conn::http1::Builder::new();
            if let Err(err) = serving
                .serve_connection(TokioIo::new(stream), service)
                .await
            {
                tracing::debug!(%err, "a connection was closed");
            }
        });
    }
}

/// An error closes the connection without an answer.
async fn answer(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> io::Result<hyper::Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_LEN_MAX).collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    let path = head.uri.path();
    let reply = if path == "/gateway.do" {
        alipay::serve(&shared, &body).await
    } else if path.starts_with("/v3/") {
        wechat::serve(&shared, &head, &body).await
    } else if let Some(rest) = path.strip_prefix("/bill/") {
        bill::serve(&shared, rest)
    } else {
        control(&shared, &head, &body).await
    };
    reply.ok_or_else(|| io::Error::other("told to lose the answer"))
}

/// What a tester tells it over HTTP.
async fn control(shared: &Arc<Shared>, head: &hyper::http::request::Parts, body: &Bytes) -> Reply {
    #[derive(serde::Deserialize)]
    struct Told {
        on: Operation,
        fault: Fault,
        #[serde(default = "once")]
        times: usize,
    }
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    if path == "/sandbox/orders" {
        let orders = serde_json::to_vec(&shared.book().entries()).unwrap_or_default();
        return Some(plain(200, "application/json", orders));
    }
    if path == "/sandbox/fault" {
        return Some(match serde_json::from_slice::<Told>(body) {
            Ok(told) => {
                let mut book = shared.book();
                (0..told.times).for_each(|_| book.faults.push((told.on, told.fault.clone())));
                plain(200, "text/plain", "told\n")
            }
            Err(err) => plain(400, "text/plain", format!("{err}\n")),
        });
    }
    if let Some(order) = path.strip_prefix("/sandbox/pay/") {
        let paid = shared.book().pay(order, clock::now());
        let notify = shared.book().notify_url(order);
        if let (true, Some(url)) = (paid, notify) {
            tell(shared, order, &url, 1).await;
        }
        let (status, said) = if paid {
            (200, "paid\n")
        } else {
            (404, "nothing waits\n")
        };
        return Some(plain(status, "text/plain", said));
    }
    if let Some(order) = path.strip_prefix("/sandbox/notice/") {
        let times = query.strip_prefix("times=").and_then(|n| n.parse().ok());
        let Some(url) = shared.book().notify_url(order) else {
            return Some(plain(404, "text/plain", "no such order, or no address\n"));
        };
        let told = tell(shared, order, &url, times.unwrap_or(1)).await;
        return Some(plain(200, "text/plain", format!("{told}\n")));
    }
    Some(plain(
        404,
        "text/plain",
        "see the documentation of the module platform\n",
    ))
}

/// Sends the notice of an order; answers how often the merchant took it.
async fn tell(shared: &Arc<Shared>, order: &str, url: &str, times: usize) -> usize {
    let by_wechat = shared.book().entry(order).is_some_and(|entry| entry.wechat);
    let mut taken = 0;
    for _ in 0..times {
        let notice = if by_wechat {
            wechat::notice(shared, order)
        } else {
            alipay::notice(shared, order)
        };
        let Ok(notice) = notice else { return taken };
        let mut sending = shared.http.post(url).body(notice.body);
        for (name, value) in notice.headers {
            sending = sending.header(name, value);
        }
        match sending.send().await {
            Ok(answer) if answer.status().is_success() => taken += 1,
            Ok(answer) => tracing::warn!(status = %answer.status(), order, "a notice was refused"),
            Err(err) => tracing::warn!(%err, order, "a notice did not arrive"),
        }
    }
    taken
}

fn once() -> usize {
    1
}

fn plain(status: u16, content: &str, body: impl Into<Bytes>) -> hyper::Response<Full<Bytes>> {
    let built = hyper::Response::builder()
        .status(status)
        .header("content-type", content)
        .body(Full::new(body.into()));
    built.unwrap_or_default()
}
