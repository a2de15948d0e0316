//! What settlement asks about an account's journeys: those that cost something, those whose day is over.

use super::sql::Row;
use super::taps::{read_journey, read_tap};
use super::{JourneyRow, StoreError, Tx};
use fare_protocol::{AccountId, Currency, RecordId, UnixMs};
use fare_rules::journey::Tap;
use fare_rules::{End, Paid};

/// What an account's journeys cost that began in a span of time.
pub(super) const PAID_BY_ENTRY: &str = "
    SELECT station, entered_ms, exit_station, left_ms, fare_minor, entry, currency FROM journey
    WHERE account = $1 AND entered_ms >= $2 AND entered_ms < $3 AND state IN ('held', 'closed')";

impl Tx<'_> {
    /// The account's journeys that cost something and began from `from` up to before `until`, in the
    /// order of their entries, each with its fare before products covered it; those in another currency do
    /// not count.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn paid(
        &self,
        account: AccountId,
        (from, until): (UnixMs, UnixMs),
        currency: Currency,
    ) -> Result<Vec<Paid>, StoreError> {
        let known = self.batch.borrow().paid(account, (from, until), currency);
        if let Some(known) = known {
            return Ok(known);
        }
        let sql = "SELECT station, entered_ms, exit_station, left_ms,
                          fare_minor + (SELECT CAST(coalesce(sum(covered_minor), 0) AS BIGINT)
                                        FROM product_use WHERE product_use.account = journey.account
                                         AND product_use.entry = journey.entry)
                   FROM journey
                   WHERE account = $1 AND entered_ms >= $2 AND entered_ms < $3
                     AND state IN ('held', 'closed') AND currency = $4 ORDER BY entered_ms, entry";
        let rows = self.rows(sql, &[&account, &from, &until, &currency])?;
        rows.iter().map(read_paid).collect()
    }

    /// The account's journeys that cost something and began after the one that began at `after` with
    /// `entry`, and before `until`, in the order of their entries.
    pub fn charged_after(
        &self,
        account: AccountId,
        (after, entry): (UnixMs, RecordId),
        until: UnixMs,
    ) -> Result<Vec<(RecordId, JourneyRow)>, StoreError> {
        let nothing = self
            .batch
            .borrow()
            .paid_nothing_after(account, (after, entry), until);
        if nothing {
            return Ok(Vec::new());
        }
        let sql = "SELECT journey, state, exit, fare_minor, currency, due_ms, entry FROM journey
                   WHERE account = $1 AND (entered_ms, entry) > ($2, $3) AND entered_ms < $4
                     AND (state IN ('held', 'closed') OR state = 'no-exit' AND fare_minor IS NOT NULL)
                   ORDER BY entered_ms, entry";
        let rows = self.rows(sql, &[&account, &after, &entry, &until])?;
        let read = |row: &Row| Ok((row.get(6)?, read_journey(row)?));
        rows.iter().map(read).collect()
    }

    /// Entries whose day is over at `now` and that have no exit: at most `most`, the oldest first.
    pub fn without_exit(&self, now: UnixMs, most: u32) -> Result<Vec<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence, at_ms FROM journey
                   JOIN tap ON tap.account = journey.account AND tap.id = journey.entry
                   WHERE state IN ('open', 'incomplete') AND due_ms <= $1
                   ORDER BY due_ms LIMIT $2";
        let rows = self.rows(sql, &[&now, &most])?;
        rows.iter().map(read_tap).collect()
    }

    /// Whether a person has decided about a conflict of this tap.
    pub fn is_decided(&self, account: AccountId, tap: RecordId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM conflict JOIN conflict_end USING (conflict)
                   LEFT JOIN conflict_overtaken USING (conflict)
                   WHERE scope = $1 AND subject = $2 AND how IN ('keep', 'charge')
                     AND conflict_overtaken.at_ms IS NULL";
        let scope = super::Scope::Account(account).key();
        self.exists(sql, &[&scope, &tap.to_hex()])
    }
}

/// By when a journey began and its entry.
pub(super) type PaidByEntry = ((UnixMs, RecordId), (Paid, Currency));

/// A row of [`PAID_BY_ENTRY`]: when the journey began, its entry, and what it cost.
pub(super) fn read_entry_paid(row: &Row) -> Result<PaidByEntry, StoreError> {
    let paid = read_paid(row)?;
    Ok(((paid.entry.at, row.get(5)?), (paid, row.get(6)?)))
}

fn read_paid(row: &Row) -> Result<Paid, StoreError> {
    let end = |station, at| -> Result<End, StoreError> {
        Ok(End {
            station: row.get(station)?,
            at: row.get(at)?,
        })
    };
    Ok(Paid {
        entry: end(0, 1)?,
        exit: end(2, 3)?,
        minor: row.get(4)?,
    })
}
