//! What platforms say becomes postings, debts and the deny list; each once.

use super::super::platform::{OrderNo, Outcome, Paid, RefundOutcome};
use super::super::stored::ledger_account;
use super::{Rules, ask_again};
use crate::ids;
use crate::store::{ChargeRow, RefundRow, StoreError, TryRow, Tx};
use fare_protocol::{AccountId, UnixMs};
use fare_rules::charging::{ChargeEvent, ChargeState};
use fare_rules::ledger::{LedgerAccount, Posting};

/// What an outcome changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The charge is paid now.
    Paid,
    /// It is a debt now.
    Declined,
    /// Nothing is known yet; it is asked after.
    Waiting,
    /// The rider is to scan this.
    Shown(String),
    /// It was known before.
    Known,
    /// Charged, but not what was wanted: see `differs` and suspense.
    Differs,
}

fn unsound<E>(_: E) -> StoreError {
    StoreError::Corrupt("an amount, or there is no randomness")
}

/// Applies an event to a charge and posts what it moves.
fn apply(
    tx: &Tx<'_>,
    row: &mut ChargeRow,
    event: ChargeEvent,
    now: UnixMs,
) -> Result<bool, StoreError> {
    let (state, posting) = row.charge.on(event).map_err(unsound)?;
    row.charge.state = state;
    let Some(posting) = posting else {
        return Ok(false);
    };
    let id = ids::new_id(now).map_err(unsound)?;
    tx.post_charge(id, row.charge.account, row.id, &posting, now)?;
    Ok(true)
}

/// Stores an order that is about to be sent; answers whether it is to be: another may have sent one meanwhile.
///
/// # Errors
/// Those of the database.
pub(super) fn begin(
    tx: &Tx<'_>,
    account: AccountId,
    charge: [u8; 16],
    new: &TryRow,
    now: UnixMs,
) -> Result<bool, StoreError> {
    let Some(mut row) = tx.charge(account, charge)? else {
        return Ok(false);
    };
    if !apply(tx, &mut row, ChargeEvent::Send, now)? {
        return Ok(false);
    }
    row.asked = 0;
    row.next = Some(ask_again(0, now));
    tx.update_charge(&row)?;
    tx.insert_try(account, charge, new)?;
    Ok(true)
}

/// Takes what became of an order of this number; nothing when it is none of ours.
///
/// # Errors
/// Those of the database.
pub fn hear(
    tx: &Tx<'_>,
    rules: &Rules,
    no: &OrderNo,
    outcome: &Outcome,
    now: UnixMs,
) -> Result<Option<Heard>, StoreError> {
    let Some((account, charge, mut order)) = tx.try_of_order(no)? else {
        tracing::warn!(order = %no, "a platform told of an order that is not ours");
        return Ok(None);
    };
    let row = tx.charge(account, charge)?;
    let mut row = row.ok_or(StoreError::Corrupt("an order without a charge"))?;
    let newest = tx.newest_try(account, charge)?;
    let is_newest = newest.is_some_and(|newest| newest.order == order.order);
    let heard = match outcome {
        Outcome::Paid(_) if order.state == "paid" => return Ok(Some(Heard::Known)),
        Outcome::Paid(got) => paid(tx, &mut row, &mut order, got, now)?,
        Outcome::Declined(_) | Outcome::Ended if order.state != "sent" => {
            return Ok(Some(Heard::Known));
        }
        Outcome::Declined(no) => {
            order.why = Some(format!("{}: {}", no.reason.code(), no.code));
            "declined".clone_into(&mut order.state);
            declined(tx, rules, &mut row, &order, is_newest, now)?
        }
        Outcome::Ended => {
            "ended".clone_into(&mut order.state);
            declined(tx, rules, &mut row, &order, is_newest, now)?
        }
        Outcome::Waiting | Outcome::Shown(_) | Outcome::Missing => {
            if row.charge.state != ChargeState::Sent || !is_newest {
                return Ok(Some(Heard::Known));
            }
            row.next = Some(ask_again(row.asked, now));
            row.asked = row.asked.saturating_add(1);
            match outcome {
                Outcome::Shown(code) => Heard::Shown(code.clone()),
                Outcome::Paid(_)
                | Outcome::Waiting
                | Outcome::Declined(_)
                | Outcome::Ended
                | Outcome::Missing => Heard::Waiting,
            }
        }
    };
    tx.update_charge(&row)?;
    match row.charge.state {
        ChargeState::Paid => {
            tx.allow_after_debt(account)?;
            tx.forget_pay_code(account)?;
        }
        ChargeState::Debt | ChargeState::Differs => {
            tx.forget_pay_code(account)?;
        }
        ChargeState::Due | ChargeState::Sent => {}
    }
    Ok(Some(heard))
}

