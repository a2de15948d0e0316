//! What the console shows, as one value.

use crate::api::App;
use crate::clock;
use crate::store::{Books, ConflictView, Counts, GateView, JourneyView, StoreError};
use fare_protocol::UnixMs;
use serde::Serialize;

/// Most journeys shown: the newest ones.
pub const JOURNEYS_SHOWN: u32 = 200;

/// Most conflicts shown: the newest ones.
const CONFLICTS_SHOWN: u32 = 100;

/// The state of the server as people see it; `/v1/console/state` sends it as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// The server's time.
    pub as_of_ms: UnixMs,
    /// How much there is.
    pub counts: Counts,
    /// The books.
    pub books: Books,
    /// All gates by id.
    pub gates: Vec<GateView>,
    /// The newest journeys by time of entry, newest first; at most [`JOURNEYS_SHOWN`].
    pub journeys: Vec<JourneyView>,
    /// The newest conflicts that stand, newest first.
    pub conflicts: Vec<ConflictView>,
}

impl State {
    /// How things stand now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of(app: &App) -> Result<Self, StoreError> {
        let as_of_ms = clock::now();
        let read = move |tx: &crate::store::Tx<'_>| {
            Ok::<_, StoreError>(Self {
                as_of_ms,
                counts: tx.counts()?,
                books: tx.books_shown()?,
                gates: tx.gate_views()?,
                journeys: tx.journey_views(JOURNEYS_SHOWN)?,
                conflicts: tx.conflict_views(CONFLICTS_SHOWN)?,
            })
        };
        let mut state = app.store.read(read).await?;
        for gate in &mut state.gates {
            let heard = gate.gate.parse().ok().and_then(|id| app.seen.last(id));
            gate.last_seen_ms = gate.last_seen_ms.max(heard);
        }
        Ok(state)
    }
}
