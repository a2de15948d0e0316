//! Where the fare of a way stands: by distance, the same everywhere, by zones, or by pairs of
//! stations. This is the full fare; shares and rules come after it.

use super::rules::Rounding;
use super::table::ByClass;
use super::zones::Zones;
use fare_protocol::{FareReason, FareStep, RiderClass, StationId};
use std::collections::BTreeMap;

/// Exactly one of them makes a tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    Distance(Distance),
    Flat(Fare),
    Zones(Zones),
    Pairs(Pairs),
}

/// Steps by distance. They are not empty and ascend in both fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Distance {
    pub(super) first: Step,
    /// The steps after the first.
    pub(super) further: Vec<Step>,
    pub(super) beyond: Beyond,
}

/// Up to this distance, this fare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) up_to_m: u32,
    pub(super) fare: Fare,
}

/// What is added after the last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beyond {
    pub(super) every_m: u32,
    pub(super) add_minor: i64,
}

/// One fare, and what it is in the periods and for the classes that it names; a class never pays more
/// than an adult does. Periods go by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fare {
    pub(super) minor: i64,
    pub(super) in_period: BTreeMap<usize, i64>,
    pub(super) in_class: ByClass,
    pub(super) in_period_class: BTreeMap<usize, ByClass>,
}

/// How a way's fare comes about, and whether it is that of the class already.
pub(super) struct Full {
    pub(super) steps: Vec<FareStep>,
    pub(super) names_class: bool,
}

/// What a fare is for one class in one period.
struct Named {
    minor: i64,
    period: bool,
    class: bool,
}

/// For what a fare was named, as a step says it.
struct By {
    period: Option<String>,
    class: Option<RiderClass>,
}

/// A fare for every two stations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    pub(super) numbers: BTreeMap<StationId, usize>,
    /// Row by row, from each station to each; none only from a station to itself.
    pub(super) minor: Vec<Option<i64>>,
    /// The same for periods by their numbers, where it differs.
    pub(super) in_period: BTreeMap<usize, BTreeMap<(StationId, StationId), i64>>,
}

/// A way through the network, and how far it is where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: StationId,
    pub(super) to: StationId,
    pub(super) metres: u32,
}

/// A period by its number, its name, and what share of other fares holds in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Within<'t> {
    pub(super) number: usize,
    pub(super) id: &'t str,
    pub(super) percent: u32,
}

impl Structure {
    /// The full fare of a way; nothing from a station to itself that has none.
    pub(super) fn full(
        &self,
        way: Way,
        class: RiderClass,
        period: Option<Within<'_>>,
        rounding: Rounding,
    ) -> Option<Full> {
        let Way { from, to, metres } = way;
        let mut zones = None;
        let fare = match self {
            Self::Distance(distance) => distance.step(metres).fare.clone(),
            Self::Flat(fare) => fare.clone(),
            Self::Zones(by_zone) => {
                let (a, b, fare) = by_zone.cheapest(from, to, period, rounding)?;
                zones = Some((a.to_string(), b.to_string()));
                fare.clone()
            }
            Self::Pairs(pairs) => pairs.fare(from, to)?,
        };
        let named = fare.named(class, period);
        let reason = self.reason(way, zones, named.by(class, period));
        let mut steps = vec![FareStep {
            reason,
            minor: named.minor,
        }];
        if let Self::Distance(distance) = self {
            steps.extend(distance.beyond(metres));
        }
        if let Some(within) = period.filter(|_| !named.period) {
            steps.extend(within.share(&steps, rounding));
        }
        Some(Full {
            steps,
            names_class: named.class,
        })
    }

    fn reason(&self, way: Way, zones: Option<(String, String)>, by: By) -> FareReason {
        let Way { from, to, metres } = way;
        let By { period, class } = by;
        match (self, zones) {
            (Self::Distance(distance), _) => FareReason::Distance {
                from,
                to,
                metres,
                up_to_m: distance.step(metres).up_to_m,
                period,
                class,
            },
            (Self::Zones(_), Some((from_zone, to_zone))) => FareReason::Zones {
                from,
                to,
                from_zone,
                to_zone,
                period,
                class,
            },
            (Self::Flat(_), _) => FareReason::Flat {
                from,
                to,
                period,
                class,
            },
            (Self::Pairs(_) | Self::Zones(_), _) => FareReason::Pair {
                from,
                to,
                period,
                class,
            },
        }
    }

