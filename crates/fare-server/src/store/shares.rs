//! Operators' shares of closes, and the exits for which revenue was earned that was given back since.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Money, ProductId, RecordId, UnixMs};
use fare_rules::ledger::Posting;

/// What one operator got of one close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    /// The operator's account in the ledger.
    pub account: AccountId,
    /// Which close.
    pub nth: u64,
    /// Its id.
    pub operator: String,
    /// Its part; below zero when more was given back than earned.
    pub part: Money,
    /// What all operators got, in minor units.
    pub revenue_minor: i64,
    /// The share's own id.
    pub share: [u8; 16],
}

/// Revenue that one posting moved for a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The posting.
    pub posting: [u8; 16],
    /// When it was made.
    pub made: UnixMs,
    /// What was earned, in minor units; below zero what was given back.
    pub minor: i64,
    /// The product that it is about.
    pub product: Option<ProductId>,
    /// For what was given back: the exit that the journey had then, where that was noted.
    pub exit: Option<Option<RecordId>>,
}

impl Tx<'_> {
    /// Keeps a share and posts it: out of revenue, to the operator.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_share(
        &self,
        row: &ShareRow,
        posting: &Posting,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO operator_share (account, nth, currency, operator, minor, revenue_minor, share, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let Money { minor, currency } = row.part;
        self.run(
            sql,
            &[
                &row.account,
                &row.nth,
                &currency,
                &row.operator,
                &minor,
                &row.revenue_minor,
                &row.share,
                &now,
            ],
        )?;
        self.post_charge(row.share, row.account, row.share, posting, now)
    }

    /// Notes that a close was shared out, by which rule; answers whether it was not before.
    pub fn note_shared(&self, nth: u64, rule: &str, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO close_shared (nth, rule, made_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        Ok(self.run(sql, &[&nth, &rule, &now])? > 0)
    }

    /// The closes that were not shared out, the oldest first.
    pub fn closes_to_share(&self) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT nth FROM book_close WHERE NOT EXISTS
                       (SELECT 1 FROM close_shared WHERE close_shared.nth = book_close.nth) ORDER BY nth";
        let rows = self.rows(sql, &[])?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// All shares, by close, operator and currency.
    pub fn shares(&self) -> Result<Vec<ShareRow>, StoreError> {
        let sql = "SELECT account, nth, operator, minor, currency, revenue_minor, share FROM operator_share
                   ORDER BY nth, operator, currency";
        let read = |row: &Row| {
            Ok(ShareRow {
                account: row.get(0)?,
                nth: row.get(1)?,
                operator: row.get(2)?,
                part: Money::new(row.get(3)?, row.get(4)?),
                revenue_minor: row.get(5)?,
                share: row.get(6)?,
            })
        };
        self.rows(sql, &[])?.iter().map(read).collect()
    }

    /// Notes which exit a journey had when a posting gave back what it had earned.
    pub fn note_exit(
        &self,
        account: AccountId,
        posting: [u8; 16],
        exit: Option<RecordId>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO posting_exit (account, posting, exit) VALUES ($1, $2, $3)";
        self.run(sql, &[&account, &posting, &exit])?;
        Ok(())
    }

    /// What moved revenue for a journey, the oldest first; nothing when no exit of the account's was ever noted.
    pub fn moved_for(&self, account: AccountId, entry: RecordId) -> Result<Vec<Moved>, StoreError> {
        let noted = "SELECT 1 FROM posting_exit WHERE account = $1 LIMIT 1";
        if !self.exists(noted, &[&account])? {
            return Ok(Vec::new());
        }
        let sql = "SELECT posting.posting, made_ms, minor, product, posting_exit.posting, posting_exit.exit
                   FROM posting
                   JOIN posting_line ON posting_line.account = posting.account
                                    AND posting_line.posting = posting.posting AND ledger = 'fare-revenue'
                   LEFT JOIN posting_exit ON posting_exit.account = posting.account
                                         AND posting_exit.posting = posting.posting
                   WHERE posting.account = $1 AND posting.entry = $2
                   ORDER BY made_ms, posting.posting";
        let read = |row: &Row| {
            let noted: Option<[u8; 16]> = row.get(4)?;
            let exit: Option<RecordId> = row.get(5)?;
            Ok(Moved {
                posting: row.get(0)?,
                made: row.get(1)?,
                minor: row.get(2)?,
                product: row.get(3)?,
                exit: noted.map(|_| exit),
            })
        };
        self.rows(sql, &[&account, &entry])?
            .iter()
            .map(read)
            .collect()
    }
}
