//! Charges: who pays how, what is demanded, what was sent to platforms and what became of it.

use super::sql::{Bind, Row, Value};
use super::{StoreError, Tx};
use crate::charging::{OrderNo, PlatformId, Secret};
use fare_protocol::wire::FeedChange;
use fare_protocol::{AccountId, Currency, Money, RecordId, UnixMs};
use fare_rules::charging::{Charge, ChargeState, Owed, Policy};
use fare_rules::ledger::Posting;
use std::collections::BTreeMap;

/// How an account pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// Whose.
    pub account: AccountId,
    /// Through which platform.
    pub platform: PlatformId,
    /// The number of the agreement there; none for stored value, nor for who pays by a code.
    pub agreement: Option<Secret>,
    /// When it is charged, if not as the server says.
    pub policy: Option<Policy>,
}

/// A charge as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeRow {
    /// Its id.
    pub id: [u8; 16],
    /// Of whom, how much, how far.
    pub charge: Charge,
    /// When it was made.
    pub made: UnixMs,
    /// When something is to be done about it.
    pub next: Option<UnixMs>,
    /// How often it was declined.
    pub declines: u32,
    /// When it was declined first.
    pub declined: Option<UnixMs>,
    /// How often it was asked after since it was sent.
    pub asked: u32,
}

/// By what means an order was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the account's agreement.
    Agreement,
    /// From stored value.
    Balance,
    /// By a code on the rider's phone.
    PayCode,
    /// By a code that the rider scans.
    ShowCode,
}

/// One order that was sent for a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TryRow {
    /// Its number at the platform.
    pub order: OrderNo,
    /// Which platform.
    pub platform: PlatformId,
    /// By what means.
    pub way: Way,
    /// `sent`, `paid`, `declined` or `ended`.
    pub state: String,
    /// The platform's number, once it is paid.
    pub reference: Option<String>,
    /// What was paid.
    pub paid: Option<Money>,
    /// The platform's word for a no.
    pub why: Option<String>,
    /// When it was sent.
    pub sent: UnixMs,
}

/// Money to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// Its id, of which its number is made.
    pub id: [u8; 16],
    /// To whom.
    pub account: AccountId,
    /// Of which charge.
    pub charge: [u8; 16],
    /// Of which order.
    pub order: OrderNo,
    /// Through which platform.
    pub platform: PlatformId,
    /// What the order charged.
    pub charged: Money,
    /// How much goes back.
    pub amount: Money,
    /// `asked`, `done` or `refused`.
    pub state: String,
    /// The platform's word for a no.
    pub why: Option<String>,
    /// Who wants it, and why.
    pub by: (String, String),
}

/// A charge with its newest order, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeView {
    /// The charge.
    pub row: ChargeRow,
    /// Its newest order.
    pub newest: Option<TryRow>,
    /// What was given back of it, in minor units.
    pub refunded_minor: i64,
}

/// What the books have for one line of a platform's bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// Our number of the order.
    pub order: String,
    /// Our number of the refund, when it is one.
    pub refund: Option<String>,
    /// How much.
    pub amount: Money,
}

impl Way {
    const ALL: [Self; 4] = [
        Self::Agreement,
        Self::Balance,
        Self::PayCode,
        Self::ShowCode,
    ];

    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Balance => "balance",
            Self::PayCode => "pay-code",
            Self::ShowCode => "show-code",
        }
    }
}

fn named<T: Copy>(all: &[T], code: fn(T) -> &'static str, text: &str) -> Result<T, StoreError> {
    let found = all.iter().copied().find(|one| code(*one) == text);
    found.ok_or(StoreError::Corrupt("a word of charging"))
}

fn order(row: &Row, n: usize) -> Result<OrderNo, StoreError> {
    let text: String = row.get(n)?;
    text.parse()
        .map_err(|_| StoreError::Corrupt("an order's number"))
}