fn paid(
    tx: &Tx<'_>,
    row: &mut ChargeRow,
    order: &mut TryRow,
    paid: &Paid,
    now: UnixMs,
) -> Result<Heard, StoreError> {
    let (account, wanted) = (row.charge.account, row.charge.amount);
    let differs = paid.amount != wanted;
    order.state = "paid".to_owned();
    order.reference = Some(paid.reference.clone());
    order.paid = Some(paid.amount);
    order.why = differs.then(|| format!("{wanted} was asked for"));
    let event = ChargeEvent::Paid(ledger_account(order.platform), paid.amount);
    apply(tx, row, event, now)?;
    // By the platform's clock, by which it bills.
    tx.end_try(account, row.id, order, paid.at.unwrap_or(now))?;
    row.next = None;
    if differs {
        let (no, got) = (&order.order, paid.amount);
        tracing::warn!(order = %no, %got, %wanted, "another amount was charged");
        return Ok(Heard::Differs);
    }
    Ok(Heard::Paid)
}

fn declined(
    tx: &Tx<'_>,
    rules: &Rules,
    row: &mut ChargeRow,
    order: &TryRow,
    is_newest: bool,
    now: UnixMs,
) -> Result<Heard, StoreError> {
    let account = row.charge.account;
    tx.end_try(account, row.id, order, now)?;
    // An older order that came to nothing says nothing about the newer one.
    if !is_newest || !apply(tx, row, ChargeEvent::Declined, now)? {
        return Ok(Heard::Known);
    }
    // A code that nobody scanned is no decline of the account's own means.
    let by_itself = matches!(
        order.way,
        crate::store::Way::Agreement | crate::store::Way::Balance
    );
    if by_itself || row.declines == 0 {
        row.declines = row.declines.saturating_add(1);
    }
    let first = *row.declined.get_or_insert(now);
    row.next = rules.retry.next(row.declines, first).map(|at| at.max(now));
    tx.deny_for_debt(account, now)?;
    Ok(Heard::Declined)
}

/// Keeps a refund that is wanted, and sets its money aside: what is owed next is not set off against it too.
///
/// # Errors
/// Those of the database, or that there is no randomness for an id.
pub fn ask_refund(tx: &Tx<'_>, row: &RefundRow, now: UnixMs) -> Result<(), StoreError> {
    tx.insert_refund(row, now)?;
    let posting = Posting::ask_refund(row.account, row.amount).map_err(unsound)?;
    let id = ids::new_id(now).map_err(unsound)?;
    tx.post_charge(id, row.account, row.id, &posting, now)
}

/// Takes what became of a refund; answers whether it is done now.
///
/// # Errors
/// Those of the database.
pub fn hear_refund(
    tx: &Tx<'_>,
    row: &RefundRow,
    outcome: &RefundOutcome,
    now: UnixMs,
) -> Result<bool, StoreError> {
    let mut row = row.clone();
    match outcome {
        RefundOutcome::Done(amount) if *amount == row.amount => {
            "done".clone_into(&mut row.state);
            if !tx.update_refund(&row, None, now)? {
                return Ok(false);
            }
            let from = match tx.is_set_aside(row.account, row.id)? {
                true => LedgerAccount::Refunds,
                // Asked for before money was set aside.
                false => LedgerAccount::Rider(row.account),
            };
            let to = ledger_account(row.platform);
            let posting = Posting::refund(from, to, *amount).map_err(unsound)?;
            tx.post_charge(row.id, row.account, row.id, &posting, now)?;
            Ok(true)
        }
        RefundOutcome::Done(other) => {
            row.why = Some(format!("the platform gave back {other}: look at its bill"));
            refused(tx, row, now)
        }
        RefundOutcome::Refused(why) => {
            row.why = Some(why.clone());
            refused(tx, row, now)
        }
        RefundOutcome::Waiting | RefundOutcome::Missing => {
            tx.update_refund(&row, Some(ask_again(2, now)), now)?;
            Ok(false)
        }
    }
}

/// What was set aside is owed again.
fn refused(tx: &Tx<'_>, mut row: RefundRow, now: UnixMs) -> Result<bool, StoreError> {
    "refused".clone_into(&mut row.state);
    if tx.update_refund(&row, None, now)? && tx.is_set_aside(row.account, row.id)? {
        let posting = Posting::refuse_refund(row.account, row.amount).map_err(unsound)?;
        let id = ids::new_id(now).map_err(unsound)?;
        tx.post_charge(id, row.account, row.id, &posting, now)?;
    }
    Ok(false)
}
