//! `POST /v1/gates/{gate}/pay-codes`: whether the server would charge a payment platform's code. A rider stands
//! at the gate: who finds no room is told so at once and goes by the gate's own policy.

use super::problem::Problem;
use super::{App, Asking, registered};
use crate::clock;
use crate::pay_codes;
use crate::riders::limit::{Buckets, Rate, lock};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::GateId;
use fare_protocol::pay_code::ask::ASK_LEN_MAX;
use fare_protocol::wire::PayCodeAsk;
use std::sync::{Arc, Mutex};

/// Asks that are answered at once.
pub const ASKS_MAX: usize = 64;

/// What one gate may ask: more than riders can hold out, even when each is asked about again and again.
const GATE: Rate = Rate {
    burst: 60,
    refill_ms: 100,
};

const FIELDS: [&str; 5] = ["id", "direction", "at_ms", "platform", "code"];

/// How much the gates ask.
#[derive(Clone, Debug, Default)]
pub struct AskRates(Arc<Mutex<Buckets<GateId>>>);

pub(super) async fn answer(
    State(app): State<App>,
    Path(gate): Path<String>,
    asking: Asking,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let gate = registered(&app, &gate, asking).await?.believed()?;
    if let Err(often) = lock(&app.ask_rates.0).take(gate.id, GATE, clock::now()) {
        return Ok(often.into_response());
    }
    let Some(_permit) = app.ask_room.try_enter() else {
        return Ok(app.ask_room.full());
    };
    let ask = read(body)?;
    // The hash that the account is taken from takes some milliseconds of arithmetic.
    let derived = tokio::task::spawn_blocking(move || (ask.code.id(), ask)).await;
    let (id, ask) = derived.map_err(|err| Problem::unavailable(&err))?;
    let (settlement, house) = (app.settlement.clone(), app.pay_codes.clone());
    let (now, tap, direction) = (clock::now(), ask.id, ask.direction);
    let work = move |tx: &crate::store::Tx<'_>| {
        pay_codes::answer(tx, &settlement, house.as_ref(), (&gate, &ask, id), now)
    };
    let answered = app.store.write(work).await;
    let answered = answered.map_err(|err: pay_codes::AskError| Problem::unavailable(&err))?;
    app.metrics.asked(answered.outcome);
    let (outcome, ms) = (answered.outcome.code(), clock::now().since(now));
    tracing::info!(gate = %gate.id, %tap, account = %id.account(), %direction, outcome, ms, "pay code");
    Ok(([(header::CONTENT_TYPE, "application/json")], answered.json).into_response())
}

/// What the reader says of a body that it cannot read is not passed on: there may be a code in it.
fn read(body: Result<Bytes, BytesRejection>) -> Result<PayCodeAsk, Problem> {
    let body = body.map_err(|err| {
        if err.status() == StatusCode::PAYLOAD_TOO_LARGE {
            let detail = format!("the body is longer than {ASK_LEN_MAX} bytes");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).about("body");
        }
        Problem::bad_request("the body could not be read").about("body")
    })?;
    let mut json = serde_json::Deserializer::from_slice(&body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|err| {
        let (path, err) = (err.path().to_string(), err.into_inner());
        // Of what the reader says only the names of fields may be told.
        let missing = |field: &&&str| {
            err.to_string()
                .starts_with(&format!("missing field `{field}`"))
        };
        let field = FIELDS.iter().find(|field| ***field == path);
        wrong(&err).about(
            field
                .or_else(|| FIELDS.iter().find(missing))
                .unwrap_or(&"body"),
        )
    })?;
    json.end().map_err(|err| wrong(&err).about("body"))?;
    Ok(read)
}

fn wrong(err: &serde_json::Error) -> Problem {
    let (line, column) = (err.line(), err.column());
    Problem::bad_request(format!(
        "expected JSON of id, direction, at_ms, platform and code; wrong at line {line}, column {column}"
    ))
}
