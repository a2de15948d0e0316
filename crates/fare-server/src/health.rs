//! How the server is doing, for programs: on an address of its own that riders cannot reach.
//!
//! ```text
//! GET /healthz   the process answers
//! GET /readyz    so does the database, it can be written, and its schema is the one that this program knows; else 503
//! GET /metrics   figures for Prometheus: docs/server-metrics.md
//! GET /openapi.json   what can be asked of the server, at all its addresses
//! ```

use crate::api::App;
use crate::api::problem::{Problem, dress, panicked};
use crate::clock;
use crate::metrics::{self, Figures, Listener};
use crate::openapi;
use crate::store::StoreError;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;

/// Longest time that the database may take before it counts as away.
const DATABASE_MAX: Duration = Duration::from_secs(2);

/// The listener's routes.
pub fn router(app: App) -> Router {
    let counted = (app.metrics.clone(), Listener::Status);
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::serve))
        .with_state(app)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
        .layer(from_fn_with_state(counted, metrics::count))
}

/// Whether an address can only be reached from this machine or a network of one's own.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether requests can be served now.
pub(crate) async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    if *app.stopping.borrow() {
        return Err(not_ready("the server is stopping"));
    }
    let current = app.store.read(|tx| tx.is_current());
    match timeout(DATABASE_MAX, current).await {
        Ok(Ok(true)) if app.store.faults().is_unwritable() => Err(not_ready(
            "the database cannot be written; look at its disk, and whether it is read-only",
        )),
        Ok(Ok(true)) => Ok("ready\n"),
        Ok(Ok(false)) => Err(not_ready(
            "the database's schema is older than this program's",
        )),
        Ok(Err(err @ StoreError::TooNew { .. })) => Err(not_ready(&err.to_string())),
        Ok(Err(err)) => {
            tracing::warn!(%err, "not ready");
            Err(not_ready("the database does not answer"))
        }
        Err(_) => Err(not_ready("the database does not answer in time")),
    }
}

fn not_ready(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail)
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let standing = timeout(DATABASE_MAX, app.store.read(|tx| tx.standing())).await;
    let standing = match standing {
        Ok(Ok(standing)) => Some(standing),
        Ok(Err(err)) => {
            tracing::warn!(%err, "the database's figures cannot be read");
            None
        }
        Err(_) => {
            tracing::warn!("the database's figures cannot be read in time");
            None
        }
    };
    let gates = standing.iter().flat_map(|standing| &standing.gates);
    let heard = gates.map(|end| end.gate.parse().ok().and_then(|id| app.seen.last(id)));
    let faults = app.store.faults();
    let figures = Figures {
        now: clock::now(),
        database: app.engine,
        faults: (faults.errors(), faults.clashes()),
        queue: app.store.waiting(),
        heard: heard.collect(),
        standing: standing.as_ref(),
    };
    let page = metrics::text(&app.metrics, &figures);
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        page,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_addresses_of_ones_own_networks_are_private() {
        for own in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.9",
            "172.16.0.1",
            "::1",
            "fd00::1",
        ] {
            assert!(is_private(own.parse().unwrap()), "{own}");
        }
        for open in ["0.0.0.0", "::", "8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert!(!is_private(open.parse().unwrap()), "{open}");
        }
    }
}
