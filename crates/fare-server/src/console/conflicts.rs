//! The conflict inbox as JSON.
//!
//! ```text
//! GET  /v1/conflicts?all=BOOL&most=N        {"conflicts": [CaseView ...]}, newest first
//! GET  /v1/conflicts/{conflict}             CaseView
//! POST /v1/conflicts/{conflict}/resolution  Ruling -> CaseView; 409 when it was decided otherwise
//! ```

use crate::api::App;
use crate::api::problem::Problem;
use crate::clock;
use crate::inbox::{CaseView, Ruling, RulingError, resolve};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use fare_protocol::ConflictId;
use serde::{Deserialize, Serialize};

/// Most conflicts in one answer.
const LISTED_MAX: u32 = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    all: bool,
    most: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Listed {
    conflicts: Vec<CaseView>,
}

pub(super) async fn list(
    Shared(app): Shared<App>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let Query(Asked { all, most }) =
        asked.map_err(|err| Problem::bad_request(format!("expected ?all=true&most=N: {err}")))?;
    let most = most.unwrap_or(LISTED_MAX).min(LISTED_MAX);
    let cases = app.store.read(move |tx| tx.conflicts(all, most)).await?;
    let conflicts = cases.into_iter().map(CaseView::from).collect();
    Ok(Json(Listed { conflicts }))
}

pub(super) async fn one(
    Shared(app): Shared<App>,
    Path(id): Path<String>,
) -> Result<Json<CaseView>, Problem> {
    let id = conflict(&id)?;
    let case = app.store.read(move |tx| tx.conflict(id)).await?;
    Ok(Json(case.ok_or(RulingError::NoConflict(id))?.into()))
}

/// Only `application/json` is taken, which no page from elsewhere can send unasked.
pub(super) async fn resolution(
    Shared(app): Shared<App>,
    Path(id): Path<String>,
    ruling: Result<Json<Ruling>, JsonRejection>,
) -> Result<Json<CaseView>, Problem> {
    let id = conflict(&id)?;
    let Json(ruling) = ruling.map_err(|err| {
        Problem::bad_request(format!(
            "expected JSON of decision, by and reason, such as {{\"decision\": \"charge\", \
             \"fare\": {{\"minor\": 300, \"currency\": \"CNY\"}}, \"by\": \"…\", \
             \"reason\": \"…\"}}: {err}"
        ))
    })?;
    let decision = ruling.decision;
    let work = move |tx: &crate::store::Tx<'_>| resolve(tx, id, &ruling, clock::now());
    let case = app.store.write(work).await?;
    tracing::info!(conflict = %id, kind = case.kind.code(), ?decision, "conflict resolved");
    Ok(Json(case.into()))
}

fn conflict(text: &str) -> Result<ConflictId, Problem> {
    let id = text.parse::<ConflictId>();
    id.map_err(|err| Problem::new(StatusCode::NOT_FOUND, "no-such-conflict", err.to_string()))
}

impl From<RulingError> for Problem {
    fn from(err: RulingError) -> Self {
        let detail = err.to_string();
        match err {
            RulingError::NoConflict(_) | RulingError::NoJourney(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-conflict", detail)
            }
            RulingError::Cleared { .. } => Self::new(StatusCode::CONFLICT, "cleared", detail),
            RulingError::Decided { .. } => Self::new(StatusCode::CONFLICT, "decided", detail),
            RulingError::PassagePending => {
                Self::new(StatusCode::CONFLICT, "passage-pending", detail)
            }
            RulingError::Length { .. } | RulingError::Decision(_) | RulingError::Posting(_) => {
                Self::bad_request(detail)
            }
            RulingError::Ids(_) | RulingError::Store(_) => Self::unavailable(&detail),
        }
    }
}
