//! Exposure: what riders may still not pay, at worst, by account and by gate.
//!
//! ```text
//! unpaid   fares taken or held, less what was paid for them; of it what platforms declined
//! inside   riders of whom no exit is known: each may cost the maximum fare
//! unheard  what a gate that is cut off lets through at its own pace, each hour, before anybody knows
//! ```
//! All money is in minor units, with its currency.

use crate::config::Settlement;
use crate::store::{GateEnd, Inside, StoreError, Tx};
use fare_protocol::{AccountId, Currency, Direction, GateId, RiderClass, UnixMs};
use serde::Serialize;
use std::collections::BTreeMap;

/// The exposure at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// In all, a line for each currency.
    pub all: Vec<Sum>,
    /// By account, the most first.
    pub accounts: Vec<OfAccount>,
    /// By gate.
    pub gates: Vec<OfGate>,
}

/// What may not be paid in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The currency.
    pub currency: Currency,
    /// Fares taken or held and not paid for.
    pub unpaid_minor: i64,
    /// Of it what platforms declined.
    pub debt_minor: i64,
    /// Riders inside.
    pub inside: u64,
    /// What they may cost.
    pub inside_minor: i64,
}

impl Sum {
    const fn nothing(currency: Currency) -> Self {
        Self {
            currency,
            unpaid_minor: 0,
            debt_minor: 0,
            inside: 0,
            inside_minor: 0,
        }
    }

    /// All that may not be paid.
    pub const fn worst_minor(&self) -> i64 {
        self.unpaid_minor.saturating_add(self.inside_minor)
    }

    const fn add(&mut self, more: &Self) {
        self.unpaid_minor = self.unpaid_minor.saturating_add(more.unpaid_minor);
        self.debt_minor = self.debt_minor.saturating_add(more.debt_minor);
        self.inside = self.inside.saturating_add(more.inside);
        self.inside_minor = self.inside_minor.saturating_add(more.inside_minor);
    }
}

/// One account's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfAccount {
    /// Whose, masked.
    pub account: String,
    /// How much.
    #[serde(flatten)]
    pub sum: Sum,
}

/// One gate's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfGate {
    /// Which.
    pub gate: String,
    /// Riders who entered here and are inside.
    pub inside: u64,
    /// What they may cost, in the currency of the tariff.
    pub inside_minor: i64,
    /// When its newest record came; none when it never sent any.
    pub heard_ms: Option<UnixMs>,
    /// What an hour without it may cost: its taps of a day, over 24, each at an adult's maximum fare.
    pub unheard_minor_per_h: i64,
    /// The currency of both.
    pub currency: Currency,
}

/// Adds it up.
///
/// # Errors
/// Those of the database.
pub fn exposure(tx: &Tx<'_>, settlement: &Settlement, now: UnixMs) -> Result<Exposure, StoreError> {
    let inside = tx.inside()?;
    let mut accounts = BTreeMap::new();
    for unpaid in tx.unpaid()? {
        let key = (unpaid.account, unpaid.currency);
        let sum = Sum {
            unpaid_minor: unpaid.minor,
            debt_minor: unpaid.debt_minor,
            ..Sum::nothing(unpaid.currency)
        };
        accounts.insert(key, sum);
    }
    for rider in &inside {
        let (currency, minor) = may_cost(settlement, rider.entered, rider.entry.class);
        let key = (rider.entry.account, currency);
        let sum = accounts
            .entry(key)
            .or_insert_with(|| Sum::nothing(currency));
        sum.inside = sum.inside.saturating_add(1);
        sum.inside_minor = sum.inside_minor.saturating_add(minor);
    }
    Ok(Exposure {
        all: in_all(&accounts),
        accounts: by_account(accounts),
        gates: by_gate(tx, settlement, &inside, now)?,
    })
}

/// The most that a journey costs which began then.
fn may_cost(settlement: &Settlement, entered: UnixMs, class: RiderClass) -> (Currency, i64) {
    let tariff = settlement.tariff_at(entered);
    let most = tariff.maximum(Direction::Exit, class);
    (tariff.currency(), most.map_or(0, |quote| quote.fare.minor))
}

fn in_all(accounts: &BTreeMap<(AccountId, Currency), Sum>) -> Vec<Sum> {
    let mut all = BTreeMap::new();
    for ((_, currency), sum) in accounts {
        let total = all
            .entry(*currency)
            .or_insert_with(|| Sum::nothing(*currency));
        total.add(sum);
    }
    all.into_values().collect()
}

fn by_account(accounts: BTreeMap<(AccountId, Currency), Sum>) -> Vec<OfAccount> {
    let mut accounts: Vec<_> = accounts
        .into_iter()
        .map(|((account, _), sum)| OfAccount {
            account: account.to_string(),
            sum,
        })
        .collect();
    accounts.sort_by_key(|of| std::cmp::Reverse(of.sum.worst_minor()));
    accounts
}

fn by_gate(
    tx: &Tx<'_>,
    settlement: &Settlement,
    inside: &[Inside],
    now: UnixMs,
) -> Result<Vec<OfGate>, StoreError> {
    let taps: BTreeMap<GateId, u64> = tx.taps_a_day()?.into_iter().collect();
    let (currency, adult) = may_cost(settlement, now, RiderClass::Adult);
    let of = |end: GateEnd| {
        let riders = inside
            .iter()
            .filter(|rider| rider.gate.as_str() == end.gate);
        let cost = |rider: &Inside| may_cost(settlement, rider.entered, rider.entry.class).1;
        let a_day = taps
            .iter()
            .find(|(gate, _)| gate.as_str() == end.gate)
            .map_or(0, |(_, taps)| i64::try_from(*taps).unwrap_or(i64::MAX));
        OfGate {
            inside: riders.clone().map(|_| 1).sum(),
            inside_minor: riders.map(cost).sum(),
            heard_ms: end.newest.map(|(_, _, received)| received),
            unheard_minor_per_h: a_day.saturating_mul(adult) / 24,
            currency,
            gate: end.gate,
        }
    };
    Ok(tx.gate_ends()?.into_iter().map(of).collect())
}
