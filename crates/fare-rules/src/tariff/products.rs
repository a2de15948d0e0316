//! Products: what riders bought beforehand and use before money. A tariff lists what is on sale, in the
//! order of use; what was promised at the sale ([`Promise`]) is kept with the product, so that a later tariff
//! cannot take it away. [`Tariff::cover`] lays an account's products over a price: the price itself, and what
//! caps, discounts and transfers look at, is the same with and without products.

use super::rules::Rounding;
use super::zones::Zone;
use super::{End, Quote, Tariff};
pub use fare_protocol::{Covers, Off};
use fare_protocol::{FareReason, FareStep, Money, ProductId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most products of a tariff.
pub const PRODUCTS_MAX: usize = 32;

/// Most service days that a product may be valid.
pub const PRODUCT_DAYS_MAX: u32 = 1_098;

/// Most journeys that one product may be for.
pub const USES_MAX: u32 = 1_000;

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its short name, which stands in explanations.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it costs, in minor units of the tariff's currency.
    pub price_minor: i64,
    /// How many service days it is valid, the first one included.
    pub valid_days: u32,
    /// What it does.
    pub promise: Promise,
}

/// What a product does, as it was promised when it was sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// What of a fare.
    pub covers: Covers,
    /// At most so much of one journey, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_minor: Option<i64>,
    /// Only journeys within these zones; all when there is none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub zones: BTreeSet<Zone>,
    /// Whether it also covers the maximum fare of who did not tap out; a pass also that of who did not tap in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing_end: bool,
    /// That what is left of it is paid back, less so much, in minor units; nothing where it is not, once it is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_fee_minor: Option<i64>,
}

/// A product that an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// This one.
    pub id: ProductId,
    /// What it was on sale as.
    pub offer: String,
    /// What was promised.
    pub promise: Promise,
    /// What was paid for it, in minor units.
    pub price_minor: i64,
    /// First moment at which it is valid.
    pub from: UnixMs,
    /// First moment at which it is no longer.
    pub until: UnixMs,
    /// How many journeys that began before used it.
    pub used: u32,
    /// How much of its price those earned.
    pub earned_minor: i64,
    /// What was left of its price went elsewhere when its time was over: journeys earn nothing more of it.
    pub lapsed: bool,
    /// What of its price was paid back, in minor units.
    pub refunded_minor: i64,
    /// How many journeys may use it, where a part was paid back; else as many as were promised.
    pub uses_kept: Option<u32>,
}

/// A product that somebody brings back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned {
    /// What was paid for it, in minor units.
    pub price_minor: i64,
    /// How many journeys used it.
    pub used: u32,
    /// How much of its price those earned.
    pub earned_minor: i64,
    /// First moment at which it was valid.
    pub from: UnixMs,
    /// First moment at which it is no longer.
    pub until: UnixMs,
}

/// A journey's use of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which.
    pub product: ProductId,
    /// How much of the fare it covers; more than zero.
    pub covered_minor: i64,
    /// How much of the product's price the journey earns; zero or more.
    pub earned_minor: i64,
}

impl Promise {
    /// How much of `rest` one journey is spared.
    fn covered(&self, rest: i64, rounding: Rounding) -> i64 {
        let covered = match self.covers {
            Covers::Pass | Covers::MultiRide { .. } => rest,
            Covers::Coupon { off, .. } => match off {
                Off::Minor(minor) => minor,
                Off::Percent(percent) => {
                    let pays = rounding.share(rest, 100_u32.saturating_sub(percent));
                    rest.saturating_sub(pays)
                }
            },
        };
        covered
            .min(self.most_minor.unwrap_or(i64::MAX))
            .clamp(0, rest)
    }
}

const DAY_MS: i64 = 86_400_000;

impl Promise {
    /// How much is paid back of a product that journeys used, at this moment and in minor units: of a pass the part of
    /// the days that are left, counted back from its end in 24 hours; of others the journeys that are left, each an
    /// equal part; never more than journeys have not earned; less the fee. Nothing where it is not paid back once it is
    /// used.
    pub fn pays_back(&self, product: &Returned, at: UnixMs) -> Option<i64> {
        let fee = self.refund_fee_minor?;
        if at >= product.until {
            return Some(0);
        }
        let (unused, of) = match self.covers.uses() {
            None => {
                let left = product.until.since(at.max(product.from)) / DAY_MS;
                // The first day began before the sale; at a change to summer time one is shorter by an hour.
                let hour_less = product
                    .until
                    .since(product.from)
                    .saturating_sub(DAY_MS / 24);
                (left, hour_less / DAY_MS + 1)
            }
            Some(uses) => (uses.saturating_sub(product.used).into(), uses.into()),
        };
        let (unused, of) = (i128::from(unused), i128::from(of.max(1)));
        let part = i128::from(product.price_minor).saturating_mul(unused) / of;
        let not_earned = product.price_minor.saturating_sub(product.earned_minor);
        let part = i64::try_from(part).unwrap_or(i64::MAX).min(not_earned);
        Some(part.saturating_sub(fee).max(0))
    }
}

