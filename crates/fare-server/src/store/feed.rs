//! What gates are told: changes in order, and everything at once for who starts or was away long.

use super::sql::{Bind, Row};
use super::{StoreError, Tx};
use fare_protocol::wire::{FeedChange, OpenJourney};
use fare_protocol::{AccountId, GateId, UnixMs};
use std::sync::Arc;

/// Most changes in one answer; the rest follows in the next.
pub const CHANGES_MAX: usize = 5_000;

/// Changes kept for gates that were away; who is further behind gets a snapshot.
const CHANGES_KEPT: u64 = 100_000;

/// Most open journeys in a snapshot, the newest ones: about 10 MiB, under a feed's limit.
pub const SNAPSHOT_JOURNEYS_MAX: usize = 40_000;

/// One thing that gates are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedItem {
    /// The issuers' keys are new.
    Issuers,
    /// The tariff is new.
    Tariff,
    /// A change.
    Change(Arc<FeedChange>),
}

/// What is new since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What to ask for next.
    pub cursor: u64,
    /// Everything at once, for who starts or was away too long.
    pub snapshot: bool,
    /// The issuers' keys are new.
    pub issuers: bool,
    /// The tariff is new.
    pub tariff: bool,
    /// The changes that all gates hear of, in order.
    pub changes: Vec<FeedChange>,
    /// Gates that have another configuration: see [`Tx::news_for`].
    pub configs: Vec<GateId>,
}

impl News {
    /// Whether there is anything to tell.
    pub fn is_empty(&self) -> bool {
        !(self.snapshot || self.issuers || self.tariff) && self.changes.is_empty()
    }
}

