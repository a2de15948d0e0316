//! From a feed of GTFS with Fares v2 to a tariff: stations and areas become stations and zones, leg rules
//! fares between zones, timeframes periods, rider categories classes, transfer rules transfers. What the
//! standard lacks (local time, caps, rounding, long stays, missing ends, validity) a policy says: a
//! tariff's text without fares, to which those of the feed are added.
//!
//! Read by the reference of 2026-06: stops, areas, stop_areas, networks, routes (their networks), timeframes,
//! calendar, calendar_dates, rider_categories, fare_media, fare_products, fare_leg_rules, fare_transfer_rules; and which
//! stops a chosen network serves, from route_networks, trips and stop_times.
//! Everything else is ignored; fare_leg_join_rules too, for a journey from gate to gate is one leg here: an interchange
//! over the street is a `[[transfer]]` with `one_journey` of the policy. A gate knows where and when a rider enters and
//! leaves, and not by which routes: whose network the gates are, and by which medium riders ride, is said at the import.

mod csv;
mod legs;
mod networks;
mod periods;
mod places;
mod policy;
mod products;
mod served;
mod services;
mod transfers;

use csv::Table;
use fare_protocol::RiderClass;
use fare_protocol::wire::TariffText;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is wrong with a feed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In which file.
    pub file: String,
    /// In which of its lines, from 1.
    pub line: usize,
    /// At which of its characters, from 1.
    pub column: usize,
    /// What, and what to write.
    pub what: String,
}

/// A feed that is no tariff; all problems of the first step that has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// The texts of a feed's files by their names, such as `stops.txt`.
pub type Files = BTreeMap<String, String>;

/// Every file that is read whatever was chosen.
pub const FILES: [&str; 13] = [
    "stops.txt",
    "areas.txt",
    "stop_areas.txt",
    "networks.txt",
    "routes.txt",
    "timeframes.txt",
    "calendar.txt",
    "calendar_dates.txt",
    "rider_categories.txt",
    "fare_media.txt",
    "fare_products.txt",
    "fare_leg_rules.txt",
    "fare_transfer_rules.txt",
];

/// Files that are read when a network was chosen: only the stops at which its trips call are stations.
pub const FILES_OF_NETWORK: [&str; 3] = ["route_networks.txt", "trips.txt", "stop_times.txt"];

/// What of a feed is for the gates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Whose network they are; needed where fares depend on it and there are several.
    pub network: Option<String>,
    /// By which fare medium riders ride; needed where fares depend on it.
    pub medium: Option<String>,
    /// Which class a rider category is that has another name; nothing of one that is to be left out.
    pub classes: BTreeMap<String, Option<RiderClass>>,
}

/// The tariff's texts: `policy` with the feed's fares, and the feed's stations.
///
/// # Errors
/// Every problem with its file, line and column.
pub fn convert(files: &Files, policy: &str, choice: &Choice) -> Result<TariffText, Problems> {
    let table = |name: &'static str| Table::read(name, files.get(name).map_or("", String::as_str));
    let said = policy::Policy::read(policy);
    let served = match &choice.network {
        Some(network) => served::stops(files, network)?,
        None => None,
    };
    let place = places::Places::read(
        (&table("stops.txt")?, served.as_ref()),
        &table("areas.txt")?,
        &table("stop_areas.txt")?,
    )?;
    let timeframes = table("timeframes.txt")?;
    let services = services::Services::read(
        &table("calendar.txt")?,
        &table("calendar_dates.txt")?,
        &periods::services_used(&timeframes),
        &said,
    )?;
    let timeframes = periods::Timeframes::read(&timeframes, &services)?;
    let products = products::Products::read(
        (
            &table("rider_categories.txt")?,
            &table("fare_media.txt")?,
            &table("fare_products.txt")?,
        ),
        choice,
        &said,
    )?;
    let rules = table("fare_leg_rules.txt")?;
    let networks = networks::Networks::read(
        (&table("networks.txt")?, &table("routes.txt")?),
        &rules,
        choice.network.as_deref(),
    )?;
    let legs = legs::Legs::read(&rules, &networks, &place, &timeframes, &products)?;
    let transfers = table("fare_transfer_rules.txt")?;
    let transfers = transfers::write(&transfers, &rules, &legs, &products)?;
    let tariff = [
        policy.trim_end(),
        "\n\n# From a GTFS feed.\n",
        &place.toml_zones(),
        &legs.toml(),
        &transfers,
    ];
    Ok(TariffText {
        tariff: tariff.concat(),
        stations: place.toml_stations(),
    })
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            what,
        } = self;
        write!(f, "{file}:{line}:{column}: {what}")
    }
}

/// All that went well, or all problems.
fn all<T>(results: impl Iterator<Item = Result<T, Problem>>) -> Result<Vec<T>, Problems> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(problem) => bad.push(problem),
        }
    }
    if bad.is_empty() {
        Ok(good)
    } else {
        Err(Problems(bad))
    }
}

/// An identifier of the feed as a tariff writes labels: lower case, with hyphens.
fn label(id: &str) -> String {
    let plain = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() { c } else { '-' }
    };
    id.chars().map(plain).collect()
}

/// Short names as a tariff writes them, each once.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    /// Longest, in bytes.
    const LEN_MAX: usize = 24;

    /// Nothing else may be called so.
    fn take(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// `wanted`, or as much of it as a name holds with a number.
    fn give(&mut self, wanted: &str) -> String {
        let short = |len: usize| wanted.get(..wanted.len().min(len)).unwrap_or_default();
        let numbered = (2..).map(|n: u32| {
            let end = format!("-{n}");
            format!("{}{end}", short(Self::LEN_MAX - end.len()))
        });
        let first = Some(short(Self::LEN_MAX).to_owned()).filter(|name| !name.is_empty());
        let mut all = first.into_iter().chain(numbered);
        let new = all.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.take(&new);
        new
    }
}
