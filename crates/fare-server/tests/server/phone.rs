//! A rider's phone, which signs what it asks.

use super::api::Running;
use ed25519_dalek::SigningKey;
use fare_protocol::rider::{KEY_HEADER, RiderRequest, SIGNATURE_HEADER, TIME_HEADER};
use fare_protocol::wire::Envelope;
use fare_protocol::{AccountId, Signer, UnixMs};
use fare_server::clock;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use std::cell::Cell;

/// A rider's phone.
pub(super) struct Phone<'s> {
    pub(super) server: &'s Running,
    pub(super) key: SigningKey,
    /// No two requests have the same time.
    pub(super) asked: Cell<i64>,
}

/// A request that is ready, or made wrong on purpose.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) at: UnixMs,
    pub(super) body: Vec<u8>,
    pub(super) signature: [u8; 64],
}

impl<'s> Phone<'s> {
    pub(super) fn new(server: &'s Running, seed: u8) -> Self {
        Self {
            server,
            key: SigningKey::from_bytes(&[seed; 32]),
            asked: Cell::new(0),
        }
    }

    pub(super) fn request(&self, method: Method, target: &str, body: &Value) -> Asked {
        let at = clock::now().0.max(self.asked.get() + 1);
        self.asked.set(at);
        let body = if body.is_null() {
            Vec::new()
        } else {
            serde_json::to_vec(body).unwrap()
        };
        self.signed(method, target, UnixMs(at), body)
    }

    pub(super) fn signed(&self, method: Method, target: &str, at: UnixMs, body: Vec<u8>) -> Asked {
        let request = RiderRequest {
            method: method.as_str(),
            target,
            at,
            body: &body,
        };
        let signature = request.sign(&self.key);
        Asked {
            method,
            target: target.to_owned(),
            at,
            body,
            signature,
        }
    }

    pub(super) async fn send(&self, asked: &Asked) -> Response {
        let url = format!("{}{}", self.server.riders, asked.target);
        let signature: String = Envelope(asked.signature.to_vec()).into();
        let request = self.server.client.request(asked.method.clone(), url);
        let request = request
            .header(KEY_HEADER, Signer::public(&self.key).to_string())
            .header(TIME_HEADER, asked.at.to_string())
            .header(SIGNATURE_HEADER, signature)
            .body(asked.body.clone());
        request.send().await.unwrap()
    }

    pub(super) async fn get(&self, target: &str) -> Response {
        self.send(&self.request(Method::GET, target, &Value::Null))
            .await
    }

    pub(super) async fn post(&self, target: &str, body: &Value) -> Response {
        self.send(&self.request(Method::POST, target, body)).await
    }

    pub(super) async fn json(&self, target: &str) -> Value {
        let answer = self.get(target).await;
        assert_eq!(answer.status(), StatusCode::OK, "{target}");
        answer.json().await.unwrap()
    }

    pub(super) async fn enrol(&self) -> (Value, AccountId) {
        let answer = self.post("/v1/rider", &Value::Null).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let enrolled: Value = answer.json().await.unwrap();
        let account = enrolled["account"].as_str().unwrap().parse().unwrap();
        (enrolled, account)
    }
}
