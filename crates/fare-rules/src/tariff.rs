//! Tariffs: what a journey costs and why. Priced by distance, along the shortest way over the links
//! between stations, in steps; then a share of that for each rider class.
//!
//! Two TOML texts make a tariff. Unknown keys are errors, and so is anything a fare could not be
//! worked out from.
//!
//! ```toml
//! # the tariff
//! name = "beijing-2014-12-28"
//! currency = "CNY"
//! valid_from = "2014-12-28"
//! stations = "stations-beijing-line1.toml"   # the other text's file, for people
//! [[step]]                                    # the first step that is long enough counts
//! up_to_m = 6000
//! fare_minor = 300
//! [beyond]                                    # after the last step: for each started every_m
//! every_m = 20000
//! add_minor = 100
//! [class]                                     # per cent of the adult fare; one that is not named
//! adult = 100                                 # pays as an adult
//!
//! # the stations
//! [[station]]
//! id = "PGY"
//! name = "Pingguoyuan"
//! name_local = "苹果园"
//! line = "1"
//! lat = 39.9248
//! lon = 116.1719
//! [[link]]                                    # the same both ways
//! from = "PGY"
//! to = "GCH"
//! metres = 2606
//! ```
//! The hash of a tariff is over what decides a fare and not over the TOML, so that a comment or a
//! corrected station name is not another tariff: see [`Tariff::hash`].

mod canonical;
mod error;
mod network;
mod raw;
mod table;

pub use error::{TariffError, TariffPart, TariffProblem};
pub use network::{LINK_M_MAX, LINKS_MAX, STATIONS_MAX, Station};
pub use table::{FARE_MINOR_MAX, STEPS_MAX};

use fare_protocol::wire::TariffText;
use fare_protocol::{Currency, FareStep, Money, RiderClass, StationId, TariffHash};
use network::Network;
use table::Table;

/// Longest text of either part, in bytes.
pub const TEXT_LEN_MAX: usize = 1024 * 1024;

/// A checked tariff, ready to quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    table: Table,
    network: Network,
    hash: TariffHash,
}

/// A fare and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What the journey costs; never negative.
    pub fare: Money,
    /// By which tariff.
    pub tariff: TariffHash,
    /// How, in at most four steps of at most 120 bytes; they sum to the fare.
    pub steps: Vec<FareStep>,
}

/// Why there is no fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A station the tariff does not have.
    #[error("the tariff has no station {0}; publish one that has it")]
    UnknownStation(StationId),
}

impl Tariff {
    /// Reads and checks both texts.
    ///
    /// # Errors
    /// Names the text, the line, and what to write there.
    pub fn parse(text: &TariffText) -> Result<Self, TariffError> {
        let table = raw::table(&text.tariff)?;
        let network = raw::network(&text.stations)?;
        let hash = canonical::hash(&table, &network);
        Ok(Self {
            table,
            network,
            hash,
        })
    }

    /// The first 16 bytes of the SHA-256 of its canonical form: UTF-8 lines, each ended by `\n`.
    /// Steps stand in their order, all classes in that of their wire numbers, stations and links in
    /// that of their ids, the smaller id of a link first.
    ///
    /// ```text
    /// faregate tariff 1
    /// name beijing-2014-12-28
    /// valid-from 2014-12-28
    /// currency CNY
    /// step 6000 300
    /// beyond 20000 100
    /// class adult 100
    /// station GCH
    /// link GCH PGY 2606
    /// ```
    pub fn hash(&self) -> TariffHash {
        self.hash
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// What its amounts are in.
    pub fn currency(&self) -> Currency {
        self.table.currency
    }

    /// The station with this id.
    pub fn station(&self, id: StationId) -> Option<&Station> {
        self.network.station(id)
    }

    /// All stations, in the order of their text.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        self.network.stations()
    }

    /// What a journey costs. From a station to itself it is that of the first step.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn quote(
        &self,
        from: StationId,
        to: StationId,
        class: RiderClass,
    ) -> Result<Quote, QuoteError> {
        let distance_m = self
            .network
            .distance_m(from, to)
            .map_err(QuoteError::UnknownStation)?;
        let steps = self
            .table
            .steps(&format!("{from} to {to}"), distance_m, class);
        let minor = steps
            .iter()
            .fold(0, |sum: i64, step| sum.saturating_add(step.minor));
        Ok(Quote {
            fare: Money::new(minor, self.table.currency),
            tariff: self.hash,
            steps,
        })
    }
}

impl Quote {
    /// The same journey for nothing: in fare-exempt mode.
    #[must_use]
    pub fn waived(mut self) -> Self {
        let minor = self.fare.minor.saturating_neg();
        self.steps.push(FareStep {
            text: "no fare is taken at this time".to_owned(),
            minor,
        });
        self.fare = Money::zero(self.fare.currency);
        self
    }
}

#[cfg(test)]
mod tests;
