//! The table of fares: by distance, flat, by zones, or by pairs; and whether it has holes.

use super::text::Text;
use super::{RawClass, fare_minor};
use crate::tariff::calendar::Period;
use crate::tariff::network::Network;
use crate::tariff::rules::Rules;
use crate::tariff::structure::{Beyond, Distance, Fare, Pairs, Step, Structure};
use crate::tariff::table::{ByClass, FARE_MINOR_MAX, STEPS_MAX, Table};
use crate::tariff::zones::{ZONES_MAX, Zone, Zones, sorted};
use crate::tariff::{TariffError, TariffPart, TariffProblem};
use fare_protocol::StationId;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// Most pairs and stations that one message names.
const NAMED_MAX: usize = 100;

type InPeriod = BTreeMap<Spanned<String>, Spanned<i64>>;
type InPeriodClass = BTreeMap<Spanned<String>, RawClass<i64>>;

/// From each station to each, in minor units.
pub(super) type RawPair = BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<i64>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    up_to_m: Spanned<u32>,
    fare_minor: Spanned<i64>,
    #[serde(default)]
    in_period: InPeriod,
    in_class: Option<RawClass<i64>>,
    #[serde(default)]
    in_period_class: InPeriodClass,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBeyond {
    every_m: Spanned<u32>,
    add_minor: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlat {
    fare_minor: Spanned<i64>,
    #[serde(default)]
    in_period: InPeriod,
    in_class: Option<RawClass<i64>>,
    #[serde(default)]
    in_period_class: InPeriodClass,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawZone {
    id: Spanned<String>,
    stations: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawZoneFare {
    zones: [Spanned<String>; 2],
    #[serde(default)]
    one_way: bool,
    fare_minor: Spanned<i64>,
    #[serde(default)]
    in_period: InPeriod,
    in_class: Option<RawClass<i64>>,
    #[serde(default)]
    in_period_class: InPeriodClass,
}

/// Everything of a tariff's text that its fares are in.
pub(super) struct RawFares<'r> {
    pub(super) step: Option<&'r [RawStep]>,
    pub(super) beyond: Option<&'r RawBeyond>,
    pub(super) flat: Option<&'r RawFlat>,
    pub(super) zone: Option<&'r [RawZone]>,
    pub(super) zone_fare: &'r [RawZoneFare],
    pub(super) pair: Option<&'r RawPair>,
    pub(super) pair_in: &'r BTreeMap<Spanned<String>, RawPair>,
}

/// A fare with everything that it may name.
struct RawFare<'r> {
    minor: &'r Spanned<i64>,
    in_period: &'r InPeriod,
    in_class: Option<&'r RawClass<i64>>,
    in_period_class: &'r InPeriodClass,
}

macro_rules! raw_fare {
    ($($name:ident),*) => {
        $(impl $name {
            fn named(&self) -> RawFare<'_> {
                RawFare {
                    minor: &self.fare_minor,
                    in_period: &self.in_period,
                    in_class: self.in_class.as_ref(),
                    in_period_class: &self.in_period_class,
                }
            }
        })*
    };
}

raw_fare!(RawStep, RawFlat, RawZoneFare);

/// Reads what a text's periods are called.
struct Reader<'t> {
    text: &'t Text<'t>,
    periods: &'t [Period],
}

pub(super) fn structure(
    text: &Text<'_>,
    raw: &RawFares<'_>,
    periods: &[Period],
) -> Result<Structure, TariffError> {
    let reader = Reader { text, periods };
    let only = |stray: bool, what| {
        if stray {
            return Err(text.wrong(0..0, TariffProblem::Stray(what)));
        }
        Ok(())
    };
    only(
        raw.beyond.is_some() && raw.step.is_none(),
        "[beyond] without [[step]]",
    )?;
    only(
        !raw.zone_fare.is_empty() && raw.zone.is_none(),
        "[[zone_fare]] without [[zone]]",
    )?;
    only(
        !raw.pair_in.is_empty() && raw.pair.is_none(),
        "[pair_in] without [pair]",
    )?;
    match (raw.step, raw.flat, raw.zone, raw.pair) {
        (Some(steps), None, None, None) => {
            let beyond = raw
                .beyond
                .ok_or_else(|| text.wrong(0..0, TariffProblem::None("[beyond]")));
            reader.distance(steps, beyond?).map(Structure::Distance)
        }
        (None, Some(flat), None, None) => {
            let fare = reader.fare(&flat.named());
            fare.map(Structure::Flat)
        }
        (None, None, Some(zones), None) => reader.zones(zones, raw.zone_fare).map(Structure::Zones),
        (None, None, None, Some(pairs)) => reader.pairs(pairs, raw.pair_in).map(Structure::Pairs),
        (None, None, None, None) => Err(text.wrong(0..0, TariffProblem::NoFares)),
        (_, _, _, _) => Err(text.wrong(0..0, TariffProblem::SeveralFares)),
    }
}

