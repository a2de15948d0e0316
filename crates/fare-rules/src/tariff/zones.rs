//! Zones and what it costs from one to another.

use super::rules::Rounding;
use super::structure::{Fare, Within};
use fare_protocol::StationId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most zones of a tariff: enough for a feed in which each station is an area of its own.
pub const ZONES_MAX: usize = 250;

/// A zone's name: 1 to 24 lower-case letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Zone(pub(super) String);

/// Which station is in which zones, and the fares between zones: the same both ways, the name that
/// sorts first stands first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Zones {
    pub(super) of: BTreeMap<StationId, BTreeSet<Zone>>,
    pub(super) fares: BTreeMap<(Zone, Zone), Fare>,
    /// From the first to the second; they come before those of both ways.
    pub(super) one_way: BTreeMap<(Zone, Zone), Fare>,
}

impl Zones {
    /// The cheapest of a way's fares: a station may be in several zones.
    pub(super) fn cheapest(
        &self,
        from: StationId,
        to: StationId,
        period: Option<Within<'_>>,
        rounding: Rounding,
    ) -> Option<(&Zone, &Zone, &Fare)> {
        let (starts, ends) = (self.of.get(&from)?, self.of.get(&to)?);
        let all = starts
            .iter()
            .flat_map(|a| ends.iter().map(move |b| (a, b)))
            .filter_map(|(a, b)| Some((a, b, self.fare(a, b)?)));
        all.min_by_key(|(_, _, fare)| fare.comes_to(period, rounding))
    }

    fn fare(&self, from: &Zone, to: &Zone) -> Option<&Fare> {
        let one_way = || self.one_way.get(&(from.clone(), to.clone()));
        let own = (!self.one_way.is_empty()).then(one_way).flatten();
        own.or_else(|| self.fares.get(&sorted(from, to)))
    }

    /// Whether a station is in one of these zones.
    pub(super) fn is_within(&self, station: StationId, zones: &BTreeSet<Zone>) -> bool {
        let of = self.of.get(&station);
        of.is_some_and(|of| !of.is_disjoint(zones))
    }
}

/// The two as they stand in [`Zones::fares`].
pub(super) fn sorted(a: &Zone, b: &Zone) -> (Zone, Zone) {
    (a.min(b).clone(), a.max(b).clone())
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
