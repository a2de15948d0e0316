//! The journal for people who only look: opened read-only, beside a running daemon, without one, or
//! as a copy of the file on another computer.

use super::{JournalError, schema};
use fare_protocol::{Record, RecordId, SignedRecord, UnixMs};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Notes that belong to the tap of a confirmation and are told with it.
const WITH_A_CONFIRMATION: &str =
    "('admitted', 'let-through', 'timings', 'passed', 'annulled', 'passage-unknown')";

/// A journal that is looked at.
pub struct JournalView {
    path: PathBuf,
    db: Connection,
}

/// From where rows are read, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Those behind this one, oldest first.
    After(i64),
    /// Those before this one, newest first.
    Before(i64),
}

/// A confirmation in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the chain.
    pub seq: i64,
    /// Its id.
    pub id: RecordId,
    /// When the lane decided.
    pub at: UnixMs,
    /// What the server said to it.
    pub sent: Sent,
    /// What it says; nothing when this program cannot read it.
    pub record: Option<Record>,
}

/// What the server has said to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing yet.
    Waiting,
    /// It took it.
    Accepted,
    /// It will never take it.
    Refused,
}

/// The server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When it came.
    pub at: UnixMs,
    /// Its voucher.
    pub voucher: Option<Vec<u8>>,
    /// Code and reason when it refused.
    pub refused: Option<(String, String)>,
}

/// A diagnostic note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number; they have no gaps but for notes that were evicted.
    pub id: i64,
    /// When.
    pub at: UnixMs,
    /// What kind of thing happened.
    pub kind: String,
    /// Which one of its kind.
    pub code: Option<String>,
    /// `name=value` pairs.
    pub detail: String,
}

impl JournalView {
    /// Opens the journal at `path`. Nothing is ever written to it.
    ///
    /// # Errors
    /// When there is none, it is damaged, no journal at all, or a newer program's.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let path = path.to_owned();
        if !path.exists() {
            return Err(JournalError::NothingThere { path });
        }
        let db = match schema::open_reader(&path).and_then(|db| version(&path, db)) {
            // A copy on a medium that cannot be written to has no place for SQLite's shared memory.
            Err(err) if cannot_open(&err) && !has_log(&path) => version(&path, still(&path)?)?,
            opened => opened?,
        };
        Ok(Self { path, db })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Confirmations, at most `limit`.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn confirmations(&self, edge: Edge, limit: usize) -> Result<Vec<Kept>, JournalError> {
        let (sql, from) = match edge {
            Edge::After(seq) => (
                "SELECT seq, id, at_ms, state, envelope FROM records
                 WHERE confirmation IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2",
                seq,
            ),
            Edge::Before(seq) => (
                "SELECT seq, id, at_ms, state, envelope FROM records
                 WHERE confirmation IS NULL AND seq < ?1 ORDER BY seq DESC LIMIT ?2",
                seq,
            ),
        };
        self.rows(sql, from, limit, kept)
    }

