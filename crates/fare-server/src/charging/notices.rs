//! Where platforms tell what became of orders: `POST /v1/notices/{platform}`, each believed for its signature alone.

use super::desk::Desk;
use super::error::ChargeError;
use super::message::Response as Told;
use super::platform::PlatformId;
use crate::api::problem::{Problem, dress, panicked};
use crate::clock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

/// Longest notice that is read.
const BODY_LEN_MAX: usize = 256 * 1024;

/// The listener's routes.
pub fn router(desk: Desk) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/v1/notices/{platform}", post(take))
        .with_state(desk)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
}

async fn take(
    State(desk): State<Desk>,
    Path(platform): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let not_found = |why: String| {
        Problem::new(StatusCode::NOT_FOUND, "no-such-platform", why).about("platform")
    };
    let id: PlatformId = platform.parse().map_err(not_found)?;
    if desk.platform(id).is_none() {
        let why = format!("{id} is not configured here: [charging.{id}] in the configuration");
        return Err(not_found(why));
    }
    let headers = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let told = Told {
        status: 0,
        headers: headers.collect(),
        body: body.to_vec(),
    };
    let taken = desk.notice(id, &told, clock::now()).await;
    taken.map_err(|err| refuse(&err))?;
    let answer = desk.platform(id).map(|platform| platform.notice_answer());
    let (content, said) = answer.unwrap_or(("text/plain", ""));
    Ok(([(header::CONTENT_TYPE, content)], said).into_response())
}

/// What is not answered with success is told again by the platform.
fn refuse(err: &ChargeError) -> Problem {
    tracing::warn!(%err, "a notice was refused");
    match err {
        ChargeError::Store(err) => Problem::unavailable(err),
        ChargeError::Forged { .. } | ChargeError::Clock { .. } => {
            Problem::new(StatusCode::UNAUTHORIZED, "not-believed", err.to_string())
        }
        ChargeError::Unanswered { .. }
        | ChargeError::Unreadable { .. }
        | ChargeError::NotOurs { .. }
        | ChargeError::Rejected { .. }
        | ChargeError::Unsupported { .. }
        | ChargeError::Currency { .. }
        | ChargeError::Key(_) => Problem::bad_request(err.to_string()),
    }
}
