//! The journal's file: lock, connections, and the steps from one schema version to the next.
//!
//! Steps only go forward; their count is the schema version and stands in `PRAGMA user_version`.

use super::JournalError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long SQLite waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages in the write-ahead log at which a commit folds it in itself. The thread normally does it
/// between taps, long before.
const LOG_PAGES_MAX: i64 = 4_000;

/// What `PRAGMA auto_vacuum` answers for a file that gives pages back when asked.
const INCREMENTAL: i64 = 2;

/// What remains of the write-ahead log's file once it has been folded in, in bytes.
const LOG_LEN_KEPT: i64 = 16 * 1024 * 1024;

/// The schema version that this program writes.
#[allow(
    clippy::cast_possible_wrap,
    clippy::as_conversions,
    reason = "a handful of steps"
)]
pub(super) const VERSION: i64 = STEPS.len() as i64;

const STEPS: [&str; 11] = ["
-- The gate's chain. Money: never deleted.
CREATE TABLE records (
    seq          INTEGER PRIMARY KEY CHECK (seq >= 1),
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    confirmation BLOB UNIQUE REFERENCES records (id),  -- passages: of which confirmation
    at_ms        INTEGER NOT NULL,
    envelope     BLOB NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2))  -- waiting, accepted, refused
) STRICT;

-- The outbox.
CREATE INDEX records_waiting ON records (seq) WHERE state = 0;

-- Confirmations whose passage is not recorded yet.
CREATE TABLE unfinished (
    confirmation BLOB PRIMARY KEY REFERENCES records (id),
    direction    INTEGER NOT NULL CHECK (direction IN (0, 1)),  -- entry, exit
    account      BLOB NOT NULL,
    at_ms        INTEGER NOT NULL
) STRICT;

-- What the server said to each record, as it said it.
CREATE TABLE answers (
    seq     INTEGER PRIMARY KEY REFERENCES records (seq),
    at_ms   INTEGER NOT NULL,
    answer  TEXT NOT NULL,
    voucher BLOB
) STRICT;

