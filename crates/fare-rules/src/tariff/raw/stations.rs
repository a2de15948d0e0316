//! From the stations' text to the network.

use super::text::Text;
use crate::tariff::network::{
    LINK_M_MAX, LINKS_MAX, Link, Network, NotConnected, STATIONS_MAX, Station,
};
use crate::tariff::{TariffError, TariffPart, TariffProblem};
use fare_protocol::{GeoPoint, StationId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

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

/// Reads and checks the stations' text. Where fares are not by distance, links may be missing.
pub(in crate::tariff) fn network(text: &str, by_distance: bool) -> Result<Network, TariffError> {
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
    if !by_distance {
        return Ok(Network::unmeasured(stations, links));
    }
    Network::new(stations, links).map_err(|NotConnected(from, to)| {
        let problem = TariffProblem::NotConnected {
            from: ids[from],
            to: ids[to],
        };
        text.wrong(raw.station[to].id.span(), problem)
    })
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
