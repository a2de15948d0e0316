//! Listeners: connections in, requests to a router, and an orderly end.

use crate::store::Shower;
use axum::Router;
use fare_protocol::certificate::Certificate;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::CertificateDer;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_http::add_extension::AddExtension;

/// Most connections at once on one listener; more wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Longest TLS handshake, and longest time for the head of an HTTP/1 request.
const GREETING_MAX: Duration = Duration::from_secs(10);

/// How often an HTTP/2 peer that says nothing is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// Most requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 32;

/// How long requests that are under way may take once the server stops. Those that wait are told to end.
const REQUESTS_END_MAX: Duration = Duration::from_secs(20);

/// How long connections may stay after the last request: for answers on their way.
const GRACE: Duration = Duration::from_millis(1_500);

/// How long to rest when no connection can be accepted (no file handles, for instance).
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves `router` on `listener`, over TLS when there is an acceptor, until `stopping` turns true;
/// then lets the requests that are `open`, of all listeners, end, but not for ever.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    (mut stopping, mut open_requests): (watch::Receiver<bool>, watch::Receiver<usize>),
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut open = JoinSet::new();
    loop {
        let next = tokio::select! {
            next = accept(&listener, &room) => next,
            () = stopped(&mut stopping) => break,
        };
        match next {
            Ok((stream, permit)) => {
                let (tls, router, stopping) = (tls.clone(), router.clone(), stopping.clone());
                open.spawn(async move {
                    connection(stream, tls, router, stopping).await;
                    drop(permit);
                });
            }
            Err(err) => {
                tracing::warn!(%err, "cannot accept connections");
                sleep(ACCEPT_REST).await;
            }
        }
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    let given_up = async {
        let none = open_requests.wait_for(|open| *open == 0);
        let cut_off = timeout(REQUESTS_END_MAX, none).await.is_err();
        sleep(GRACE).await;
        cut_off
    };
    tokio::select! {
        () = ended => {}
        cut_off = given_up => if cut_off {
            tracing::warn!("some requests did not end in time and were cut off");
        },
    }
}

/// Returns once `stopping` is true, or nobody is left to say so.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stopping| *stopping).await;
}

/// Who is at the other end of a connection; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// What the certificate at the other end of a connection says of a gate; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub Option<Shower>);

impl Shown {
    /// Nothing for certificates that name no gate.
    fn by(certificate: Option<&CertificateDer<'_>>) -> Self {
        let says = certificate.and_then(|der| Certificate::read(der));
        let shower = says.and_then(|says| {
            Some(Shower {
                gate: says.common_name?.parse().ok()?,
                tls_key: says.key,
            })
        });
        Self(shower)
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = room
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    stopping: watch::Receiver<bool>,
) {
    let peer = stream.peer_addr().ok();
    let Some(tls) = tls else {
        return requests(stream, (peer, Shown(None)), router, stopping).await;
    };
    let mut ending = stopping.clone();
    let greeted = tokio::select! {
        greeted = timeout(GREETING_MAX, tls.accept(stream)) => greeted,
        () = stopped(&mut ending) => return,
    };
    match greeted {
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let shown = Shown::by(certificates.and_then(|all| all.first()));
            requests(stream, (peer, shown), router, stopping).await;
        }
        Ok(Err(err)) => tracing::warn!(?peer, %err, "TLS handshake failed"),
        Err(_) => tracing::warn!(?peer, "TLS handshake took too long"),
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    (peer, shown): (Option<SocketAddr>, Shown),
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(GREETING_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(STREAMS_MAX);
    // A peer that is gone already has no address, and will read no answer.
    let Some(peer) = peer else { return };
    let service = AddExtension::new(AddExtension::new(router, Peer(peer)), shown);
    let service = TowerToHyperService::new(service);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(err) = ended {
        tracing::debug!(%err, "a connection broke off");
    }
}
