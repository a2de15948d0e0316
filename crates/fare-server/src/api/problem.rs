//! Errors as bodies: every answer that is an error is `application/problem+json` (RFC 9457).

use crate::intake::IntakeError;
use crate::store::{StoreError, is_unprintable};
use axum::extract::Request;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use fare_protocol::BadReason;
use fare_protocol::wire::ApiProblem;

/// Seconds after which a gate may ask again when the store is busy or failing.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("2");

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What the `type` of every problem begins with; its title follows.
pub const TYPE: &str = "urn:faregate:problem:";

/// The last part of a problem's `type`; an extension of its answer, for the layers around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(pub String);

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(ApiProblem);

impl Problem {
    /// A problem with a stable code and one sentence.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self(ApiProblem {
            kind: format!("{TYPE}{title}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
        })
    }

    /// The same, about one header, parameter or field of the body.
    #[must_use]
    pub fn about(self, field: &str) -> Self {
        Self(ApiProblem {
            field: Some(field.to_owned()),
            ..self.0
        })
    }

    /// Something in the request is not what it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// The query of an address cannot be read; `names` are those that it may have.
    pub fn bad_query(expected: &str, err: &QueryRejection, names: &[&str]) -> Self {
        let text = err.body_text();
        let problem = Self::bad_request(format!("expected {expected}: {text}"));
        problem.about("query").about_one(names, &text)
    }

    /// A body of JSON cannot be read; `names` are the fields that it may have.
    pub fn bad_json(expected: &str, err: &JsonRejection, names: &[&str]) -> Self {
        match err.status() {
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let detail = format!(
                    "expected JSON of {expected}; send it with `Content-Type: application/json`"
                );
                Self::new(err.status(), "unsupported-media-type", detail).about("content-type")
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(),
            _ => {
                let text = err.body_text();
                let problem = Self::bad_request(format!("expected JSON of {expected}: {text}"));
                problem.about("body").about_one(names, &text)
            }
        }
    }

    /// A body is longer than its path takes.
    fn too_large() -> Self {
        let detail = "the body is longer than this path takes; send less at once";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).about("body")
    }

    /// A text that people wrote, to be kept for others to read: nothing else is in it than letters and lines.
    ///
    /// # Errors
    /// Names `field` when it is empty, longer than `most` characters or has control characters.
    pub fn check_text(field: &str, text: &str, most: usize) -> Result<(), Self> {
        let got = text.chars().count();
        let why = if !(1..=most).contains(&got) {
            format!("has {got} characters, expected 1 to {most}")
        } else if text.chars().any(is_unprintable) {
            "has a control character; write letters and lines".to_owned()
        } else {
            return Ok(());
        };
        Err(Self::bad_request(format!("`{field}` {why}")).about(field))
    }

    /// About the one of `names` that the reader's sentence names; or one that it does not know.
    #[must_use]
    pub fn about_one(self, names: &[&str], said: &str) -> Self {
        let quoted = said.split('`').nth(1);
        let unknown = said.contains("unknown field").then_some(quoted).flatten();
        let is_named = |name: &&&str| said.contains(&format!("{name}:")) || quoted == Some(**name);
        match unknown.or(names.iter().find(is_named).copied()) {
            Some(name) => self.about(name),
            None => self,
        }
    }

    /// The server could not do it now; nothing was stored.
    pub fn unavailable(err: &dyn std::fmt::Display) -> Self {
        tracing::error!(%err, "a request could not be served");
        let detail = "the server cannot store anything now; nothing was taken, send it again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(err: StoreError) -> Self {
        Self::unavailable(&err)
    }
}

impl From<BadReason> for Problem {
    fn from(err: BadReason) -> Self {
        Self::bad_request(format!("`reason`: {err}")).about("reason")
    }
}

impl From<IntakeError> for Problem {
    fn from(err: IntakeError) -> Self {
        Self::unavailable(&err)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let status = StatusCode::from_u16(self.0.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        response.extensions_mut().insert(Code(self.0.title));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

/// Gives errors that the layers below made (no route, wrong method, body too large, too slow) a
/// body like all others.
pub async fn dress(request: Request, next: Next) -> axum::response::Response {
    let asked = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    let dressed = response.headers().get(header::CONTENT_TYPE) == Some(&PROBLEM_JSON);
    if dressed || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    // Which methods a path takes stands in `Allow`, which is added around this.
    undressed(status, &asked).into_response()
}

/// What an error without a body of ours means.
fn undressed(status: StatusCode, (method, path): &(Method, String)) -> Problem {
    match status {
        StatusCode::BAD_REQUEST => {
            if path.contains('%') {
                let detail = format!("{path} cannot be read: it is no UTF-8 once decoded");
                return Problem::bad_request(detail).about("path");
            }
            Problem::bad_request("the body broke off; send it again").about("body")
        }
        StatusCode::NOT_FOUND => {
            let detail = format!(
                "there is nothing at {path}; the /openapi.json of `status_listen` lists what there is"
            );
            Problem::new(status, "not-found", detail).about("path")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = format!("{path} does not take {method}; `Allow` says what it takes");
            Problem::new(status, "method-not-allowed", detail).about("method")
        }
        StatusCode::REQUEST_TIMEOUT => {
            let detail = format!("{method} {path} took longer than it may; send it again");
            Problem::new(status, "request-timeout", detail)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(),
        _ => {
            let reason = status.canonical_reason().unwrap_or("error");
            let title = reason.to_ascii_lowercase().replace(' ', "-");
            Problem::new(status, &title, format!("{method} {path}: {reason}"))
        }
    }
}

/// The answer when a handler panicked.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<axum::body::Body> {
    tracing::error!("a request handler panicked");
    let detail = "the server has a fault; send it again, and tell whoever runs the server";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", detail).into_response()
}
