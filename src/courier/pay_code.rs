//! Asks the server about pay codes, beside the courier's loops and over the same connection.

use super::body;
use super::client::Client;
use super::error::Failure;
use fare_protocol::wire::{PayCodeAnswer, PayCodeAsk};

/// Whom the server is asked through. Clones share one connection with the courier.
#[derive(Clone)]
pub struct Asker(pub(super) Client);

impl Asker {
    /// What the server says. Repeating the ask is safe: it gets the first answer.
    ///
    /// # Errors
    /// Why there is no answer, in words for the log; nothing of the code is in them.
    pub async fn ask(&self, ask: &PayCodeAsk) -> Result<PayCodeAnswer, String> {
        let answer = self.0.ask(ask).await.map_err(|err| err.to_string())?;
        let read = serde_json::from_slice(&answer).map_err(|err| Failure::Nonsense {
            detail: err.to_string(),
            head: body::head(&answer),
        });
        read.map_err(|err| err.to_string())
    }

    /// A bare round trip over the same connection, to measure beside an ask.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn round_trip(&self) -> Result<(), String> {
        self.0.round_trip().await.map_err(|err| err.to_string())
    }
}
