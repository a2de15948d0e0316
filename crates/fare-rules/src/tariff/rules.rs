//! The rules of a tariff beside its table of fares, as data.

use super::calendar::{Day, Span};
use super::products::Product;
use super::table::{ByClass, Percent};
use super::zones::Zone;
pub(super) use fare_protocol::RoundingHow as How;
use fare_protocol::{RiderClass, StationId, StepRounding};
use std::collections::BTreeSet;

/// Most transfer rules, caps, and steps of the discount.
pub const RULES_MAX: usize = 16;

/// Most transfers that may be allowed in a row.
pub const TRANSFERS_MAX: u32 = 16;

/// Everything but the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) valid_until: Option<Day>,
    pub(super) rounding: Rounding,
    pub(super) same_station: Option<SameStation>,
    pub(super) over_time: Option<OverTime>,
    pub(super) transfers: Vec<Transfer>,
    pub(super) discounts: Vec<Discount>,
    pub(super) caps: Vec<Cap>,
    pub(super) maximum: Maximum,
    /// How sure it must be where a missing end was, in per cent, to charge the fare from or to there.
    pub(super) completed_from: Option<u32>,
    /// On sale, in the order of use.
    pub(super) products: Vec<Product>,
    pub(super) paper_refunds: PaperRefunds,
}

/// What is paid back of a paper code that is brought back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaperRefunds {
    /// What is kept of one that nobody used, in minor units.
    pub unused_fee_minor: i64,
    /// What is kept of what its journey left, in minor units; nothing where that is not paid back.
    pub rest_fee_minor: Option<i64>,
}

impl PaperRefunds {
    /// How much is paid back of what is left of one; nothing where that is not paid back.
    pub fn pays_back(self, left_minor: i64, is_used: bool) -> Option<i64> {
        let fee = if is_used {
            self.rest_fee_minor?
        } else {
            self.unused_fee_minor
        };
        Some(left_minor.saturating_sub(fee).max(0))
    }
}

/// To which amounts shares are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rounding {
    pub(super) to_minor: i64,
    pub(super) how: How,
}

/// Out again where one came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SameStation {
    pub(super) grace_min: u32,
    /// Up to the grace.
    pub(super) within_minor: i64,
    /// After it; the table's fare when there is none.
    pub(super) fare_minor: Option<i64>,
}

/// Who stays too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OverTime {
    pub(super) after_min: u32,
    pub(super) add_minor: i64,
    /// Once more for each started so many minutes beyond; once when there is none.
    pub(super) every_min: Option<u32>,
    pub(super) most_minor: Option<i64>,
}

/// A journey that goes on from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) id: String,
    pub(super) within_min: u32,
    pub(super) measured: Measured,
    /// Where one may leave and come in again, either way; anywhere when there is none.
    pub(super) between: BTreeSet<(StationId, StationId)>,
    /// How many in a row.
    pub(super) most: u32,
    /// The time limit begins at the first of all that go on from one another, not at the one before.
    pub(super) since_first: bool,
    pub(super) price: TransferPrice,
    /// Amounts in place of the price's for classes that have one of their own.
    pub(super) class: ByClass,
}

/// Which two taps the time limit lies between: of the journey before and of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    EntryToExit,
    EntryToEntry,
    ExitToEntry,
    ExitToExit,
}

/// What the journey after a transfer costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferPrice {
    /// All together what one journey would, less what is paid already.
    OneJourney,
    /// This.
    Fixed(i64),
    /// Its own fare and this; may be negative.
    Add(i64),
    /// All together this, less what is paid already.
    Total {
        minor: i64,
        /// Each after the second costs this instead.
        further_minor: Option<i64>,
    },
}

/// A share for who travels much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Discount {
    pub(super) span: Span,
    pub(super) from: From,
    pub(super) percent: u32,
}

/// From when on a discount counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// So much was paid before.
    Minor(i64),
    /// So many journeys were made before.
    Journeys(u32),
}

/// The most that journeys of one span cost together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cap {
    pub(super) id: String,
    pub(super) span: Span,
    pub(super) most_minor: i64,
    /// For classes that have one of their own.
    pub(super) class: ByClass,
    /// Only journeys within these zones; all when there is none.
    pub(super) zones: BTreeSet<Zone>,
}

/// What a journey costs of which one end is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Maximum {
    pub(super) no_exit_minor: Option<i64>,
    pub(super) no_entry_minor: Option<i64>,
    /// For classes that have one of their own.
    pub(super) class: ByClass,
}

impl Default for Rounding {
    fn default() -> Self {
        Self {
            to_minor: 1,
            how: How::Down,
        }
    }
}

impl Rounding {
    /// So many per cent of `full`, rounded; up to 100 per cent never more than `full`.
    pub(super) fn share(self, full: i64, percent: u32) -> i64 {
        let (hundredths, unit) = (
            i128::from(full) * i128::from(percent),
            i128::from(self.to_minor) * 100,
        );
        let units = match self.how {
            How::Down => hundredths.div_euclid(unit),
            How::Up => -(-hundredths).div_euclid(unit),
            How::Nearest => (2 * hundredths + unit).div_euclid(2 * unit),
        };
        let share = i64::try_from(units * i128::from(self.to_minor)).unwrap_or(i64::MAX);
        if percent <= 100 {
            share.min(full)
        } else {
            share
        }
    }

    /// As a step says it.
    pub(super) fn said(self) -> StepRounding {
        let Self { how, to_minor } = self;
        StepRounding { how, to_minor }
    }
}

impl Cap {
    pub(super) fn most(&self, class: RiderClass, percent: &Percent, rounding: Rounding) -> i64 {
        let own = self.class.of(class);
        own.unwrap_or_else(|| rounding.share(self.most_minor, percent.of(class)))
    }
}

impl Transfer {
    /// Whether one may leave here and come in again there.
    pub(super) fn joins(&self, left: StationId, entered: StationId) -> bool {
        self.between.is_empty()
            || self.between.contains(&(left, entered))
            || self.between.contains(&(entered, left))
    }
}

impl Measured {
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::EntryToExit, "entry-to-exit"),
        (Self::EntryToEntry, "entry-to-entry"),
        (Self::ExitToEntry, "exit-to-entry"),
        (Self::ExitToExit, "exit-to-exit"),
    ];
}
