//! Real days priced again by a draft.

use crate::store::{Charged, StoreError, Tx};
use fare_protocol::{AccountId, Direction, Money, RecordId, UnixMs};
use fare_rules::journey::{Tap, price, ride};
use fare_rules::{End, Paid, Ride, Tariff};

/// Why days could not be priced again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The days were paid in another currency.
    #[error("a journey was paid in {paid}, the table is in {table}; they cannot be compared")]
    Currency {
        /// What was paid.
        paid: Money,
        /// The table's currency.
        table: fare_protocol::Currency,
    },
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What a draft would have made of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Journeys that were priced again.
    pub journeys: u64,
    /// Journeys to or from stations that the draft does not have.
    pub unpriced: u64,
    /// Journeys of which people have decided what they cost: whatever table there is, that stays.
    pub decided: u64,
    /// What was paid for those priced again, in minor units.
    pub paid_minor: i64,
    /// What would have been.
    pub would_minor: i64,
    /// The accounts for which that differs, those who would pay most more first.
    pub accounts: Vec<Account>,
}

/// One account's journeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose; shown masked.
    pub account: AccountId,
    /// What was paid, in minor units.
    pub paid_minor: i64,
    /// What would have been.
    pub would_minor: i64,
}

impl Account {
    /// How much more the account would have paid.
    pub fn more(&self) -> i64 {
        self.would_minor.saturating_sub(self.paid_minor)
    }
}

/// Prices the journeys that began from `from` up to before `until` again, each after the account's earlier ones as the
/// draft prices them; what gates showed does not count. One without an exit costs the draft's maximum fare, or what it
/// costs to where its exit is taken to have been.
///
/// # Errors
/// When they were paid in another currency, or the store fails.
pub fn replay(
    tx: &Tx<'_>,
    draft: &Tariff,
    from: UnixMs,
    until: UnixMs,
) -> Result<Replay, ReplayError> {
    let mut all = Replay::default();
    let mut now: Option<(Account, Vec<Paid>)> = None;
    for journey in tx.charged_between(from, until)? {
        if journey.fare.currency != draft.currency() {
            return Err(ReplayError::Currency {
                paid: journey.fare,
                table: draft.currency(),
            });
        }
        if now.as_ref().map(|(account, _)| account.account) != Some(journey.account) {
            all.end(now.take());
            now = Some(begin(tx, draft, journey.account, from)?);
        }
        let (Some(entry), Some((account, earlier))) =
            (tx.tap(journey.account, journey.entry)?, now.as_mut())
        else {
            continue;
        };
        if is_decided(tx, &journey)? {
            all.decided = all.decided.saturating_add(1);
            continue;
        }
        let Some(again) = again(tx, draft, (&entry, journey.exit), earlier)? else {
            all.unpriced = all.unpriced.saturating_add(1);
            continue;
        };
        all.journeys = all.journeys.saturating_add(1);
        account.paid_minor = account.paid_minor.saturating_add(journey.fare.minor);
        account.would_minor = account.would_minor.saturating_add(again.minor);
        earlier.extend(again.paid);
    }
    all.end(now);
    all.accounts
        .sort_by_key(|account| (std::cmp::Reverse(account.more()), account.account));
    Ok(all)
}

/// An account before its first journey of the days, with what it paid just before them.
fn begin(
    tx: &Tx<'_>,
    draft: &Tariff,
    account: AccountId,
    from: UnixMs,
) -> Result<(Account, Vec<Paid>), StoreError> {
    let earlier = match draft.reach() {
        Some(reach) => tx.paid(account, (from.before(reach), from), draft.currency())?,
        None => Vec::new(),
    };
    let account = Account {
        account,
        paid_minor: 0,
        would_minor: 0,
    };
    Ok((account, earlier))
}

/// What a journey would have cost.
struct Again {
    minor: i64,
    /// For those after it; of one that has an exit.
    paid: Option<Paid>,
}

fn is_decided(tx: &Tx<'_>, journey: &Charged) -> Result<bool, StoreError> {
    let account = journey.account;
    let of_entry = tx.is_decided(account, journey.entry)?;
    match journey.exit {
        Some(exit) => Ok(of_entry || tx.is_decided(account, exit)?),
        None => Ok(of_entry),
    }
}

/// Nothing when the draft lacks one of the stations.
fn again(
    tx: &Tx<'_>,
    draft: &Tariff,
    (entry, exit): (&Tap, Option<RecordId>),
    earlier: &[Paid],
) -> Result<Option<Again>, StoreError> {
    debug_assert_eq!(entry.direction(), Direction::Entry);
    let most = tx.paper_value(entry.account())?;
    let exit = match exit {
        Some(exit) => tx.tap(entry.account(), exit)?,
        None => return without_exit(tx, draft, entry, (most, earlier)),
    };
    let Some(mut exit) = exit else {
        return Ok(None);
    };
    exit.confirmation.fare_quoted = None;
    let ride = ride(entry, &exit, earlier);
    let Ok(quote) = draft.price(&ride) else {
        return Ok(None);
    };
    let quote = quote.at_most(most);
    let alone = quote.fare;
    let minor = price(&exit, quote, alone).charged.fare.minor;
    let (entry, exit) = (ride.entry, ride.exit);
    let paid = Some(Paid { entry, exit, minor });
    Ok(Some(Again { minor, paid }))
}

fn without_exit(
    tx: &Tx<'_>,
    draft: &Tariff,
    entry: &Tap,
    (most, earlier): (Option<Money>, &[Paid]),
) -> Result<Option<Again>, StoreError> {
    let maximum = draft.maximum(Direction::Exit, entry.class());
    let maximum = maximum.map(|quote| quote.at_most(most).fare.minor);
    let completed = draft.completed(tx.completed(entry.account(), entry.id)?);
    let completed = completed.and_then(|completed| {
        let exit = End {
            station: completed.station,
            at: entry.at,
        };
        let ride = Ride {
            class: entry.class(),
            class_until: None,
            entry: entry.end(),
            exit,
            earlier,
        };
        Some(draft.price(&ride).ok()?.at_most(most).fare.minor)
    });
    let minor = match (maximum, completed) {
        (Some(maximum), Some(completed)) => maximum.min(completed),
        (maximum, _) => maximum.unwrap_or(0),
    };
    Ok(Some(Again { minor, paid: None }))
}

impl Replay {
    fn end(&mut self, account: Option<(Account, Vec<Paid>)>) {
        let Some((account, _)) = account else {
            return;
        };
        self.paid_minor = self.paid_minor.saturating_add(account.paid_minor);
        self.would_minor = self.would_minor.saturating_add(account.would_minor);
        if account.more() != 0 {
            self.accounts.push(account);
        }
    }
}
