//! What gates are told: changes in order, and everything at once for who starts or was away long.

use super::rows::{parsed, signed, unsigned};
use super::{StoreError, Tx};
use fare_protocol::wire::{FeedChange, OpenJourney};
use fare_protocol::{AccountId, RecordId, UnixMs};
use rusqlite::Row;

/// Most changes in one answer; the rest follows in the next.
const CHANGES_MAX: usize = 5_000;

/// Changes kept for gates that were away; who is further behind gets a snapshot.
const CHANGES_KEPT: u64 = 100_000;

/// Most open journeys in a snapshot, the newest ones: about 10 MiB, under a feed's limit.
pub const SNAPSHOT_JOURNEYS_MAX: usize = 40_000;

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
    /// The changes, in order.
    pub changes: Vec<FeedChange>,
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
        self.push("change", Some(&json))
    }

    /// Tells the gates of new keys or a new tariff, when `text` is not what they were told last.
    /// `kind` is `issuers` or `tariff`.
    pub fn announce(&self, kind: &'static str, text: &str) -> Result<bool, StoreError> {
        let known = "SELECT 1 FROM announced WHERE kind = $1 AND text = $2";
        if self.0.prepare_cached(known)?.exists((kind, text))? {
            return Ok(false);
        }
        let sql = "INSERT INTO announced (kind, text) VALUES ($1, $2)
                   ON CONFLICT (kind) DO UPDATE SET text = $2";
        self.0.prepare_cached(sql)?.execute((kind, text))?;
        self.push(kind, None)?;
        Ok(true)
    }

    /// Refuses an account at every gate; answers whether it was not refused already.
    pub fn deny(&self, account: AccountId, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO denied (account, since_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let new = self.0.prepare_cached(sql)?.execute((account.0, now.0))? > 0;
        if new {
            self.tell(&FeedChange::Denied { account })?;
        }
        Ok(new)
    }

    /// Refuses an account no longer; answers whether it was refused.
    pub fn allow(&self, account: AccountId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM denied WHERE account = $1";
        let was = self.0.prepare_cached(sql)?.execute([account.0])? > 0;
        if was {
            self.tell(&FeedChange::Cleared { account })?;
        }
        Ok(was)
    }

    /// What is new since `after`. 0, a cursor from before what is kept, or one that was never
    /// given out, gets a snapshot.
    pub fn news(&self, after: u64) -> Result<News, StoreError> {
        let sql = "SELECT coalesce(min(cursor), 1), coalesce(max(cursor), 0) FROM feed";
        let ends = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (first, last): (i64, i64) = self.0.prepare_cached(sql)?.query_row([], ends)?;
        let (first, last) = (unsigned(first), unsigned(last));
        if after == 0 || after.saturating_add(1) < first || after > last {
            return self.snapshot(last);
        }
        self.since(after)
    }

    fn since(&self, after: u64) -> Result<News, StoreError> {
        let sql =
            "SELECT cursor, kind, change FROM feed WHERE cursor > $1 ORDER BY cursor LIMIT $2";
        let mut news = News {
            cursor: after,
            snapshot: false,
            issuers: false,
            tariff: false,
            changes: vec![],
        };
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query((signed(after), CHANGES_MAX as i64))?;
        while let Some(row) = rows.next()? {
            news.cursor = unsigned(row.get(0)?);
            let kind = row.get::<_, String>(1)?;
            news.issuers |= kind == "issuers";
            news.tariff |= kind == "tariff";
            if let Some(json) = row.get::<_, Option<String>>(2)? {
                let change = serde_json::from_str(&json);
                news.changes
                    .push(change.map_err(|_| StoreError::Corrupt("a change"))?);
            }
        }
        Ok(news)
    }

    fn snapshot(&self, cursor: u64) -> Result<News, StoreError> {
        let open = "SELECT account, entry, station, line, entered_ms FROM journey
                    WHERE state IN ('open', 'held') ORDER BY entered_ms DESC LIMIT $1";
        let mut statement = self.0.prepare_cached(open)?;
        let rows = statement.query_map([SNAPSHOT_JOURNEYS_MAX as i64], |row| Ok(inside(row)))?;
        let mut changes = rows.collect::<rusqlite::Result<Result<Vec<_>, _>>>()??;
        changes.reverse();
        let denied = "SELECT account FROM denied ORDER BY account";
        let mut statement = self.0.prepare_cached(denied)?;
        let rows = statement.query_map([], |row| {
            Ok(FeedChange::Denied {
                account: AccountId(row.get(0)?),
            })
        })?;
        for change in rows {
            changes.push(change?);
        }
        Ok(News {
            cursor,
            snapshot: true,
            issuers: true,
            tariff: true,
            changes,
        })
    }

    fn push(&self, kind: &str, change: Option<&str>) -> Result<(), StoreError> {
        let sql = "INSERT INTO feed (kind, change) VALUES ($1, $2)";
        self.0.prepare_cached(sql)?.execute((kind, change))?;
        let old = self
            .0
            .last_insert_rowid()
            .saturating_sub(signed(CHANGES_KEPT));
        self.0
            .prepare_cached("DELETE FROM feed WHERE cursor <= $1")?
            .execute([old])?;
        Ok(())
    }
}

fn inside(row: &Row<'_>) -> Result<FeedChange, StoreError> {
    Ok(FeedChange::JourneyOpened(OpenJourney {
        account: AccountId(row.get(0)?),
        entry: RecordId(row.get(1)?),
        station: parsed(&row.get::<_, String>(2)?, "a station")?,
        line: parsed(&row.get::<_, String>(3)?, "a line")?,
        entered_at_ms: UnixMs(row.get(4)?),
    }))
}
