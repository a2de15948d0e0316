//! What the page of a station shows: what its gates did lately, and the taps of one rider.

use super::chain::envelope;
use super::sql::Row;
use super::views::fare;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, GateId, Money, Seq, SignedRecord, StationId, UnixMs};

/// Most accounts that one search finds.
pub const FOUND_MAX: u32 = 10;

/// By what a rider is looked for: the last hexadecimal digits of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindBy {
    /// A receipt's number: a confirmation's id.
    Receipt,
    /// A code, by its reference.
    Code,
    /// An account.
    Account,
}

/// A tap, and the journey that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTap {
    /// The confirmation, as its gate signed it.
    pub record: SignedRecord,
    /// The journey's state; nothing for an exit that belongs to none.
    pub journey: Option<String>,
    /// What is held or charged for it.
    pub fare: Option<Money>,
    /// What the gate told of the passage, as JSON; nothing while it has not.
    pub passage: Option<String>,
}

/// A record with its place.
pub type Placed = (Seq, SignedRecord);

impl Tx<'_> {
    /// Where gates stand: each station once, by id.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn stations_with_gates(&self) -> Result<Vec<StationId>, StoreError> {
        let sql = "SELECT DISTINCT station FROM gate ORDER BY station";
        self.rows(sql, &[])?.iter().map(|row| row.get(0)).collect()
    }

    /// The gate's records after a place of its chain, the newest first, at most `most`.
    pub fn records_after(
        &self,
        gate: GateId,
        after: Seq,
        most: u32,
    ) -> Result<Vec<Placed>, StoreError> {
        let sql = "SELECT seq, envelope FROM record WHERE gate = $1 AND seq > $2
                   ORDER BY seq DESC LIMIT $3";
        let rows = self.rows(sql, &[&gate, &after, &most])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, envelope(row, 1)?)))
            .collect()
    }

    /// The kinds of conflict that stand about a gate.
    pub fn kinds_about(&self, gate: GateId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT kind FROM conflict LEFT JOIN conflict_end USING (conflict)
                   WHERE scope = $1 AND how IS NULL ORDER BY kind";
        let scope = super::Scope::Gate(gate).key();
        let rows = self.rows(sql, &[&scope])?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Accounts of journeys that began at `since` or later, whose receipt, code or account ends with
    /// `tail`, the newest first, at most [`FOUND_MAX`]. `digits` are its hexadecimal digits, four or more; of an
    /// odd number the first is not looked at.
    pub fn find_accounts(
        &self,
        by: FindBy,
        digits: &str,
        since: UnixMs,
    ) -> Result<Vec<AccountId>, StoreError> {
        let (tail, start) = tail(digits);
        let sql = match by {
            FindBy::Account => format!(
                "SELECT account, max(entered_ms) FROM journey
                 WHERE substr(account, {start}) = $1 AND entered_ms >= $2
                 GROUP BY account ORDER BY 2 DESC, account LIMIT $3"
            ),
            FindBy::Receipt => format!(
                "SELECT account, max(entered_ms) FROM journey
                 WHERE (substr(entry, {start}) = $1 OR substr(exit, {start}) = $1)
                   AND entered_ms >= $2
                 GROUP BY account ORDER BY 2 DESC, account LIMIT $3"
            ),
            FindBy::Code => format!(
                "SELECT journey.account, max(entered_ms) FROM journey JOIN tap
                   ON tap.account = journey.account AND tap.id IN (journey.entry, journey.exit)
                 WHERE substr(code_ref, {start}) = $1 AND entered_ms >= $2
                 GROUP BY journey.account ORDER BY 2 DESC, journey.account LIMIT $3"
            ),
        };
        let rows = self.rows(&sql, &[&tail, &since, &FOUND_MAX])?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The newest `most` taps of an account, the newest first.
    pub fn newest_taps(&self, account: AccountId, most: u32) -> Result<Vec<StoredTap>, StoreError> {
        let sql = "SELECT envelope, state, fare_minor, currency, passage FROM tap
                   LEFT JOIN journey ON journey.account = tap.account
                        AND (journey.entry = tap.id OR journey.exit = tap.id)
                   WHERE tap.account = $1 ORDER BY at_ms DESC, tap.id LIMIT $2";
        let tap = |row: &Row| {
            Ok(StoredTap {
                record: envelope(row, 0)?,
                journey: row.get(1)?,
                fare: fare(row, 2)?,
                passage: row.get(4)?,
            })
        };
        self.rows(sql, &[&account, &most])?
            .iter()
            .map(tap)
            .collect()
    }
}

/// The whole bytes at the end of the digits, and where they begin in sixteen.
fn tail(digits: &str) -> (Vec<u8>, usize) {
    let even = digits.get(digits.len() % 2..).unwrap_or_default();
    let pairs = (0..even.len() / 2).filter_map(|n| even.get(2 * n..2 * n + 2));
    let bytes: Vec<u8> = pairs
        .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect();
    let start = 17_usize.saturating_sub(bytes.len());
    (bytes, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_its_whole_bytes() {
        assert_eq!(tail("ab12"), (vec![0xab, 0x12], 15));
        assert_eq!(tail("fab12"), (vec![0xab, 0x12], 15));
        assert_eq!(tail(&"00".repeat(16)), (vec![0; 16], 1));
    }
}