-- Records that the server will never take.
CREATE TABLE quarantine (
    seq    INTEGER PRIMARY KEY REFERENCES records (seq),
    id     BLOB NOT NULL,
    at_ms  INTEGER NOT NULL,
    code   TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- Diagnosis. The oldest go first; ids have no gaps, so the least one tells how many went.
CREATE TABLE events (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    code   TEXT,
    detail TEXT NOT NULL
) STRICT;

-- The highest counter seen of each phone.
CREATE TABLE devices (
    key     BLOB PRIMARY KEY,
    counter INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_seen ON devices (seen_ms);

-- The last time each account went through here: newer than what the server knows, until it does.
CREATE TABLE moves (
    account      BLOB PRIMARY KEY,
    direction    INTEGER NOT NULL CHECK (direction IN (0, 1)),
    confirmation BLOB NOT NULL,
    station      TEXT NOT NULL,
    line         TEXT NOT NULL,
    at_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX moves_at ON moves (at_ms);

-- From the server: open journeys, accounts to refuse, and the rest in one row.
CREATE TABLE journeys (
    account       BLOB PRIMARY KEY,
    entry         BLOB NOT NULL,
    station       TEXT NOT NULL,
    line          TEXT NOT NULL,
    entered_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE denied (account BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE feed (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    cursor    INTEGER NOT NULL,
    as_of_ms  INTEGER NOT NULL,
    issuers   TEXT,
    tariff    TEXT,
    stations  TEXT
) STRICT;
", "
-- What may be forgotten one day.
CREATE INDEX records_accepted ON records (seq) WHERE state = 1;
", "
-- Fewer pages for each tap: no index row for what is no passage, one tree for what is unfinished, and
-- no index by time for what is forgotten in lulls.
CREATE TABLE records_new (
    seq          INTEGER PRIMARY KEY CHECK (seq >= 1),
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    confirmation BLOB REFERENCES records (id),  -- passages: of which confirmation
    at_ms        INTEGER NOT NULL,
    envelope     BLOB NOT NULL,
    state        INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1, 2))  -- waiting, accepted, refused
) STRICT;
INSERT INTO records_new SELECT seq, id, confirmation, at_ms, envelope, state FROM records;
DROP TABLE records;
ALTER TABLE records_new RENAME TO records;
CREATE INDEX records_waiting ON records (seq) WHERE state = 0;
CREATE INDEX records_accepted ON records (seq) WHERE state = 1;
CREATE UNIQUE INDEX records_confirmation ON records (confirmation) WHERE confirmation IS NOT NULL;
CREATE TABLE unfinished_new (
    confirmation BLOB PRIMARY KEY REFERENCES records (id),
    direction    INTEGER NOT NULL CHECK (direction IN (0, 1)),  -- entry, exit
    account      BLOB NOT NULL,
    at_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO unfinished_new SELECT confirmation, direction, account, at_ms FROM unfinished;
DROP TABLE unfinished;
ALTER TABLE unfinished_new RENAME TO unfinished;
DROP INDEX devices_seen;
DROP INDEX moves_at;
", "
-- The modes that are set, and the newest command of the server's about them.
CREATE TABLE modes (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    entry    TEXT NOT NULL,
    exit     TEXT NOT NULL,
    source   TEXT NOT NULL CHECK (source IN ('staff', 'server')),
    reason   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    command  BLOB  -- the newest that was carried out
) STRICT;
CREATE TABLE mode_command (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    command  BLOB NOT NULL CHECK (length(command) = 16),
    entry    TEXT NOT NULL,
    exit     TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
", "
-- Journeys that the server said are over, by their entries: their pictures open nothing any more.
CREATE TABLE ended (
    entry BLOB PRIMARY KEY CHECK (length(entry) = 16),
    at_ms INTEGER NOT NULL  -- the server's time at saying so
) STRICT, WITHOUT ROWID;
", "
-- Commands of the server's to let somebody through that were carried out: each opens once.
CREATE TABLE let_through (
    command BLOB PRIMARY KEY CHECK (length(command) = 16),
    at_ms   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Whom staff let through has no account.
CREATE TABLE unfinished_new (
    confirmation BLOB PRIMARY KEY REFERENCES records (id),
    direction    INTEGER NOT NULL CHECK (direction IN (0, 1)),  -- entry, exit
    account      BLOB,
    at_ms        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO unfinished_new SELECT confirmation, direction, account, at_ms FROM unfinished;
DROP TABLE unfinished;
ALTER TABLE unfinished_new RENAME TO unfinished;
", "
-- That the server believes this gate no longer, by the key that signs its records.
CREATE TABLE revoked (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    key      BLOB NOT NULL CHECK (length(key) = 32),
    at_ms    INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
", "
-- The server's newest configuration for this gate, and what is recorded of those that came: once each.
CREATE TABLE config_command (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    command  BLOB NOT NULL CHECK (length(command) = 16),
    toml     TEXT NOT NULL,
    prove_ms INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
CREATE TABLE config_outcome (
    command BLOB NOT NULL CHECK (length(command) = 16),
    outcome TEXT NOT NULL,
    PRIMARY KEY (command, outcome)
) STRICT, WITHOUT ROWID;
-- Changes in the feed that the program of that time did not know, by their name.
CREATE TABLE unknown_changes (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
", "
-- How often each account came in here while the server's news was of `news_ms`.
ALTER TABLE moves ADD COLUMN news_ms INTEGER;
ALTER TABLE moves ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
", "
-- Accounts of which nothing was known here at the server's newest news and that came in since, and what all these
-- rides may cost.
CREATE TABLE first_rides (
    account      BLOB PRIMARY KEY,
    confirmation BLOB NOT NULL CHECK (length(confirmation) = 16),  -- the account's newest entry
    minor        INTEGER NOT NULL                                  -- what that may cost; 0 when nobody went through
) STRICT, WITHOUT ROWID;
CREATE TABLE first_rides_sum (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    minor    INTEGER NOT NULL,
    currency TEXT NOT NULL
) STRICT;
", "
-- Phones whose codes are refused, by their keys.
CREATE TABLE denied_keys (key BLOB PRIMARY KEY CHECK (length(key) = 32)) STRICT, WITHOUT ROWID;
"];

/// The steps, for tests that begin with an older file.
#[cfg(test)]
pub(super) const ALL_STEPS: &[&str] = &STEPS;

/// Makes sure that no other process writes here: two writers would fork the chain.
pub(super) fn lock(path: &Path) -> Result<File, JournalError> {
    let file_error = |err| JournalError::File {
        path: path.to_owned(),
        source: Arc::new(err),
    };
    let lock = beside(path, ".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(lock);
    let file = file.map_err(file_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(err)) => Err(file_error(err)),
    }
}

/// The path of a file that lies beside another.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The one connection that writes.
pub(super) fn open_writer(path: &Path) -> Result<Connection, JournalError> {
    let open = || {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        // Before the first page is written; an older file gets it from `migrate`.
        db.pragma_update(None, "auto_vacuum", "incremental")?;
        db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        db.pragma_update(None, "synchronous", "full")?;
        db.pragma_update(None, "foreign_keys", true)?;
        db.pragma_update(None, "temp_store", "memory")?;
        db.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES_MAX, |_| Ok(()))?;
        db.pragma_update_and_check(None, "journal_size_limit", LOG_LEN_KEPT, |_| Ok(()))?;
        Ok(db)
    };
    open().map_err(|err| at_open(path, err))
}

/// A connection that only reads, and never waits for the one that writes.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(BUSY_TIMEOUT)?;
        Ok(db)
    };
    open().map_err(|err| at_open(path, err))
}

/// Checks that the daemon which has the file open keeps it as this program knows it.
pub(super) fn is_current(path: &Path, db: &Connection) -> Result<(), JournalError> {
    let (path, known) = (path.to_owned(), version());
    let got = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    match got.map_err(|err| at_open(&path, err))? {
        got if got > known => Err(JournalError::TooNew { path, got, known }),
        got if got < known => Err(JournalError::TooOld { path, got, known }),
        _ => Ok(()),
    }
}

/// The schema version that this program writes.
pub(super) const fn version() -> i64 {
    VERSION
}

/// Brings the file to this program's schema version.
pub(super) fn migrate(path: &Path, db: &mut Connection) -> Result<(), JournalError> {
    let known = version();
    let got = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    let got = got.map_err(|err| at_open(path, err))?;
    if got > known {
        return Err(JournalError::TooNew {
            path: path.to_owned(),
            got,
            known,
        });
    }
    let done = usize::try_from(got).map_err(|_| JournalError::Damaged {
        path: path.to_owned(),
        detail: format!("its schema version is {got}"),
    })?;
    steps(db, done, known).map_err(|err| at_open(path, err))?;
    if let Err(err) = let_shrink(db) {
        // Without room for a copy it stays as long as it is: no reason for a gate not to start.
        tracing::warn!(%err, "the journal's file cannot shrink, trying again at the next start");
    }
    Ok(())
}

/// Lets a file of the first version give pages back. It is written anew for that, once.
fn let_shrink(db: &Connection) -> rusqlite::Result<()> {
    let mode: i64 = db.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if mode == INCREMENTAL {
        return Ok(());
    }
    db.pragma_update(None, "auto_vacuum", "incremental")?;
    db.execute_batch("VACUUM")
}

fn steps(db: &mut Connection, done: usize, known: i64) -> rusqlite::Result<()> {
    let todo = STEPS.get(done..).unwrap_or_default();
    if todo.is_empty() {
        return Ok(());
    }
    // A step may put a new table in the place of one that others refer to.
    db.pragma_update(None, "foreign_keys", false)?;
    let done = in_one_transaction(db, todo, known);
    db.pragma_update(None, "foreign_keys", true)?;
    done
}

fn in_one_transaction(db: &mut Connection, todo: &[&str], known: i64) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in todo {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", known)?;
    tx.commit()
}

/// What an SQLite error means while the journal is being opened.
pub(super) fn at_open(path: &Path, err: rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    match err.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => JournalError::Damaged {
            path,
            detail: err.to_string(),
        },
        Some(_) | None => JournalError::Sqlite {
            path,
            doing: "opening",
            source: Arc::new(err),
        },
    }
}
