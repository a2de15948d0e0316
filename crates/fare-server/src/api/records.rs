//! `POST /v1/gates/{gate}/records`: a batch of records, answered one by one.

use super::problem::Problem;
use super::{App, registered};
use crate::clock;
use crate::intake::{Checked, Intake, Report, check};
use crate::store::Gate;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use fare_protocol::wire::{RecordRefusal, UPLOAD_RECORDS_MAX, UploadRecord};
use fare_protocol::{RecordId, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// `UploadRequest`, its records unread: one that is wrong must not refuse the others.
#[derive(Deserialize)]
struct Rows<'b> {
    #[serde(borrow)]
    records: Vec<&'b RawValue>,
}

/// The part of an `UploadRecord` without which it cannot even be answered.
#[derive(Deserialize)]
struct OnlyId {
    id: RecordId,
}

/// `UploadResponse`, its answers as the bytes that were first given.
#[derive(Serialize)]
struct Answers {
    answers: Vec<Box<RawValue>>,
    server_time_ms: UnixMs,
}

pub(super) async fn upload(
    State(app): State<App>,
    Path(gate): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let gate = registered(&app, &gate).await?;
    let body = body.map_err(|err| unread(&err))?;
    let uploads = rows(&body)?;
    // Verifying a full batch takes some 50 ms of arithmetic, so it is kept off the workers.
    let checked = tokio::task::spawn_blocking(move || check_all(uploads, &gate)).await;
    let checked = checked.map_err(|err| Problem::unavailable(&err))?;
    let now = clock::now();
    let count = checked.len();
    let settlement = app.settlement.clone();
    let work =
        move |tx: &crate::store::Tx<'_>| Intake::new(&settlement, tx, gate, now).take(&checked);
    let report = app.store.write(work).await?;
    log(&gate, count, &report, clock::now().since(now));
    let answers = Answers {
        answers: report.answers,
        server_time_ms: now,
    };
    let json = serde_json::to_vec(&answers).map_err(|err| Problem::unavailable(&err))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

fn unread(err: &BytesRejection) -> Problem {
    if err.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let most = super::BODY_LEN_MAX;
        let detail = format!("the body is longer than {most} bytes; send smaller batches");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail);
    }
    Problem::bad_request(format!("the body could not be read: {err}"))
}

/// A record as it was sent, or the id under which something else was.
type Row = Result<UploadRecord, (RecordId, String)>;

fn rows(body: &[u8]) -> Result<Vec<Row>, Problem> {
    let rows: Rows<'_> = serde_json::from_slice(body).map_err(|err| {
        Problem::bad_request(format!(
            "the body is not {{\"records\": […]}} of id and envelope: {err}"
        ))
    })?;
    let count = rows.records.len();
    if count > UPLOAD_RECORDS_MAX {
        let detail = format!("got {count} records, at most {UPLOAD_RECORDS_MAX}; send fewer");
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-many-records",
            detail,
        ));
    }
    let rows = rows
        .records
        .iter()
        .enumerate()
        .map(|(place, row)| read(place, row.get()));
    rows.collect()
}

fn read(place: usize, row: &str) -> Result<Row, Problem> {
    match serde_json::from_str::<UploadRecord>(row) {
        Ok(upload) => Ok(Ok(upload)),
        Err(err) => match serde_json::from_str::<OnlyId>(row) {
            Ok(OnlyId { id }) => Ok(Err((id, format!("not an id and an envelope: {err}")))),
            Err(_) => Err(Problem::bad_request(format!(
                "records[{place}] has no readable id, so it cannot be answered: {err}"
            ))),
        },
    }
}

fn check_all(rows: Vec<Row>, gate: &Gate) -> Vec<Checked> {
    let checked = rows.into_iter().map(|row| match row {
        Ok(upload) => check(&upload, gate),
        Err((id, reason)) => Checked::Refused {
            id,
            hash: None,
            code: RecordRefusal::Malformed,
            reason,
        },
    });
    checked.collect()
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
