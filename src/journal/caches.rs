//! The server's feed: looked through before it touches anything, then swapped in by one transaction.

use super::{JournalError, configs, first_rides, modes, revoked};
use fare_protocol::wire::{Feed, FeedChange, OpenJourney, TariffText};
use fare_protocol::{GateId, KeySet, PublicKey, UnixMs};
use fare_rules::Tariff;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;

/// Longest name of a change that is kept, in characters.
const UNKNOWN_NAME_MAX: usize = 40;

/// What the server's feeds left in the journal.
#[derive(Clone, Debug, Default)]
pub struct Cached {
    /// The issuers to believe.
    pub issuers: Option<KeySet>,
    /// The tariff to quote from.
    pub tariff: Option<Arc<Tariff>>,
    /// What to ask the server for next; 0 asks for everything.
    pub cursor: u64,
    /// The server's time behind the caches.
    pub as_of: Option<UnixMs>,
}

/// What a feed changed for the rest of the gate.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Believe these issuers from now on.
    pub issuers: Option<KeySet>,
    /// Quote from this tariff from now on.
    pub tariff: Option<Arc<Tariff>>,
    /// The part that cannot be used, as a [`JournalError::BadFeed`]. The others were applied; the
    /// cursor stays where it was, so that the server sends this part again.
    pub left_out: Option<JournalError>,
}

/// A feed that was looked through, ready to be swapped in.
pub(super) struct FeedUpdate {
    cursor: i64,
    as_of: UnixMs,
    snapshot: bool,
    issuers: Option<String>,
    tariff: Option<TariffText>,
    changes: Vec<FeedChange>,
}

impl FeedUpdate {
    /// Looks through a feed that follows `cursor`.
    pub(super) fn check(
        path: &Path,
        feed: Feed,
        cursor: u64,
    ) -> Result<(Self, Applied), JournalError> {
        let bad = |part, detail| JournalError::BadFeed {
            path: path.to_owned(),
            part,
            detail,
        };
        if !feed.snapshot && feed.cursor < cursor {
            let detail = format!("got {}, which is before {cursor}", feed.cursor);
            return Err(bad("cursor", detail));
        }
        let mut applied = Applied {
            issuers: feed.issuers,
            ..Applied::default()
        };
        let issuers = applied
            .issuers
            .as_ref()
            .map(serde_json::to_string)
            .transpose();
        let issuers = issuers.map_err(|err| bad("issuers", err.to_string()))?;
        let tariff = match feed.tariff.map(|text| (Tariff::parse(&text), text)) {
            Some((Ok(tariff), text)) => {
                applied.tariff = Some(Arc::new(tariff));
                Some(text)
            }
            Some((Err(err), _)) => {
                applied.left_out = Some(bad("tariff", err.to_string()));
                None
            }
            None => None,
        };
        let cursor = if applied.left_out.is_some() {
            cursor
        } else {
            feed.cursor
        };
        let update = Self {
            cursor: i64::try_from(cursor).map_err(|err| bad("cursor", err.to_string()))?,
            as_of: feed.as_of_ms,
            snapshot: feed.snapshot,
            issuers,
            tariff,
            changes: feed.changes,
        };
        Ok((update, applied))
    }
}

/// Where the feeds applied so far end.
pub(super) fn cursor(db: &Connection) -> rusqlite::Result<u64> {
    let cursor = db
        .prepare_cached("SELECT cursor FROM feed")?
        .query_row([], |row| row.get(0));
    let cursor: Option<i64> = cursor.optional()?;
    Ok(cursor
        .and_then(|cursor| u64::try_from(cursor).ok())
        .unwrap_or(0))
}

/// Swaps the update in, whole or not at all.
pub(super) fn apply(
    db: &mut Connection,
    (gate, key): (GateId, &PublicKey),
    update: &FeedUpdate,
) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if update.snapshot {
        forget(&tx)?;
    }
    for change in &update.changes {
        apply_change(&tx, gate, change, update.as_of)?;
    }
    if let Some(revocation) = revoked::own(&update.changes, gate, key) {
        revoked::wipe(&tx, revocation)?;
    }
    first_rides::news(&tx, update.as_of)?;
    let tariff = update.tariff.as_ref();
    tx.prepare_cached(
        "INSERT INTO feed (only_row, cursor, as_of_ms, issuers, tariff, stations)
         VALUES (1, ?1, ?2, ?3, ?4, ?5) ON CONFLICT (only_row)
         DO UPDATE SET cursor = excluded.cursor, as_of_ms = excluded.as_of_ms,
             issuers = coalesce(excluded.issuers, issuers),
             tariff = coalesce(excluded.tariff, tariff),
             stations = coalesce(excluded.stations, stations)",
    )?
    .execute(params![
        update.cursor,
        update.as_of.0,
        update.issuers,
        tariff.map(|text| &text.tariff),
        tariff.map(|text| &text.stations),
    ])?;
    tx.commit()
}

/// Before a snapshot: forgets what the server said, and those entries here that it knows of.
fn forget(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "DELETE FROM journeys;
         DELETE FROM denied;
         DELETE FROM denied_keys;
         DELETE FROM unknown_changes;
         DELETE FROM moves WHERE direction = 0
             AND (SELECT state FROM records WHERE id = moves.confirmation) <> 0;",
    )
}

