//! Stops and areas as stations and zones. Fares go by the set of a station's areas: stations that are in the very
//! same areas are one zone of fares.

use super::csv::{Row, Table};
use super::{Names, Problem, Problems, all, label};
use fare_protocol::StationId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The line of every station: a feed's stations are on several, and fares do not depend on it.
const LINE: &str = "ALL";

/// Zone of stations that are in no area.
const NO_AREA: &str = "no-area";

struct Station {
    id: StationId,
    name: String,
    lat: f64,
    lon: f64,
}

/// Stations and the areas that they are in.
pub(super) struct Places {
    stations: Vec<Station>,
    /// Stations by area, in the feed's words.
    areas: BTreeMap<String, BTreeSet<StationId>>,
    zones: Vec<FareZone>,
}

/// The stations that are in the very same areas.
pub(super) struct FareZone {
    /// As the tariff calls it.
    pub(super) name: String,
    pub(super) areas: BTreeSet<String>,
    stations: BTreeSet<StationId>,
}

impl Places {
    /// Of the stops only those that are `served`, when that is known.
    pub(super) fn read(
        (stops, served): (&Table, Option<&BTreeSet<String>>),
        areas: &Table,
        stop_areas: &Table,
    ) -> Result<Self, Problems> {
        let is_served = |row: &Row<'_>| served.is_none_or(|all| all.contains(row.text("stop_id")));
        let with_stops: BTreeSet<&str> = stops
            .rows()
            .filter(is_served)
            .map(|row| parent(&row))
            .collect();
        let own = || {
            let stations = stops.rows().filter(is_station);
            stations.filter(|row| with_stops.contains(row.text("stop_id")))
        };
        let stations = all(own().map(station))?;
        let mut known = BTreeSet::new();
        let own = own().zip(&stations);
        all(own.map(|(row, station)| {
            let what = || format!("{} is the id of two stations here; rename one", station.id);
            let new = known.insert(station.id);
            new.then_some(())
                .ok_or_else(|| row.wrong("stop_id", what()))
        }))?;
        if stations.is_empty() {
            return Err(stops.wrong("there are no stations").into());
        }
        let of_stop: BTreeMap<&str, StationId> = stops
            .rows()
            .filter_map(|row| Some((row.text("stop_id"), id_of(parent(&row)).ok()?)))
            .collect();
        let mut found: BTreeMap<String, BTreeSet<StationId>> = areas
            .rows()
            .map(|row| (row.text("area_id").to_owned(), BTreeSet::new()))
            .collect();
        let pairs = all(stop_areas.rows().map(|row| {
            let (area, stop) = (row.need("area_id")?, row.need("stop_id")?);
            let no_stop = || format!("there is no stop {:?} in stops.txt", stop.text);
            let station = of_stop.get(stop.text.as_str());
            let station = station.ok_or_else(|| row.wrong("stop_id", no_stop()))?;
            if !found.contains_key(&area.text) {
                let what = format!("there is no area {:?} in areas.txt", area.text);
                return Err(row.wrong("area_id", what));
            }
            Ok((area.text.clone(), *station))
        }))?;
        for (area, station) in pairs {
            if known.contains(&station) {
                found.entry(area).or_default().insert(station);
            }
        }
        let mut names = Names::default();
        let zones = zones(&stations, &found, &mut names);
        Ok(Self {
            stations,
            areas: found,
            zones,
        })
    }

    pub(super) fn has_area(&self, area: &str) -> bool {
        self.areas.contains_key(area)
    }

    /// All zones of fares.
    pub(super) fn zones(&self) -> &[FareZone] {
        &self.zones
    }

