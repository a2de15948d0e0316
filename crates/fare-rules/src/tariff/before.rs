//! What an account's earlier journeys mean for the price of one that begins now: little enough for a
//! picture to carry, and all that [`super::pricing`] looks at.

use super::Tariff;
use super::calendar::Span;
use super::ride::{End, Paid};
use super::rules::{Measured, Transfer, TransferPrice};
use super::structure::Structure;
use super::zones::Zone;
use fare_protocol::{ChainBefore, PaidBefore, StationId};
use std::collections::BTreeSet;

const MINUTE_MS: i64 = 60_000;

/// Whether this very tariff says so.
pub(super) fn is_ours(tariff: &Tariff, before: &PaidBefore) -> bool {
    let lists = (before.caps.len(), before.discounts.len());
    let rules = &tariff.rules;
    before.tariff == tariff.hash && lists == (rules.caps.len(), rules.discounts.len())
}

impl Tariff {
    /// What the account's earlier journeys, in any order, mean for one that begins so. Those that began
    /// later do not count.
    pub fn paid_before(&self, entry: End, earlier: &[Paid]) -> PaidBefore {
        let mut before: Vec<&Paid> = earlier
            .iter()
            .filter(|paid| paid.entry.at < entry.at)
            .collect();
        before.sort_by_key(|paid| (paid.entry.at, paid.exit.at));
        let caps = self.rules.caps.iter();
        let caps = caps.map(|cap| {
            let counts = |paid: &Paid| {
                self.is_within(&cap.zones, paid.entry.station)
                    && self.is_within(&cap.zones, paid.exit.station)
            };
            self.sum(&before, cap.span, entry, counts).0
        });
        let discounts = self.rules.discounts.iter();
        let discounts = discounts.map(|discount| self.sum(&before, discount.span, entry, |_| true));
        PaidBefore {
            tariff: self.hash,
            caps: caps.collect(),
            discounts: discounts.collect(),
            chain: self.chain_before(&before, entry),
        }
    }

    /// Nothing paid, as at an account's first journey.
    pub(super) fn nothing_before(&self) -> PaidBefore {
        PaidBefore {
            tariff: self.hash,
            caps: vec![0; self.rules.caps.len()],
            discounts: vec![(0, 0); self.rules.discounts.len()],
            chain: None,
        }
    }

    /// Minor units and journeys of the span in which `entry` lies.
    fn sum(
        &self,
        before: &[&Paid],
        span: Span,
        entry: End,
        counts: impl Fn(&Paid) -> bool,
    ) -> (i64, u32) {
        let calendar = &self.table.calendar;
        let today = self.service_day(entry.at);
        let of_span = before.iter().filter(|paid| {
            calendar.same(span, self.service_day(paid.entry.at), today) && counts(paid)
        });
        of_span.fold((0, 0), |(minor, journeys): (i64, u32), paid| {
            (minor.saturating_add(paid.minor), journeys.saturating_add(1))
        })
    }

    /// The chain that a journey may go on from. Chains are made from the first journey of the service day
    /// on: each journey joins the one before when a rule says so and not too many have.
    fn chain_before(&self, before: &[&Paid], entry: End) -> Option<ChainBefore> {
        if self.rules.transfers.is_empty() {
            return None;
        }
        let today = self.service_day(entry.at);
        let known = |id| self.network.station(id).is_some();
        let of_today = before.iter().filter(|paid| {
            // Another tariff may have priced it, with other stations.
            let here = known(paid.entry.station) && known(paid.exit.station);
            here && self.service_day(paid.entry.at) == today
        });
        let mut chain: Option<ChainBefore> = None;
        for next in of_today {
            let own = self.alone(next);
            let on =
                chain.and_then(|chain| Some((chain, self.joins(&chain, next.entry, next.exit)?)));
            chain = Some(match on {
                Some((chain, (number, rule))) => joined(&chain, &own, number, rule),
                None => own,
            });
        }
        chain
    }

    /// A chain of one journey.
    fn alone(&self, paid: &Paid) -> ChainBefore {
        let metres = self.metres(paid.entry.station, paid.exit.station);
        ChainBefore {
            rule: None,
            from: paid.entry.station,
            entered_at: paid.entry.at,
            last_entered_at: paid.entry.at,
            last_to: paid.exit.station,
            last_left_at: paid.exit.at,
            journeys: 1,
            minor: paid.minor,
            // Both stations are known.
            metres: metres.unwrap_or(0),
        }
    }

    /// By which rule a journey joins the chain so far; with its number.
    pub(super) fn joins(
        &self,
        chain: &ChainBefore,
        entry: End,
        exit: End,
    ) -> Option<(u8, &Transfer)> {
        let numbered = (0_u8..).zip(&self.rules.transfers);
        let mut numbered = numbered.filter(|(number, rule)| {
            let (from, to) = match rule.measured {
                Measured::EntryToExit => (chain.last_entered_at, exit.at),
                Measured::EntryToEntry => (chain.last_entered_at, entry.at),
                Measured::ExitToEntry => (chain.last_left_at, entry.at),
                Measured::ExitToExit => (chain.last_left_at, exit.at),
            };
            let within_ms = i64::from(rule.within_min) * MINUTE_MS;
            // Back where the chain began is a way back, not a way on.
            let goes_on = rule.price != TransferPrice::OneJourney || chain.from != exit.station;
            chain.journeys <= rule.most
                && chain
                    .rule
                    .is_none_or(|before| self.may_follow(before, *number))
                && (0..=within_ms).contains(&to.since(from))
                && rule.joins(chain.last_to, entry.station)
                && goes_on
        });
        numbered.next()
    }

    /// Whether a chain that one rule joined may go on by another: by itself, or when both look at the first
    /// journey's times, which the chain has kept then.
    fn may_follow(&self, before: u8, next: u8) -> bool {
        let since_first = |number: u8| {
            let rule = self.rules.transfers.get(usize::from(number));
            rule.is_some_and(|rule| rule.since_first)
        };
        before == next || (since_first(before) && since_first(next))
    }

    /// Whether a station is in one of these zones; where there are none, it is.
    pub(super) fn is_within(&self, zones: &BTreeSet<Zone>, station: StationId) -> bool {
        match &self.table.structure {
            Structure::Zones(table) => zones.is_empty() || table.is_within(station, zones),
            Structure::Distance(_) | Structure::Flat(_) | Structure::Pairs(_) => true,
        }
    }
}

/// A chain that `next` goes on from by a rule. Where that looks at the first journey's times, the chain keeps
/// them in place of the last one's.
fn joined(chain: &ChainBefore, next: &ChainBefore, number: u8, rule: &Transfer) -> ChainBefore {
    let times = if rule.since_first { chain } else { next };
    ChainBefore {
        rule: Some(number),
        from: chain.from,
        entered_at: chain.entered_at,
        last_entered_at: times.last_entered_at,
        last_to: next.last_to,
        last_left_at: times.last_left_at,
        journeys: chain.journeys.saturating_add(1),
        minor: chain.minor.saturating_add(next.minor),
        metres: chain.metres.saturating_add(next.metres),
    }
}