impl Reader<'_> {
    fn fare(&self, raw: &RawFare<'_>) -> Result<Fare, TariffError> {
        let minor = fare_minor(self.text, raw.minor, "fare_minor")?;
        let named = raw.in_period.iter().map(|(id, minor)| {
            let minor = fare_minor(self.text, minor, "a period's fare")?;
            Ok((self.period(id)?, minor))
        });
        let in_period = named.collect::<Result<BTreeMap<_, _>, _>>()?;
        let in_class = raw.in_class.map(|class| class.checked(self.text, 0, minor));
        let mut in_period_class = BTreeMap::new();
        for (id, class) in raw.in_period_class {
            let period = self.period(id)?;
            let adult = in_period.get(&period).copied();
            let none = || TariffProblem::ClassWithoutAdult(id.get_ref().clone());
            let adult = adult.ok_or_else(|| self.text.wrong(id.span(), none()))?;
            in_period_class.insert(period, ByClass(class.checked(self.text, 0, adult)?));
        }
        Ok(Fare {
            minor,
            in_period,
            in_class: ByClass(in_class.transpose()?.unwrap_or_default()),
            in_period_class,
        })
    }

    fn period(&self, id: &Spanned<String>) -> Result<usize, TariffError> {
        let number = self
            .periods
            .iter()
            .position(|period| period.id == *id.get_ref());
        let unknown = || TariffProblem::UnknownPeriod(id.get_ref().clone());
        number.ok_or_else(|| self.text.wrong(id.span(), unknown()))
    }

    fn distance(&self, raw: &[RawStep], beyond: &RawBeyond) -> Result<Distance, TariffError> {
        let text = self.text;
        text.count(raw.len(), "steps", STEPS_MAX)?;
        let mut steps: Vec<Step> = Vec::with_capacity(raw.len());
        for raw in raw {
            let step = Step {
                up_to_m: text.in_range(&raw.up_to_m, "up_to_m", 1, u32::MAX)?,
                fare: self.fare(&raw.named())?,
            };
            if let Some(before) = steps.last() {
                self.ascends(before, &step, raw)?;
            }
            steps.push(step);
        }
        let mut steps = steps.into_iter();
        let first = steps.next();
        Ok(Distance {
            first: first.ok_or_else(|| text.wrong(0..0, TariffProblem::None("[[step]]")))?,
            further: steps.collect(),
            beyond: Beyond {
                every_m: text.in_range(&beyond.every_m, "every_m", 1, u32::MAX)?,
                add_minor: text.in_range(&beyond.add_minor, "add_minor", 0, FARE_MINOR_MAX)?,
            },
        })
    }

    fn ascends(&self, before: &Step, step: &Step, raw: &RawStep) -> Result<(), TariffError> {
        if step.up_to_m <= before.up_to_m {
            let problem = TariffProblem::StepNotLonger {
                got: step.up_to_m,
                before: before.up_to_m,
            };
            return Err(self.text.wrong(raw.up_to_m.span(), problem));
        }
        if step.fare.minor < before.fare.minor {
            let problem = TariffProblem::StepCheaper {
                got: step.fare.minor,
                before: before.fare.minor,
            };
            return Err(self.text.wrong(raw.fare_minor.span(), problem));
        }
        Ok(())
    }

    fn zones(&self, raw: &[RawZone], raw_fares: &[RawZoneFare]) -> Result<Zones, TariffError> {
        let text = self.text;
        text.count(raw.len(), "zones", ZONES_MAX)?;
        let (mut zones, mut known) = (Zones::default(), BTreeSet::new());
        for raw in raw {
            let zone = Zone(text.label(&raw.id)?);
            text.once(raw.id.span(), &zone.0, known.insert(zone.clone()))?;
            for station in &raw.stations {
                let id: StationId = text.id(station)?;
                zones.of.entry(id).or_default().insert(zone.clone());
            }
        }
        for raw in raw_fares {
            let find = |name: &Spanned<String>| {
                let zone = Zone(name.get_ref().clone());
                let unknown = || TariffProblem::UnknownZone(name.get_ref().clone());
                let missing = || text.wrong(name.span(), unknown());
                known.contains(&zone).then_some(zone).ok_or_else(missing)
            };
            let [a, b] = &raw.zones;
            let (from, to) = (find(a)?, find(b)?);
            let fare = self.fare(&raw.named())?;
            let (fares, key, what) = if raw.one_way {
                let what = format!("the fare from zone {from} to {to}");
                (&mut zones.one_way, (from, to), what)
            } else {
                let key = sorted(&from, &to);
                let what = format!("the fare of zones {} and {}", key.0, key.1);
                (&mut zones.fares, key, what)
            };
            text.once(a.span(), &what, fares.insert(key, fare).is_none())?;
        }
        Ok(zones)
    }

    fn pairs(
        &self,
        raw: &RawPair,
        raw_in: &BTreeMap<Spanned<String>, RawPair>,
    ) -> Result<Pairs, TariffError> {
        let fares = self.both_ways(raw)?;
        let ids: BTreeSet<_> = fares.keys().map(|(from, _)| *from).collect();
        let numbers: BTreeMap<_, _> = ids.iter().enumerate().map(|(n, id)| (*id, n)).collect();
        let fare = |from: &StationId, to: &StationId| fares.get(&(*from, *to)).copied();
        let minor = ids.iter().flat_map(|a| ids.iter().map(move |b| fare(a, b)));
        let minor = minor.collect();
        let mut in_period = BTreeMap::new();
        for (period, raw) in raw_in {
            in_period.insert(self.period(period)?, self.both_ways(raw)?);
        }
        Ok(Pairs {
            numbers,
            minor,
            in_period,
        })
    }

    /// A fare counts for the other way too, unless that one is named as well.
    fn both_ways(
        &self,
        raw: &RawPair,
    ) -> Result<BTreeMap<(StationId, StationId), i64>, TariffError> {
        let mut fares = BTreeMap::new();
        for (from, row) in raw {
            let from: StationId = self.text.id(from)?;
            for (to, minor) in row {
                let to: StationId = self.text.id(to)?;
                fares.insert((from, to), fare_minor(self.text, minor, "the fare")?);
            }
        }
        let back: Vec<_> = fares
            .iter()
            .map(|((a, b), minor)| ((*b, *a), *minor))
            .collect();
        for (way, minor) in back {
            fares.entry(way).or_insert(minor);
        }
        Ok(fares)
    }
}

