//! Products that a picture tells the exit gate of: which ones the server puts in, and what they leave of a fare.
//! Both sides lay them over the price by the same code, [`super::products`].

use super::before::is_ours;
use super::products::{Covers, Held, Off, Promise};
use super::ride::{End, Ride};
use super::zones::Zone;
use super::{Quote, QuoteError, Tariff};
use fare_protocol::product::IN_HAND_MAX;
use fare_protocol::{FareReason, InHand, PaidBefore, ProductId, UnixMs};
use serde::Serialize;
use std::collections::BTreeSet;

/// By which products a fare is paid, wholly or in part: at most one of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByProducts {
    /// A pass.
    pub pass: bool,
    /// A multi-ride; how many journeys are left of it after this one.
    pub rides_left: Option<u32>,
    /// A coupon, a part of it.
    pub coupon: bool,
}

impl ByProducts {
    /// What the steps of a price say of products; nothing where no fare is taken.
    pub fn of(quote: &Quote) -> Self {
        let mut by = Self::default();
        for reason in quote.steps.iter().map(|step| &step.reason) {
            if let FareReason::Pass { .. } = reason {
                by.pass = true;
            } else if let FareReason::MultiRide { nth, rides, .. } = reason {
                by.rides_left = Some(rides.saturating_sub(*nth));
            } else if let FareReason::Coupon { .. } = reason {
                by.coupon = true;
            } else if let FareReason::Waived {} = reason {
                return Self::default();
            }
        }
        by
    }
}

impl Tariff {
    /// What a picture is to tell of these products for a journey that begins so, in the order of use: no more
    /// than can make a difference to its price, wherever it ends. Nothing when that is more than a picture carries,
    /// for the gate must come to the same fare or to that without products.
    pub fn in_hand(&self, entry: End, held: &[Held]) -> Vec<InHand> {
        let (mut hand, mut sure) = (Vec::<InHand>::new(), BTreeSet::new());
        for one in self.in_order(entry.at, held) {
            let Promise { covers, zones, .. } = &one.promise;
            if !self.is_within(zones, entry.station) || sure.contains(covers.code()) {
                continue;
            }
            let next = one.in_hand();
            // Where the first of two that do the same does nothing, the second does nothing either.
            if hand.iter().any(|before| does_the_same(before, &next)) {
                continue;
            }
            if zones.is_empty() && covers_of_any_fare(*covers) {
                sure.insert(covers.code());
            }
            hand.push(next);
        }
        match hand.len() <= IN_HAND_MAX && hand.iter().all(InHand::fits) {
            true => hand,
            false => Vec::new(),
        }
    }

    /// What a journey costs when it is known what the account paid before and which products it has in hand.
    /// Where another tariff says so, or nothing does, both count for nothing: the fare is never lower for that.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn price_in_hand(
        &self,
        ride: &Ride<'_>,
        before: Option<&PaidBefore>,
        hand: &[InHand],
    ) -> Result<Quote, QuoteError> {
        let quote = self.price_after(ride, before)?;
        if !before.is_some_and(|before| is_ours(self, before)) {
            return Ok(quote);
        }
        let held: Vec<Held> = hand.iter().map(held).collect();
        let held: Vec<&Held> = held.iter().collect();
        Ok(self.lay_over(quote, (ride.entry, ride.exit), &held).0)
    }
}

impl Held {
    fn in_hand(&self) -> InHand {
        let Promise {
            covers,
            most_minor,
            zones,
            ..
        } = &self.promise;
        InHand {
            offer: self.offer.clone(),
            covers: *covers,
            used: self.used,
            most_minor: *most_minor,
            zones: zones.iter().map(|zone| zone.0.clone()).collect(),
        }
    }
}

/// The product as pricing takes it; its price and its id are the server's alone.
fn held(hand: &InHand) -> Held {
    Held {
        id: ProductId([0; 16]),
        offer: hand.offer.clone(),
        promise: Promise {
            covers: hand.covers,
            most_minor: hand.most_minor,
            zones: hand.zones.iter().cloned().map(Zone).collect(),
            // Of a missing end, and at a desk.
            missing_end: false,
            refund_fee_minor: None,
        },
        price_minor: 0,
        from: UnixMs(i64::MIN),
        until: UnixMs(i64::MAX),
        used: hand.used,
        earned_minor: 0,
        lapsed: false,
        refunded_minor: 0,
        uses_kept: None,
    }
}

/// Whether it takes something off every fare; a share may round to nothing.
fn covers_of_any_fare(covers: Covers) -> bool {
    match covers {
        Covers::Pass | Covers::MultiRide { .. } => true,
        Covers::Coupon { off, .. } => match off {
            Off::Minor(minor) => minor > 0,
            Off::Percent(percent) => percent >= 100,
        },
    }
}

fn does_the_same(one: &InHand, other: &InHand) -> bool {
    let off = |covers| match covers {
        Covers::Pass | Covers::MultiRide { .. } => None,
        Covers::Coupon { off, .. } => Some(off),
    };
    one.covers.code() == other.covers.code()
        && off(one.covers) == off(other.covers)
        && (one.most_minor, &one.zones) == (other.most_minor, &other.zones)
}