fn apply_change(
    tx: &Transaction<'_>,
    gate: GateId,
    change: &FeedChange,
    as_of: UnixMs,
) -> rusqlite::Result<()> {
    match change {
        FeedChange::JourneyOpened(journey) => opened(tx, journey),
        FeedChange::JourneyClosed { account, entry } => {
            tx.prepare_cached("DELETE FROM journeys WHERE account = ?1 AND entry = ?2")?
                .execute([account.0, entry.0])?;
            tx.prepare_cached("DELETE FROM moves WHERE account = ?1 AND confirmation = ?2")?
                .execute([account.0, entry.0])?;
            tx.prepare_cached("INSERT OR REPLACE INTO ended (entry, at_ms) VALUES (?1, ?2)")?
                .execute(params![entry.0, as_of.0])?;
            Ok(())
        }
        FeedChange::Denied { account } => {
            tx.prepare_cached("INSERT OR IGNORE INTO denied (account) VALUES (?1)")?
                .execute([account.0])?;
            Ok(())
        }
        FeedChange::Cleared { account } => {
            tx.prepare_cached("DELETE FROM denied WHERE account = ?1")?
                .execute([account.0])?;
            Ok(())
        }
        FeedChange::KeyDenied { key } => {
            tx.prepare_cached("INSERT OR IGNORE INTO denied_keys (key) VALUES (?1)")?
                .execute([key.to_bytes()])?;
            Ok(())
        }
        FeedChange::KeyCleared { key } => {
            tx.prepare_cached("DELETE FROM denied_keys WHERE key = ?1")?
                .execute([key.to_bytes()])?;
            Ok(())
        }
        FeedChange::ModeCommanded(command) => modes::commanded(tx, gate, command),
        // Not kept: it counts for half a minute, and the courier hands it on.
        FeedChange::LetThroughCommanded(_) => Ok(()),
        // Another's is nothing to this gate; its own is looked at once all else is applied.
        FeedChange::GateRevoked(_) => Ok(()),
        FeedChange::ConfigCommanded(command) => configs::commanded(tx, gate, command),
        FeedChange::Unknown(change) => unknown(tx, change.name()),
    }
}

/// Counts what this program does not know of, so that a newer one asks for everything.
fn unknown(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    let name: String = name.chars().take(UNKNOWN_NAME_MAX).collect();
    tx.prepare_cached(
        "INSERT INTO unknown_changes (name, count) VALUES (?1, 1)
         ON CONFLICT (name) DO UPDATE SET count = count + 1",
    )?
    .execute([name])?;
    Ok(())
}

/// Whether something was left out that an earlier program did not know of and this one does.
fn left_out_before(db: &Connection) -> rusqlite::Result<bool> {
    let mut names = db.prepare_cached("SELECT name FROM unknown_changes")?;
    let names = names.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        if FeedChange::NAMES.contains(&name?.as_str()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn opened(tx: &Transaction<'_>, journey: &OpenJourney) -> rusqlite::Result<()> {
    // Over it was before, perhaps, and a late record has mended that.
    tx.prepare_cached("DELETE FROM ended WHERE entry = ?1")?
        .execute([journey.entry.0])?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO journeys (account, entry, station, line, entered_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        journey.account.0,
        journey.entry.0,
        journey.station.as_str(),
        journey.line.as_str(),
        journey.entered_at_ms.0,
    ])?;
    Ok(())
}

/// What earlier feeds left. A part that this program cannot read is absent, and then everything is
/// asked for anew: server data never keeps a gate from starting.
pub(super) fn cached(db: &Connection) -> rusqlite::Result<Cached> {
    let row = db
        .prepare_cached("SELECT cursor, as_of_ms, issuers, tariff, stations FROM feed")?
        .query_row([], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                UnixMs(row.get(1)?),
                row.get::<_, Option<String>>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, Option<String>>(4)?,
            ))
        })
        .optional()?;
    let Some((cursor, as_of, issuers, tariff, stations)) = row else {
        return Ok(Cached::default());
    };
    let mut cached = Cached {
        cursor: u64::try_from(cursor).unwrap_or(0),
        as_of: Some(as_of),
        ..Cached::default()
    };
    if left_out_before(db)? {
        tracing::info!(
            "an earlier program left out what this one knows, asking the server for everything"
        );
        cached.cursor = 0;
    }
    if let Some(json) = issuers {
        let issuers = serde_json::from_str(&json).map_err(|err| err.to_string());
        cached.issuers = cached.readable("issuers", issuers);
    }
    if let Some((tariff, stations)) = tariff.zip(stations) {
        let tariff = Tariff::parse(&TariffText { tariff, stations }).map_err(|err| err.to_string());
        cached.tariff = cached.readable("tariff", tariff.map(Arc::new));
    }
    Ok(cached)
}

impl Cached {
    fn readable<T>(&mut self, part: &'static str, read: Result<T, String>) -> Option<T> {
        read.inspect_err(|err| {
            tracing::warn!(part, %err, "cached part unreadable, asking the server for everything");
            self.cursor = 0;
        })
        .ok()
    }
}
