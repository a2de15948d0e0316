//! Stored value: what accounts paid in beforehand, move by move.

use super::{StoreError, Tx};
use fare_protocol::{AccountId, Currency, Money, UnixMs};

/// What a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// Money that came in at a desk; below zero what was paid out there.
    TopUp,
    /// An order that was charged.
    Charge,
    /// A part of it that was given back.
    Refund,
    /// An order that was taken back, charged or not.
    Cancel,
}

/// A move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose.
    pub account: AccountId,
    /// Its number: the order's, the refund's, or a new one.
    pub no: String,
    /// What it is.
    pub kind: MoveKind,
    /// Of which order.
    pub order: Option<String>,
    /// What came in; below zero what went out.
    pub amount: Money,
    /// When.
    pub made: UnixMs,
}

impl MoveKind {
    const ALL: [Self; 4] = [Self::TopUp, Self::Charge, Self::Refund, Self::Cancel];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TopUp => "top-up",
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
        }
    }
}

impl Tx<'_> {
    /// What is left of an account's stored value.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn stored_value(
        &self,
        account: AccountId,
        currency: Currency,
    ) -> Result<Money, StoreError> {
        let sql = "SELECT CAST(coalesce(sum(minor), 0) AS BIGINT) FROM stored_move
                   WHERE account = $1 AND currency = $2";
        let minor = self.only(sql, &[&account, &currency])?.get(0)?;
        Ok(Money::new(minor, currency))
    }

    /// What an account that pays by stored value may still spend: what is left, less fares taken or held that
    /// are not yet paid for; below zero it owes. Nothing for who pays otherwise.
    pub fn left_to_spend(
        &self,
        account: AccountId,
        currency: Currency,
    ) -> Result<Option<Money>, StoreError> {
        let sql = "SELECT CAST(
                       (SELECT coalesce(sum(minor), 0) FROM stored_move
                        WHERE account = $1 AND currency = $2)
                     + (SELECT coalesce(sum(minor), 0) FROM posting_line
                        WHERE account = $1 AND currency = $2 AND ledger IN ('rider', 'charging', 'debt'))
                   AS BIGINT) FROM payer WHERE account = $1 AND platform = 'stored-value'";
        let row = self.row(sql, &[&account, &currency])?;
        let left = |row: super::sql::Row| Ok(Money::new(row.get(0)?, currency));
        row.map(left).transpose()
    }

    /// Keeps a move.
    pub fn insert_move(&self, new: &Move) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO stored_move (account, move, what, order_no, minor, currency, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let Money { minor, currency } = new.amount;
        self.run(
            sql,
            &[
                &new.account,
                &new.no,
                &new.kind.code(),
                &new.order,
                &minor,
                &currency,
                &new.made,
            ],
        )?;
        Ok(())
    }

    /// The account's move of this number.
    pub fn move_of(&self, account: AccountId, no: &str) -> Result<Option<Move>, StoreError> {
        let sql = "SELECT account, move, what, order_no, minor, currency, made_ms FROM stored_move
                   WHERE account = $1 AND move = $2";
        let row = self.row(sql, &[&account, &no])?;
        row.as_ref().map(read).transpose()
    }

    /// All moves of an order.
    pub fn moves_of_order(&self, order: &str) -> Result<Vec<Move>, StoreError> {
        let sql = "SELECT account, move, what, order_no, minor, currency, made_ms FROM stored_move
                   WHERE order_no = $1 ORDER BY made_ms, move";
        self.rows(sql, &[&order])?.iter().map(read).collect()
    }

    /// All charges and refunds from `from` up to before `until`.
    pub fn moves_between(&self, from: UnixMs, until: UnixMs) -> Result<Vec<Move>, StoreError> {
        let sql = "SELECT account, move, what, order_no, minor, currency, made_ms FROM stored_move
                   WHERE made_ms >= $1 AND made_ms < $2 AND what IN ('charge', 'refund')
                   ORDER BY made_ms, move";
        self.rows(sql, &[&from, &until])?.iter().map(read).collect()
    }
}

fn read(row: &super::sql::Row) -> Result<Move, StoreError> {
    let what: String = row.get(2)?;
    let kind = MoveKind::ALL.into_iter().find(|kind| kind.code() == what);
    Ok(Move {
        account: row.get(0)?,
        no: row.get(1)?,
        kind: kind.ok_or(StoreError::Corrupt("a kind of move"))?,
        order: row.get(3)?,
        amount: Money::new(row.get(4)?, row.get(5)?),
        made: row.get(6)?,
    })
}
