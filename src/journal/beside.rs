//! The outbox for people: opened by a second process, beside a running daemon or without one.
//!
//! The chain stays the daemon's alone: what is written from here is what the server said to a record
//! (`state`, `answers`, `quarantine`) and diagnostic notes, in transactions of at most one batch, so
//! that a tap waits for none of them longer than for an acknowledgement of the courier's.

use super::outbox::{self, Acknowledged, Counts, Quarantined, RawAnswer, Waiting};
use super::{JournalError, schema};
use fare_protocol::{RecordId, Seq, UnixMs};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A journal's outbox, opened by hand.
pub struct OutboxFile {
    path: PathBuf,
    db: Connection,
    /// Nothing while a daemon has it.
    lock: Option<File>,
}

impl OutboxFile {
    /// Opens the outbox of the journal at `path`. Without a daemon the file is brought to this
    /// program's schema and kept from daemons while this value lives.
    ///
    /// # Errors
    /// When there is no journal, it is damaged, or the daemon that has it open is older or newer than
    /// this program.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if !path.exists() {
            return Err(JournalError::Absent {
                path: path.to_owned(),
            });
        }
        let lock = match schema::lock(path) {
            Ok(lock) => Some(lock),
            Err(JournalError::InUse { .. }) => None,
            Err(err) => return Err(err),
        };
        let mut db = schema::open_writer(path)?;
        match lock {
            Some(_) => schema::migrate(path, &mut db)?,
            None => schema::is_current(path, &db)?,
        }
        Ok(Self {
            path: path.to_owned(),
            db,
            lock,
        })
    }

    /// Whether a daemon has the journal open at the same time.
    pub fn beside_daemon(&self) -> bool {
        self.lock.is_none()
    }

    /// As [`super::JournalHandle::pending`].
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn pending(&self, after: Option<Seq>, limit: usize) -> Result<Vec<Waiting>, JournalError> {
        self.done("reading", outbox::pending(&self.db, after, limit))
    }

    /// The oldest records that the server refused for good, of those behind `after`, in chain order.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn quarantined(
        &self,
        after: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Quarantined>, JournalError> {
        self.done("reading", outbox::quarantined(&self.db, after, limit))
    }

    /// Pending and quarantined records, evicted notes.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn counts(&self) -> Result<Counts, JournalError> {
        self.done("counting", outbox::counts(&self.db))
    }

    /// Lets this record wait for the server again; false when it is not in quarantine. What the
    /// server had said stays in a diagnostic note.
    ///
    /// # Errors
    /// When the transaction fails.
    pub fn retry(&mut self, id: RecordId, at: UnixMs) -> Result<bool, JournalError> {
        let retried = outbox::retry(&mut self.db, id, at);
        self.done("taking a record out of quarantine", retried)
    }

    /// As [`super::JournalHandle::acknowledge`].
    ///
    /// # Errors
    /// When the transaction fails; then every record still waits.
    pub fn acknowledge(
        &mut self,
        answers: &[RawAnswer],
        at: UnixMs,
    ) -> Result<Acknowledged, JournalError> {
        let acknowledged = outbox::acknowledge(&mut self.db, answers, at);
        self.done("recording the server's answers", acknowledged)
    }

    fn done<T>(&self, doing: &'static str, result: rusqlite::Result<T>) -> Result<T, JournalError> {
        result.map_err(|err| JournalError::Sqlite {
            path: self.path.clone(),
            doing,
            source: Arc::new(err),
        })
    }
}
