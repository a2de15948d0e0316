//! Exposure: what riders may still not pay, at worst, by account and by gate.
//!
//! ```text
//! unpaid   fares taken or held, less what was paid for them; of it what platforms declined
//! inside   riders of whom no exit is known: each may cost the dearest way from there, or the maximum fare
//! unheard  what a gate that is cut off lets through at its own pace, each hour, before anybody knows
//! first    of it what first rides may cost until it hears of the server: known where the server sent its configuration
//! ```
//! All money is in minor units, with its currency.

use crate::config::Settlement;
use crate::store::{GateEnd, Inside, SentConfig, StoreError, Tx};
use fare_protocol::{
    AccountId, ConfigOutcome, Currency, GateId, RiderClass, StationId, TariffHash, UnixMs,
};
use serde::{Deserialize, Serialize};
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
    /// What an hour without it may cost: its taps of a day, over 24, each at the most that an adult may cost.
    pub unheard_minor_per_h: i64,
    /// What first rides there may cost together in all until it hears of the server, by the configuration that the server
    /// sent and the gate works by; none where it sets no limit, or the gate works by a file of its own.
    pub first_rides_max_minor: Option<i64>,
    /// The currency of all.
    pub currency: Currency,
}

/// Adds it up.
///
/// # Errors
/// Those of the database.
pub fn exposure(tx: &Tx<'_>, settlement: &Settlement, now: UnixMs) -> Result<Exposure, StoreError> {
    let mut meter = Meter {
        settlement,
        known: BTreeMap::new(),
    };
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
    let mut gates = BTreeMap::new();
    for Inside {
        gate,
        entered,
        entry,
    } in tx.inside()?
    {
        let (currency, minor) = meter.most(entered, entry.location.station, entry.class);
        let sum = accounts
            .entry((entry.account, currency))
            .or_insert_with(|| Sum::nothing(currency));
        let here: &mut (u64, i64) = gates.entry(gate).or_default();
        let counts = [
            (&mut sum.inside, &mut sum.inside_minor),
            (&mut here.0, &mut here.1),
        ];
        for (riders, cost) in counts {
            *riders = riders.saturating_add(1);
            *cost = cost.saturating_add(minor);
        }
    }
    Ok(Exposure {
        all: in_all(&accounts),
        accounts: by_account(accounts),
        gates: by_gate(tx, &mut meter, &gates, now)?,
    })
}

/// What journeys may cost.
struct Meter<'s> {
    settlement: &'s Settlement,
    known: BTreeMap<(TariffHash, StationId, RiderClass), i64>,
}

impl Meter<'_> {
    /// The most that a journey costs which began there and then.
    fn most(&mut self, entered: UnixMs, station: StationId, class: RiderClass) -> (Currency, i64) {
        let tariff = self.settlement.tariff_at(entered);
        let most = self.known.entry((tariff.hash(), station, class));
        let most = most.or_insert_with(|| tariff.dearest(station, class).minor);
        (tariff.currency(), *most)
    }
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
    meter: &mut Meter<'_>,
    inside: &BTreeMap<GateId, (u64, i64)>,
    now: UnixMs,
) -> Result<Vec<OfGate>, StoreError> {
    let taps: BTreeMap<GateId, i64> = tx.taps_a_day()?.into_iter().collect();
    let mut of = |end: GateEnd| {
        let at = (end.gate.parse::<GateId>(), end.station.parse::<StationId>());
        let (Ok(gate), Ok(station)) = at else {
            return Err(StoreError::Corrupt("a gate"));
        };
        let (currency, adult) = meter.most(now, station, RiderClass::Adult);
        let (inside, inside_minor) = inside.get(&gate).copied().unwrap_or_default();
        let a_day = taps.get(&gate).copied().unwrap_or(0);
        Ok(OfGate {
            gate: end.gate,
            inside,
            inside_minor,
            heard_ms: end.newest.map(|(_, _, received)| received),
            unheard_minor_per_h: a_day.saturating_mul(adult) / 24,
            first_rides_max_minor: first_rides(tx, gate)?,
            currency,
        })
    };
    tx.gate_ends()?.into_iter().map(&mut of).collect()
}

/// Of `[[alone]]` in the configuration that a gate took from the server: the limit that holds first. Later ones are no higher,
/// and what was let in before counts in them.
fn first_rides(tx: &Tx<'_>, gate: GateId) -> Result<Option<i64>, StoreError> {
    let sent = tx.sent_config(gate)?;
    let is_live = |sent: &SentConfig| {
        let outcome = sent.outcome.as_ref().map(|end| end.outcome);
        outcome == Some(ConfigOutcome::Live)
    };
    // The gate read it; what this program cannot read says nothing here.
    let read = |sent: SentConfig| toml::from_str::<GateToml>(&sent.command.toml).ok();
    let steps = sent.filter(is_live).and_then(read);
    let steps = steps.map(|gate| gate.alone).unwrap_or_default();
    Ok(steps
        .into_iter()
        .find_map(|step| step.first_rides_max_minor))
}

/// What of a gate's configuration is looked at here.
#[derive(Deserialize)]
struct GateToml {
    #[serde(default)]
    alone: Vec<Alone>,
}

#[derive(Deserialize)]
struct Alone {
    first_rides_max_minor: Option<i64>,
}
