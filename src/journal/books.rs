//! The journal's figures, for status and metrics.

use super::JournalError;
use super::look::JournalView;
use super::schema;
use fare_protocol::UnixMs;
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
    /// Open journeys that the server has told of.
    pub open_journeys: u64,
    /// The server's time behind deny list, journeys, keys and tariff; nothing when it never told any.
    pub news_as_of_ms: Option<UnixMs>,
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
        // A file that was last opened by an older program has none.
        let knows = count("SELECT count(*) FROM sqlite_schema WHERE name = 'unknown_changes'")?;
        let unknown = match knows {
            0 => 0,
            _ => count("SELECT coalesce(sum(count), 0) FROM unknown_changes")?,
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
            open_journeys: count("SELECT count(*) FROM journeys")?,
            news_as_of_ms: time("SELECT (SELECT as_of_ms FROM feed)")?,
            unknown_changes: unknown,
            notes_evicted: count(
                "SELECT coalesce((SELECT min(id) - 1 FROM events),
                        (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)",
            )?,
            bytes: len(self.path()).saturating_add(len(&schema::beside(self.path(), "-wal"))),
        })
    }
}
