//! What can go wrong with the journal, and what to do about it.

use fare_protocol::{GateId, RecordId};
use std::path::PathBuf;
use std::sync::Arc;

/// Why the journal could not do what was asked. Cheap to clone: one failed commit answers all who
/// waited for it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The file, its folder or its lock cannot be had.
    #[error("journal {path}: {source}; create its folder and let this user write there")]
    File {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// Another process has it open.
    #[error("journal {path} is in use by another process; stop that one first")]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// SQLite refused something outside a commit.
    #[error("journal {path}: {doing}: {source}; check the disk and its free space")]
    Sqlite {
        /// The journal.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// There is none.
    #[error("there is no journal {path}; the daemon makes it at its first start")]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is no file to look at.
    #[error("there is no journal {path}; check the path")]
    NothingThere {
        /// Where it should be.
        path: PathBuf,
    },
    /// A database, but not a gate's.
    #[error("{path} is no gate's journal; name the file that `path` under [journal] names")]
    NoJournal {
        /// The file.
        path: PathBuf,
    },
    /// The daemon that has it open is older than this program.
    #[error(
        "journal {path} has schema version {got}, this program works on {known}; restart the \
         daemon with this program's version first"
    )]
    TooOld {
        /// The journal.
        path: PathBuf,
        /// The version in the file.
        got: i64,
        /// The version this program works on.
        known: i64,
    },
    /// A newer program wrote it.
    #[error(
        "journal {path} has schema version {got}, this program knows up to {known}; install the \
         program that wrote it, or a newer one"
    )]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// The version in the file.
        got: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// Its chain cannot be continued.
    #[error(
        "journal {path} is damaged: {detail}; keep the file for the office, and enroll the gate \
         anew under another gate id to go on"
    )]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// It holds another gate's chain.
    #[error(
        "journal {path} belongs to gate {got}, this is gate {expected}; correct the gate id or \
         the journal's path in the configuration"
    )]
    OtherGate {
        /// The journal.
        path: PathBuf,
        /// Whose records it holds.
        got: GateId,
        /// Who opened it.
        expected: GateId,
    },
    /// The transaction did not become durable: nothing of it is recorded.
    #[error("journal {path}: commit failed, nothing was recorded: {source}; free disk space")]
    CommitFailed {
        /// The journal.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// This one record contradicts what is recorded already.
    #[error("journal {path}: record {id} was not recorded: {detail}")]
    Rejected {
        /// The journal.
        path: PathBuf,
        /// The record's id.
        id: RecordId,
        /// What it contradicts.
        detail: String,
    },
    /// Too many requests wait already.
    #[error("journal {path}: {waiting} requests wait already; the disk is too slow or hangs")]
    Busy {
        /// The journal.
        path: PathBuf,
        /// How many wait.
        waiting: usize,
    },
    /// It was closed.
    #[error("journal {path} is closed; open it again")]
    Closed {
        /// The journal.
        path: PathBuf,
    },
    /// A part of the server's feed cannot be used; the last good copy stays.
    #[error(
        "journal {path}: feed not applied, its {part} is wrong: {detail}; mend it at the server"
    )]
    BadFeed {
        /// The journal.
        path: PathBuf,
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}
