//! What a power cut left behind: confirmations without a passage.

use super::Committed;
use super::records::direction_from_sql;
use fare_protocol::{
    AccountId, Direction, Passage, PassageOutcome, RecordId, SignedRecord, UnixMs,
};
use fare_rules::{Draft, PassageDraft};
use rusqlite::Connection;

/// A confirmation whose passage was never recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The confirmation.
    pub id: RecordId,
    /// In or out.
    pub direction: Direction,
    /// Who pays; nobody when staff let somebody through.
    pub account: Option<AccountId>,
    /// When the lane decided.
    pub at: UnixMs,
}

/// A confirmation, and the passage of unknown outcome that was recorded for it.
#[derive(Debug)]
pub struct Recovered {
    /// The confirmation.
    pub confirmation: Unfinished,
    /// Its passage.
    pub passage: Committed<SignedRecord>,
}

/// All of them, oldest first.
pub(super) fn unfinished(db: &Connection) -> rusqlite::Result<Vec<Unfinished>> {
    let mut query = db.prepare(
        "SELECT u.confirmation, u.direction, u.account, u.at_ms
         FROM unfinished u JOIN records r ON r.id = u.confirmation ORDER BY r.seq",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Unfinished {
            id: RecordId(row.get(0)?),
            direction: direction_from_sql(row.get(1)?),
            account: row.get::<_, Option<_>>(2)?.map(AccountId),
            at: UnixMs(row.get(3)?),
        })
    })?;
    rows.collect()
}

/// The draft that finishes it.
pub(super) fn passage(id: RecordId, unfinished: Unfinished) -> Draft {
    Draft::Passage(PassageDraft {
        id,
        passage: Passage {
            confirmation: unfinished.id,
            outcome: PassageOutcome::Unknown,
        },
        direction: unfinished.direction,
        account: unfinished.account,
        confirmed_at: unfinished.at,
    })
}
