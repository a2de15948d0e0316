//! Where gates come by their identity: a listener of its own, on which nobody shows a certificate,
//! because who asks has none yet.
//!
//! ```text
//! POST /v1/enrol   {secret, record_key, tls_key, record_proof, tls_proof} -> Enrolment
//! ```
//! The secret is in the hands of whoever sets the gate up; it works once. The same gate may ask again
//! with the same keys, for answers get lost.

mod authority;

pub use authority::Certifier;

use crate::api::App;
use crate::api::problem::{Problem, dress, panicked};
use crate::clock;
use crate::config::Enrolment as Config;
use crate::pki;
use crate::store::{Invitation, Shown};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use fare_protocol::enrol::{EnrolRequest, Enrolment};
use fare_protocol::{PublicKey, UnixMs};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Longest body of a request.
const BODY_LEN_MAX: usize = 4 * 1024;

#[derive(Clone)]
struct Enrol {
    app: App,
    certifier: Arc<Certifier>,
}

/// The enrolment of gates.
pub fn router(app: App, config: &Config) -> Router {
    let enrol = Enrol {
        app,
        certifier: config.certifier.clone(),
    };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/v1/enrol", post(answer))
        .with_state(enrol)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
}

/// What the reader says is not passed on: there is a secret in the body.
fn unread(err: &serde_json::Error) -> Problem {
    let names = [
        "secret",
        "record_key",
        "tls_key",
        "record_proof",
        "tls_proof",
    ];
    let said = err.to_string();
    let (line, column) = (err.line(), err.column());
    let expected = names.join(", ");
    let detail = format!("expected JSON of {expected}; wrong at line {line}, column {column}");
    Problem::bad_request(detail)
        .about("body")
        .about_one(&names, &said)
}

async fn answer(State(enrol): State<Enrol>, body: Bytes) -> Result<Response, Problem> {
    let request: EnrolRequest = serde_json::from_slice(&body).map_err(|err| unread(&err))?;
    let secret = request.verify().map_err(|err| {
        tracing::warn!(%err, "an enrolment was refused");
        Problem::new(StatusCode::FORBIDDEN, "bad-proof", err.to_string())
    })?;
    let now = clock::now();
    let (record_key, tls_key) = (request.record_key, request.tls_key);
    let work = move |tx: &crate::store::Tx<'_>| tx.enrol_gate(&secret, &record_key, &tls_key, now);
    match enrol.app.store.write(work).await? {
        Shown::Enrolled(invitation) => {
            let gate = invitation.gate;
            let enrolment = enrolment(&enrol, invitation, &tls_key, now)?;
            tracing::info!(%gate, key = %record_key, "gate enrolled");
            Ok(axum::Json(enrolment).into_response())
        }
        Shown::Unknown => Err(refused(
            "unknown-ticket",
            "nobody was invited with this ticket; copy it whole, or have a new one written: \
             fareserver gate invite",
        )),
        Shown::TooLate => Err(refused(
            "ticket-over",
            "this ticket's time is over; have a new one written: fareserver gate invite",
        )),
        Shown::Revoked => Err(refused(
            "key-revoked",
            "this gate's key was revoked; move its folder `keys` away, so that it makes new ones, and enrol again",
        )),
        Shown::Used => Err(refused(
            "ticket-used",
            "another gate used this ticket, or this one with other keys; have a new one written, which \
             also puts the new keys in the place of those: fareserver gate invite",
        )),
    }
}

fn refused(title: &str, detail: &str) -> Problem {
    tracing::warn!(title, "an enrolment was refused");
    Problem::new(StatusCode::FORBIDDEN, title, detail)
}

fn enrolment(
    enrol: &Enrol,
    invitation: Invitation,
    tls_key: &PublicKey,
    now: UnixMs,
) -> Result<Enrolment, Problem> {
    let settlement = &enrol.app.settlement;
    let certificate = enrol.certifier.certify(invitation.gate, tls_key, now);
    Ok(Enrolment {
        gate: invitation.gate,
        config: invitation.config,
        certificate: certificate.map_err(|err| Problem::unavailable(&err))?,
        authority: enrol.certifier.authority().to_owned(),
        issuers: settlement.issuers.clone(),
        servers: pki::key_set(&[settlement.signer.as_ref()]),
        tariff: settlement.tariff_text_at(now),
    })
}
