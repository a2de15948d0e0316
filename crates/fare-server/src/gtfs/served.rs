//! Which stops the gates' network serves: those at which trips of its routes call. A feed's other stops, such as those
//! of buses, are no stations then. Where a feed has no trips, all of its stops are the gates'.

use super::csv::{Table, fields};
use super::{Files, Problem, Problems};
use std::collections::BTreeSet;

const STOP_TIMES: &str = "stop_times.txt";

/// The ids of the stops, as `stop_times.txt` has them; nothing where the feed does not tell.
pub(super) fn stops(files: &Files, network: &str) -> Result<Option<BTreeSet<String>>, Problems> {
    let table = |name: &'static str| Table::read(name, files.get(name).map_or("", String::as_str));
    let Some(stop_times) = files.get(STOP_TIMES) else {
        return Ok(None);
    };
    let (routes, of_routes) = (table("routes.txt")?, table("route_networks.txt")?);
    let rows = routes.rows().chain(of_routes.rows());
    let rows = rows.filter(|row| row.text("network_id") == network);
    let routes: BTreeSet<&str> = rows.map(|row| row.text("route_id")).collect();
    let trips = table("trips.txt")?;
    let own = trips
        .rows()
        .filter(|row| routes.contains(row.text("route_id")));
    let trips: BTreeSet<&str> = own.map(|row| row.text("trip_id")).collect();
    let stops = called_at(stop_times, &trips)?;
    if stops.is_empty() {
        let what = format!("no trip of network {network:?} calls anywhere");
        return Err(problem(1, what).into());
    }
    Ok(Some(stops))
}

/// This file may have millions of lines, so it is looked through line by line.
fn called_at(text: &str, trips: &BTreeSet<&str>) -> Result<BTreeSet<String>, Problems> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let header = lines.next().map_or("", |(_, line)| line);
    let header = fields(STOP_TIMES, header)?;
    let place = |column: &str| header.iter().position(|field| field.trim() == column);
    let (Some(trip), Some(stop)) = (place("trip_id"), place("stop_id")) else {
        return Err(problem(1, "there is no column trip_id or stop_id".to_owned()).into());
    };
    let mut stops = BTreeSet::new();
    for (n, line) in lines {
        let quoted;
        let (of, at) = if line.contains('"') {
            quoted = fields(STOP_TIMES, line)
                .map_err(|_| problem(n + 1, "a quotation mark is never closed".to_owned()))?;
            (
                quoted.get(trip).map(String::as_str),
                quoted.get(stop).map(String::as_str),
            )
        } else {
            let mut plain = line.split(',');
            let of = plain.clone().nth(trip);
            (of, plain.nth(stop))
        };
        if let (Some(of), Some(at)) = (of, at)
            && trips.contains(of)
            && !stops.contains(at)
        {
            stops.insert(at.to_owned());
        }
    }
    Ok(stops)
}

fn problem(line: usize, what: String) -> Problem {
    Problem {
        file: STOP_TIMES.to_owned(),
        line,
        column: 1,
        what,
    }
}
