//! Errors as bodies: every answer that is an error is `application/problem+json` (RFC 9457).

use crate::intake::IntakeError;
use crate::store::StoreError;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use fare_protocol::BadReason;
use fare_protocol::wire::ApiProblem;

/// Seconds after which a gate may ask again when the store is busy or failing.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("2");

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What the `type` of every problem begins with; its title follows.
pub const TYPE: &str = "urn:faregate:problem:";

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
        Self::bad_request(format!("expected {expected}: {text}")).about_one(names, &text)
    }

    /// A body of JSON cannot be read; `names` are the fields that it may have.
    pub fn bad_json(expected: &str, err: &JsonRejection, names: &[&str]) -> Self {
        let text = err.body_text();
        Self::bad_request(format!("expected JSON of {expected}: {text}")).about_one(names, &text)
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
pub async fn dress(response: axum::response::Response) -> axum::response::Response {
    let status = response.status();
    let dressed = response.headers().get(header::CONTENT_TYPE) == Some(&PROBLEM_JSON);
    if dressed || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let reason = status.canonical_reason().unwrap_or("error");
    let title = reason.to_ascii_lowercase().replace(' ', "-");
    let detail = format!("{reason}; look at path, method and size of the request");
    let mut problem = Problem::new(status, &title, detail).into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        problem.headers_mut().insert(header::ALLOW, allow.clone());
    }
    problem
}

/// The answer when a handler panicked.
pub fn panicked(_: Box<dyn std::any::Any + Send>) -> Response<axum::body::Body> {
    tracing::error!("a request handler panicked");
    let detail = "the server has a fault; send it again, and tell whoever runs the server";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", detail).into_response()
}
