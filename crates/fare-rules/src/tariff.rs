//! Tariffs: what a journey costs and why.

use fare_protocol::wire::TariffText;
use fare_protocol::{
    Currency, FareStep, GeoPoint, LineId, Money, RiderClass, StationId, TariffHash,
};

/// A checked tariff, ready to quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    name: String,
    currency: Currency,
    hash: TariffHash,
    stations: Vec<Station>,
}

/// A station as riders know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its id.
    pub id: StationId,
    /// Its name in Latin letters.
    pub name: String,
    /// Its name as it stands on the platform.
    pub name_local: String,
    /// The line it is on.
    pub line: LineId,
    /// Where it is.
    pub point: GeoPoint,
}

/// A fare and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What the journey costs; never negative.
    pub fare: Money,
    /// By which tariff.
    pub tariff: TariffHash,
    /// How; they sum to the fare.
    pub steps: Vec<FareStep>,
}

/// Why there is no fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A station the tariff does not have.
    #[error("the tariff has no station {0}; publish one that has it")]
    UnknownStation(StationId),
}

/// Why a text is not a tariff.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TariffError {
    message: String,
}

impl Tariff {
    /// Reads and checks both texts.
    ///
    /// # Errors
    /// Names the text, the line, and what to write there.
    pub fn parse(_text: &TariffText) -> Result<Self, TariffError> {
        Err(TariffError { message: "not built yet".to_owned() })
    }

    /// Which file beside it the tariff's text names for its stations.
    ///
    /// # Errors
    /// Names the line and what to write there.
    pub fn stations_file(_tariff: &str) -> Result<String, TariffError> {
        Err(TariffError { message: "not built yet".to_owned() })
    }

    /// The hash of its canonical form.
    pub fn hash(&self) -> TariffHash {
        self.hash
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its amounts are in.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The station with this id.
    pub fn station(&self, id: StationId) -> Option<&Station> {
        self.stations.iter().find(|station| station.id == id)
    }

    /// All stations, in the order of their text.
    pub fn stations(&self) -> impl Iterator<Item = &Station> {
        self.stations.iter()
    }

    /// What a journey costs.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn quote(
        &self,
        from: StationId,
        _to: StationId,
        _class: RiderClass,
    ) -> Result<Quote, QuoteError> {
        Err(QuoteError::UnknownStation(from))
    }
}
