//! From the two TOML texts to checked parts: every check that a fare depends on stands here.

use super::network::{LINK_M_MAX, LINKS_MAX, Link, Network, NotConnected, STATIONS_MAX, Station};
use super::table::{Beyond, FARE_MINOR_MAX, Percent, STEPS_MAX, Step, Table};
use super::{TEXT_LEN_MAX, TariffError, TariffPart, TariffProblem};
use fare_protocol::{GeoPoint, StationId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use toml::Spanned;

/// Longest name, in characters.
const NAME_LEN_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTariff {
    name: Spanned<String>,
    currency: Spanned<String>,
    valid_from: Spanned<String>,
    /// For people; whoever loads the texts knows where they are.
    #[serde(rename = "stations")]
    _stations: String,
    step: Vec<RawStep>,
    beyond: RawBeyond,
    class: Spanned<RawClass>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    up_to_m: Spanned<u32>,
    fare_minor: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBeyond {
    every_m: Spanned<u32>,
    add_minor: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    adult: Option<Spanned<u32>>,
    child: Option<Spanned<u32>>,
    student: Option<Spanned<u32>>,
    senior: Option<Spanned<u32>>,
    disabled: Option<Spanned<u32>>,
    staff: Option<Spanned<u32>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNetwork {
    #[serde(default)]
    station: Vec<RawStation>,
    #[serde(default)]
    link: Vec<RawLink>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStation {
    id: Spanned<String>,
    name: Spanned<String>,
    name_local: Spanned<String>,
    line: Spanned<String>,
    lat: Spanned<f64>,
    lon: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    from: Spanned<String>,
    to: Spanned<String>,
    metres: Spanned<u32>,
}

/// One of the texts, to say where in it something is wrong.
struct Text<'t> {
    part: TariffPart,
    text: &'t str,
}

/// Reads and checks the tariff's own text.
pub(super) fn table(text: &str) -> Result<Table, TariffError> {
    let text = Text {
        part: TariffPart::Tariff,
        text,
    };
    let raw: RawTariff = text.parse()?;
    let (first, further) = steps(&text, &raw.step)?;
    let currency = raw.currency.get_ref().parse();
    Ok(Table {
        name: text.name(&raw.name, "name")?,
        valid_from: date(&text, &raw.valid_from)?,
        currency: currency.map_err(|err| text.wrong(raw.currency.span(), err))?,
        first,
        further,
        beyond: Beyond {
            every_m: text.in_range(&raw.beyond.every_m, "every_m", 1, u32::MAX)?,
            add_minor: text.in_range(&raw.beyond.add_minor, "add_minor", 0, FARE_MINOR_MAX)?,
        },
        percent: percent(&text, &raw.class)?,
    })
}

/// Reads and checks the stations' text.
pub(super) fn network(text: &str) -> Result<Network, TariffError> {
    let text = Text {
        part: TariffPart::Stations,
        text,
    };
    let raw: RawNetwork = text.parse()?;
    text.count(raw.station.len(), "stations", STATIONS_MAX)?;
    text.count(raw.link.len(), "links", LINKS_MAX)?;
    if raw.station.is_empty() {
        return Err(text.wrong(0..0, TariffProblem::None("[[station]]")));
    }
    let stations = stations(&text, &raw.station)?;
    let links = links(&text, &raw.link, &stations)?;
    let ids: Vec<_> = stations.iter().map(|station| station.id).collect();
    Network::new(stations, links).map_err(|NotConnected(from, to)| {
        let problem = TariffProblem::NotConnected {
            from: ids[from],
            to: ids[to],
        };
        text.wrong(raw.station[to].id.span(), problem)
    })
}

fn steps(text: &Text<'_>, raw: &[RawStep]) -> Result<(Step, Vec<Step>), TariffError> {
    text.count(raw.len(), "steps", STEPS_MAX)?;
    let mut steps: Vec<Step> = Vec::with_capacity(raw.len());
    for step in raw {
        let up_to_m = text.in_range(&step.up_to_m, "up_to_m", 1, u32::MAX)?;
        let fare_minor = text.in_range(&step.fare_minor, "fare_minor", 0, FARE_MINOR_MAX)?;
        if let Some(before) = steps.last() {
            if up_to_m <= before.up_to_m {
                let before = before.up_to_m;
                let problem = TariffProblem::StepNotLonger {
                    got: up_to_m,
                    before,
                };
                return Err(text.wrong(step.up_to_m.span(), problem));
            }
            if fare_minor < before.fare_minor {
                let before = before.fare_minor;
                let problem = TariffProblem::StepCheaper {
                    got: fare_minor,
                    before,
                };
                return Err(text.wrong(step.fare_minor.span(), problem));
            }
        }
        steps.push(Step {
            up_to_m,
            fare_minor,
        });
    }
    match steps.split_first() {
        Some((first, further)) => Ok((*first, further.to_vec())),
        None => Err(text.wrong(0..0, TariffProblem::None("[[step]]"))),
    }
}

fn percent(text: &Text<'_>, raw: &Spanned<RawClass>) -> Result<Percent, TariffError> {
    let class = raw.get_ref();
    let adult = class.adult.as_ref();
    let adult = adult.ok_or_else(|| text.wrong(raw.span(), TariffProblem::NoAdult))?;
    let adult = text.in_range(adult, "adult", 0, 100)?;
    let percent = |value: &Option<Spanned<u32>>, what| match value {
        Some(value) => text.in_range(value, what, 0, 100),
        None => Ok(adult),
    };
    Ok(Percent {
        adult,
        child: percent(&class.child, "child")?,
        student: percent(&class.student, "student")?,
        senior: percent(&class.senior, "senior")?,
        disabled: percent(&class.disabled, "disabled")?,
        staff: percent(&class.staff, "staff")?,
    })
}

fn date(text: &Text<'_>, value: &Spanned<String>) -> Result<String, TariffError> {
    match value.get_ref().parse() {
        Ok(toml::value::Datetime {
            date: Some(date),
            time: None,
            offset: None,
        }) => Ok(date.to_string()),
        Ok(toml::value::Datetime { .. }) | Err(_) => {
            Err(text.wrong(value.span(), TariffProblem::Date(value.get_ref().clone())))
        }
    }
}

fn stations(text: &Text<'_>, raw: &[RawStation]) -> Result<Vec<Station>, TariffError> {
    let mut known = BTreeSet::new();
    let mut stations = Vec::with_capacity(raw.len());
    for raw in raw {
        let id: StationId = text.id(&raw.id)?;
        if !known.insert(id) {
            return Err(text.wrong(raw.id.span(), TariffProblem::StationTwice(id)));
        }
        let (lat, lon) = (*raw.lat.get_ref(), raw.lon);
        let place = || TariffProblem::Place {
            lat: lat.to_string(),
            lon: lon.to_string(),
        };
        stations.push(Station {
            id,
            name: text.name(&raw.name, "name")?,
            name_local: text.name(&raw.name_local, "name_local")?,
            line: text.id(&raw.line)?,
            point: point(lat, lon).ok_or_else(|| text.wrong(raw.lat.span(), place()))?,
        });
    }
    Ok(stations)
}

/// Degrees to units of 1e-7 degree.
fn point(lat: f64, lon: f64) -> Option<GeoPoint> {
    let e7 = |degrees: f64| (degrees.is_finite()).then_some((degrees * 1e7).round() as i32);
    GeoPoint::from_e7(e7(lat)?, e7(lon)?)
}

fn links(text: &Text<'_>, raw: &[RawLink], stations: &[Station]) -> Result<Vec<Link>, TariffError> {
    let numbers: BTreeMap<_, _> = stations
        .iter()
        .enumerate()
        .map(|(n, s)| (s.id, n))
        .collect();
    let station = |value: &Spanned<String>| {
        let id = text.id(value)?;
        let unknown = || text.wrong(value.span(), TariffProblem::UnknownStation(id));
        Ok((id, *numbers.get(&id).ok_or_else(unknown)?))
    };
    let mut known = BTreeSet::new();
    let mut links = Vec::with_capacity(raw.len());
    for raw in raw {
        let (a, from) = station(&raw.from)?;
        let (b, to) = station(&raw.to)?;
        if from == to {
            return Err(text.wrong(raw.to.span(), TariffProblem::LinkToItself(a)));
        }
        if !known.insert((from.min(to), from.max(to))) {
            return Err(text.wrong(raw.from.span(), TariffProblem::LinkTwice(a, b)));
        }
        let metres = text.in_range(&raw.metres, "metres", 1, LINK_M_MAX)?;
        links.push(Link { from, to, metres });
    }
    Ok(links)
}

impl Text<'_> {
    fn parse<T: DeserializeOwned>(&self) -> Result<T, TariffError> {
        if self.text.len() > TEXT_LEN_MAX {
            let problem = TariffProblem::TooLong {
                got: self.text.len(),
                max: TEXT_LEN_MAX,
            };
            return Err(self.wrong(0..0, problem));
        }
        toml::from_str(self.text).map_err(|err| {
            let problem = TariffProblem::Toml(err.message().to_owned());
            self.wrong(err.span().unwrap_or_default(), problem)
        })
    }

    fn wrong(&self, at: Range<usize>, problem: impl Into<TariffProblem>) -> TariffError {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = before
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1);
        TariffError {
            part: self.part,
            line,
            problem: problem.into(),
        }
    }

    fn count(&self, got: usize, what: &'static str, max: usize) -> Result<(), TariffError> {
        let problem = TariffProblem::TooMany { what, got, max };
        if got > max {
            Err(self.wrong(0..0, problem))
        } else {
            Ok(())
        }
    }

    fn in_range<N>(
        &self,
        value: &Spanned<N>,
        what: &'static str,
        min: N,
        max: N,
    ) -> Result<N, TariffError>
    where
        N: Copy + PartialOrd + Into<i64>,
    {
        let got = *value.get_ref();
        if (min..=max).contains(&got) {
            return Ok(got);
        }
        let (got, min, max) = (got.into(), min.into(), max.into());
        Err(self.wrong(
            value.span(),
            TariffProblem::OutOfRange {
                what,
                got,
                min,
                max,
            },
        ))
    }

    fn id<I: std::str::FromStr<Err = fare_protocol::IdError>>(
        &self,
        value: &Spanned<String>,
    ) -> Result<I, TariffError> {
        value
            .get_ref()
            .parse()
            .map_err(|err: I::Err| self.wrong(value.span(), err))
    }

    fn name(&self, value: &Spanned<String>, what: &'static str) -> Result<String, TariffError> {
        let name = value.get_ref();
        let length = name.chars().count();
        if (1..=NAME_LEN_MAX).contains(&length) && !name.chars().any(char::is_control) {
            Ok(name.clone())
        } else {
            Err(self.wrong(value.span(), TariffProblem::Name(what)))
        }
    }
}
