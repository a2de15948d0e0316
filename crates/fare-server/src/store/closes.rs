//! Closes of the books, and postings in the order of their time.

use super::chain::envelope;
use super::sql::{Bind, Row, Value};
use super::{Moved, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Currency, LineId, RecordBody, RecordId, UnixMs};

/// A close of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRow {
    /// Counted from 1.
    pub nth: u64,
    /// The first moment of its time: the last of the close before.
    pub from: UnixMs,
    /// The first moment after its time.
    pub until: UnixMs,
    /// Postings made in it.
    pub postings: u64,
    /// Over all of them with their lines.
    pub digest: [u8; 32],
    /// What moved, as JSON.
    pub sums: String,
    /// The hash of the close before; zeros for the first.
    pub previous: [u8; 32],
    /// Over all of these.
    pub hash: [u8; 32],
    /// Who closed.
    pub person: String,
    /// When, by the server's clock.
    pub made: UnixMs,
}

/// A place among postings by time.
pub type PostingPlace = (UnixMs, AccountId, [u8; 16]);

/// A posting with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// When, whose, and which.
    pub place: PostingPlace,
    /// The entry of its journey.
    pub entry: Option<RecordId>,
    /// The conflict whose decision made it.
    pub conflict: Option<ConflictId>,
    /// Of which kind.
    pub kind: String,
    /// Ledger account, minor units, currency.
    pub lines: Vec<(String, i64, Currency)>,
}

/// Over which lines the journey of a posting went: that of its entry, and that of its exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Where it began.
    pub entry: Option<LineId>,
    /// Where it ended.
    pub exit: Option<LineId>,
}

const CLOSE: &str = "SELECT nth, from_ms, until_ms, postings, digest, sums, previous, hash, person,
                            made_ms FROM book_close";

impl Tx<'_> {
    /// The newest close.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn last_close(&self) -> Result<Option<CloseRow>, StoreError> {
        let row = self.row(&format!("{CLOSE} ORDER BY nth DESC LIMIT 1"), &[])?;
        row.as_ref().map(close).transpose()
    }

    /// All closes, the oldest first.
    pub fn closes(&self) -> Result<Vec<CloseRow>, StoreError> {
        let rows = self.rows(&format!("{CLOSE} ORDER BY nth"), &[])?;
        rows.iter().map(close).collect()
    }

    /// Keeps a close for good.
    pub fn insert_close(&self, close: &CloseRow) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO book_close (nth, from_ms, until_ms, postings, digest, sums, previous,
                                           hash, person, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        self.run(
            sql,
            &[
                &close.nth,
                &close.from,
                &close.until,
                &close.postings,
                &close.digest,
                &close.sums,
                &close.previous,
                &close.hash,
                &close.person,
                &close.made,
            ],
        )?;
        Ok(())
    }

    /// Postings made from `from` up to before `until`, in the order of their places, after one of them; at
    /// most `most`.
    pub fn posted(
        &self,
        (from, until): (UnixMs, UnixMs),
        after: Option<PostingPlace>,
        most: u32,
    ) -> Result<Vec<Posted>, StoreError> {
        let sql = "SELECT made_ms, account, posting, entry, conflict, kind FROM posting
                   WHERE made_ms >= $1 AND made_ms < $2 AND (made_ms, account, posting) > ($3, $4, $5)
                   ORDER BY made_ms, account, posting LIMIT $6";
        let first = (UnixMs(i64::MIN), AccountId([0; 16]), [0; 16]);
        let (made, account, posting) = after.unwrap_or(first);
        let rows = self.rows(sql, &[&from, &until, &made, &account, &posting, &most])?;
        let keys: Vec<Vec<Value>> = rows.iter().map(key).collect::<Result<_, _>>()?;
        let lines = "SELECT ledger, minor, currency FROM posting_line
                     WHERE account = $1 AND posting = $2 ORDER BY line";
        let lines = self.each(lines, &keys)?;
        rows.iter()
            .zip(&lines)
            .map(|(row, lines)| read(row, lines))
            .collect()
    }

    /// The lines of what a posting is about. `exit_then` says which exit the journey had for it, where that is another
    /// than it has now.
    pub fn lines_of(
        &self,
        posted: &Posted,
        exit_then: impl FnOnce(&[Moved]) -> Option<Option<RecordId>>,
    ) -> Result<Lines, StoreError> {
        let account = posted.place.1;
        let tap = |id: RecordId| -> Result<Option<LineId>, StoreError> {
            let sql = "SELECT envelope FROM tap WHERE account = $1 AND id = $2";
            let row = self.row(sql, &[&account, &id])?;
            let record = row.as_ref().map(|row| envelope(row, 0)).transpose()?;
            Ok(record.and_then(|record| match record.record().body {
                RecordBody::Confirmation(confirmation) => Some(confirmation.location.line),
                RecordBody::Passage(_)
                | RecordBody::ModeChange(_)
                | RecordBody::LetThrough(_)
                | RecordBody::Config(_) => None,
            }))
        };
        if let Some(entry) = posted.entry {
            let exit = match exit_then(&self.moved_for(account, entry)?) {
                Some(then) => then,
                None => {
                    let sql = "SELECT exit FROM journey WHERE account = $1 AND entry = $2";
                    let exit = self.row(sql, &[&account, &entry])?;
                    exit.map(|row| row.get(0)).transpose()?.flatten()
                }
            };
            return Ok(Lines {
                entry: tap(entry)?,
                exit: exit.map(tap).transpose()?.flatten(),
            });
        }
        let sql = "SELECT tap FROM conflict_end WHERE conflict = $1";
        let decided = self.row(sql, &[&posted.conflict.map(|conflict| conflict.0)])?;
        let decided: Option<RecordId> = decided.map(|row| row.get(0)).transpose()?.flatten();
        Ok(Lines {
            entry: None,
            exit: decided.map(tap).transpose()?.flatten(),
        })
    }
}

fn key(row: &Row) -> Result<Vec<Value>, StoreError> {
    let (account, posting): (AccountId, [u8; 16]) = (row.get(1)?, row.get(2)?);
    Ok(vec![account.value(), posting.value()])
}

fn read(row: &Row, lines: &[Row]) -> Result<Posted, StoreError> {
    let line = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    Ok(Posted {
        place: (row.get(0)?, row.get(1)?, row.get(2)?),
        entry: row.get(3)?,
        conflict: row.get(4)?,
        kind: row.get(5)?,
        lines: lines.iter().map(line).collect::<Result<_, StoreError>>()?,
    })
}

fn close(row: &Row) -> Result<CloseRow, StoreError> {
    Ok(CloseRow {
        nth: row.get(0)?,
        from: row.get(1)?,
        until: row.get(2)?,
        postings: row.get(3)?,
        digest: row.get(4)?,
        sums: row.get(5)?,
        previous: row.get(6)?,
        hash: row.get(7)?,
        person: row.get(8)?,
        made: row.get(9)?,
    })
}
