//! Stored value as a platform: ours, in our database, behind the same trait as the others. Its book
//! (`stored_move`) is its own; the ledger is posted by whoever charges, and the two are compared.

use super::error::ChargeError;
use super::message::Response;
use super::platform::{
    Answer, BillRow, Capability, Decline, DeclineReason, Means, Notice, Order, Outcome, Paid,
    Platform, PlatformId, Refund, RefundOutcome,
};
use crate::store::{Move, MoveKind, Store, StoreError, Tx};
use fare_protocol::{AccountId, Money, UnixMs};
use fare_rules::ledger::{LedgerAccount, Posting};
use fare_rules::tariff::Day;

/// Ahead of UTC, in milliseconds: its days are Beijing's, as those of the others.
const AHEAD_MS: i64 = 8 * 3_600_000;

/// The beginning and the end of a day in the platforms' time zone.
pub(super) fn day_span(day: Day) -> (UnixMs, UnixMs) {
    let from = day.0.saturating_mul(86_400_000).saturating_sub(AHEAD_MS);
    (UnixMs(from), UnixMs(from.saturating_add(86_400_000)))
}

/// The platform.
pub struct StoredValue(Store);

impl StoredValue {
    /// Keeps its book in this database.
    pub fn new(store: Store) -> Self {
        Self(store)
    }
}

/// Money comes in: into the book, and from the desk's cash in the ledger. `id` names it once.
///
/// # Errors
/// Those of the database, or that the amount is below zero.
pub fn top_up(
    tx: &Tx<'_>,
    id: [u8; 16],
    account: AccountId,
    amount: Money,
    now: UnixMs,
) -> Result<Money, StoreError> {
    let posting = Posting::top_up(amount).map_err(|_| StoreError::Corrupt("an amount"))?;
    tx.insert_move(&Move {
        account,
        no: super::OrderNo::of(id).to_string(),
        kind: MoveKind::TopUp,
        order: None,
        amount,
        made: now,
    })?;
    tx.post_charge(id, account, id, &posting, now)?;
    tx.look_at_account(account, now)?;
    tx.stored_value(account, amount.currency)
}

/// Stored value is paid out at a desk, less what is kept. `id` names it once.
///
/// # Errors
/// Those of the database, or that an amount is below zero.
pub fn pay_out(
    tx: &Tx<'_>,
    id: [u8; 16],
    account: AccountId,
    (back, kept): (Money, Money),
    now: UnixMs,
) -> Result<(), StoreError> {
    let amount = |_| StoreError::Corrupt("an amount");
    let posting = Posting::pay_out(back, kept).map_err(amount)?;
    let out = back.minor.saturating_add(kept.minor).saturating_neg();
    tx.insert_move(&Move {
        account,
        no: super::OrderNo::of(id).to_string(),
        kind: MoveKind::TopUp,
        order: None,
        amount: Money::new(out, back.currency),
        made: now,
    })?;
    tx.post_charge(id, account, id, &posting, now)
}

/// What the ledger calls what a platform owes us, or in stored value what we owe the rider.
pub fn ledger_account(platform: PlatformId) -> LedgerAccount {
    match platform {
        PlatformId::StoredValue => LedgerAccount::StoredValue,
        PlatformId::Alipay => LedgerAccount::Alipay,
        PlatformId::WeChat => LedgerAccount::WeChat,
    }
}

/// What is known of an order.
struct Known {
    charged: Option<Move>,
    cancelled: bool,
    refunded: i64,
}

fn known(tx: &Tx<'_>, order: &str) -> Result<Known, StoreError> {
    let mut known = Known {
        charged: None,
        cancelled: false,
        refunded: 0,
    };
    for one in tx.moves_of_order(order)? {
        match one.kind {
            MoveKind::Charge => known.charged = Some(one),
            MoveKind::Cancel => known.cancelled = true,
            MoveKind::Refund => known.refunded += one.amount.minor,
            MoveKind::TopUp => {}
        }
    }
    Ok(known)
}

impl Known {
    fn outcome(&self) -> Option<Outcome> {
        if self.cancelled {
            return Some(Outcome::Ended);
        }
        let charged = self.charged.as_ref()?;
        Some(Outcome::Paid(Paid {
            reference: charged.no.clone(),
            amount: Money::new(-charged.amount.minor, charged.amount.currency),
            at: Some(charged.made),
        }))
    }
}

fn charge(tx: &Tx<'_>, order: &Order, now: UnixMs) -> Result<Outcome, StoreError> {
    let Means::Balance(account) = order.means else {
        return Err(StoreError::Corrupt(
            "an order on stored value by other means",
        ));
    };
    if let Some(before) = known(tx, order.no.as_str())?.outcome() {
        return Ok(before);
    }
    let Money { minor, currency } = order.amount;
    if tx.stored_value(account, currency)?.minor < minor {
        return Ok(Outcome::Declined(Decline {
            reason: DeclineReason::NoMoney,
            code: "BALANCE".to_owned(),
        }));
    }
    tx.insert_move(&Move {
        account,
        no: order.no.to_string(),
        kind: MoveKind::Charge,
        order: Some(order.no.to_string()),
        amount: Money::new(-minor, currency),
        made: now,
    })?;
    let known = known(tx, order.no.as_str())?;
    known.outcome().ok_or(StoreError::Corrupt("a move"))
}

