//! Stops and areas as stations and zones.

use super::csv::{Row, Table};
use super::{Problem, Problems, all, label};
use fare_protocol::StationId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The line of every station: a feed's stations are on several, and fares do not depend on it.
const LINE: &str = "ALL";

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
}

impl Places {
    pub(super) fn read(stops: &Table, areas: &Table, stop_areas: &Table) -> Result<Self, Problems> {
        let own = stops.rows().filter(is_station);
        let stations = all(own.map(station))?;
        let mut known = BTreeSet::new();
        let own = stops.rows().filter(is_station).zip(&stations);
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
            found.entry(area).or_default().insert(station);
        }
        Ok(Self {
            stations,
            areas: found,
        })
    }

    pub(super) fn areas(&self) -> impl Iterator<Item = &str> {
        self.areas.keys().map(String::as_str)
    }

    pub(super) fn toml_zones(&self) -> String {
        let mut text = String::new();
        for (area, stations) in &self.areas {
            let ids: Vec<_> = stations.iter().map(|id| format!("\"{id}\"")).collect();
            let (area, ids) = (label(area), ids.join(", "));
            // Writing into a string cannot fail.
            let _ok = write!(text, "[[zone]]\nid = \"{area}\"\nstations = [{ids}]\n");
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
