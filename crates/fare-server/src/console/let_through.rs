//! `POST /v1/let-through`: one gate opens once, for one person, with a reason.
//!
//! ```text
//! {"gate": "PGY-01", "direction": "exit", "reason": "phone is dead", "receipt": "9f3a2c"}
//! -> {"gate": "PGY-01", "direction": "exit", "command": "0193…", "until_ms": 1795430126789}
//! ```
//! The request carries an `Idempotency-Key` of its own: sent again, it gets the first answer and opens
//! nothing. A gate that does not hear of it within half a minute lets nobody through.

use super::Staff;
use super::once::Once;
use super::page::{clock_time, escaped};
use super::who::Who;
use crate::api::problem::Problem;
use crate::clock::{self, rfc3339};
use crate::let_through::{self, LetThroughError, Wanted};
use crate::staff::May;
use crate::store::{Helped, StoreError, Tx};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::{CommandId, Direction, GateId, PassageOutcome, RecordId, StationId, UnixMs};
use serde::{Deserialize, Serialize};

const FIELDS: [&str; 4] = ["gate", "direction", "reason", "receipt"];

/// Most people shown on the page.
const SHOWN: u32 = 20;

/// How far back they are shown, in ms: one hour.
const SINCE_MS: i64 = 3_600_000;

/// How long a record may take to come after a command has ended, before the page gives it up, in ms.
const RECORD_WAIT_MS: i64 = 5_000;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    gate: GateId,
    direction: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

#[derive(Serialize)]
struct Told {
    gate: GateId,
    direction: Direction,
    command: CommandId,
    until_ms: UnixMs,
}

/// What a handler could not do; some of it is worth another try later.
struct NotTold {
    problem: Problem,
    after_s: Option<u64>,
}

pub(super) async fn tell(
    State(staff): State<Staff>,
    who: Who,
    headers: HeaderMap,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Response, Problem> {
    let person = who.may(May::LetThrough)?.clone();
    let Json(asked) = asked.map_err(|err| {
        let expected = "gate, direction, reason and receipt (or none)";
        Problem::bad_json(expected, &err, &FIELDS)
    })?;
    let once = Once::of(&headers, "POST /v1/let-through", &asked)?;
    let wanted = wanted(&asked)?;
    let work = move |tx: &Tx<'_>| {
        let now = clock::now();
        if let Some(first) = once.answered(tx, &person.name)? {
            return Ok(first);
        }
        let told = let_through::tell(tx, &wanted, &person.does("let-through", "", ""), now)?;
        let told = Told {
            gate: told.gate,
            direction: told.direction,
            command: told.id,
            until_ms: told.until_ms,
        };
        Ok(once.keep(tx, &person.name, &told, now)?)
    };
    match staff.app.store.write(work).await {
        Ok(answer) => Ok(answer.into_response()),
        Err(not_told) => Ok(NotTold::into_response(not_told)),
    }
}

fn wanted(asked: &Asked) -> Result<Wanted, Problem> {
    let direction = Direction::from_code(&asked.direction).ok_or_else(|| {
        Problem::bad_request("`direction` is \"entry\" or \"exit\"").about("direction")
    })?;
    let reason = asked.reason.trim().parse()?;
    let receipt = asked.receipt.as_deref().map(receipt).transpose()?;
    Ok(Wanted {
        gate: asked.gate,
        direction,
        reason,
        receipt,
    })
}

/// The last digits of a receipt, as staff type them.
fn receipt(typed: &str) -> Result<String, Problem> {
    let tail = typed.trim().trim_start_matches('…').to_ascii_lowercase();
    let is_tail = (4..=32).contains(&tail.len()) && tail.bytes().all(|b| b.is_ascii_hexdigit());
    is_tail.then_some(tail).ok_or_else(|| {
        let detail =
            "`receipt` is the last 4 to 32 digits of a receipt's number, 0-9 and a-f, or absent";
        Problem::bad_request(detail).about("receipt")
    })
}

/// Somebody whom staff let through, as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Shown {
    gate: GateId,
    direction: Direction,
    at_ms: UnixMs,
    /// The person's name, or `staff at the gate`.
    by: String,
    reason: String,
    state: Progress,
    record: Option<RecordId>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Progress {
    Waiting,
    #[serde(rename = "not done")]
    NotDone,
    Open,
    Passed,
    Annulled,
    Unknown,
}