fn platform(row: &Row, n: usize) -> Result<PlatformId, StoreError> {
    named(&PlatformId::ALL, PlatformId::code, &row.get::<String>(n)?)
}

fn count(row: &Row, n: usize) -> Result<u32, StoreError> {
    let number: u64 = row.get(n)?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

const CHARGE: &str =
    "account, charge, minor, currency, state, made_ms, next_ms, declines, declined_ms, asked";
const TRY: &str =
    "order_no, platform, way, state, reference, paid_minor, paid_currency, why, sent_ms";
const REFUND: &str =
    "account, refund, charge, order_no, platform, charged_minor, minor, currency, state, why,
                      person, reason";

fn read_charge(row: &Row) -> Result<ChargeRow, StoreError> {
    Ok(ChargeRow {
        id: row.get(1)?,
        charge: Charge {
            account: row.get(0)?,
            amount: Money::new(row.get(2)?, row.get(3)?),
            state: named(&ChargeState::ALL, ChargeState::code, &row.get::<String>(4)?)?,
        },
        made: row.get(5)?,
        next: row.get(6)?,
        declines: count(row, 7)?,
        declined: row.get(8)?,
        asked: count(row, 9)?,
    })
}

fn read_try(row: &Row) -> Result<TryRow, StoreError> {
    Ok(TryRow {
        order: order(row, 0)?,
        platform: platform(row, 1)?,
        way: named(&Way::ALL, Way::code, &row.get::<String>(2)?)?,
        state: row.get(3)?,
        reference: row.get(4)?,
        paid: super::views::fare(row, 5)?,
        why: row.get(7)?,
        sent: row.get(8)?,
    })
}

fn read_refund(row: &Row) -> Result<RefundRow, StoreError> {
    let currency: Currency = row.get(7)?;
    Ok(RefundRow {
        account: row.get(0)?,
        id: row.get(1)?,
        charge: row.get(2)?,
        order: order(row, 3)?,
        platform: platform(row, 4)?,
        charged: Money::new(row.get(5)?, currency),
        amount: Money::new(row.get(6)?, currency),
        state: row.get(8)?,
        why: row.get(9)?,
        by: (row.get(10)?, row.get(11)?),
    })
}

impl Tx<'_> {
    /// Keeps how an account pays, in place of what was known.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn put_payer(&self, payer: &Payer, now: UnixMs) -> Result<(), StoreError> {
        let agreement = payer.agreement.as_ref().map(Secret::reveal);
        let (policy, threshold) = match payer.policy {
            None => (None, None),
            Some(Policy::Journey) => (Some("per-journey"), None),
            Some(Policy::Day) => (Some("end-of-day"), None),
            Some(Policy::Threshold(minor)) => (Some("threshold"), Some(minor)),
        };
        let sql =
            "INSERT INTO payer (account, platform, agreement, policy, threshold_minor, bound_ms)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (account) DO UPDATE SET platform = $2, agreement = $3, policy = $4,
                                                       threshold_minor = $5, bound_ms = $6";
        let code = payer.platform.code();
        self.run(
            sql,
            &[&payer.account, &code, &agreement, &policy, &threshold, &now],
        )?;
        self.look_at_account(payer.account, now)
    }

    /// Forgets how an account pays; answers whether it was known.
    pub fn remove_payer(&self, account: AccountId) -> Result<bool, StoreError> {
        Ok(self.run("DELETE FROM payer WHERE account = $1", &[&account])? > 0)
    }

    /// How an account pays.
    pub fn payer(&self, account: AccountId) -> Result<Option<Payer>, StoreError> {
        let sql =
            "SELECT platform, agreement, policy, threshold_minor FROM payer WHERE account = $1";
        let Some(row) = self.row(sql, &[&account])? else {
            return self.payer_by_code(account);
        };
        let policy = match (row.get::<Option<String>>(2)?.as_deref(), row.get(3)?) {
            (None, None) => None,
            (Some("per-journey"), None) => Some(Policy::Journey),
            (Some("end-of-day"), None) => Some(Policy::Day),
            (Some("threshold"), Some(minor)) => Some(Policy::Threshold(minor)),
            (_, _) => return Err(StoreError::Corrupt("a policy")),
        };
        Ok(Some(Payer {
            account,
            platform: platform(&row, 0)?,
            agreement: row.get::<Option<String>>(1)?.map(Secret::new),
            policy,
        }))
    }

    /// Who pays by a code pays each journey by itself: the code may not live longer.
    fn payer_by_code(&self, account: AccountId) -> Result<Option<Payer>, StoreError> {
        let sql = "SELECT platform FROM pay_code WHERE account = $1";
        let row = self.row(sql, &[&account])?;
        let payer = |row: Row| {
            Ok(Payer {
                account,
                platform: platform(&row, 0)?,
                agreement: None,
                policy: Some(Policy::Journey),
            })
        };
        row.map(payer).transpose()
    }

    /// Has accounts looked at that pay and had postings made since `after`; answers how many.
    pub fn look_at_posted(&self, after: UnixMs, now: UnixMs) -> Result<u64, StoreError> {
        let sql = "INSERT INTO collecting (account, look_ms)
                   SELECT DISTINCT posting.account, CAST($1 AS BIGINT) FROM posting JOIN payer USING (account)
                   WHERE made_ms > $2 AND posting.charge IS NULL
                   ON CONFLICT (account) DO NOTHING";
        let by_code = "INSERT INTO collecting (account, look_ms)
                   SELECT DISTINCT posting.account, CAST($1 AS BIGINT) FROM posting JOIN pay_code USING (account)
                   WHERE made_ms > $2 AND posting.charge IS NULL
                   ON CONFLICT (account) DO NOTHING";
        Ok(self.run(sql, &[&now, &after])? + self.run(by_code, &[&now, &after])?)
    }

    /// Up to when postings were looked through; and from now on up to `now`.
    pub fn charge_mark(&self, now: UnixMs) -> Result<UnixMs, StoreError> {
        let known = "SELECT made_ms FROM charge_mark WHERE name = 'postings'";
        let before = self.row(known, &[])?.map(|row| row.get(0)).transpose()?;
        let sql = "INSERT INTO charge_mark (name, made_ms) VALUES ('postings', $1)
                   ON CONFLICT (name) DO UPDATE SET made_ms = $1";
        self.run(sql, &[&now])?;
        Ok(before.unwrap_or(UnixMs(i64::MIN)))
    }

    /// Has an account looked at, at this time or before.
    pub fn look_at_account(&self, account: AccountId, at: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO collecting (account, look_ms) VALUES ($1, $2)
                   ON CONFLICT (account) DO UPDATE SET look_ms = $2 WHERE collecting.look_ms > $2";
        self.run(sql, &[&account, &at])?;
        Ok(())
    }

    /// Accounts to be looked at now, at most so many.
    pub fn accounts_to_look_at(
        &self,
        now: UnixMs,
        most: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        let sql = "SELECT account FROM collecting WHERE look_ms <= $1 ORDER BY look_ms LIMIT $2";
        let rows = self.rows(sql, &[&now, &most])?;
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Has been looked at; again at `next`, when there is something left.
    pub fn looked_at(&self, account: AccountId, next: Option<UnixMs>) -> Result<(), StoreError> {
        self.run("DELETE FROM collecting WHERE account = $1", &[&account])?;
        match next {
            Some(at) => self.look_at_account(account, at),
            None => Ok(()),
        }
    }

    /// What the account owes and nothing has charged yet, by currency; not what is still held. What was given
    /// back counts too: it takes away what we owed.
    pub fn owed(&self, account: AccountId) -> Result<BTreeMap<Currency, Vec<Owed>>, StoreError> {
        let sql =
            "SELECT posting.posting, posting.entry, minor, posting_line.currency, posting.made_ms
                   FROM posting
                   JOIN posting_line ON posting_line.account = posting.account
                                    AND posting_line.posting = posting.posting AND ledger = 'rider'
                   LEFT JOIN charge_item ON charge_item.account = posting.account
                                        AND charge_item.posting = posting.posting
                   LEFT JOIN journey ON journey.account = posting.account
                                    AND journey.entry = posting.entry
                   WHERE posting.account = $1 AND charge_item.charge IS NULL
                     AND (posting.charge IS NULL OR posting.kind IN ('refund', 'refund-ask', 'refund-refused'))
                     AND coalesce(journey.state, '') <> 'held'
                   ORDER BY posting.made_ms, posting.posting";
        let mut owed = BTreeMap::<Currency, Vec<Owed>>::new();
        for row in self.rows(sql, &[&account])? {
            let line: i64 = row.get(2)?;
            let one = Owed {
                posting: row.get(0)?,
                entry: row.get(1)?,
                minor: line.checked_neg().ok_or(StoreError::Corrupt("an amount"))?,
                made: row.get(4)?,
            };
            owed.entry(row.get(3)?).or_default().push(one);
        }
        Ok(owed)
    }

    /// Keeps a new charge with the postings that it is made of.
    pub fn insert_charge(&self, new: &ChargeRow, postings: &[[u8; 16]]) -> Result<(), StoreError> {
        let Charge {
            account,
            amount,
            state,
        } = new.charge;
        let sql = "INSERT INTO charge (account, charge, minor, currency, state, made_ms, next_ms, declines,
                                       declined_ms, asked)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        self.run(
            sql,
            &[
                &account,
                &new.id,
                &amount.minor,
                &amount.currency,
                &state.code(),
                &new.made,
                &new.next,
                &new.declines,
                &new.declined,
                &new.asked,
            ],
        )?;
        let items: Vec<Vec<Value>> = postings
            .iter()
            .map(|posting| vec![account.value(), posting.value(), new.id.value()])
            .collect();
        let sql = "INSERT INTO charge_item (account, posting, charge) VALUES ($1, $2, $3)";
        self.run_each(sql, &items)?;
        Ok(())
    }

    /// Charges about which something is to be done now, at most so many.
    pub fn charges_next(&self, now: UnixMs, most: u32) -> Result<Vec<ChargeRow>, StoreError> {
        let sql = format!(
            "SELECT {CHARGE} FROM charge WHERE next_ms IS NOT NULL AND next_ms <= $1
             ORDER BY next_ms LIMIT $2"
        );
        self.rows(&sql, &[&now, &most])?
            .iter()
            .map(read_charge)
            .collect()
    }

    /// One charge.
    pub fn charge(
        &self,
        account: AccountId,
        id: [u8; 16],
    ) -> Result<Option<ChargeRow>, StoreError> {
        let sql = format!("SELECT {CHARGE} FROM charge WHERE account = $1 AND charge = $2");
        let row = self.row(&sql, &[&account, &id])?;
        row.as_ref().map(read_charge).transpose()
    }

    /// The charge of this id, whoever's. Looks at all charges: for people.
    pub fn charge_of_any(&self, id: [u8; 16]) -> Result<Option<ChargeRow>, StoreError> {
        let row = self.row(
            &format!("SELECT {CHARGE} FROM charge WHERE charge = $1"),
            &[&id],
        )?;
        row.as_ref().map(read_charge).transpose()
    }

    /// Keeps how far a charge has come.
    pub fn update_charge(&self, row: &ChargeRow) -> Result<(), StoreError> {
        let sql = "UPDATE charge SET state = $1, next_ms = $2, declines = $3, declined_ms = $4, asked = $5
                   WHERE account = $6 AND charge = $7";
        let (state, account) = (row.charge.state.code(), row.charge.account);
        self.run(
            sql,
            &[
                &state,
                &row.next,
                &row.declines,
                &row.declined,
                &row.asked,
                &account,
                &row.id,
            ],
        )?;
        Ok(())
    }

    /// Books what a charge, a refund or a payment into stored value moves.
    pub fn post_charge(
        &self,
        id: [u8; 16],
        account: AccountId,
        charge: [u8; 16],
        posting: &Posting,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let lines: Vec<Vec<Value>> = (1_i64..)
            .zip(posting.entries())
            .map(|(line, part)| {
                vec![
                    account.value(),
                    id.value(),
                    line.value(),
                    part.account.code().value(),
                    part.amount.minor.value(),
                    part.amount.currency.value(),
                ]
            })
            .collect();
        self.run_each(super::taps::INSERT_LINE, &lines)?;
        let sql = "INSERT INTO posting (account, posting, kind, made_ms, charge)
                   VALUES ($1, $2, $3, $4, $5)";
        self.run(sql, &[&account, &id, &posting.kind().code(), &now, &charge])?;
        Ok(())
    }

    /// Keeps an order that is about to be sent.
    pub fn insert_try(
        &self,
        account: AccountId,
        charge: [u8; 16],
        new: &TryRow,
    ) -> Result<(), StoreError> {
        let nth = "SELECT count(*) + 1 FROM charge_try WHERE account = $1 AND charge = $2";
        let nth: i64 = self.only(nth, &[&account, &charge])?.get(0)?;
        let sql =
            "INSERT INTO charge_try (account, charge, nth, order_no, platform, way, state, sent_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, 'sent', $7)";
        let (platform, way) = (new.platform.code(), new.way.code());
        self.run(
            sql,
            &[
                &account,
                &charge,
                &nth,
                &new.order.as_str(),
                &platform,
                &way,
                &new.sent,
            ],
        )?;
        Ok(())
    }

    /// The newest order of a charge.
    pub fn newest_try(
        &self,
        account: AccountId,
        charge: [u8; 16],
    ) -> Result<Option<TryRow>, StoreError> {
        let sql = format!(
            "SELECT {TRY} FROM charge_try WHERE account = $1 AND charge = $2 ORDER BY nth DESC LIMIT 1"
        );
        let row = self.row(&sql, &[&account, &charge])?;
        row.as_ref().map(read_try).transpose()
    }

    /// The order of this number, with whose charge it is.
    pub fn try_of_order(
        &self,
        no: &OrderNo,
    ) -> Result<Option<(AccountId, [u8; 16], TryRow)>, StoreError> {
        let sql = format!("SELECT {TRY}, account, charge FROM charge_try WHERE order_no = $1");
        let row = self.row(&sql, &[&no.as_str()])?;
        row.map(|row| Ok((row.get(9)?, row.get(10)?, read_try(&row)?)))
            .transpose()
    }

    /// Keeps what became of an order.
    pub fn end_try(
        &self,
        account: AccountId,
        charge: [u8; 16],
        ended: &TryRow,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE charge_try SET state = $1, reference = $2, paid_minor = $3, paid_currency = $4,
                                         why = $5, ended_ms = $6
                   WHERE account = $7 AND charge = $8 AND order_no = $9";
        let minor = ended.paid.map(|paid| paid.minor);
        let currency = ended.paid.map(|paid| paid.currency);
        self.run(
            sql,
            &[
                &ended.state,
                &ended.reference,
                &minor,
                &currency,
                &ended.why,
                &now,
                &account,
                &charge,
                &ended.order.as_str(),
            ],
        )?;
        Ok(())
    }

    /// Refuses an account at every gate because it owes; answers whether it was not refused before.
    pub fn deny_for_debt(&self, account: AccountId, now: UnixMs) -> Result<bool, StoreError> {
        let sql = "INSERT INTO denied (account, since_ms, why) VALUES ($1, $2, 'debt')
                   ON CONFLICT DO NOTHING";
        let new = self.run(sql, &[&account, &now])? > 0;
        if new {
            self.tell(&FeedChange::Denied { account })?;
        } else {
            let sql = "UPDATE denied SET why = 'both' WHERE account = $1 AND why = 'staff'";
            self.run(sql, &[&account])?;
        }
        Ok(new)
    }

    /// Refuses an account no longer because it owes, if it owes nothing more; answers whether gates let it
    /// in again. Whom staff refuse too stays refused.
    pub fn allow_after_debt(&self, account: AccountId) -> Result<bool, StoreError> {
        let owes = "SELECT 1 FROM charge WHERE account = $1 AND (state = 'debt' OR (state = 'sent' AND declines > 0))";
        if self.exists(owes, &[&account])? {
            return Ok(false);
        }
        let both = "UPDATE denied SET why = 'staff' WHERE account = $1 AND why = 'both'";
        self.run(both, &[&account])?;
        let sql = "DELETE FROM denied WHERE account = $1 AND why = 'debt'";
        let was = self.run(sql, &[&account])? > 0;
        if was {
            self.tell(&FeedChange::Cleared { account })?;
        }
        Ok(was)
    }

    /// Keeps a refund that is wanted.
    pub fn insert_refund(&self, new: &RefundRow, now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO charge_refund (account, refund, charge, order_no, platform, charged_minor, minor,
                                              currency, state, person, reason, made_ms, next_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'asked', $9, $10, $11, $11)";
        self.run(
            sql,
            &[
                &new.account,
                &new.id,
                &new.charge,
                &new.order.as_str(),
                &new.platform.code(),
                &new.charged.minor,
                &new.amount.minor,
                &new.amount.currency,
                &new.by.0,
                &new.by.1,
                &now,
            ],
        )?;
        Ok(())
    }

    /// The account's refund of this id.
    pub fn refund_of(
        &self,
        account: AccountId,
        id: [u8; 16],
    ) -> Result<Option<RefundRow>, StoreError> {
        let sql = format!("SELECT {REFUND} FROM charge_refund WHERE account = $1 AND refund = $2");
        let row = self.row(&sql, &[&account, &id])?;
        row.as_ref().map(read_refund).transpose()
    }

    /// What of a charge was given back or is about to be, in minor units.
    pub fn refunded(&self, account: AccountId, charge: [u8; 16]) -> Result<i64, StoreError> {
        let sql = "SELECT CAST(coalesce(sum(minor), 0) AS BIGINT) FROM charge_refund
                   WHERE account = $1 AND charge = $2 AND state <> 'refused'";
        self.only(sql, &[&account, &charge])?.get(0)
    }

    /// What we owe the account by corrections, less what is set aside to be given back; never below zero.
    pub fn owed_back(&self, account: AccountId, currency: Currency) -> Result<Money, StoreError> {
        let owed = self.owed(account)?;
        let owed = owed.get(&currency).into_iter().flatten();
        let owed: i64 = owed.map(|one| one.minor).sum();
        // Those that were asked for before money was set aside.
        let sql = "SELECT CAST(coalesce(sum(minor), 0) AS BIGINT) FROM charge_refund
                   WHERE account = $1 AND currency = $2 AND state = 'asked' AND NOT EXISTS
                       (SELECT 1 FROM posting WHERE posting.account = charge_refund.account
                        AND posting.charge = charge_refund.refund AND posting.kind = 'refund-ask')";
        let asked: i64 = self.only(sql, &[&account, &currency])?.get(0)?;
        Ok(Money::new((-owed - asked).max(0), currency))
    }

    /// Whether the money of a refund was set aside.
    pub fn is_set_aside(&self, account: AccountId, refund: [u8; 16]) -> Result<bool, StoreError> {
        let sql =
            "SELECT 1 FROM posting WHERE account = $1 AND charge = $2 AND kind = 'refund-ask'";
        self.exists(sql, &[&account, &refund])
    }

    /// Refunds about which something is to be done now, at most so many.
    pub fn refunds_next(&self, now: UnixMs, most: u32) -> Result<Vec<RefundRow>, StoreError> {
        let sql = format!(
            "SELECT {REFUND} FROM charge_refund WHERE next_ms IS NOT NULL AND next_ms <= $1
             ORDER BY next_ms LIMIT $2"
        );
        let rows = self.rows(&sql, &[&now, &most])?;
        rows.iter().map(read_refund).collect()
    }

    /// Keeps how far a refund has come; answers whether it was not there already.
    pub fn update_refund(
        &self,
        row: &RefundRow,
        next: Option<UnixMs>,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE charge_refund SET state = $1, why = $2, next_ms = $3, ended_ms = $4
                   WHERE account = $5 AND refund = $6 AND state = 'asked'";
        let ended = next.is_none().then_some(now);
        let changed = self.run(
            sql,
            &[&row.state, &row.why, &next, &ended, &row.account, &row.id],
        )?;
        Ok(changed > 0)
    }

    /// The newest charges, in one state or all; for people.
    pub fn charge_views(
        &self,
        state: Option<ChargeState>,
        most: u32,
    ) -> Result<Vec<ChargeView>, StoreError> {
        let state = state.map_or("", ChargeState::code);
        let sql = format!(
            "SELECT {CHARGE} FROM charge WHERE $1 = '' OR state = $1 ORDER BY made_ms DESC LIMIT $2"
        );
        let mut views = Vec::new();
        for row in self.rows(&sql, &[&state, &most])? {
            let row = read_charge(&row)?;
            let account = row.charge.account;
            views.push(ChargeView {
                row,
                newest: self.newest_try(account, row.id)?,
                refunded_minor: self.refunded(account, row.id)?,
            });
        }
        Ok(views)
    }

    /// The charges that a journey's money went into, the oldest first, each with all that was sent for it.
    pub fn charges_of(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Vec<(ChargeRow, Vec<TryRow>)>, StoreError> {
        let sql = format!(
            "SELECT {CHARGE} FROM charge WHERE account = $1 AND charge IN
                 (SELECT charge_item.charge FROM charge_item JOIN posting USING (account, posting)
                  WHERE account = $1 AND posting.entry = $2)
             ORDER BY made_ms, charge"
        );
        let tries =
            format!("SELECT {TRY} FROM charge_try WHERE account = $1 AND charge = $2 ORDER BY nth");
        let mut found = Vec::new();
        for row in self.rows(&sql, &[&account, &entry])? {
            let row = read_charge(&row)?;
            let sent = self.rows(&tries, &[&account, &row.id])?;
            found.push((row, sent.iter().map(read_try).collect::<Result<_, _>>()?));
        }
        Ok(found)
    }

    /// What the books have of one platform, paid or given back from `from` up to before `until` by our clock.
    pub fn booked(
        &self,
        platform: PlatformId,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<Vec<Booked>, StoreError> {
        let sql = "SELECT order_no, NULL, paid_minor, paid_currency FROM charge_try
                   WHERE state = 'paid' AND platform = $1 AND ended_ms >= $2 AND ended_ms < $3";
        let code = platform.code();
        let mut all = Vec::new();
        for row in self.rows(sql, &[&code, &from, &until])? {
            all.push(Booked {
                order: row.get(0)?,
                refund: None,
                amount: Money::new(row.get(2)?, row.get(3)?),
            });
        }
        let sql = "SELECT order_no, refund, minor, currency FROM charge_refund
                   WHERE state = 'done' AND platform = $1 AND ended_ms >= $2 AND ended_ms < $3";
        for row in self.rows(sql, &[&code, &from, &until])? {
            all.push(Booked {
                order: row.get(0)?,
                refund: Some(OrderNo::of(row.get(1)?).to_string()),
                amount: Money::new(row.get(2)?, row.get(3)?),
            });
        }
        Ok(all)
    }
}
