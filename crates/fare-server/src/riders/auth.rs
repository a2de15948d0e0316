//! Who asks: the phone whose key signed the request, lately and once.

use super::limit::TooOften;
use super::{BODY_LEN_MAX, Riders};
use crate::api::problem::Problem;
use crate::clock;
use crate::net::Peer;
use crate::store::RiderRow;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fare_protocol::rider::{KEY_HEADER, RiderRequest, SIGNATURE_HEADER, SKEW_MS_MAX, TIME_HEADER};
use fare_protocol::{PublicKey, UnixMs};

/// A request signed by the key it names; whether that key is enrolled is not looked at.
pub(super) struct SignedRequest {
    pub(super) key: PublicKey,
}

/// A request of an enrolled rider.
pub(super) struct RiderAsks {
    pub(super) rider: RiderRow,
    pub(super) body: Bytes,
}

/// Why a request was not let in.
pub(super) enum Refused {
    Problem(Problem),
    TooOften(TooOften),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<TooOften> for Refused {
    fn from(too_often: TooOften) -> Self {
        Self::TooOften(too_often)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::TooOften(too_often) => too_often.into_response(),
        }
    }
}

/// What a request's headers claim.
struct Claim {
    key: PublicKey,
    at: UnixMs,
    signature: [u8; 64],
}

impl FromRequest<Riders> for SignedRequest {
    type Rejection = Refused;

    async fn from_request(request: Request, riders: &Riders) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        if let Some(Peer(address)) = parts.extensions.get::<Peer>() {
            riders.limits.address(address.ip(), clock::now())?;
        }
        let claim = Claim::read(&parts.headers)?;
        let body = read_body(body).await?;
        claim.check(&parts, &body)?;
        claim.first_time(riders)?;
        Ok(Self { key: claim.key })
    }
}

impl FromRequest<Riders> for RiderAsks {
    type Rejection = Refused;

    async fn from_request(request: Request, riders: &Riders) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let claim = Claim::read(&parts.headers)?;
        let body = read_body(body).await?;
        claim.check(&parts, &body)?;
        let key = claim.key;
        let rider = riders.app.store.read(move |tx| tx.rider_of(&key)).await;
        let rider = rider.map_err(Problem::from)?.ok_or_else(|| {
            let detail = "this phone's key is not enrolled here; enrol it with POST /v1/rider";
            Problem::new(StatusCode::UNAUTHORIZED, "not-enrolled", detail).about(KEY_HEADER)
        })?;
        riders.limits.phone(rider.account, clock::now())?;
        claim.first_time(riders)?;
        Ok(Self { rider, body })
    }
}

impl Claim {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let key = text(headers, KEY_HEADER)?;
        let key = key.parse().map_err(|_| {
            bad(
                KEY_HEADER,
                "not an Ed25519 public key of 64 hexadecimal digits",
            )
        })?;
        let at = text(headers, TIME_HEADER)?;
        let at = at
            .parse()
            .map_err(|_| bad(TIME_HEADER, "not a time in unix ms"))?;
        let signature = URL_SAFE_NO_PAD.decode(text(headers, SIGNATURE_HEADER)?);
        let signature = signature.ok().and_then(|bytes| bytes.try_into().ok());
        let signature = signature.ok_or_else(|| {
            bad(
                SIGNATURE_HEADER,
                "not 64 bytes in base64url without padding",
            )
        })?;
        Ok(Self {
            key,
            at: UnixMs(at),
            signature,
        })
    }

    /// Whether it was made lately, by the key that it names, about this very request.
    fn check(&self, parts: &Parts, body: &[u8]) -> Result<(), Problem> {
        let now = clock::now();
        if self.at.since(now).saturating_abs() > SKEW_MS_MAX {
            let detail = format!(
                "`{TIME_HEADER}` is {} ms from the server's time {now}; at most {SKEW_MS_MAX} are \
                 taken: set the phone's clock",
                self.at.since(now)
            );
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "stale-time", detail);
            return Err(problem.about(TIME_HEADER));
        }
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let request = RiderRequest {
            method: parts.method.as_str(),
            target,
            at: self.at,
            body,
        };
        request.verify(&self.key, &self.signature).map_err(|err| {
            let detail = format!("`{SIGNATURE_HEADER}`: {err}; sign method, path, time and body");
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "bad-signature", detail);
            problem.about(SIGNATURE_HEADER)
        })
    }

    fn first_time(&self, riders: &Riders) -> Result<(), Refused> {
        match riders.replays.is_new(&self.signature, clock::now()) {
            Some(true) => Ok(()),
            Some(false) => {
                let detail = "this very request was made before; sign it anew with its own time";
                let problem = Problem::new(StatusCode::CONFLICT, "repeated", detail);
                Err(problem.about(TIME_HEADER).into())
            }
            None => Err(TooOften { after_s: 60 }.into()),
        }
    }
}

async fn read_body(body: axum::body::Body) -> Result<Bytes, Problem> {
    to_bytes(body, BODY_LEN_MAX).await.map_err(|_| {
        let detail = format!("the body is longer than {BODY_LEN_MAX} bytes, or broke off");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    })
}

fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Problem> {
    let value = headers.get(name).ok_or_else(|| bad(name, "missing"))?;
    value.to_str().map_err(|_| bad(name, "not text"))
}

fn bad(header: &str, what: &str) -> Problem {
    let detail = format!("the header `{header}` is {what}");
    Problem::new(StatusCode::UNAUTHORIZED, "not-signed", detail).about(header)
}
