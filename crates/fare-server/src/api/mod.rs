//! The gates' API: records in, answers and news out. Types and shapes are `fare_protocol::wire`'s.

mod feed;
mod pay_codes;
pub mod problem;
pub mod problems;
mod records;
pub mod room;

use crate::config::Settlement;
use crate::metrics::{self, Listener, Metrics};
use crate::pay_codes::PayCodes;
use crate::store::{Gate, Store};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use fare_protocol::pay_code::ask::ASK_LEN_MAX;
use fare_protocol::wire::FEED_WAIT_MS_MAX;
use fare_protocol::{GateId, UnixMs};
pub use pay_codes::{ASKS_MAX, AskRates};
use problem::Problem;
use room::Room;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

/// Longest body of a request: 500 records of 512 bytes in base64, with room.
pub const BODY_LEN_MAX: usize = 1024 * 1024;

/// Longest time that a request may take, a feed's waiting included.
const REQUEST_MAX: Duration = Duration::from_millis(FEED_WAIT_MS_MAX as u64 + 5_000);

/// What all handlers share.
#[derive(Clone)]
pub struct App {
    /// Where everything is kept.
    pub store: Store,
    /// What the server believes, charges and signs with.
    pub settlement: Arc<Settlement>,
    /// Turns true when the server is to stop.
    pub stopping: watch::Receiver<bool>,
    /// When each gate was last heard of.
    pub seen: Seen,
    /// How many uploads there is room for.
    pub room: Room,
    /// How pay codes are taken; not at all without.
    pub pay_codes: Option<PayCodes>,
    /// How many asks about pay codes there is room for.
    pub ask_room: Room,
    /// How much the gates ask about them.
    pub ask_rates: AskRates,
    /// What is counted while the server runs.
    pub metrics: Metrics,
    /// Which engine keeps everything: `sqlite` or `postgres`.
    pub engine: &'static str,
}

/// When each gate was last heard of, since the server started.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<HashMap<GateId, UnixMs>>>);

impl Seen {
    /// `gate` was heard of at `now`.
    pub fn note(&self, gate: GateId, now: UnixMs) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(gate, now);
    }

    /// When `gate` was last heard of.
    pub fn last(&self, gate: GateId) -> Option<UnixMs> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&gate)
            .copied()
    }
}

/// The gates' API.
pub fn router(app: App) -> Router {
    let counted = (app.metrics.clone(), Listener::Gates);
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route(
            "/v1/gates/{gate}/records",
            post(records::upload).route_layer(from_fn_with_state(app.clone(), room::enter)),
        )
        .route("/v1/gates/{gate}/feed", get(feed::answer))
        .route(
            "/v1/gates/{gate}/pay-codes",
            post(pay_codes::answer).layer(DefaultBodyLimit::max(ASK_LEN_MAX)),
        )
        .with_state(app)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            REQUEST_MAX,
        ))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(map_response(problem::dress))
        .layer(from_fn_with_state(counted, metrics::count))
}

/// The registered gate whose address was asked.
async fn registered(app: &App, id: &str) -> Result<Gate, Problem> {
    let id: GateId = id.parse().map_err(|err: fare_protocol::IdError| {
        Problem::new(StatusCode::NOT_FOUND, "no-such-gate", err.to_string())
    })?;
    let gate = app.store.read(move |tx| tx.gate(id)).await?;
    let gate = gate.ok_or_else(|| {
        let detail = format!("gate {id} is not registered; run `fareserver gate add --id {id} …`");
        Problem::new(StatusCode::NOT_FOUND, "no-such-gate", detail)
    })?;
    app.seen.note(id, crate::clock::now());
    Ok(gate)
}