impl Tx<'_> {
    /// Tells the gates.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn tell(&self, change: &FeedChange) -> Result<(), StoreError> {
        let json = serde_json::to_string(change);
        let json = json.map_err(|_| StoreError::Corrupt("a change"))?;
        self.push("change", Some(&json));
        Ok(())
    }

    /// Tells the gates of new keys or a new tariff, when `text` is not what they were told last.
    /// `kind` is `issuers` or `tariff`.
    pub fn announce(&self, kind: &'static str, text: &str) -> Result<bool, StoreError> {
        let known = "SELECT 1 FROM announced WHERE kind = $1 AND text = $2";
        if self.exists(known, &[&kind, &text])? {
            return Ok(false);
        }
        let sql = "INSERT INTO announced (kind, text) VALUES ($1, $2)
                   ON CONFLICT (kind) DO UPDATE SET text = $2";
        self.run(sql, &[&kind, &text])?;
        self.push(kind, None);
        Ok(true)
    }

    /// Refuses an account at every gate; answers whether it was not refused already.
    pub fn deny(&self, account: AccountId, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO denied (account, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let new = self.run(sql, &[&account, &now])? > 0;
        if new {
            self.tell(&FeedChange::Denied { account })?;
        } else {
            let sql = "UPDATE denied SET why = 'both' WHERE account = $1 AND why = 'debt'";
            self.run(sql, &[&account])?;
        }
        Ok(new)
    }

    /// Refuses an account no longer, unless it owes; answers whether gates let it in again.
    pub fn allow(&self, account: AccountId) -> Result<bool, StoreError> {
        let owes = "UPDATE denied SET why = 'debt' WHERE account = $1 AND why = 'both'";
        self.run(owes, &[&account])?;
        let sql = "DELETE FROM denied WHERE account = $1 AND why = 'staff'";
        let was = self.run(sql, &[&account])? > 0;
        if was {
            self.tell(&FeedChange::Cleared { account })?;
        }
        Ok(was)
    }

    /// What is new since `after`. 0, a cursor from before what is kept, or one that was never
    /// given out, gets a snapshot.
    pub fn news(&self, after: u64) -> Result<News, StoreError> {
        let sql = "SELECT coalesce(min(cursor), 1), coalesce(max(cursor), 0) FROM feed";
        let ends = self.only(sql, &[])?;
        let (first, last): (u64, u64) = (ends.get(0)?, ends.get(1)?);
        if after == 0 || after.saturating_add(1) < first || after > last {
            return self.snapshot(last);
        }
        self.since(after)
    }

    /// Forgets changes beyond those that are kept for gates that were away; answers how many.
    pub fn forget_changes(&self) -> Result<u64, StoreError> {
        let sql = "DELETE FROM feed WHERE cursor <= (SELECT max(cursor) FROM feed) - $1";
        self.run(sql, &[&CHANGES_KEPT])
    }

    /// Where the feed ends: 0 before anything was told.
    pub fn feed_end(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(cursor), 0) FROM feed";
        self.only(sql, &[])?.get(0)
    }

    /// What was told after this cursor, each with its own, in order; at most `most`.
    pub fn told_after(&self, after: u64, most: usize) -> Result<Vec<(u64, FeedItem)>, StoreError> {
        let sql =
            "SELECT cursor, kind, change FROM feed WHERE cursor > $1 ORDER BY cursor LIMIT $2";
        let rows = self.rows(sql, &[&after, &most])?;
        rows.iter().map(told).collect()
    }

    fn since(&self, after: u64) -> Result<News, StoreError> {
        let mut news = News {
            cursor: after,
            snapshot: false,
            issuers: false,
            tariff: false,
            changes: vec![],
            configs: vec![],
        };
        for (cursor, told) in self.told_after(after, CHANGES_MAX)? {
            news.cursor = cursor;
            match told {
                FeedItem::Issuers => news.issuers = true,
                FeedItem::Tariff => news.tariff = true,
                FeedItem::Change(change) => {
                    if let FeedChange::ConfigCommanded(command) = &*change {
                        news.configs.push(command.gate);
                    } else {
                        news.changes.push(Arc::unwrap_or_clone(change));
                    }
                }
            }
        }
        Ok(news)
    }

    fn snapshot(&self, cursor: u64) -> Result<News, StoreError> {
        let open = "SELECT account, entry, station, line, entered_ms FROM journey
                    WHERE state IN ('open', 'held') ORDER BY entered_ms DESC LIMIT $1";
        let open = self.rows(open, &[&SNAPSHOT_JOURNEYS_MAX])?;
        let mut changes = open
            .iter()
            .rev()
            .map(inside)
            .collect::<Result<Vec<_>, _>>()?;
        for row in self.rows("SELECT account FROM denied ORDER BY account", &[])? {
            let account = row.get(0)?;
            changes.push(FeedChange::Denied { account });
        }
        let keys = self.denied_keys()?.into_iter();
        changes.extend(keys.map(|denied| FeedChange::KeyDenied { key: denied.key }));
        changes.extend(self.mode_commands()?);
        Ok(News {
            cursor,
            snapshot: true,
            issuers: true,
            tariff: true,
            changes,
            configs: vec![],
        })
    }

    /// Kept until the commit: see [`Tx::write_told`].
    fn push(&self, kind: &str, change: Option<&str>) {
        let row = vec![kind.value(), change.value()];
        self.told.borrow_mut().push(row);
    }

    /// Writes what the gates are told as the transaction's last deed. From here on nobody else can until
    /// this one has committed, so that who reads up to a cursor never misses a change before it.
    pub(super) fn write_told(&self) -> Result<(), StoreError> {
        let told = self.told.take();
        if told.is_empty() {
            return Ok(());
        }
        let queued = self.engine.borrow_mut().queue_for_feed();
        self.watched(queued)?;
        self.run_each("INSERT INTO feed (kind, change) VALUES ($1, $2)", &told)?;
        Ok(())
    }
}

fn told(row: &Row) -> Result<(u64, FeedItem), StoreError> {
    let corrupt = StoreError::Corrupt("a change");
    let told = match (
        row.get::<String>(1)?.as_str(),
        row.get::<Option<String>>(2)?,
    ) {
        ("issuers", _) => FeedItem::Issuers,
        ("tariff", _) => FeedItem::Tariff,
        ("change", Some(json)) => {
            FeedItem::Change(Arc::new(serde_json::from_str(&json).map_err(|_| corrupt)?))
        }
        (_, _) => return Err(corrupt),
    };
    Ok((row.get(0)?, told))
}

fn inside(row: &Row) -> Result<FeedChange, StoreError> {
    Ok(FeedChange::JourneyOpened(OpenJourney {
        account: row.get(0)?,
        entry: row.get(1)?,
        station: row.get(2)?,
        line: row.get(3)?,
        entered_at_ms: row.get(4)?,
    }))
}
