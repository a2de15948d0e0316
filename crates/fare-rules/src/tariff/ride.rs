//! What a price is asked for: a journey, its times, and what the account paid before.

use fare_protocol::{RiderClass, StationId, UnixMs};

/// One end of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Where.
    pub station: StationId,
    /// When, by that gate's clock.
    pub at: UnixMs,
}

/// A journey to be priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ride<'h> {
    /// By which fares.
    pub class: RiderClass,
    /// First moment at which the class is not proven any more: an entry from then on pays as an
    /// adult.
    pub class_until: Option<UnixMs>,
    /// Where it began.
    pub entry: End,
    /// Where it ended.
    pub exit: End,
    /// The account's earlier journeys, in any order, as far back as [`super::Tariff::reach`] says.
    /// Those that began later than this one do not count.
    pub earlier: &'h [Paid],
}

/// An earlier journey and what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paid {
    /// Where it began.
    pub entry: End,
    /// Where it ended.
    pub exit: End,
    /// Minor units of the tariff's currency; zero or more.
    pub minor: i64,
}

impl Ride<'_> {
    /// The class that counts.
    pub(super) fn counts_as(&self) -> RiderClass {
        match self.class_until {
            Some(until) if self.entry.at >= until => RiderClass::Adult,
            Some(_) | None => self.class,
        }
    }

    /// The same as if it were the account's first: what a gate without a network can tell.
    #[must_use]
    pub fn alone(self) -> Ride<'static> {
        Ride {
            class: self.class,
            class_until: self.class_until,
            entry: self.entry,
            exit: self.exit,
            earlier: &[],
        }
    }

    /// How long the rider was inside, in milliseconds; negative when the clocks disagree.
    pub(super) fn inside_ms(&self) -> i64 {
        self.exit.at.since(self.entry.at)
    }
}