    pub(super) fn is_distance(&self) -> bool {
        match self {
            Self::Distance(_) => true,
            Self::Flat(_) | Self::Zones(_) | Self::Pairs(_) => false,
        }
    }
}

impl Within<'_> {
    /// The step that makes of other fares what they are in this period.
    fn share(self, steps: &[FareStep], rounding: Rounding) -> Option<FareStep> {
        if self.percent == 100 {
            return None;
        }
        let full = steps
            .iter()
            .fold(0, |sum: i64, step| sum.saturating_add(step.minor));
        let percent = self.percent;
        Some(FareStep {
            reason: FareReason::PeriodShare {
                period: self.id.to_owned(),
                percent,
                rounding: rounding.said(),
            },
            minor: rounding.share(full, percent).saturating_sub(full),
        })
    }
}

impl Fare {
    fn named(&self, class: RiderClass, period: Option<Within<'_>>) -> Named {
        let (minor, period) = match period.map(|within| within.number) {
            Some(number) if self.in_period.contains_key(&number) => {
                let class_in = self.in_period_class.get(&number);
                if let Some(minor) = class_in.and_then(|class_in| class_in.of(class)) {
                    return Named {
                        minor,
                        period: true,
                        class: true,
                    };
                }
                (self.in_period.get(&number).copied(), true)
            }
            Some(_) | None => (None, false),
        };
        match (minor, self.in_class.of(class)) {
            (Some(minor), _) => Named {
                minor,
                period,
                class: false,
            },
            (None, Some(minor)) => Named {
                minor,
                period,
                class: true,
            },
            (None, None) => Named {
                minor: self.minor,
                period,
                class: false,
            },
        }
    }

    /// What it comes to for an adult, to compare fares.
    pub(super) fn comes_to(&self, period: Option<Within<'_>>, rounding: Rounding) -> i64 {
        let named = self.named(RiderClass::Adult, period);
        match period.filter(|_| !named.period) {
            Some(within) => rounding.share(named.minor, within.percent),
            None => named.minor,
        }
    }
}

impl Named {
    fn by(&self, class: RiderClass, period: Option<Within<'_>>) -> By {
        let period = period.filter(|_| self.period);
        By {
            period: period.map(|within| within.id.to_owned()),
            class: self.class.then_some(class),
        }
    }
}

impl Distance {
    pub(super) fn all_steps(&self) -> impl Iterator<Item = &Step> {
        std::iter::once(&self.first).chain(&self.further)
    }

    fn last(&self) -> &Step {
        self.further.last().unwrap_or(&self.first)
    }

    fn step(&self, metres: u32) -> &Step {
        let enough = self.all_steps().find(|step| step.up_to_m >= metres);
        enough.unwrap_or_else(|| self.last())
    }

    fn beyond(&self, metres: u32) -> Option<FareStep> {
        let beyond_m = metres.saturating_sub(self.last().up_to_m);
        let Beyond { every_m, add_minor } = self.beyond;
        let times = beyond_m.div_ceil(every_m);
        (beyond_m > 0).then(|| FareStep {
            reason: FareReason::Beyond {
                metres: beyond_m,
                times,
                every_m,
            },
            minor: add_minor.saturating_mul(times.into()),
        })
    }
}

impl Pairs {
    pub(super) fn fare(&self, from: StationId, to: StationId) -> Option<Fare> {
        let (row, column) = (*self.numbers.get(&from)?, *self.numbers.get(&to)?);
        let minor = *self
            .minor
            .get(row * self.numbers.len() + column)?
            .as_ref()?;
        let named = self.in_period.iter();
        let in_period = named
            .filter_map(|(period, pairs)| Some((*period, *pairs.get(&(from, to))?)))
            .collect();
        Some(Fare {
            minor,
            in_period,
            ..Fare::default()
        })
    }
}