/// Whom staff let through at a station lately, the newest first.
pub(super) fn lately(
    tx: &Tx<'_>,
    station: StationId,
    now: UnixMs,
) -> Result<Vec<Shown>, StoreError> {
    let since = UnixMs(now.0.saturating_sub(SINCE_MS));
    let all = tx.let_through_at(station, since, SHOWN)?.into_iter();
    Ok(all.map(|helped| shown(helped, now)).collect())
}

fn shown(helped: Helped, now: UnixMs) -> Shown {
    let state = match (helped.record, helped.passage, &helped.told) {
        (_, Some(PassageOutcome::Passed), _) => Progress::Passed,
        (_, Some(PassageOutcome::Annulled(_)), _) => Progress::Annulled,
        (_, Some(PassageOutcome::Unknown), _) => Progress::Unknown,
        (Some(_), None, _) => Progress::Open,
        (None, None, Some(told)) if now.since(told.until) > RECORD_WAIT_MS => Progress::NotDone,
        (None, None, _) => Progress::Waiting,
    };
    let by = helped.told.map(|told| told.person);
    Shown {
        gate: helped.gate,
        direction: helped.direction,
        at_ms: helped.at,
        by: by.unwrap_or_else(|| "staff at the gate".to_owned()),
        reason: helped.reason,
        state,
        record: helped.record,
    }
}

/// A row of the page's table.
pub(super) fn row(shown: &Shown) -> String {
    let way = match shown.direction {
        Direction::Entry => "in",
        Direction::Exit => "out",
    };
    let (mark, words) = match shown.state {
        Progress::Passed => ("good", "went through"),
        Progress::Annulled => ("quiet", "nobody went through"),
        Progress::Unknown => ("warn", "not known whether anybody went through"),
        Progress::Open => ("busy", "open"),
        Progress::NotDone => ("warn", "not done: the gate did not hear of it, or was busy"),
        Progress::Waiting => ("busy", "told, waiting for the gate"),
    };
    format!(
        "<tr><td>{}</td><th scope=\"row\">{}</th><td>{way}</td><td>{}</td><td>{}</td>\
         <td><span class=\"state {mark}\">{words}</span></td></tr>",
        clock_time(&rfc3339(shown.at_ms)),
        escaped(shown.gate.as_str()),
        escaped(&shown.by),
        escaped(&shown.reason),
    )
}

/// One sentence about the newest, for screen readers.
pub(super) fn spoken(shown: &[Shown]) -> String {
    let Some(newest) = shown.first() else {
        return String::new();
    };
    let what = match newest.state {
        Progress::Passed => "somebody was let through",
        Progress::Annulled => "opened, nobody went through",
        Progress::Unknown => "opened, and it is not known whether anybody went through",
        Progress::Open => "is open for one person",
        Progress::NotDone => "did not open",
        Progress::Waiting => "is told to open for one person",
    };
    format!(" Gate {}: {what}.", newest.gate)
}

impl From<LetThroughError> for NotTold {
    fn from(err: LetThroughError) -> Self {
        let detail = err.to_string();
        match err {
            LetThroughError::NoGate(_) => {
                Problem::new(StatusCode::NOT_FOUND, "no-such-gate", detail)
                    .about("gate")
                    .into()
            }
            LetThroughError::Waits { left_s, .. } => Self {
                problem: Problem::new(StatusCode::CONFLICT, "let-through-waits", detail)
                    .about("gate"),
                after_s: Some(left_s),
            },
            LetThroughError::TooOften { after_s, .. } => Self {
                problem: Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-often", detail),
                after_s: Some(after_s),
            },
            LetThroughError::Ids(_) | LetThroughError::Store(_) => {
                Problem::unavailable(&err).into()
            }
        }
    }
}

impl From<Problem> for NotTold {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            after_s: None,
        }
    }
}

impl From<StoreError> for NotTold {
    fn from(err: StoreError) -> Self {
        Problem::from(err).into()
    }
}

impl IntoResponse for NotTold {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(after_s) = self.after_s {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        }
        response
    }
}
