//! What is checked when a journal is opened: that the file is whole and its chain can go on.

use super::records::Head;
use super::{GateIdentity, JournalError, schema};
use fare_protocol::SignedRecord;
use rusqlite::Connection;
use std::path::Path;

/// Files up to this size, in bytes, are read through at every start; longer ones would take too
/// long, and the end of their chain is checked all the same.
const READ_THROUGH_LEN_MAX: i64 = 16 * 1024 * 1024;

/// How many of the newest records are checked to be a chain.
const TAIL_RECORDS: i64 = 64;

/// SQLite's own check of the file's structure.
pub(super) fn whole(path: &Path, db: &Connection) -> Result<(), JournalError> {
    let check = || {
        let len: i64 = db.query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?;
        if len > READ_THROUGH_LEN_MAX {
            return Ok("ok".to_owned());
        }
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    };
    let said = check().map_err(|err| schema::at_open(path, err))?;
    if said == "ok" {
        Ok(())
    } else {
        Err(damaged(path, said))
    }
}

/// Checks the newest records and tells where the chain goes on.
pub(super) fn head(
    path: &Path,
    db: &Connection,
    identity: &GateIdentity,
) -> Result<Head, JournalError> {
    let tail = tail(db).map_err(|err| schema::at_open(path, err))?;
    let mut head: Option<Head> = None;
    let mut newest = None;
    for (seq, envelope) in tail.into_iter().rev() {
        let record = SignedRecord::parse(&envelope)
            .map_err(|err| damaged(path, format!("record {seq}: {err}")))?;
        let said = record.record();
        if said.gate != identity.gate {
            let (got, expected) = (said.gate, identity.gate);
            return Err(JournalError::OtherGate {
                path: path.to_owned(),
                got,
                expected,
            });
        }
        let follows =
            head.is_none_or(|head| head.next == said.seq && head.previous == said.previous);
        if !follows || i64::try_from(said.seq.0) != Ok(seq) {
            return Err(damaged(
                path,
                format!("record {seq} does not follow the one before it"),
            ));
        }
        head = Some(Head::after(&record));
        newest = Some(record);
    }
    if let Some(record) = newest {
        believe(path, record, identity)?;
    }
    Ok(head.unwrap_or(Head::FIRST))
}

/// The newest records as (seq, envelope), newest first.
fn tail(db: &Connection) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
    let mut query = db.prepare("SELECT seq, envelope FROM records ORDER BY seq DESC LIMIT ?1")?;
    let rows = query.query_map([TAIL_RECORDS], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// The newest record's signature, when this gate's present key made it.
fn believe(path: &Path, record: SignedRecord, identity: &GateIdentity) -> Result<(), JournalError> {
    let (seq, signed_by) = (record.record().seq, record.key());
    let key = identity.signer.public();
    if signed_by != key.id() {
        tracing::warn!(
            last = %signed_by, now = %key.id(),
            "the gate's key has changed since its last record; the server must know the new one"
        );
        return Ok(());
    }
    match record.verify(&key) {
        Ok(_) => Ok(()),
        Err(err) => Err(damaged(path, format!("record {seq}: {err}"))),
    }
}

fn damaged(path: &Path, detail: String) -> JournalError {
    JournalError::Damaged {
        path: path.to_owned(),
        detail,
    }
}
