//! The journal under a technician's hands: held against a daemon, and one note written and synced.
//!
//! Never a money row, and no step of the schema: a program that is only being tried must not leave a
//! journal that the one before it cannot read.

use super::{JournalError, schema};
use crate::clock::Stopwatch;
use fare_protocol::UnixMs;
use rusqlite::{Connection, TransactionBehavior, params};
use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A journal that no daemon can open while this value lives.
pub struct JournalProbe {
    path: PathBuf,
    db: Connection,
    _lock: File,
}

/// A note is on the disk, and how long that took. Whoever moves the barrier with no rider before it
/// takes one of these, so that it is known who opened.
#[derive(Debug)]
pub struct ProbeSynced {
    took: Duration,
}

impl ProbeSynced {
    /// From the start of the transaction until it was durable.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl JournalProbe {
    /// Holds the journal at `path`; makes an empty one where there is none yet.
    ///
    /// # Errors
    /// [`JournalError::InUse`] while a daemon runs; else when it cannot be opened, or a newer program
    /// wrote it.
    pub fn hold(path: &Path) -> Result<Self, JournalError> {
        let is_new = !path.exists();
        let lock = schema::lock(path)?;
        let mut db = schema::open_writer(path)?;
        if is_new {
            schema::migrate(path, &mut db)?;
        }
        let got = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        let got = got.map_err(|err| schema::at_open(path, err))?;
        leave_to_owner(path);
        let (path, known) = (path.to_owned(), schema::version());
        if got > known {
            return Err(JournalError::TooNew { path, got, known });
        }
        Ok(Self {
            path,
            db,
            _lock: lock,
        })
    }

    /// Writes one note and waits until it is durable.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&mut self, at: UnixMs) -> Result<ProbeSynced, JournalError> {
        let watch = Stopwatch::start();
        let mut write = || {
            let tx = self
                .db
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute(
                "INSERT INTO events (at_ms, kind, code, detail) VALUES (?1, 'selftest', NULL, '')",
                params![at.0],
            )?;
            tx.commit()
        };
        write().map_err(|err| JournalError::Sqlite {
            path: self.path.clone(),
            doing: "writing a probe",
            source: Arc::new(err),
        })?;
        Ok(ProbeSynced {
            took: watch.elapsed(),
        })
    }
}

/// A technician works as root, the daemon does not: what was made here belongs to whom the folder
/// belongs. Where that is not allowed it is not needed.
fn leave_to_owner(path: &Path) {
    let Some(Ok(folder)) = path.parent().map(Path::metadata) else {
        return;
    };
    for ending in ["", "-wal", "-shm", ".lock"] {
        let file = schema::beside(path, ending);
        if file.metadata().is_ok_and(|meta| meta.uid() == 0) {
            let _refused = chown(&file, Some(folder.uid()), Some(folder.gid()));
        }
    }
}
