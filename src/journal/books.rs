//! The journal's figures, for status and metrics.

use super::JournalError;
use super::look::JournalView;
use super::schema;
use fare_protocol::{Money, UnixMs};
use rusqlite::OptionalExtension;
use serde::Serialize;
use std::path::Path;

/// What stands in a journal, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Records that wait for the server.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest_waiting_ms: Option<UnixMs>,
    /// Records that the server refused for good.
    pub quarantined: u64,
    /// The newest record's place in the chain: how many were ever made.
    pub newest_record: u64,
    /// When it was made.
    pub newest_record_ms: Option<UnixMs>,
    /// Accounts on the deny list.
    pub denied: u64,
    /// Phones on it, by their keys.
    pub denied_keys: u64,
    /// Open journeys that the server has told of.
    pub open_journeys: u64,
    /// The server's time behind deny list, journeys, keys and tariff; nothing when it never told any.
    pub news_as_of_ms: Option<UnixMs>,
    /// What first rides since that news may cost together; nothing when there were none.
    pub first_rides: Option<Money>,
    /// Changes that the server told of and this program does not know.
    pub unknown_changes: u64,
    /// Diagnostic notes that were evicted to make room.
    pub notes_evicted: u64,
    /// Bytes on the disk, with the write-ahead log.
    pub bytes: u64,
}

impl JournalView {
    /// Counts what stands in the journal.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn books(&self) -> Result<Books, JournalError> {
        let count = |sql| Ok::<_, JournalError>(u64::try_from(self.number(sql)?).unwrap_or(0));
        let time = |sql| Ok::<_, JournalError>(self.maybe_number(sql)?.map(UnixMs));
        let len = |path: &Path| path.metadata().map_or(0, |meta| meta.len());
        let unknown = match self.has_table("unknown_changes")? {
            false => 0,
            true => count("SELECT coalesce(sum(count), 0) FROM unknown_changes")?,
        };
        let keys = match self.has_table("denied_keys")? {
            false => 0,
            true => count("SELECT count(*) FROM denied_keys")?,
        };
        Ok(Books {
            waiting: count("SELECT count(*) FROM records WHERE state = 0")?,
            oldest_waiting_ms: time(
                "SELECT (SELECT at_ms FROM records WHERE state = 0 ORDER BY seq LIMIT 1)",
            )?,
            quarantined: count("SELECT count(*) FROM quarantine")?,
            newest_record: u64::try_from(self.newest_record()?).unwrap_or(0),
            newest_record_ms: time("SELECT (SELECT at_ms FROM records ORDER BY seq DESC LIMIT 1)")?,
            denied: count("SELECT count(*) FROM denied")?,
            denied_keys: keys,
            open_journeys: count("SELECT count(*) FROM journeys")?,
            news_as_of_ms: time("SELECT (SELECT as_of_ms FROM feed)")?,
            first_rides: self.first_rides()?,
            unknown_changes: unknown,
            notes_evicted: count(
                "SELECT coalesce((SELECT min(id) - 1 FROM events),
                        (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
            )?,
            bytes: len(self.path()).saturating_add(len(&schema::beside(self.path(), "-wal"))),
        })
    }
    /// A file that was last opened by an older program may lack a table.
    fn has_table(&self, name: &str) -> Result<bool, JournalError> {
        let known = self.db().query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)",
            [name],
            |row| row.get(0),
        );
        self.done(known)
    }

    fn first_rides(&self) -> Result<Option<Money>, JournalError> {
        if !self.has_table("first_rides_sum")? {
            return Ok(None);
        }
        let sum = self
            .db()
            .query_row("SELECT minor, currency FROM first_rides_sum", [], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            });
        let sum = self.done(sum.optional())?;
        Ok(sum.and_then(|(minor, currency)| Some(Money::new(minor, currency.parse().ok()?))))
    }
}