/// Whether there is a fare from every station to every other, and no fare for a station that there
/// is not.
pub(in crate::tariff) fn complete(
    text: &str,
    table: &Table,
    rules: &Rules,
    network: &Network,
) -> Result<(), TariffError> {
    let text = Text {
        part: TariffPart::Tariff,
        text,
    };
    let named: Vec<StationId> = match &table.structure {
        Structure::Distance(_) | Structure::Flat(_) => return Ok(()),
        Structure::Zones(zones) => zones.of.keys().copied().collect(),
        Structure::Pairs(pairs) => pairs.numbers.keys().copied().collect(),
    };
    if let Some(unknown) = named.iter().find(|id| network.station(**id).is_none()) {
        return Err(text.wrong(0..0, TariffProblem::UnknownStation(*unknown)));
    }
    let itself = rules
        .same_station
        .is_some_and(|rule| rule.fare_minor.is_some());
    let (mut missing, mut count) = (Vec::new(), 0_usize);
    for from in network.ids() {
        for to in network.ids() {
            let has = match &table.structure {
                Structure::Distance(_) | Structure::Flat(_) => true,
                Structure::Zones(zones) => zones.cheapest(from, to, None, rules.rounding).is_some(),
                Structure::Pairs(pairs) => pairs.fare(from, to).is_some(),
            };
            if has || (from == to && itself) {
                continue;
            }
            count = count.saturating_add(1);
            if missing.len() < NAMED_MAX {
                missing.push(format!("{from} to {to}"));
            }
        }
    }
    if count == 0 {
        return Ok(());
    }
    let more = match count.saturating_sub(missing.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let pairs = missing.join(", ") + &more;
    Err(text.wrong(0..0, TariffProblem::Holes { count, pairs }))
}
