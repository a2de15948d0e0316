//! The riders' API, and the wallet that speaks it: on a listener of its own, where nobody shows a
//! certificate. A phone proves each request with its key ([`fare_protocol::rider`]); who holds the
//! phone is known to nobody here.
//!
//! ```text
//! POST /v1/rider                        enrols the phone's key    -> Enrolled; 200 when it was already
//! POST /v1/rider/issuer-part            a fresh issuer part       -> Enrolled
//! GET  /v1/rider/journeys?before=&most= newest first              -> Journeys
//! GET  /v1/rider/vouchers?after=NUMBER  what was missed           -> Vouchers; an entry voucher with the
//!                                       picture for the exit
//! GET  /v1/rider/events?after=NUMBER    server-sent events: `voucher` as it is made, `journeys` when
//!                                       one has changed
//! GET  /v1/rider/products               what was bought beforehand, what is left, what is on sale -> Products
//! POST /v1/rider/corrections            where a journey ended whose exit is missing
//! GET  /v1/stations                     names of stations; for anybody
//! GET  /v1/gates                        the gates' public keys, which check receipts; for anybody
//! GET  /…                               the wallet's files
//! ```
//! Every answer that is an error is problem+json and names the header, parameter or field at fault.

mod auth;
mod corrections;
mod enrol;
mod events;
mod journeys;
pub(crate) mod limit;
mod products;
pub mod wallet;

pub use enrol::Grant;

use crate::api::App;
use crate::api::problem::{Problem, dress, panicked};
use crate::config::Riders as Config;
use crate::metrics::{self, Listener};
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fare_protocol::StationId;
use fare_protocol::receipt::GateKey;
use fare_rules::{Station, Tariff};
use limit::{Limits, Replays};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use wallet::Wallet;

/// Longest body of a rider's request.
pub const BODY_LEN_MAX: usize = 16 * 1024;

/// Most streams of events at once; phones beyond are told to ask for vouchers instead.
pub const STREAMS_MAX: usize = 1_024;

/// The server's time on every answer, in unix ms, so that a phone learns how far off its clock is.
const SERVER_TIME_HEADER: HeaderName = HeaderName::from_static("server-time");

/// What the riders' handlers share.
#[derive(Clone)]
pub struct Riders {
    app: App,
    grant: Arc<Grant>,
    wallet: Option<Arc<Wallet>>,
    limits: Arc<Limits>,
    replays: Arc<Replays>,
    streams: Arc<Semaphore>,
}

/// A station for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StationName {
    /// Its id.
    pub id: String,
    /// Its name in Latin letters.
    pub name: String,
    /// Its name as it stands on the platform.
    pub local: String,
}

impl StationName {
    /// The names of a station; one that the tariff no longer has keeps its id for them.
    pub fn of(id: StationId, tariff: &Tariff) -> Self {
        let known = tariff.station(id);
        let name =
            |pick: fn(&Station) -> &String| known.map_or(id.to_string(), |s| pick(s).clone());
        Self {
            id: id.to_string(),
            name: name(|station| &station.name),
            local: name(|station| &station.name_local),
        }
    }
}

/// The riders' API and the wallet.
pub fn router(app: App, config: &Config) -> Router {
    let counted = (app.metrics.clone(), Listener::Riders);
    let riders = Riders {
        app,
        grant: config.grant.clone(),
        wallet: config.wallet.clone(),
        limits: Arc::default(),
        replays: Arc::default(),
        streams: Arc::new(Semaphore::new(STREAMS_MAX)),
    };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/v1/stations", get(stations))
        .route("/v1/gates", get(gates))
        .route("/v1/rider", post(enrol::enrol))
        .route("/v1/rider/issuer-part", post(enrol::refresh))
        .route("/v1/rider/journeys", get(journeys::list))
        .route("/v1/rider/products", get(products::list))
        .route("/v1/rider/vouchers", get(events::missed))
        .route("/v1/rider/events", get(events::follow))
        .route("/v1/rider/corrections", post(corrections::send))
        .fallback(wallet::file)
        .with_state(riders)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
        .layer(map_response(finish))
        .layer(from_fn_with_state(counted, metrics::count))
}

async fn stations(State(riders): State<Riders>) -> impl IntoResponse {
    let tariff = &riders.app.settlement.tariff;
    let names = tariff
        .stations()
        .map(|station| StationName::of(station.id, tariff));
    Json(names.collect::<Vec<_>>())
}

async fn gates(State(riders): State<Riders>) -> Result<Json<Vec<GateKey>>, Problem> {
    let gates = riders.app.store.read(|tx| tx.believed_gates()).await?;
    let keys = gates.into_iter().map(|gate| GateKey {
        gate: gate.id,
        key: gate.key,
    });
    Ok(Json(keys.collect()))
}

async fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(SERVER_TIME_HEADER, HeaderValue::from(crate::clock::now().0));
    headers
        .entry(axum::http::header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        axum::http::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// Something asked for by this rider is not there, or is not this rider's.
fn not_found(title: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, title, detail)
}
