//! A paper code is brought back to a desk: what nobody used, and what a journey left of one, by the rule of the tariff.
//! Gates that hear of it refuse it from then on; one that has not may still open for a copy, whose journey is then owed.

use crate::charging::pay_out;
use crate::clock::rfc3339;
use crate::store::{PaperUse, StoreError, Tx};
use fare_protocol::{AccountId, Money, UnixMs};
use fare_rules::Tariff;

/// Why a paper code is not paid back.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// None has this account.
    #[error("no paper code of this server")]
    Unknown,
    /// It was before.
    #[error("it was paid back at {0}")]
    Before(String),
    /// Somebody is inside by it.
    #[error(
        "its journey is not over, or a record of it is still to come; `fareserver journeys list` shows it"
    )]
    GoingOn,
    /// The tariff says nothing of rests.
    #[error("it was used, and the tariff {0} pays nothing back of what a journey left")]
    Used(String),
    /// Nothing is left, after the fee.
    #[error("nothing is left of it to pay back, after the fee")]
    Nothing,
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What was paid back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// To whom brought it.
    pub back: Money,
    /// What is kept.
    pub kept: Money,
    /// Whether a journey had used it.
    pub was_used: bool,
}

/// Pays a paper code back in the caller's transaction, by this tariff.
///
/// # Errors
/// When there is no such code, it was paid back before, is being used, or nothing is to be paid back.
pub fn refund(
    tx: &Tx<'_>,
    tariff: &Tariff,
    account: AccountId,
    now: UnixMs,
) -> Result<Refund, RefundError> {
    let value = tx.paper_value(account)?.ok_or(RefundError::Unknown)?;
    if let Some((at, _)) = tx.paper_refund(account)? {
        return Err(RefundError::Before(rfc3339(at)));
    }
    let was_used = match tx.paper_use(account)? {
        PaperUse::None => false,
        PaperUse::Over => true,
        PaperUse::GoingOn => return Err(RefundError::GoingOn),
    };
    let left = tx.left_to_spend(account, value.currency)?;
    let left = left.map_or(0, |left| left.minor).max(0);
    let back = tariff.paper_refunds().pays_back(left, was_used);
    let back = back.ok_or_else(|| RefundError::Used(tariff.name().to_owned()))?;
    if back == 0 {
        return Err(RefundError::Nothing);
    }
    let money = |minor| Money::new(minor, value.currency);
    let (back, kept) = (money(back), money(left.saturating_sub(back)));
    pay_out(tx, crate::ids::new_id(now)?, account, (back, kept), now)?;
    tx.note_paper_refund(account, back, now)?;
    Ok(Refund {
        back,
        kept,
        was_used,
    })
}