fn cancel(tx: &Tx<'_>, order: &Order, now: UnixMs) -> Result<Outcome, StoreError> {
    let Means::Balance(account) = order.means else {
        return Err(StoreError::Corrupt(
            "an order on stored value by other means",
        ));
    };
    let known = known(tx, order.no.as_str())?;
    if !known.cancelled {
        let charged = known.charged.map_or(0, |charged| -charged.amount.minor);
        tx.insert_move(&Move {
            account,
            no: format!("{}-cancel", order.no),
            kind: MoveKind::Cancel,
            order: Some(order.no.to_string()),
            amount: Money::new(charged - known.refunded, order.amount.currency),
            made: now,
        })?;
    }
    Ok(Outcome::Ended)
}

fn refund(tx: &Tx<'_>, refund: &Refund, now: UnixMs) -> Result<RefundOutcome, StoreError> {
    let done = query_refund(tx, refund)?;
    if done != RefundOutcome::Missing {
        return Ok(done);
    }
    let known = known(tx, refund.order.as_str())?;
    let Some(charged) = known.charged.as_ref().filter(|_| !known.cancelled) else {
        return Ok(RefundOutcome::Refused("not charged".to_owned()));
    };
    let left = -charged.amount.minor - known.refunded;
    let same = charged.amount.currency == refund.amount.currency;
    if refund.amount.minor <= 0 || refund.amount.minor > left || !same {
        return Ok(RefundOutcome::Refused("more than was charged".to_owned()));
    }
    tx.insert_move(&Move {
        account: charged.account,
        no: refund.no.to_string(),
        kind: MoveKind::Refund,
        order: Some(refund.order.to_string()),
        amount: refund.amount,
        made: now,
    })?;
    Ok(RefundOutcome::Done(refund.amount))
}

fn query_refund(tx: &Tx<'_>, refund: &Refund) -> Result<RefundOutcome, StoreError> {
    let moves = tx.moves_of_order(refund.order.as_str())?;
    let found = moves.into_iter().find(|one| one.no == refund.no.as_str());
    Ok(found.map_or(RefundOutcome::Missing, |one| {
        RefundOutcome::Done(one.amount)
    }))
}

impl Platform for StoredValue {
    fn id(&self) -> PlatformId {
        PlatformId::StoredValue
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[
            Capability::Balance,
            Capability::Query,
            Capability::Cancel,
            Capability::PartialRefund,
            Capability::Bill,
        ]
    }

    fn charge<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        let order = order.clone();
        Box::pin(async move {
            if order.means.needs() != Capability::Balance {
                return Err(ChargeError::Unsupported {
                    platform: PlatformId::StoredValue,
                    capability: order.means.needs(),
                });
            }
            let work = move |tx: &Tx<'_>| charge(tx, &order, now);
            Ok(self.0.write(work).await?)
        })
    }

    fn query<'a>(&'a self, order: &'a Order, _now: UnixMs) -> Answer<'a, Outcome> {
        let no = order.no.clone();
        Box::pin(async move {
            let work = move |tx: &Tx<'_>| {
                let known = known(tx, no.as_str())?;
                Ok::<_, StoreError>(known.outcome().unwrap_or(Outcome::Missing))
            };
            Ok(self.0.read(work).await?)
        })
    }

    fn cancel<'a>(&'a self, order: &'a Order, now: UnixMs) -> Answer<'a, Outcome> {
        let order = order.clone();
        Box::pin(async move {
            let work = move |tx: &Tx<'_>| cancel(tx, &order, now);
            Ok(self.0.write(work).await?)
        })
    }

    fn refund<'a>(&'a self, wanted: &'a Refund, now: UnixMs) -> Answer<'a, RefundOutcome> {
        let wanted = wanted.clone();
        Box::pin(async move {
            let work = move |tx: &Tx<'_>| refund(tx, &wanted, now);
            Ok(self.0.write(work).await?)
        })
    }

    fn query_refund<'a>(&'a self, wanted: &'a Refund, _now: UnixMs) -> Answer<'a, RefundOutcome> {
        let wanted = wanted.clone();
        Box::pin(async move {
            let work = move |tx: &Tx<'_>| query_refund(tx, &wanted);
            Ok(self.0.read(work).await?)
        })
    }

    fn notice(&self, _told: &Response, _now: UnixMs) -> Result<Notice, ChargeError> {
        Err(ChargeError::Unsupported {
            platform: PlatformId::StoredValue,
            capability: Capability::Notice,
        })
    }

    fn notice_answer(&self) -> (&'static str, &'static str) {
        ("text/plain", "")
    }

    fn bill(&self, day: Day, _now: UnixMs) -> Answer<'_, Vec<BillRow>> {
        Box::pin(async move {
            let (from, until) = day_span(day);
            let work = move |tx: &Tx<'_>| tx.moves_between(from, until);
            let moves: Result<Vec<Move>, StoreError> = self.0.read(work).await;
            let row = |one: Move| BillRow {
                order: one.order.unwrap_or_default(),
                refund: (one.kind == MoveKind::Refund).then(|| one.no.clone()),
                reference: one.no,
                amount: Money::new(one.amount.minor.abs(), one.amount.currency),
            };
            Ok(moves?.into_iter().map(row).collect())
        })
    }
}
