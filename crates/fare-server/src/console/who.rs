//! Who asks: the person of a session, or somebody at this very machine who looks without signing in.

use super::Staff;
use crate::api::App;
use crate::api::problem::{Code, Problem};
use crate::clock;
use crate::staff::{May, Roles, token};
use crate::store::{Deed, Via};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The code of what is refused for want of a role.
const NOT_ALLOWED: &str = "not-allowed";

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// The hash of the session's token.
    pub(super) token: [u8; 32],
    pub(super) issuer: String,
    pub(super) name: String,
    pub(super) roles: Roles,
}

/// Who asks. Nobody in it: at the loopback address one may look without signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who(pub(super) Option<Person>);

impl Who {
    /// The person, when this is allowed.
    pub(super) fn may(&self, what: May) -> Result<&Person, Problem> {
        let person = self.0.as_ref().ok_or_else(not_signed_in)?;
        if person.roles.may(what) {
            return Ok(person);
        }
        let needed = what.roles().map(|role| role.code());
        let needed = needed.collect::<Vec<_>>().join(" or ");
        let (name, roles) = (&person.name, &person.roles);
        let detail = format!("{name} is signed in as {roles}; this needs {needed}");
        Err(Problem::new(StatusCode::FORBIDDEN, NOT_ALLOWED, detail))
    }

    /// Whether the person may; nobody may do anything.
    pub(super) fn is_allowed(&self, what: May) -> bool {
        self.0.as_ref().is_some_and(|person| person.roles.may(what))
    }

    /// Whether the session still counts.
    pub(super) async fn is_still_there(&self, app: &App) -> bool {
        let Some(person) = &self.0 else { return true };
        let token = person.token;
        let look = move |tx: &crate::store::Tx<'_>| tx.session(&token, clock::now());
        // A database that cannot be read ends no session.
        let session = app.store.read(look).await;
        session.is_err() || session.is_ok_and(|session| session.is_some())
    }
}

impl Person {
    /// Something that this person does on a page.
    pub(super) fn does<'d>(&'d self, what: &'d str, about: &'d str, why: &'d str) -> Deed<'d> {
        Deed {
            issuer: &self.issuer,
            person: &self.name,
            via: Via::Page,
            what,
            about,
            why,
        }
    }
}

fn not_signed_in() -> Problem {
    let detail = "nobody is signed in, or the session is over; sign in at /login";
    Problem::new(StatusCode::UNAUTHORIZED, "not-signed-in", detail)
}

impl FromRequestParts<Staff> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, staff: &Staff) -> Result<Self, Problem> {
        match person(&parts.headers, staff).await? {
            Some(person) => Ok(Self(Some(person))),
            None if staff.site.open => Ok(Self(None)),
            None => Err(not_signed_in()),
        }
    }
}

/// The person of the session that a request belongs to.
pub(super) async fn person(headers: &HeaderMap, staff: &Staff) -> Result<Option<Person>, Problem> {
    let Some(token) = token::of(headers, staff.site.secure) else {
        return Ok(None);
    };
    let token = token::hash(token.as_bytes());
    let look = move |tx: &crate::store::Tx<'_>| tx.session(&token, clock::now());
    let session = staff.app.store.read(look).await?;
    Ok(session.map(|session| Person {
        token,
        issuer: session.issuer,
        name: session.subject,
        roles: session.roles,
    }))
}

/// Refuses what changes something when a page of another site sent it. The cookie would not come along
/// (`SameSite=Strict`), and this holds for browsers that do not keep to that.
pub(super) async fn same_site(
    State(staff): State<Staff>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && !is_own(request.headers(), staff.site.secure) {
        let detail = "this was sent by a page of another site";
        return Problem::new(StatusCode::FORBIDDEN, "other-site", detail).into_response();
    }
    next.run(request).await
}

/// Notes in the audit what somebody who is signed in was refused for want of a role.
pub(super) async fn note_refused(
    State(staff): State<Staff>,
    request: Request,
    next: Next,
) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let code = response.extensions().get::<Code>();
    if code.is_some_and(|Code(code)| code == NOT_ALLOWED)
        && let Err(problem) = refused(&headers, &staff, &asked).await
    {
        tracing::error!(?problem, asked, "a refusal could not be noted");
    }
    response
}

async fn refused(headers: &HeaderMap, staff: &Staff, asked: &str) -> Result<(), Problem> {
    let Some(person) = person(headers, staff).await? else {
        return Ok(());
    };
    let (asked, roles) = (asked.to_owned(), person.roles.to_string());
    let work = move |tx: &crate::store::Tx<'_>| {
        tx.audit(&person.does("refused", &asked, &roles), clock::now())
    };
    Ok(staff.app.store.write(work).await?)
}

fn is_own(headers: &HeaderMap, secure: bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site_is_own = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let scheme = if secure { "https" } else { "http" };
    let host = text(header::HOST.as_str()).unwrap_or("");
    let origin_is_own = match text(header::ORIGIN.as_str()) {
        None => true,
        // Over HTTP/2 there is no such header; then the other one must be there.
        Some(_) if host.is_empty() => text("sec-fetch-site").is_some(),
        Some(origin) => origin == format!("{scheme}://{host}"),
    };
    site_is_own && origin_is_own
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_another_site_sends_is_seen() {
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            headers
        };
        for own in [
            &[("host", "a:1")][..],
            &[("host", "a:1"), ("origin", "https://a:1")],
            &[("host", "a:1"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://a:1"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(is_own(&headers(own), true), "{own:?}");
        }
        for foreign in [
            &[("host", "a:1"), ("origin", "https://b:1")][..],
            &[("host", "a:1"), ("origin", "http://a:1")],
            &[("host", "a:1"), ("origin", "null")],
            &[("host", "a:1"), ("sec-fetch-site", "cross-site")],
            &[("host", "a:1"), ("sec-fetch-site", "none")],
            &[("origin", "https://a:1")],
        ] {
            assert!(!is_own(&headers(foreign), true), "{foreign:?}");
        }
    }
}
