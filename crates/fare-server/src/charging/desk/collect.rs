//! Postings that nothing has charged become charges.

use super::{Heard, Rules};
use crate::config::Settlement;
use crate::ids;
use crate::store::{ChargeRow, StoreError, Tx};
use fare_protocol::{AccountId, Millis, Money, UnixMs};
use fare_rules::charging::{Bundle, Charge, ChargeState};

/// Postings are looked through again so far back: servers' clocks differ, and uploads take their time.
const OVERLAP: Millis = Millis(600_000);

/// What a round has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Charges that were made.
    pub made: u64,
    /// Orders that were sent.
    pub sent: u64,
    /// Orders that were asked after.
    pub asked: u64,
    /// Charges that are paid now.
    pub paid: u64,
    /// Charges that were declined.
    pub declined: u64,
    /// Refunds that are done now.
    pub refunded: u64,
}

impl Done {
    /// Whether nothing was to be done.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn count(&mut self, heard: Option<&Heard>) {
        match heard {
            Some(Heard::Paid) => self.paid += 1,
            Some(Heard::Declined) => self.declined += 1,
            Some(Heard::Waiting | Heard::Shown(_) | Heard::Known | Heard::Differs) | None => {}
        }
    }
}

/// Makes charges of what accounts owe whose time has come.
///
/// # Errors
/// Those of the database, or that there is no randomness for an id.
pub fn collect(
    tx: &Tx<'_>,
    rules: &Rules,
    settlement: &Settlement,
    now: UnixMs,
    most: u32,
) -> Result<Done, StoreError> {
    let mark = tx.charge_mark(now)?;
    tx.look_at_posted(mark.before(OVERLAP), now)?;
    let mut done = Done::default();
    for account in tx.accounts_to_look_at(now, most)? {
        done.made += account_charges(tx, rules, settlement, account, now)?;
    }
    Ok(done)
}

fn account_charges(
    tx: &Tx<'_>,
    rules: &Rules,
    settlement: &Settlement,
    account: AccountId,
    now: UnixMs,
) -> Result<u64, StoreError> {
    let Some(payer) = tx.payer(account)? else {
        tx.looked_at(account, None)?;
        return Ok(0);
    };
    let policy = payer.policy.unwrap_or(rules.policy);
    let tariff = settlement.tariff_at(now);
    let began = tariff.day_begins(tariff.service_day(now));
    let (mut made, mut left) = (0, false);
    for (currency, owed) in tx.owed(account)? {
        let bundles = policy.bundles(&owed, began);
        let charged: usize = bundles.iter().map(|bundle| bundle.postings.len()).sum();
        left |= charged < owed.len();
        for Bundle { postings, minor } in bundles {
            // What cancels out is settled and goes to no platform.
            let over = minor == 0;
            let charge = Charge {
                account,
                amount: Money::new(minor, currency),
                state: if over {
                    ChargeState::Paid
                } else {
                    ChargeState::Due
                },
            };
            let row = ChargeRow {
                id: ids::new_id(now).map_err(|_| StoreError::Corrupt("no randomness"))?,
                charge,
                made: now,
                next: (!over).then_some(now),
                declines: 0,
                declined: None,
                asked: 0,
            };
            tx.insert_charge(&row, &postings)?;
            made += u64::from(!over);
        }
    }
    let again = left.then(|| tariff.day_ends(now));
    tx.looked_at(account, again)?;
    Ok(made)
}
