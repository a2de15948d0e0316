//! `POST /v1/gates/{gate}/certificate`: a gate whose certificate ends soon gets another for the same key.

use super::problem::Problem;
use super::{App, Asking, registered};
use crate::clock;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fare_protocol::renewal::{RenewalRequest, RenewedCertificate};

const FIELDS: [&str; 3] = ["tls_key", "record_proof", "tls_proof"];

pub(super) async fn renew(
    State(app): State<App>,
    Path(gate): Path<String>,
    asking: Asking,
    asked: Result<Json<RenewalRequest>, JsonRejection>,
) -> Result<Json<RenewedCertificate>, Problem> {
    let gate = registered(&app, &gate, asking).await?.believed()?;
    let Json(asked) = asked.map_err(|err| {
        let expected = "tls_key, record_proof and tls_proof";
        Problem::bad_json(expected, &err, &FIELDS)
    })?;
    let Some(certifier) = &app.certifier else {
        let detail =
            "this server has no authority that certifies gates: [enrolment] in its configuration";
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-authority", detail));
    };
    asked.verify(gate.id, &gate.key).map_err(|err| {
        tracing::warn!(gate = %gate.id, %err, "a renewal was refused");
        Problem::new(StatusCode::FORBIDDEN, "bad-proof", err.to_string()).about(err.0)
    })?;
    let certificate = certifier.certify(gate.id, &asked.tls_key, clock::now());
    let certificate = certificate.map_err(|err| Problem::unavailable(&err))?;
    tracing::info!(gate = %gate.id, "certificate renewed");
    Ok(Json(RenewedCertificate { certificate }))
}
