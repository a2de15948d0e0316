//! What gates and phones wait for, read once for all of them. If each asked the database by itself, every write would be
//! followed by as many reads as somebody waits.

use crate::clock;
use crate::store::{CHANGES_MAX, FeedItem, Gate, Shower, Store, StoreError};
use axum::body::Bytes;
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, GateId, UnixMs};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// Shortest and longest time between two looks at the database.
const LOOK_MIN: Duration = Duration::from_millis(50);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Time between two looks for each who waits: answering one costs about as much.
const LOOK_EACH: Duration = Duration::from_micros(250);

/// How long a gate that asked is taken for one that may, while no gate is revoked.
const STANDING_KEPT: Duration = Duration::from_secs(5);

/// Gates whose standing is kept; beyond, all are looked up anew.
const STANDINGS_MAX: usize = 8_192;

/// The newest of what gates are told, and who asked for it lately. Clones share it.
#[derive(Clone, Debug)]
pub struct Bulletin {
    boards: Arc<watch::Sender<Arc<Board>>>,
    standings: Arc<Mutex<HashMap<GateId, Standing>>>,
}

/// The gate at whose address is asked, and what certificate is shown.
pub type Asker = (GateId, Option<Shower>);

#[derive(Clone, Copy, Debug)]
struct Standing {
    gate: Gate,
    shown: Option<Shower>,
    /// Where the board ended before it was looked up, and when that was.
    to: u64,
    at: Instant,
}

/// What was told from one cursor up to another.
#[derive(Debug, Default)]
pub struct Board {
    from: u64,
    to: u64,
    as_of: UnixMs,
    told: VecDeque<(u64, FeedItem)>,
    /// The newest cursor of each account that is told of here.
    accounts: HashMap<AccountId, u64>,
    /// At which cursor a gate was revoked last.
    revoked: u64,
    /// Sealed answers by the cursor after which they begin: all who waited there get the same.
    sealed: Mutex<HashMap<u64, Bytes>>,
}

/// What a board has for a gate that knows everything up to a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since<'b> {
    /// Nothing that it does not know.
    Nothing,
    /// These, the same for all gates.
    Changes(Vec<&'b FeedChange>),
    /// The board does not tell it all: the database must be asked.
    NotHere,
}

impl Default for Bulletin {
    fn default() -> Self {
        Self {
            boards: Arc::new(watch::Sender::new(Arc::default())),
            standings: Arc::default(),
        }
    }
}

impl Bulletin {
    /// The board, and a way to wait for the next.
    pub fn boards(&self) -> watch::Receiver<Arc<Board>> {
        self.boards.subscribe()
    }

