//! Payment platforms' codes: what gates asked and were answered, who pays by a code, and the sealed code.

use super::{StoreError, Tx};
use crate::charging::PlatformId;
use fare_protocol::{AccountId, GateId, RecordId, UnixMs};

/// An ask with what was answered, ready to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskRow {
    /// Who would pay.
    pub account: AccountId,
    /// Its id: that of the confirmation to be.
    pub ask: RecordId,
    /// Which gate asked.
    pub gate: GateId,
    /// Whether the server would charge the code.
    pub admitted: bool,
    /// The answer's bytes: what every repeat gets.
    pub answer: String,
}

/// How long codes and asks are kept at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Codes shown before are forgotten when nothing is to be charged by them.
    pub unused_before: UnixMs,
    /// Codes shown before are forgotten.
    pub codes_before: UnixMs,
    /// Asks made before are forgotten, and who paid by a code and never travelled.
    pub asks_before: UnixMs,
}

impl Tx<'_> {
    /// The first answer to this ask.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn pay_answer(
        &self,
        account: AccountId,
        ask: RecordId,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT answer FROM pay_ask WHERE account = $1 AND ask = $2";
        let row = self.row(sql, &[&account, &ask])?;
        row.map(|row| row.get(0)).transpose()
    }

    /// Keeps an ask with its answer.
    pub fn insert_pay_ask(&self, new: &AskRow, now: UnixMs) -> Result<(), StoreError> {
        let outcome = if new.admitted { "admit" } else { "refuse" };
        let sql = "INSERT INTO pay_ask (account, ask, gate, asked_ms, outcome, answer)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let answer = new.answer.as_str();
        self.run(
            sql,
            &[&new.account, &new.ask, &new.gate, &now, &outcome, &answer],
        )?;
        Ok(())
    }

    /// Keeps a sealed code and through which platform its account pays; the newest showing counts.
    pub fn put_pay_code(
        &self,
        account: AccountId,
        platform: PlatformId,
        sealed: &[u8],
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO pay_code (account, platform, sealed, shown_ms) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (account) DO UPDATE SET platform = $2, sealed = $3, shown_ms = $4";
        self.run(sql, &[&account, &platform.code(), &sealed, &now])?;
        // What was admitted before the code was known is owed still.
        if self.exists("SELECT 1 FROM posting WHERE account = $1", &[&account])? {
            self.look_at_account(account, now)?;
        }
        Ok(())
    }

    /// The sealed code of an account, while it is kept.
    pub fn pay_code(&self, account: AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT sealed FROM pay_code WHERE account = $1 AND sealed IS NOT NULL";
        let row = self.row(sql, &[&account])?;
        row.map(|row| row.get(0)).transpose()
    }

    /// Forgets the code of an account that has nothing to be charged with it any more: no journey under way,
    /// no posting that nothing has charged, no charge that is not over. How the account pays stays known.
    pub fn forget_pay_code(&self, account: AccountId) -> Result<bool, StoreError> {
        if self.pay_code(account)?.is_none() || !self.owed(account)?.is_empty() {
            return Ok(false);
        }
        let sql = "UPDATE pay_code SET sealed = NULL
                   WHERE account = $1 AND sealed IS NOT NULL
                     AND NOT EXISTS (SELECT 1 FROM journey WHERE journey.account = pay_code.account
                                     AND state IN ('tapped', 'open', 'incomplete', 'unpriced', 'held'))
                     AND NOT EXISTS (SELECT 1 FROM charge WHERE charge.account = pay_code.account
                                     AND charge.state IN ('due', 'sent'))";
        Ok(self.run(sql, &[&account])? > 0)
    }

    /// Forgets what need not be kept any more; answers how many codes.
    pub fn forget_pay_codes(&self, keep: Keep) -> Result<u64, StoreError> {
        let sql = "UPDATE pay_code SET sealed = NULL
                   WHERE sealed IS NOT NULL
                     AND (shown_ms < $1 OR (shown_ms < $2
                       AND NOT EXISTS (SELECT 1 FROM journey WHERE journey.account = pay_code.account
                                       AND state IN ('tapped', 'open', 'incomplete', 'unpriced', 'held'))
                       AND NOT EXISTS (SELECT 1 FROM charge WHERE charge.account = pay_code.account
                                       AND charge.state IN ('due', 'sent'))
                       AND NOT EXISTS (SELECT 1 FROM posting WHERE posting.account = pay_code.account
                                       AND made_ms > $2)))";
        let codes = self.run(sql, &[&keep.codes_before, &keep.unused_before])?;
        let payers = "DELETE FROM pay_code WHERE sealed IS NULL AND shown_ms < $1
                      AND NOT EXISTS (SELECT 1 FROM tap WHERE tap.account = pay_code.account)";
        self.run(payers, &[&keep.asks_before])?;
        self.run(
            "DELETE FROM pay_ask WHERE asked_ms < $1",
            &[&keep.asks_before],
        )?;
        Ok(codes)
    }

    /// Asks that were refused and whose gates admitted all the same: at most `most`.
    pub fn pay_asks_overruled(&self, most: u32) -> Result<Vec<AskRow>, StoreError> {
        let sql = "SELECT pay_ask.account, ask, pay_ask.gate, answer FROM pay_ask
                   JOIN tap ON tap.account = pay_ask.account AND tap.id = pay_ask.ask
                   WHERE outcome = 'refuse' ORDER BY pay_ask.account, ask LIMIT $1";
        let rows = self.rows(sql, &[&most])?;
        let read = |row: &super::sql::Row| {
            Ok(AskRow {
                account: row.get(0)?,
                ask: row.get(1)?,
                gate: row.get(2)?,
                admitted: false,
                answer: row.get(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// That the gate admitted in spite of a refusal stands in a conflict now.
    pub fn overrule_pay_ask(&self, account: AccountId, ask: RecordId) -> Result<(), StoreError> {
        let sql = "UPDATE pay_ask SET outcome = 'overruled' WHERE account = $1 AND ask = $2";
        self.run(sql, &[&account, &ask])?;
        Ok(())
    }

    /// The entry of the account's journey that is open, the newest when there are several.
    pub fn open_entry(&self, account: AccountId) -> Result<Option<RecordId>, StoreError> {
        let sql = "SELECT entry FROM journey WHERE account = $1 AND state = 'open'
                   ORDER BY entered_ms DESC, entry LIMIT 1";
        let row = self.row(sql, &[&account])?;
        row.map(|row| row.get(0)).transpose()
    }
}
