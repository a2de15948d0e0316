//! `POST /v1/gates/{gate}/records`: a batch of records, answered one by one.

use super::problem::Problem;
use super::{App, Asking, registered};
use crate::clock;
use crate::intake::{BodyError, Intake, Nameless, Report, Rows};
use crate::store::Gate;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use fare_protocol::UnixMs;
use fare_protocol::wire::RecordRefusal;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// `UploadResponse`, its answers as the bytes that were first given.
#[derive(Serialize)]
struct Answers {
    answers: Vec<Box<RawValue>>,
    server_time_ms: UnixMs,
}

pub(super) async fn upload(
    State(app): State<App>,
    Path(gate): Path<String>,
    asking: Asking,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    // What a revoked gate sends is answered record by record: what came before stays as it was answered.
    let gate = registered(&app, &gate, asking).await?.gate;
    let body = body.map_err(|err| unread(&err))?;
    let mut rows = Rows::read(&body)?;
    let nameless = rows.take_nameless();
    // Verifying a full batch takes some 50 ms of arithmetic, so it is kept off the workers.
    let checked = tokio::task::spawn_blocking(move || rows.check(&gate)).await;
    let checked = checked.map_err(|err| Problem::unavailable(&err))?;
    let now = clock::now();
    let count = checked.len();
    let settlement = app.settlement.clone();
    let work =
        move |tx: &crate::store::Tx<'_>| Intake::new(&settlement, tx, gate, now).take(&checked);
    let report = app.store.write(work).await?;
    app.metrics.batch(&report);
    log(&gate, count, &report, clock::now().since(now));
    let answers = Answers {
        answers: in_order(&gate, report.answers, &nameless)
            .map_err(|err| Problem::unavailable(&err))?,
        server_time_ms: now,
    };
    let json = serde_json::to_vec(&answers).map_err(|err| Problem::unavailable(&err))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

/// The answers, with those to what had no id at their places.
fn in_order(
    gate: &Gate,
    mut answers: Vec<Box<RawValue>>,
    nameless: &[Nameless],
) -> Result<Vec<Box<RawValue>>, serde_json::Error> {
    for Nameless { place, err } in nameless {
        let reason = format!("records[{place}] has no readable id: {err}");
        tracing::warn!(gate = %gate.id, place, reason, "record refused");
        let answer = serde_json::json!({
            "id": null, "outcome": "refused", "code": RecordRefusal::Malformed, "reason": reason,
        });
        answers.insert((*place).min(answers.len()), to_raw_value(&answer)?);
    }
    Ok(answers)
}

fn unread(err: &BytesRejection) -> Problem {
    if err.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let most = super::BODY_LEN_MAX;
        let detail = format!("the body is longer than {most} bytes; send smaller batches");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).about("body");
    }
    Problem::bad_request(format!("the body could not be read: {err}")).about("body")
}

impl From<BodyError> for Problem {
    fn from(err: BodyError) -> Self {
        let detail = err.to_string();
        match err {
            BodyError::NotRecords(_) => Self::bad_request(detail).about("records"),
            BodyError::NoId { place, .. } => {
                Self::bad_request(detail).about(&format!("records[{place}].id"))
            }
            BodyError::TooMany(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-records", detail)
                    .about("records")
            }
        }
    }
}

fn log(gate: &Gate, records: usize, report: &Report, ms: i64) {
    let Report {
        accepted, repeated, ..
    } = *report;
    let refused = report.refused.len();
    tracing::info!(gate = %gate.id, records, accepted, repeated, refused, ms, "batch");
    for (place, code, reason) in &report.refused {
        tracing::warn!(gate = %gate.id, place, ?code, reason, "record refused");
    }
    for (kind, about, detail) in &report.conflicts {
        tracing::warn!(gate = %gate.id, kind = kind.code(), %about, detail, "conflict");
    }
}