    /// The passage of a confirmation, unless it is not recorded yet or cannot be read.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn passage(&self, confirmation: RecordId) -> Result<Option<Record>, JournalError> {
        let read = || {
            let envelope: Option<Vec<u8>> = self
                .db
                .prepare_cached("SELECT envelope FROM records WHERE confirmation = ?1")?
                .query_row([confirmation.0], |row| row.get(0))
                .optional()?;
            Ok(envelope.and_then(|bytes| record(&bytes)))
        };
        self.done(read())
    }

    /// The newest record's place in the chain; 0 when there is none.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn newest_record(&self) -> Result<i64, JournalError> {
        self.number("SELECT coalesce(max(seq), 0) FROM records")
    }

    /// The newest note's number; 0 when there is none.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn newest_event(&self) -> Result<i64, JournalError> {
        self.number("SELECT coalesce(max(id), 0) FROM events")
    }

    /// What the server said to the record at `seq`.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn said(&self, seq: i64) -> Result<Option<Said>, JournalError> {
        let read = || {
            self.db
                .prepare_cached(
                    "SELECT a.at_ms, a.voucher, q.code, q.reason
                     FROM answers a LEFT JOIN quarantine q ON q.seq = a.seq WHERE a.seq = ?1",
                )?
                .query_row([seq], |row| {
                    let refused: (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
                    Ok(Said {
                        at: UnixMs(row.get(0)?),
                        voucher: row.get(1)?,
                        refused: refused.0.zip(refused.1),
                    })
                })
                .optional()
        };
        self.done(read())
    }

    /// Notes that tell of something by themselves, at most `limit`: not those of admitted taps.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn events(&self, edge: Edge, limit: usize) -> Result<Vec<Event>, JournalError> {
        let (compare, order, from) = match edge {
            Edge::After(id) => ('>', "id", id),
            Edge::Before(id) => ('<', "id DESC", id),
        };
        let sql = format!(
            "SELECT id, at_ms, kind, code, detail FROM events
             WHERE kind NOT IN {WITH_A_CONFIRMATION} AND id {compare} ?1 ORDER BY {order} LIMIT ?2"
        );
        self.rows(&sql, from, limit, event)
    }

    /// The notes of an admitted tap, as far as they are still kept, oldest first.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn events_of(&self, confirmation: RecordId) -> Result<Vec<Event>, JournalError> {
        let sql = format!(
            "SELECT id, at_ms, kind, code, detail FROM events
             WHERE kind IN {WITH_A_CONFIRMATION} AND detail LIKE ?1 ORDER BY id"
        );
        let read = || {
            let mut query = self.db.prepare_cached(&sql)?;
            let rows = query.query_map([format!("confirmation={confirmation}%")], event)?;
            rows.collect()
        };
        self.done(read())
    }

    fn rows<T>(
        &self,
        sql: &str,
        from: i64,
        limit: usize,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let all = || {
            let mut query = self.db.prepare_cached(sql)?;
            let rows = query.query_map(params![from, limit], read)?;
            rows.collect()
        };
        self.done(all())
    }

    /// One number, if it is there.
    pub(super) fn maybe_number(&self, sql: &str) -> Result<Option<i64>, JournalError> {
        let read = || self.db.prepare_cached(sql)?.query_row([], |row| row.get(0));
        self.done(read())
    }

    /// One number.
    pub(super) fn number(&self, sql: &str) -> Result<i64, JournalError> {
        let read = || self.db.prepare_cached(sql)?.query_row([], |row| row.get(0));
        self.done(read())
    }

    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    pub(super) fn done<T>(&self, result: rusqlite::Result<T>) -> Result<T, JournalError> {
        result.map_err(|err| match err.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => schema::at_open(&self.path, err),
            Some(_) | None => JournalError::Sqlite {
                path: self.path.clone(),
                doing: "reading",
                source: Arc::new(err),
            },
        })
    }
}

/// The connection, if the file is a journal that this program can read.
fn version(path: &Path, db: Connection) -> Result<Connection, JournalError> {
    let got = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let got = got.map_err(|err| schema::at_open(path, err))?;
    let (path, known) = (path.to_owned(), schema::version());
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('records', 'events')";
    match db.query_row(tables, [], |row| row.get::<_, i64>(0)) {
        _ if got > known => Err(JournalError::TooNew { path, got, known }),
        Ok(2) => Ok(db),
        Ok(_) => Err(JournalError::NoJournal { path }),
        Err(err) => Err(schema::at_open(&path, err)),
    }
}

/// A connection to a file that nobody writes to.
fn still(path: &Path) -> Result<Connection, JournalError> {
    let special = |c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c));
    let name = path.to_string_lossy();
    let mut uri = "file:".to_owned();
    for c in name.chars() {
        if special(c) {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                uri.push_str(&format!("%{byte:02X}"));
            }
        } else {
            uri.push(c);
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(|err| schema::at_open(path, err))
}

fn cannot_open(err: &JournalError) -> bool {
    let JournalError::Sqlite { source, .. } = err else {
        return false;
    };
    matches!(
        source.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)
    )
}

/// Whether there is a write-ahead log with something in it: without it some of the taps are missing.
fn has_log(path: &Path) -> bool {
    let log = schema::beside(path, "-wal");
    log.metadata().is_ok_and(|meta| meta.len() > 0)
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let sent = match row.get(3)? {
        0 => Sent::Waiting,
        1 => Sent::Accepted,
        // The table holds no fourth.
        _ => Sent::Refused,
    };
    Ok(Kept {
        seq: row.get(0)?,
        id: RecordId(row.get(1)?),
        at: UnixMs(row.get(2)?),
        sent,
        record: record(row.get_ref(4)?.as_blob()?),
    })
}

fn record(envelope: &[u8]) -> Option<Record> {
    SignedRecord::parse(envelope)
        .ok()
        .map(|signed| *signed.record())
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(0)?,
        at: UnixMs(row.get(1)?),
        kind: row.get(2)?,
        code: row.get(3)?,
        detail: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::journal::tests::{Gate, confirmation};
    use fare_protocol::Direction;

    /// As on a medium that cannot be written to; where tests run as root everything can.
    #[test]
    fn a_file_that_nobody_writes_to_is_read_without_any_other_beside_it() {
        let gate = Gate::new();
        gate.commit(confirmation(1, Direction::Entry, 7), 10_000);
        gate.journal.close().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("a copy, 100%?#.journal");
        std::fs::copy(gate.path(), &copy).unwrap();
        let db = version(&copy, still(&copy).unwrap()).unwrap();
        let view = JournalView {
            path: copy.clone(),
            db,
        };
        assert_eq!(view.newest_record().unwrap(), 1);
        let beside = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(beside, 1, "it made other files");
    }
}