impl Held {
    fn is_left(&self) -> bool {
        let promised = self.promise.covers.uses();
        let most = self.uses_kept.or(promised).filter(|_| promised.is_some());
        most.is_none_or(|uses| self.used < uses)
    }

    /// What the next journey earns: of a pass as much as it covers while there is any of its price left, of
    /// the others an equal part. All parts come to the price.
    fn earns(&self, covered: i64) -> i64 {
        let left = self.price_minor.saturating_sub(self.refunded_minor);
        let left = left.saturating_sub(self.earned_minor).max(0);
        if self.lapsed {
            return 0;
        }
        match self.promise.covers.uses() {
            None => covered.min(left),
            Some(uses) => {
                let uses = i128::from(uses.max(1));
                let part = |n: u32| i128::from(self.price_minor).saturating_mul(n.into()) / uses;
                let next = part(self.used.saturating_add(1)).saturating_sub(part(self.used));
                i64::try_from(next).unwrap_or(left).clamp(0, left)
            }
        }
    }

    fn reason(&self) -> FareReason {
        let (product, nth) = (self.offer.clone(), self.used.saturating_add(1));
        match self.promise.covers {
            Covers::Pass => FareReason::Pass { product },
            Covers::MultiRide { rides } => FareReason::MultiRide {
                product,
                nth,
                rides,
            },
            Covers::Coupon { uses, .. } => FareReason::Coupon { product, nth, uses },
        }
    }
}

impl Tariff {
    /// What is on sale, in the order of use.
    pub fn products(&self) -> &[Product] {
        &self.rules.products
    }

    /// When a product that is valid from `from` on is no longer valid.
    pub fn valid_until_of(&self, product: &Product, from: UnixMs) -> UnixMs {
        let first = self.service_day(from);
        let days = i64::from(product.valid_days);
        self.day_begins(super::Day(first.0.saturating_add(days)))
    }

    /// The journey's price with the account's products laid over it, and what that uses of them. A journey
    /// uses at most one pass, one multi-ride and one coupon: of each the first that is valid at its entry, in
    /// the order of the tariff, then the one that ends first. What costs nothing uses nothing.
    pub fn cover(
        &self,
        quote: Quote,
        (entry, exit): (End, End),
        held: &[Held],
    ) -> (Quote, Vec<Use>) {
        self.lay_over(quote, (entry, exit), &self.in_order(entry.at, held))
    }

    /// What can be used by a journey that begins then, in the order of use.
    pub(super) fn in_order<'h>(&self, entered_at: UnixMs, held: &'h [Held]) -> Vec<&'h Held> {
        let mut held: Vec<&Held> = held
            .iter()
            .filter(|one| one.from <= entered_at && entered_at < one.until && one.is_left())
            .collect();
        held.sort_by_key(|one| (self.rank(&one.offer), one.until, one.from, one.id));
        held
    }

    /// Lays products over a price, in this order.
    pub(super) fn lay_over(
        &self,
        mut quote: Quote,
        (entry, exit): (End, End),
        held: &[&Held],
    ) -> (Quote, Vec<Use>) {
        let (mut uses, mut kinds) = (Vec::new(), BTreeSet::new());
        let within = |one: &&&Held| {
            let within = |station| self.is_within(&one.promise.zones, station);
            within(entry.station) && within(exit.station)
        };
        for one in held.iter().filter(within) {
            let rest = quote.fare.minor;
            let covered_minor = one.promise.covered(rest, self.rules.rounding);
            if covered_minor <= 0 || !kinds.insert(one.promise.covers.code()) {
                continue;
            }
            uses.push(Use {
                product: one.id,
                covered_minor,
                earned_minor: one.earns(covered_minor),
            });
            quote.steps.push(FareStep {
                reason: one.reason(),
                minor: covered_minor.saturating_neg(),
            });
            let rest = rest.saturating_sub(covered_minor);
            quote.fare = Money::new(rest, quote.fare.currency);
        }
        (quote, uses)
    }

    /// The maximum fare of who did not tap out, with those of the account's products over it that cover that too.
    pub fn cover_missing_exit(&self, quote: Quote, entry: End, held: &[Held]) -> (Quote, Vec<Use>) {
        let held = held.iter().filter(|one| one.promise.missing_end).cloned();
        self.cover(quote, (entry, entry), &held.collect::<Vec<_>>())
    }

    /// The maximum fare of who did not tap in, with passes over it that cover that too. There is no journey that could
    /// use up a ride.
    pub fn cover_missing_entry(&self, quote: Quote, exit: End, held: &[Held]) -> Quote {
        let held = held
            .iter()
            .filter(|one| one.promise.missing_end && one.promise.covers == Covers::Pass);
        let held: Vec<_> = held.cloned().collect();
        self.cover(quote, (exit, exit), &held).0
    }

    /// The place in the order of use; what is no longer on sale comes last.
    fn rank(&self, offer: &str) -> usize {
        let mut products = self.rules.products.iter();
        let place = products.position(|product| product.id == offer);
        place.unwrap_or(usize::MAX)
    }
}
