//! What riders have not paid, and who is inside: what `books::exposure` adds up. These statements look at
//! every posting that was ever made; they are for a report and not for each minute.

use super::chain::envelope;
use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Confirmation, Currency, GateId, RecordBody, UnixMs};

/// What one account has not paid in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpaid {
    /// Whose.
    pub account: AccountId,
    /// In which currency.
    pub currency: Currency,
    /// Fares taken, those that are only held included, less what was paid for them.
    pub minor: i64,
    /// Of it what platforms declined.
    pub debt_minor: i64,
}

/// A rider of whom no exit is known, or none that could be priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The entry's gate.
    pub gate: GateId,
    /// When, by its clock.
    pub entered: UnixMs,
    /// The entry.
    pub entry: Confirmation,
}

/// A day.
const DAY_MS: i64 = 86_400_000;

impl Tx<'_> {
    /// What accounts have not paid, the most first.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn unpaid(&self) -> Result<Vec<Unpaid>, StoreError> {
        let sql = "SELECT account, currency, CAST(-sum(minor) AS BIGINT),
                          CAST(coalesce(-sum(minor) FILTER (WHERE ledger = 'debt'), 0) AS BIGINT)
                   FROM posting_line WHERE ledger IN ('rider', 'charging', 'debt')
                   GROUP BY account, currency HAVING sum(minor) < 0
                   ORDER BY sum(minor), account";
        let unpaid = |row: &Row| {
            Ok(Unpaid {
                account: row.get(0)?,
                currency: row.get(1)?,
                minor: row.get(2)?,
                debt_minor: row.get(3)?,
            })
        };
        self.rows(sql, &[])?.iter().map(unpaid).collect()
    }

    /// Riders inside, who entered first the first.
    pub fn inside(&self) -> Result<Vec<Inside>, StoreError> {
        let sql = "SELECT envelope FROM journey
                   JOIN tap ON tap.account = journey.account AND tap.id = journey.entry
                   WHERE state IN ('open', 'unpriced') ORDER BY entered_ms, entry";
        let rows = self.rows(sql, &[])?;
        rows.iter()
            .map(|row| {
                let signed = envelope(row, 0)?;
                let record = signed.record();
                match &record.body {
                    RecordBody::Confirmation(entry) => Ok(Inside {
                        gate: record.gate,
                        entered: record.stamp.at,
                        entry: *entry,
                    }),
                    RecordBody::Passage(_)
                    | RecordBody::ModeChange(_)
                    | RecordBody::LetThrough(_)
                    | RecordBody::Config(_) => Err(StoreError::Corrupt("an entry")),
                }
            })
            .collect()
    }

    /// How many taps each gate had in the 24 hours up to its newest one, by its own clock.
    pub fn taps_a_day(&self) -> Result<Vec<(GateId, i64)>, StoreError> {
        let sql = "SELECT tap.gate, count(*) FROM tap
                   JOIN (SELECT gate, max(at_ms) AS newest FROM tap GROUP BY gate) AS last
                        ON last.gate = tap.gate
                   WHERE tap.at_ms > last.newest - $1 GROUP BY tap.gate ORDER BY tap.gate";
        let taps = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        self.rows(sql, &[&DAY_MS])?.iter().map(taps).collect()
    }
}