    /// The zones of fares, and beside them each area that they divide, for the caps and products of a policy.
    pub(super) fn toml_zones(&self) -> String {
        let mut text = String::new();
        let mut zone = |name: &str, stations: &BTreeSet<StationId>| {
            let ids: Vec<_> = stations.iter().map(|id| format!("\"{id}\"")).collect();
            let ids = ids.join(", ");
            // Writing into a string cannot fail.
            let _ok = write!(text, "[[zone]]\nid = \"{name}\"\nstations = [{ids}]\n");
        };
        for of in &self.zones {
            zone(&of.name, &of.stations);
        }
        let taken: BTreeSet<&str> = self.zones.iter().map(|zone| zone.name.as_str()).collect();
        for (area, stations) in &self.areas {
            let name = label(area);
            if !taken.contains(name.as_str())
                && !stations.is_empty()
                && name.len() <= Names::LEN_MAX
            {
                zone(&name, stations);
            }
        }
        text
    }

    pub(super) fn toml_stations(&self) -> String {
        let mut text = "# From a GTFS feed.\n".to_owned();
        for Station { id, name, lat, lon } in &self.stations {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ok = write!(
                text,
                "[[station]]\nid = \"{id}\"\nname = \"{name}\"\nname_local = \"{name}\"\n\
                 line = \"{LINE}\"\nlat = {lat:?}\nlon = {lon:?}\n"
            );
        }
        text
    }
}

/// One zone for each set of areas. One that is a whole area has the area's name.
fn zones(
    stations: &[Station],
    areas: &BTreeMap<String, BTreeSet<StationId>>,
    names: &mut Names,
) -> Vec<FareZone> {
    let mut by_areas: BTreeMap<BTreeSet<String>, BTreeSet<StationId>> = BTreeMap::new();
    for station in stations {
        let of = areas.iter().filter(|(_, of)| of.contains(&station.id));
        let of = of.map(|(area, _)| area.clone()).collect();
        by_areas.entry(of).or_default().insert(station.id);
    }
    let is_whole = |of: &BTreeSet<String>, stations: &BTreeSet<StationId>| {
        of.len() == 1 && of.iter().all(|area| areas.get(area) == Some(stations))
    };
    // A divided area keeps its name, for the policy.
    let divided = areas.iter().filter(|(area, stations)| {
        let alone = BTreeSet::from([(*area).clone()]);
        !stations.is_empty() && by_areas.get(&alone) != Some(stations)
    });
    divided.for_each(|(area, _)| names.take(&label(area)));
    let zones = by_areas.into_iter().map(|(of, stations)| {
        let joined = of.iter().map(|area| label(area)).collect::<Vec<_>>();
        let wanted = match joined.as_slice() {
            [] => NO_AREA.to_owned(),
            [one] if is_whole(&of, &stations) => one.clone(),
            [one] => format!("{one}-only"),
            several => several.join("-"),
        };
        FareZone {
            name: names.give(&wanted),
            areas: of,
            stations,
        }
    });
    zones.collect()
}

/// A station, or a stop that belongs to none.
fn is_station(row: &Row<'_>) -> bool {
    let kind = row.text("location_type");
    kind == "1" || (matches!(kind, "" | "0") && row.get("parent_station").is_none())
}

fn parent<'t>(row: &Row<'t>) -> &'t str {
    let own = row.text("stop_id");
    row.get("parent_station")
        .map_or(own, |field| field.text.as_str())
}

fn id_of(stop: &str) -> Result<StationId, fare_protocol::IdError> {
    label(stop).to_ascii_uppercase().parse()
}

fn station(row: Row<'_>) -> Result<Station, Problem> {
    let stop = row.need("stop_id")?;
    let bad = |_| {
        let what = format!(
            "{:?} cannot be the id of a station: write 1 to 16 letters, digits and hyphens",
            stop.text
        );
        row.wrong("stop_id", what)
    };
    Ok(Station {
        id: id_of(&stop.text).map_err(bad)?,
        name: row.need("stop_name")?.text.clone(),
        lat: row.number("stop_lat")?,
        lon: row.number("stop_lon")?,
    })
}
