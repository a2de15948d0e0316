//! Signing in and out.
//!
//! ```text
//! GET    /login        the page; scripts send what is typed there
//! POST   /v1/session   {"person", "password"} -> {"person", "roles", "until_ms"} and a cookie
//! GET    /v1/session   the same, of who is signed in
//! DELETE /v1/session   signs out
//! ```

use super::who::{Person, Who, person};
use super::{Staff, typed};
use crate::api::problem::Problem;
use crate::clock;
use crate::net::Peer;
use crate::riders::limit::{Buckets, Rate, TooOften, lock, network};
use crate::staff::{self, LOCAL, May, password, token};
use crate::store::{Deed, SessionRow, StoreError, Via};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::UnixMs;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// How long somebody stays signed in: a shift.
pub(super) const SESSION_MS: i64 = 12 * 3_600_000;

/// Attempts that one address may make at once, and the time after which there may be another.
const ADDRESS: Rate = Rate {
    burst: 20,
    refill_ms: 6_000,
};

/// Attempts for one person, whoever makes them.
const PERSON: Rate = Rate {
    burst: 5,
    refill_ms: 20_000,
};

/// Passwords looked at once: each takes 19 MiB.
const HASHED_AT_ONCE: usize = 2;

/// How often somebody may try to sign in.
#[derive(Clone, Debug)]
pub(super) struct Attempts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    addresses: Mutex<Buckets<IpAddr>>,
    persons: Mutex<Buckets<String>>,
    hashing: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self(Arc::new(Inner {
            addresses: Mutex::default(),
            persons: Mutex::default(),
            hashing: Semaphore::new(HASHED_AT_ONCE),
        }))
    }
}

impl Attempts {
    fn one_more(&self, address: IpAddr, person: &str, now: UnixMs) -> Result<(), TooOften> {
        lock(&self.0.addresses).take(network(address), ADDRESS, now)?;
        lock(&self.0.persons).take(person.to_lowercase(), PERSON, now)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    person: String,
    password: String,
}

/// Who is signed in.
#[derive(Serialize)]
pub(super) struct SignedIn {
    person: String,
    roles: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<UnixMs>,
}

impl SignedIn {
    fn of(person: &Person, until: Option<UnixMs>) -> Self {
        Self {
            person: person.name.clone(),
            roles: person.roles.codes(),
            until_ms: until,
        }
    }
}

pub(super) async fn page() -> impl IntoResponse {
    typed("text/html; charset=utf-8", include_str!("login.html"))
}

pub(super) async fn sign_in(
    State(staff): State<Staff>,
    Extension(Peer(address)): Extension<Peer>,
    typed: Result<Json<Typed>, JsonRejection>,
) -> Result<Response, Problem> {
    let fields = ["person", "password"];
    let Json(typed) =
        typed.map_err(|err| Problem::bad_json("person and password", &err, &fields))?;
    let person = staff::person(&typed.person);
    let person = person.map_err(|why| Problem::bad_request(why).about("person"))?;
    let now = clock::now();
    if let Err(too_often) = staff.attempts.one_more(address.ip(), &person, now) {
        tracing::warn!(%address, "attempts to sign in too often");
        return Ok(too_often.into_response());
    }
    let wanted = person.clone();
    let row = staff.app.store.read(move |tx| tx.staff(&wanted)).await?;
    let row = row.filter(|row| row.ended.is_none());
    let kept = row.as_ref().map(|row| row.password.clone());
    let permit = staff.attempts.0.hashing.acquire().await;
    let right = move || password::is_right(&typed.password, kept.as_deref());
    let right = tokio::task::spawn_blocking(right).await;
    drop(permit);
    match row.filter(|_| matches!(right, Ok(true))) {
        Some(row) => {
            let person = Person {
                token: [0; 32],
                issuer: LOCAL.to_owned(),
                name: row.person,
                roles: row.roles,
            };
            begin(&staff, person, now).await
        }
        None => Err(refuse(&staff, address.ip(), person, now).await?),
    }
}

async fn begin(staff: &Staff, person: Person, now: UnixMs) -> Result<Response, Problem> {
    let secret = token::generate().map_err(|err| Problem::unavailable(&err))?;
    let person = Person {
        token: token::hash(secret.as_bytes()),
        ..person
    };
    let session = SessionRow {
        issuer: person.issuer.clone(),
        subject: person.name.clone(),
        roles: person.roles.clone(),
        until: UnixMs(now.0.saturating_add(SESSION_MS)),
    };
    let answer = Json(SignedIn::of(&person, Some(session.until)));
    let work = move |tx: &crate::store::Tx<'_>| {
        tx.insert_session(&person.token, &session, now)?;
        tx.audit(&person.does("sign-in", "", ""), now)
    };
    staff.app.store.write(work).await?;
    with_cookie(answer, &secret, staff.site.secure, SESSION_MS / 1_000)
}

/// What is typed as a name may be a password, so only names that are accounts are noted.
async fn refuse(
    staff: &Staff,
    address: IpAddr,
    person: String,
    now: UnixMs,
) -> Result<Problem, Problem> {
    tracing::warn!(%address, "somebody could not sign in");
    let work = move |tx: &crate::store::Tx<'_>| {
        if tx.staff(&person)?.is_some() {
            let about = address.to_string();
            let deed = Deed {
                issuer: LOCAL,
                person: &person,
                via: Via::Page,
                what: "sign-in-refused",
                about: &about,
                why: "",
            };
            tx.audit(&deed, now)?;
        }
        Ok::<_, StoreError>(())
    };
    staff.app.store.write(work).await?;
    let detail =
        "no account has this name and this password; who runs the server can give a new one";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "wrong-password", detail);
    Ok(problem.about("password"))
}

pub(super) async fn show(who: Who) -> Result<Json<SignedIn>, Problem> {
    Ok(Json(SignedIn::of(who.may(May::Look)?, None)))
}

pub(super) async fn sign_out(
    State(staff): State<Staff>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(person) = person(&headers, &staff).await? {
        let work = move |tx: &crate::store::Tx<'_>| {
            tx.end_session(&person.token)?;
            tx.audit(&person.does("sign-out", "", ""), clock::now())
        };
        staff.app.store.write(work).await?;
    }
    with_cookie(StatusCode::NO_CONTENT, "", staff.site.secure, 0)
}

fn with_cookie(
    answer: impl IntoResponse,
    token: &str,
    secure: bool,
    age_s: i64,
) -> Result<Response, Problem> {
    let cookie = HeaderValue::from_str(&token::cookie(token, secure, age_s));
    let cookie = cookie.map_err(|err| Problem::unavailable(&err))?;
    Ok(([(header::SET_COOKIE, cookie)], answer).into_response())
}
