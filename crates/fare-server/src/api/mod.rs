//! The gates' API: records in, answers and news out. Types and shapes are `fare_protocol::wire`'s.

mod certificate;
mod feed;
mod pay_codes;
pub mod problem;
pub mod problems;
mod records;
pub mod room;

use crate::bulletin::Bulletin;
use crate::config::Settlement;
use crate::enrol::Certifier;
use crate::metrics::{self, Listener, Metrics};
use crate::net::Shown;
use crate::pay_codes::PayCodes;
use crate::store::{Gate, Shower, Store, StoreError, Tx};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use fare_protocol::pay_code::ask::ASK_LEN_MAX;
use fare_protocol::wire::{FEED_WAIT_MS_MAX, Revocation};
use fare_protocol::{GateId, UnixMs};
pub use pay_codes::{ASKS_MAX, AskRates};
use problem::Problem;
use room::Room;
use std::collections::HashMap;
use std::convert::Infallible;
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
    /// What gates and phones wait for.
    pub bulletin: Bulletin,
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
    /// Signs gates' certificates, where this server does.
    pub certifier: Option<Arc<Certifier>>,
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
        .route("/v1/gates/{gate}/certificate", post(certificate::renew))
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
        .layer(from_fn(problem::dress))
        .layer(from_fn_with_state(counted, metrics::count))
}

/// Whose certificate came with a request, as far as it names a gate.
struct Asking(Option<Shower>);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let shown = parts.extensions.get::<Shown>();
        Ok(Self(shown.and_then(|Shown(shower)| *shower)))
    }
}

/// A registered gate, and whether it is believed.
struct Standing {
    gate: Gate,
    revocation: Option<Revocation>,
}

impl Standing {
    /// The gate, when it is believed.
    fn believed(self) -> Result<Gate, Problem> {
        self.revocation
            .map_or(Ok(self.gate), |revocation| Err(revoked(&revocation)))
    }
}

fn revoked(revocation: &Revocation) -> Problem {
    let since = revocation.at_ms.to_rfc3339();
    let detail = format!(
        "gate {} was revoked at {since} ({}); it must enrol anew, with new keys",
        revocation.gate, revocation.reason
    );
    Problem::new(StatusCode::FORBIDDEN, "gate-revoked", detail)
}

/// The registered gate whose address was asked. Whoever shows another registered gate's certificate, or one that was
/// revoked, gets nothing at all.
async fn registered(app: &App, id: &str, asking: Asking) -> Result<Standing, Problem> {
    let id: GateId = id.parse().map_err(|err: fare_protocol::IdError| {
        Problem::new(StatusCode::NOT_FOUND, "no-such-gate", err.to_string()).about("gate")
    })?;
    let look = move |tx: &Tx<'_>| {
        let gate = tx.gate(id)?;
        let own = match &gate {
            Some(gate) => tx.revocation(id, &gate.key)?,
            None => None,
        };
        let Some(shower) = asking.0 else {
            return Ok::<_, StoreError>((gate, own, None));
        };
        let revocation = own.or(tx.revocation_of(&shower)?);
        // Certificates of an authority of one's own may name something else than gates.
        let other = shower.gate != id && tx.gate(shower.gate)?.is_some();
        Ok((gate, revocation, other.then_some(shower.gate)))
    };
    let (gate, revocation, other) = app.store.read(look).await?;
    let gate = gate.ok_or_else(|| {
        let detail = format!("gate {id} is not registered; run `fareserver gate add --id {id} …`");
        Problem::new(StatusCode::NOT_FOUND, "no-such-gate", detail).about("gate")
    })?;
    if let Some(revocation) = revocation.filter(|revocation| revocation.gate != id) {
        tracing::warn!(gate = %id, shown = %revocation.gate, "a revoked gate's certificate was shown");
        return Err(revoked(&revocation));
    }
    if let Some(other) = other {
        tracing::warn!(gate = %id, shown = %other, "another gate's certificate was shown");
        let detail = format!(
            "the certificate shown is gate {other}'s, the address is gate {id}'s; a gate asks by its own"
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, "other-gate", detail).about("gate"));
    }
    if revocation.is_none() {
        app.seen.note(id, crate::clock::now());
    }
    Ok(Standing { gate, revocation })
}

/// As [`registered`], for who asks again and again: what was found is believed a little longer.
async fn registered_lately(app: &App, id: &str, asking: Asking) -> Result<Standing, Problem> {
    let shown = asking.0;
    let asker = id.parse().ok().map(|id: GateId| (id, shown));
    if let Some(gate) = asker.and_then(|asker| app.bulletin.standing(asker)) {
        app.seen.note(gate.id, crate::clock::now());
        let revocation = None;
        return Ok(Standing { gate, revocation });
    }
    let to = app.bulletin.end();
    let found = registered(app, id, asking).await?;
    if found.revocation.is_none() {
        app.bulletin.note_standing(found.gate, shown, to);
    }
    Ok(found)
}