    /// Keeps the board up to date for as long as there is a store.
    pub async fn keep(self, store: Store) {
        let mut changes = store.changes();
        let mut board = None;
        loop {
            changes.mark_unchanged();
            match look(&store, board.clone()).await {
                Ok(next) => {
                    let news = board
                        .as_ref()
                        .is_none_or(|board: &Arc<Board>| board.to != next.to);
                    if news {
                        let next = Arc::new(next);
                        self.boards.send_replace(Arc::clone(&next));
                        board = Some(next);
                    }
                }
                Err(StoreError::Gone) => return,
                Err(err) => tracing::error!(%err, "what is new could not be read"),
            }
            let waiting = u32::try_from(self.boards.receiver_count()).unwrap_or(u32::MAX);
            sleep(LOOK_EACH.saturating_mul(waiting).clamp(LOOK_MIN, LOOK_MAX)).await;
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The gate, when it was seen lately that this asker may ask, and no gate was revoked since.
    pub fn standing(&self, (id, shown): Asker) -> Option<Gate> {
        let revoked = self.boards.borrow().revoked;
        let standings = self
            .standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = standings.get(&id).filter(|known| known.shown == shown)?;
        let holds = known.to >= revoked && known.at.elapsed() < STANDING_KEPT;
        holds.then_some(known.gate)
    }

    /// Up to which cursor the board tells.
    pub fn end(&self) -> u64 {
        self.boards.borrow().to
    }

    /// This asker may ask, as was looked up after the board ended at `to`.
    pub fn note_standing(&self, gate: Gate, shown: Option<Shower>, to: u64) {
        let standing = Standing {
            gate,
            shown,
            to,
            at: Instant::now(),
        };
        let mut standings = self
            .standings
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if standings.len() >= STANDINGS_MAX {
            standings.clear();
        }
        standings.insert(gate.id, standing);
    }
}

/// The board after this one; the first begins where the feed ends.
async fn look(store: &Store, board: Option<Arc<Board>>) -> Result<Board, StoreError> {
    // Taken before looking: what is told is at least as new as it says.
    let as_of = clock::now();
    let Some(board) = board else {
        let end = store.read(|tx| tx.feed_end()).await?;
        return Ok(Board::beginning(end, as_of));
    };
    let after = board.to;
    let told = store
        .read(move |tx| tx.told_after(after, CHANGES_MAX))
        .await?;
    Ok(board.with(told, as_of))
}

impl Board {
    fn beginning(end: u64, as_of: UnixMs) -> Self {
        Self {
            from: end,
            to: end,
            as_of,
            ..Self::default()
        }
    }

    /// With what was told after its end, in order. The oldest leave it.
    fn with(&self, news: Vec<(u64, FeedItem)>, as_of: UnixMs) -> Self {
        let mut next = Self {
            from: self.from,
            to: self.to,
            as_of,
            told: self.told.clone(),
            accounts: self.accounts.clone(),
            revoked: self.revoked,
            sealed: Mutex::default(),
        };
        for (cursor, told) in news {
            next.to = cursor;
            if let FeedItem::Change(change) = &told {
                next.accounts
                    .extend(account(change).map(|account| (account, cursor)));
                if matches!(**change, FeedChange::GateRevoked(_)) {
                    next.revoked = cursor;
                }
            }
            next.told.push_back((cursor, told));
        }
        let over = next.told.len().saturating_sub(CHANGES_MAX);
        for (cursor, _) in next.told.drain(..over) {
            next.from = cursor;
        }
        let from = next.from;
        next.accounts.retain(|_, cursor| *cursor > from);
        next
    }

    /// Up to which cursor it tells.
    pub fn end(&self) -> u64 {
        self.to
    }

    /// As of when.
    pub fn as_of(&self) -> UnixMs {
        self.as_of
    }

    /// Whether it tells of this account after that cursor.
    pub fn is_about(&self, account: AccountId, after: u64) -> bool {
        self.accounts
            .get(&account)
            .is_some_and(|cursor| *cursor > after)
    }

    /// What it has for `gate`, which knows everything up to `after`.
    pub fn since(&self, gate: GateId, after: u64) -> Since<'_> {
        if after == 0 || after < self.from || after > self.to {
            return Since::NotHere;
        }
        let first = self.told.partition_point(|(cursor, _)| *cursor <= after);
        let mut changes = Vec::new();
        for (_, told) in self.told.range(first..) {
            let change = match told {
                FeedItem::Issuers | FeedItem::Tariff => return Since::NotHere,
                FeedItem::Change(change) => &**change,
            };
            if let FeedChange::ConfigCommanded(command) = change {
                if command.gate == gate {
                    return Since::NotHere;
                }
                continue;
            }
            if matches!(change, FeedChange::GateRevoked(said) if said.gate == gate) {
                return Since::NotHere;
            }
            changes.push(change);
        }
        if changes.is_empty() {
            Since::Nothing
        } else {
            Since::Changes(changes)
        }
    }

    /// The sealed answer to who knows everything up to `after`: made by `seal` for the first who asks.
    ///
    /// # Errors
    /// Those of `seal`.
    pub fn sealed<E>(
        &self,
        after: u64,
        seal: impl FnOnce() -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = sealed.get(&after) {
            return Ok(bytes.clone());
        }
        let bytes = seal()?;
        sealed.insert(after, bytes.clone());
        Ok(bytes)
    }
}

/// Whom a change is about.
fn account(change: &FeedChange) -> Option<AccountId> {
    match change {
        FeedChange::JourneyOpened(open) => Some(open.account),
        FeedChange::JourneyClosed { account, .. }
        | FeedChange::Denied { account }
        | FeedChange::Cleared { account } => Some(*account),
        FeedChange::KeyDenied { .. }
        | FeedChange::KeyCleared { .. }
        | FeedChange::ModeCommanded(_)
        | FeedChange::LetThroughCommanded(_)
        | FeedChange::GateRevoked(_)
        | FeedChange::ConfigCommanded(_)
        | FeedChange::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATE: &str = "PGY-01";

    fn denied(nth: u8) -> FeedItem {
        FeedItem::Change(Arc::new(FeedChange::Denied {
            account: AccountId([nth; 16]),
        }))
    }

    fn board() -> Board {
        let news = vec![(5, denied(1)), (8, denied(2)), (9, denied(1))];
        Board::beginning(4, UnixMs(10)).with(news, UnixMs(20))
    }

    fn since(board: &Board, after: u64) -> Since<'_> {
        board.since(GATE.parse().unwrap(), after)
    }

    #[test]
    fn a_board_tells_what_came_after_a_cursor() {
        let board = board();
        let changes = |after| match since(&board, after) {
            Since::Changes(changes) => changes.len(),
            Since::Nothing => 0,
            Since::NotHere => usize::MAX,
        };
        assert_eq!([4, 5, 6, 8, 9].map(changes), [3, 2, 2, 1, 0]);
        // Who starts, was away too long, or knows more than the board.
        assert_eq!([0, 3, 10].map(changes), [usize::MAX; 3]);
    }

    #[test]
    fn what_is_one_gates_own_is_not_on_the_board() {
        let revoked = |gate: &str| {
            let key =
                fare_protocol::Signer::public(&ed25519_dalek::SigningKey::from_bytes(&[1; 32]));
            let revocation = fare_protocol::wire::Revocation {
                gate: gate.parse().unwrap(),
                key,
                at_ms: UnixMs(0),
                reason: "lost".parse().unwrap(),
            };
            FeedItem::Change(Arc::new(FeedChange::GateRevoked(revocation)))
        };
        let other = board().with(vec![(11, revoked("GMO-01"))], UnixMs(30));
        assert!(matches!(since(&other, 9), Since::Changes(changes) if changes.len() == 1));
        let own = board().with(vec![(11, revoked(GATE))], UnixMs(30));
        assert_eq!(since(&own, 9), Since::NotHere);
        assert_eq!(own.revoked, 11);
        let tariff = board().with(vec![(12, FeedItem::Tariff)], UnixMs(30));
        assert_eq!(since(&tariff, 9), Since::NotHere);
    }

    #[test]
    fn the_oldest_leave_a_board_that_is_full() {
        let many = (10..).take(CHANGES_MAX).map(|cursor| (cursor, denied(3)));
        let full = board().with(many.collect(), UnixMs(30));
        assert_eq!((full.from, full.told.len()), (9, CHANGES_MAX));
        assert_eq!(since(&full, 8), Since::NotHere);
        assert!(matches!(since(&full, 9), Since::Changes(changes) if changes.len() == CHANGES_MAX));
        assert!(!full.is_about(AccountId([1; 16]), 0) && full.is_about(AccountId([3; 16]), 9));
    }

    #[test]
    fn one_seal_serves_all_who_waited_at_the_same_place() {
        let board = board();
        let seal =
            |bytes: &'static [u8]| board.sealed(5, || Ok::<_, ()>(Bytes::from_static(bytes)));
        assert_eq!(
            (seal(b"first"), seal(b"second")),
            (Ok("first".into()), Ok("first".into()))
        );
    }

    #[tokio::test]
    async fn a_standing_is_believed_until_a_gate_is_revoked() {
        let bulletin = Bulletin::default();
        let gate = Gate {
            id: GATE.parse().unwrap(),
            key: fare_protocol::Signer::public(&ed25519_dalek::SigningKey::from_bytes(&[1; 32])),
            station: "PGY".parse().unwrap(),
            line: "1".parse().unwrap(),
        };
        let asker = (gate.id, None);
        assert_eq!(bulletin.standing(asker), None);
        bulletin.note_standing(gate, None, bulletin.end());
        assert_eq!(bulletin.standing(asker), Some(gate));
        let revoked = Board {
            revoked: 7,
            to: 7,
            ..Board::default()
        };
        bulletin.boards.send_replace(Arc::new(revoked));
        assert_eq!(bulletin.standing(asker), None);
    }
}
