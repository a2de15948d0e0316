//! The pages of staff. At a loopback address whoever is on the machine may look without signing in; at any
//! other one, and to do something, one signs in. Pages come complete; scripts only keep them current.
//!
//! ```text
//! GET /                    how settlement stands
//! GET /stations/{station}  a station, its gates and one rider: `station`
//! GET /login               signing in: `session`
//! GET /v1/console/state    State as JSON
//! GET /v1/console/events   server-sent events: `page` with the parts of the page that changed
//! /v1/conflicts            the conflict inbox: `conflicts`
//! ```

mod beside;
mod conflicts;
mod events;
mod fares;
mod let_through;
mod modes;
mod once;
mod page;
mod session;
mod state;
mod station;
mod tally;
mod who;

pub use state::{JOURNEYS_SHOWN, State};

use crate::api::App;
use crate::api::problem::{Problem, dress, panicked};
use crate::metrics::{self, Listener};
use crate::openapi;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use session::Attempts;
use std::net::IpAddr;
use tally::Tallies;
use tower_http::catch_panic::CatchPanicLayer;
use who::Who;

const SCRIPT: &str = include_str!("console.js");
const LOGIN_SCRIPT: &str = include_str!("login.js");
const STATION_SCRIPT: &str = include_str!("station.js");
const STYLE: &str = include_str!("console.css");

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Longest body of a request of staff.
const BODY_LEN_MAX: usize = 64 * 1024;

/// At what kind of address the pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// One may look without signing in.
    open: bool,
    /// It is HTTPS.
    secure: bool,
}

impl Site {
    /// A loopback address: only who is on this machine gets there.
    pub const LOOPBACK: Self = Self {
        open: true,
        secure: false,
    };

    /// An address that others may reach.
    pub const fn network(secure: bool) -> Self {
        Self {
            open: false,
            secure,
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Staff {
    app: App,
    site: Site,
    attempts: Attempts,
    tallies: Tallies,
}

impl FromRef<Staff> for App {
    fn from_ref(staff: &Staff) -> Self {
        staff.app.clone()
    }
}

/// The pages.
pub fn router(app: App, site: Site) -> Router {
    let counted = (app.metrics.clone(), Listener::Console);
    let staff = Staff {
        app,
        site,
        attempts: Attempts::default(),
        tallies: Tallies::default(),
    };
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
        .route(
            "/login.js",
            get(async || typed("text/javascript; charset=utf-8", LOGIN_SCRIPT)),
        )
        .route(
            "/station.js",
            get(async || typed("text/javascript; charset=utf-8", STATION_SCRIPT)),
        )
        .route("/stations/{station}", get(station::show))
        .route("/v1/stations/{station}", get(station::json))
        .route("/v1/stations/{station}/events", get(station::events))
        .route("/v1/riders", get(beside::find))
        .route("/v1/let-through", post(let_through::tell))
        .route("/v1/modes", post(modes::tell))
        .route("/v1/fares", get(fares::list))
        .route("/v1/fares/{table}/release", post(fares::release))
        .route("/login", get(session::page))
        .route(
            "/v1/session",
            get(session::show)
                .post(session::sign_in)
                .delete(session::sign_out),
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
        .route("/openapi.json", get(openapi::serve))
        .layer(from_fn_with_state(staff.clone(), who::note_refused))
        .layer(from_fn_with_state(staff.clone(), who::same_site))
        .layer(from_fn_with_state(site, guard))
        .with_state(staff)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(dress))
        .layer(from_fn_with_state(counted, metrics::count))
}

async fn show(
    Shared(app): Shared<App>,
    asked: Uri,
    who: Result<Who, Problem>,
) -> Result<Response, Problem> {
    let Ok(who) = who else {
        return Ok(to_login(asked.path()));
    };
    let state = State::of(&app).await?;
    let page = page::page(&state, &app.settlement.tariff, &who);
    Ok(typed("text/html; charset=utf-8", page).into_response())
}

/// Where a page that needs somebody to be signed in sends others.
fn to_login(path: &str) -> Response {
    Redirect::to(&format!("/login?next={path}")).into_response()
}

async fn json(Shared(app): Shared<App>, _who: Who) -> Result<Json<State>, Problem> {
    Ok(Json(State::of(&app).await?))
}

fn typed(kind: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], body)
}

/// Refuses requests that a page of somebody else's made through a name of its own, and closes the
/// page against what could be loaded into it.
async fn guard(Shared(site): Shared<Site>, request: Request, next: Next) -> Response {
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
    let mut response = if !site.open || host.is_some_and(is_local) {
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
