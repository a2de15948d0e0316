//! The console: a live page for whoever runs the server, on a loopback address and without a login.
//!
//! ```text
//! GET /                    the page, complete as it is sent; scripts only keep it current
//! GET /v1/console/state    State as JSON
//! GET /v1/console/events   server-sent events: `page` with the parts of the page that changed
//! /v1/conflicts            the conflict inbox: `conflicts`
//! ```

mod conflicts;
mod events;
mod page;
mod state;

pub use state::{JOURNEYS_SHOWN, State};

use crate::api::App;
use crate::api::problem::{Problem, dress, panicked};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::net::IpAddr;
use tower_http::catch_panic::CatchPanicLayer;

const SCRIPT: &str = include_str!("console.js");
const STYLE: &str = include_str!("console.css");

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The console.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(show))
        .route(
            "/console.css",
            get(async || typed("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/console.js",
            get(async || typed("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route("/v1/console/state", get(json))
        .route("/v1/console/events", get(events::events))
        .route("/v1/conflicts", get(conflicts::list))
        .route("/v1/conflicts/{conflict}", get(conflicts::one))
        .route(
            "/v1/conflicts/{conflict}/resolution",
            post(conflicts::resolution),
        )
        .route("/healthz", get(async || "ok\n"))
        .with_state(app)
        .layer(from_fn(guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(dress))
}

async fn show(Shared(app): Shared<App>) -> Result<impl IntoResponse, Problem> {
    let state = State::of(&app).await?;
    let page = page::page(&state, &app.settlement.tariff);
    Ok(typed("text/html; charset=utf-8", page))
}

async fn json(Shared(app): Shared<App>) -> Result<Json<State>, Problem> {
    Ok(Json(State::of(&app).await?))
}

fn typed(kind: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], body)
}

/// Refuses requests that a page of somebody else's made through a name of its own, and closes the
/// page against what could be loaded into it.
async fn guard(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| {
        request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
    });
    let mut response = if host.is_some_and(is_local) {
        next.run(request).await
    } else {
        let detail = "the console answers only under localhost or a loopback address";
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "not-local", detail).into_response()
    };
    let fixed: [(HeaderName, HeaderValue); 4] = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    response.headers_mut().extend(fixed);
    response
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_names_are_answered() {
        for local in [
            "localhost",
            "localhost:80",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(is_local(local), "{local}");
        }
        for foreign in [
            "",
            "example.org",
            "127.0.0.1.example.org:80",
            "10.0.0.1:8080",
        ] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }
}
