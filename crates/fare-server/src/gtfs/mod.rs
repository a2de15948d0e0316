//! From a feed of GTFS with Fares v2 to a tariff: stations and areas become stations and zones, leg rules
//! fares between zones, timeframes periods, rider categories classes, transfer rules transfers. What the
//! standard lacks (local time, caps, rounding, long stays, missing ends, validity) a policy says: a
//! tariff's text without fares, to which those of the feed are added.
//!
//! Read: stops, areas, stop_areas, networks, timeframes, calendar, rider_categories, fare_products,
//! fare_leg_rules, fare_transfer_rules. fare_media is ignored, and so is everything else. A gate knows
//! where a rider enters and leaves, and not by which network or legs: what depends on those is refused.

mod csv;
mod legs;
mod periods;
mod places;
mod products;
mod transfers;

use csv::Table;
use fare_protocol::wire::TariffText;
use std::collections::BTreeMap;
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

/// Every file that is read.
pub const FILES: [&str; 10] = [
    "stops.txt",
    "areas.txt",
    "stop_areas.txt",
    "networks.txt",
    "timeframes.txt",
    "calendar.txt",
    "rider_categories.txt",
    "fare_products.txt",
    "fare_leg_rules.txt",
    "fare_transfer_rules.txt",
];

/// The tariff's texts: `policy` with the feed's fares, and the feed's stations.
///
/// # Errors
/// Every problem with its file, line and column.
pub fn convert(files: &Files, policy: &str) -> Result<TariffText, Problems> {
    let table = |name: &'static str| Table::read(name, files.get(name).map_or("", String::as_str));
    let place = places::Places::read(
        &table("stops.txt")?,
        &table("areas.txt")?,
        &table("stop_areas.txt")?,
    )?;
    let periods = periods::Periods::read(&table("timeframes.txt")?, &table("calendar.txt")?)?;
    let products = products::Products::read(
        &table("rider_categories.txt")?,
        &table("fare_products.txt")?,
    )?;
    let legs = legs::Legs::read(
        &table("fare_leg_rules.txt")?,
        &table("networks.txt")?,
        &place,
        &periods,
        &products,
    )?;
    let transfers = transfers::write(&table("fare_transfer_rules.txt")?, &legs, &products)?;
    let tariff = [
        policy.trim_end(),
        "\n\n# From a GTFS feed.\n",
        &periods.toml(),
        &place.toml_zones(),
        &legs.toml(&periods),
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
