//! Paper codes that were made, and which of them gates refuse because their journey is over.

use super::sql::Row;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, Millis, Money, PaperCode, UnixMs};

/// How long after its last moment a used one is still refused by name: journeys are over by then.
const REFUSED_AFTER: Millis = Millis(86_400_000);

/// Most that are taken off the deny list in one transaction; the next one takes the rest.
const FORGOTTEN_MAX: u32 = 500;

/// What became of a paper code, as far as records have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperUse {
    /// Nobody went through a gate by it.
    None,
    /// Somebody is inside by it, or a record is still to come.
    GoingOn,
    /// Its journey is over.
    Over,
}

/// Paper codes that were made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Print {
    /// When, by the server's clock.
    pub made: UnixMs,
    /// Who made them.
    pub by: String,
    /// What each cost.
    pub value: Money,
    /// Which fares apply.
    pub class: String,
    /// How many.
    pub codes: u64,
    /// How many of them were paid back.
    pub refunded: u64,
}

impl Tx<'_> {
    /// What was printed together, the newest first; at most so many.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn prints(&self, most: u32) -> Result<Vec<Print>, StoreError> {
        let sql = "SELECT made_ms, made_by, minor, currency, class, count(*), count(refunded_ms)
                   FROM paper_code GROUP BY made_ms, made_by, minor, currency, class
                   ORDER BY made_ms DESC LIMIT $1";
        let print = |row: &Row| {
            Ok(Print {
                made: row.get(0)?,
                by: row.get(1)?,
                value: Money::new(row.get(2)?, row.get(3)?),
                class: row.get(4)?,
                codes: row.get(5)?,
                refunded: row.get(6)?,
            })
        };
        self.rows(sql, &[&most])?.iter().map(print).collect()
    }

    /// The codes that were printed in the second that begins then, with their own moments.
    pub fn printed_at(&self, second: UnixMs) -> Result<Vec<(UnixMs, AccountId)>, StoreError> {
        let sql = "SELECT made_ms, account FROM paper_code WHERE made_ms >= $1 AND made_ms < $2
                   ORDER BY account";
        let until = second.after(Millis(1_000));
        let rows = self.rows(sql, &[&second, &until])?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Keeps a paper code that was made.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_paper_code(
        &self,
        code: &PaperCode,
        by: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO paper_code (account, class, minor, currency, valid_from_ms, valid_until_ms,
                                           made_ms, made_by)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let (class, Money { minor, currency }) = (code.class.word(), code.value);
        self.run(
            sql,
            &[
                &code.account,
                &class,
                &minor,
                &currency,
                &code.valid_from,
                &code.valid_until,
                &now,
                &by,
            ],
        )?;
        Ok(())
    }

    /// What was paid for a paper code, which is the most that its journey costs; nothing for other accounts, for
    /// which the database is not asked.
    pub fn paper_value(&self, account: AccountId) -> Result<Option<Money>, StoreError> {
        if !PaperCode::may_have(account) {
            return Ok(None);
        }
        let sql = "SELECT minor, currency FROM paper_code WHERE account = $1";
        let row = self.row(sql, &[&account])?;
        row.map(|row| Ok(Money::new(row.get(0)?, row.get(1)?)))
            .transpose()
    }

    /// A journey of the account is over: if a paper code's, gates refuse it from now on.
    pub fn end_paper_code(&self, account: AccountId, now: UnixMs) -> Result<(), StoreError> {
        if self.paper_value(account)?.is_some() && self.deny(account, now)? {
            let sql = "UPDATE paper_code SET ended_ms = $1 WHERE account = $2";
            self.run(sql, &[&now, &account])?;
        }
        Ok(())
    }

    /// It is not over after all, as when nobody went through the exit. One that was paid back stays refused.
    pub fn reopen_paper_code(&self, account: AccountId) -> Result<(), StoreError> {
        if !PaperCode::may_have(account) {
            return Ok(());
        }
        let sql = "UPDATE paper_code SET ended_ms = NULL
                   WHERE account = $1 AND ended_ms IS NOT NULL AND refunded_ms IS NULL";
        if self.run(sql, &[&account])? > 0 {
            self.allow(account)?;
        }
        Ok(())
    }

    /// When a paper code was paid back, and how much; nothing where it was not.
    pub fn paper_refund(&self, account: AccountId) -> Result<Option<(UnixMs, Money)>, StoreError> {
        let sql = "SELECT refunded_ms, refunded_minor, currency FROM paper_code
                   WHERE account = $1 AND refunded_ms IS NOT NULL";
        let row = self.row(sql, &[&account])?;
        row.map(|row| Ok((row.get(0)?, Money::new(row.get(1)?, row.get(2)?))))
            .transpose()
    }

    /// Notes that it was paid back: gates refuse it from now on.
    pub fn note_paper_refund(
        &self,
        account: AccountId,
        back: Money,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        self.end_paper_code(account, now)?;
        let sql = "UPDATE paper_code SET refunded_ms = $1, refunded_minor = $2 WHERE account = $3";
        self.run(sql, &[&now, &back.minor, &account])?;
        Ok(())
    }

    /// What its records say of a paper code's use.
    pub fn paper_use(&self, account: AccountId) -> Result<PaperUse, StoreError> {
        let sql = "SELECT count(*) FILTER (WHERE state IN ('closed', 'no-exit')),
                          count(*) FILTER (WHERE state NOT IN ('closed', 'no-exit', 'annulled')),
                          (SELECT count(*) FROM tap WHERE account = $1 AND has_place = 1
                           AND NOT EXISTS (SELECT 1 FROM journey WHERE journey.account = tap.account
                                           AND (journey.entry = tap.id OR journey.exit = tap.id)))
                   FROM journey WHERE account = $1";
        let row = self.only(sql, &[&account])?;
        let (over, going_on, alone): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(match (over, going_on, alone) {
            (0, 0, 0) => PaperUse::None,
            (_, 0, 0) => PaperUse::Over,
            (_, _, _) => PaperUse::GoingOn,
        })
    }

    /// Takes used ones off the deny list whose time is over anyway; answers how many.
    pub fn forget_paper_codes(&self, now: UnixMs) -> Result<usize, StoreError> {
        let sql = "SELECT account FROM paper_code
                   WHERE ended_ms IS NOT NULL AND valid_until_ms <= $1
                   ORDER BY valid_until_ms, account LIMIT $2";
        let rows = self.rows(sql, &[&now.before(REFUSED_AFTER), &FORGOTTEN_MAX])?;
        let end = "UPDATE paper_code SET ended_ms = NULL WHERE account = $1";
        for row in &rows {
            let account: AccountId = row.get(0)?;
            self.run(end, &[&account])?;
            self.allow(account)?;
        }
        Ok(rows.len())
    }
}
