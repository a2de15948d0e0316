//! Requests of staff that carry a key of their own, so that one that is sent again does nothing again:
//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header), 8 to 80 characters, for a day.

use crate::api::problem::Problem;
use crate::staff::token;
use crate::store::Tx;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::UnixMs;
use serde::Serialize;

const HEADER: &str = "idempotency-key";

/// One request by its key.
#[derive(Clone, Debug)]
pub(super) struct Once {
    key: String,
    request: [u8; 32],
}

/// The JSON that is answered, now and to every repeat.
#[derive(Debug)]
pub(super) struct Answered(String);

impl Once {
    /// The key of a request, and what it asks for.
    pub(super) fn of(
        headers: &HeaderMap,
        what: &str,
        asked: &impl Serialize,
    ) -> Result<Self, Problem> {
        let key = headers.get(HEADER).and_then(|key| key.to_str().ok());
        let key = key.filter(|key| (8..=80).contains(&key.len())).ok_or_else(|| {
            let detail = "send a header `Idempotency-Key` of 8 to 80 characters, a new one for each request \
                          and the same one when you send it again";
            Problem::bad_request(detail).about(HEADER)
        })?;
        let asked = serde_json::to_string(asked).map_err(|err| Problem::unavailable(&err))?;
        Ok(Self {
            key: key.to_owned(),
            request: token::hash(format!("{what}\n{asked}").as_bytes()),
        })
    }

    /// What was answered to this request before.
    pub(super) fn answered(&self, tx: &Tx<'_>, person: &str) -> Result<Option<Answered>, Problem> {
        match tx.staff_answer(person, &self.key)? {
            None => Ok(None),
            Some((request, answer)) if request == self.request => Ok(Some(Answered(answer))),
            Some(_) => {
                let detail = "this key was sent with another request before; use a new one";
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key-used", detail);
                Err(problem.about(HEADER))
            }
        }
    }

    /// Keeps the first answer.
    pub(super) fn keep(
        &self,
        tx: &Tx<'_>,
        person: &str,
        answer: &impl Serialize,
        now: UnixMs,
    ) -> Result<Answered, Problem> {
        let answer = serde_json::to_string(answer).map_err(|err| Problem::unavailable(&err))?;
        tx.keep_staff_answer((person, &self.key), &self.request, &answer, now)?;
        Ok(Answered(answer))
    }
}

impl Answered {
    pub(super) fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}
