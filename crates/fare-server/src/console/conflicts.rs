//! The conflict inbox as JSON.
//!
//! ```text
//! GET  /v1/conflicts?all=BOOL&most=N&before=CONFLICT   {"conflicts": [CaseView ...], "next": CONFLICT},
//!                                           newest first; `next` is there when there are more
//! GET  /v1/conflicts/{conflict}             CaseView
//! POST /v1/conflicts/{conflict}/resolution  decision and reason -> CaseView; 409 when it was decided otherwise
//! ```

use super::who::Who;
use crate::api::App;
use crate::api::problem::Problem;
use crate::clock;
use crate::inbox::{CaseView, Ruling, RulingError, resolve};
use crate::staff::May;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use fare_protocol::ConflictId;
use fare_rules::conflict::Decision;
use serde::{Deserialize, Serialize};

/// Most conflicts in one answer.
const LISTED_MAX: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    all: bool,
    most: Option<u32>,
    before: Option<ConflictId>,
}

/// A decision and why; who decides is who is signed in.
#[derive(Deserialize)]
pub(super) struct Decided {
    #[serde(flatten)]
    decision: Decision,
    reason: String,
}

#[derive(Serialize)]
pub(super) struct Listed {
    conflicts: Vec<CaseView>,
    /// Asked for as `before`, what comes after these.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<ConflictId>,
}

pub(super) async fn list(
    Shared(app): Shared<App>,
    _who: Who,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let Query(Asked { all, most, before }) = asked.map_err(|err| {
        let expected = "?all=true&most=N&before=CONFLICT";
        Problem::bad_query(expected, &err, &["all", "most", "before"])
    })?;
    let most = most.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let work = move |tx: &crate::store::Tx<'_>| tx.conflicts_before(all, most + 1, before);
    let mut cases = app.store.read(work).await?;
    let shown = usize::try_from(most).unwrap_or(usize::MAX);
    let more = cases.len() > shown;
    cases.truncate(shown);
    let next = cases.last().filter(|_| more).map(|case| case.id);
    let conflicts = cases.into_iter().map(CaseView::from).collect();
    Ok(Json(Listed { conflicts, next }))
}

pub(super) async fn one(
    Shared(app): Shared<App>,
    _who: Who,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, Problem> {
    let id = conflict(&id)?;
    let case = app.store.read(move |tx| tx.conflict(id)).await?;
    Ok(Json(case.ok_or(RulingError::NoConflict(id))?.into()))
}

/// Only `application/json` is taken, which no page from elsewhere can send unasked.
pub(super) async fn resolution(
    Shared(app): Shared<App>,
    who: Who,
    Path(id): Path<String>,
    decided: Result<Json<Decided>, JsonRejection>,
) -> Result<Json<CaseView>, Problem> {
    let id = conflict(&id)?;
    let person = who.may(May::Decide)?.clone();
    let Json(decided) = decided.map_err(|err| {
        let expected = "decision and reason, such as {\"decision\": \"charge\", \
             \"fare\": {\"minor\": 300, \"currency\": \"CNY\"}, \"reason\": \"…\"}";
        Problem::bad_json(expected, &err, &["decision", "fare", "reason"])
    })?;
    let decision = decided.decision;
    let ruling = Ruling {
        decision,
        by: person.name.clone(),
        reason: decided.reason,
    };
    let work = move |tx: &crate::store::Tx<'_>| {
        let now = clock::now();
        let before = tx.conflict(id)?.and_then(|case| case.end);
        let case = resolve(tx, id, &ruling, now)?;
        if before.is_none() {
            let about = id.to_hex();
            let deed = person.does("conflict-decide", &about, &ruling.reason);
            tx.audit(&deed, now)?;
        }
        Ok::<_, RulingError>(case)
    };
    let case = app.store.write(work).await?;
    tracing::info!(conflict = %id, kind = case.kind.code(), ?decision, "conflict resolved");
    Ok(Json(case.into()))
}

fn conflict(text: &str) -> Result<ConflictId, Problem> {
    let id = text.parse::<ConflictId>();
    id.map_err(|err| {
        let detail = err.to_string();
        Problem::new(StatusCode::NOT_FOUND, "no-such-conflict", detail).about("conflict")
    })
}

impl From<RulingError> for Problem {
    fn from(err: RulingError) -> Self {
        let detail = err.to_string();
        match err {
            RulingError::NoConflict(_) | RulingError::NoJourney(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-conflict", detail).about("conflict")
            }
            RulingError::Cleared { .. } => Self::new(StatusCode::CONFLICT, "cleared", detail),
            RulingError::Decided { .. } => Self::new(StatusCode::CONFLICT, "decided", detail),
            RulingError::PassagePending => {
                Self::new(StatusCode::CONFLICT, "passage-pending", detail)
            }
            RulingError::Length { field, .. } | RulingError::Control { field } => {
                Self::bad_request(detail).about(field)
            }
            RulingError::Decision(_) => Self::bad_request(detail).about("decision"),
            RulingError::Posting(_) => Self::bad_request(detail).about("fare"),
            RulingError::Ids(_) | RulingError::Product(_) | RulingError::Store(_) => {
                Self::unavailable(&detail)
            }
        }
    }
}
