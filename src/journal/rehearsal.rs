//! Journals for benchmarks: large outboxes made in no time, of rows as long as real ones but without
//! signatures. Nothing here opens a journal that a gate works on.

use super::{JournalError, schema};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// Bytes of a confirmation's envelope, about.
const ENVELOPE_LEN: i64 = 240;

/// Rows of one transaction.
const BATCH: i64 = 50_000;

/// Makes a journal of `rows` unsigned records that wait, at a place where nothing is yet.
///
/// # Errors
/// When something is there, or the disk fails.
pub fn fill(path: &Path, rows: u64) -> Result<(), JournalError> {
    if path.exists() {
        return Err(JournalError::InUse {
            path: path.to_owned(),
        });
    }
    let mut db = schema::open_writer(path)?;
    schema::migrate(path, &mut db)?;
    let filled = insert(&mut db, i64::try_from(rows).unwrap_or(i64::MAX));
    filled.map_err(|err| JournalError::Sqlite {
        path: path.to_owned(),
        doing: "filling it for a benchmark",
        source: Arc::new(err),
    })
}

fn insert(db: &mut Connection, rows: i64) -> rusqlite::Result<()> {
    let mut first = 1;
    while first <= rows {
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare(
                "INSERT INTO records (seq, id, at_ms, envelope)
                 VALUES (?1, ?2, ?1, zeroblob(?3))",
            )?;
            for seq in first..=rows.min(first.saturating_add(BATCH - 1)) {
                let id = i128::from(seq).to_be_bytes();
                insert.execute(params![seq, id, ENVELOPE_LEN])?;
            }
        }
        tx.commit()?;
        first = first.saturating_add(BATCH);
    }
    db.pragma(None, "wal_checkpoint", "truncate", |_| Ok(()))
}
