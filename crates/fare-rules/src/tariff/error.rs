//! What can be wrong with a tariff's texts.

use fare_protocol::{IdError, MoneyError, StationId};
use std::fmt;

/// Which of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TariffPart {
    /// Steps and classes.
    Tariff,
    /// Stations and links.
    Stations,
}

/// Why a text is not a tariff, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}, line {line}: {problem}")]
pub struct TariffError {
    /// Which text.
    pub part: TariffPart,
    /// Which of its lines, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: TariffProblem,
}

/// What is wrong, and what to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffProblem {
    /// Too much text.
    #[error("the text has {got} bytes, at most {max} are read")]
    TooLong {
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// Not TOML, or not of this shape.
    #[error("{0}")]
    Toml(String),
    /// A list with too many elements.
    #[error("got {got} {what}, at most {max} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many stand there.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// A list without elements.
    #[error("there is no {0}; write at least one")]
    None(&'static str),
    /// An identifier that is none.
    #[error("{0}; write for example PGY")]
    Id(#[from] IdError),
    /// A currency that is none.
    #[error("{0}")]
    Currency(#[from] MoneyError),
    /// A name that nobody can read.
    #[error(
        "{0} is empty, longer than 64 characters or has control characters; write a short name"
    )]
    Name(&'static str),
    /// A date that is none.
    #[error("got {0:?}; write a date like 2014-12-28")]
    Date(String),
    /// A number outside its range.
    #[error("{what} is {got}; write {min} to {max}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// What stands there.
        got: i64,
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// Coordinates off the globe.
    #[error("lat {lat}, lon {lon} is no place; write degrees, lat -90 to 90 and lon -180 to 180")]
    Place {
        /// Degrees, as text.
        lat: String,
        /// Degrees, as text.
        lon: String,
    },
    /// A step that is not longer than the one before.
    #[error(
        "this step ends at {got} m and the one before at {before} m; write them in ascending order"
    )]
    StepNotLonger {
        /// Metres.
        got: u32,
        /// Metres.
        before: u32,
    },
    /// A step that costs less than the one before.
    #[error("this step costs {got} and the shorter one before {before}; write at least {before}")]
    StepCheaper {
        /// Minor units.
        got: i64,
        /// Minor units.
        before: i64,
    },
    /// A word that is not one of a few.
    #[error("got {got:?}; write one of {known}")]
    Word {
        /// What stands there.
        got: String,
        /// What may.
        known: String,
    },
    /// A short name that is none.
    #[error("{0:?} is not 1 to 24 characters of a-z, 0-9 and '-'; write for example peak")]
    Label(String),
    /// A time of day that is none.
    #[error("got {0:?}; write a time of day like 04:30")]
    Time(String),
    /// A span of the day that is none.
    #[error("got {0:?}; write a span of the day like 06:30-09:30")]
    TimeSpan(String),
    /// An offset that is none.
    #[error("got {0:?}; write the hours east of UTC like +08:00")]
    Offset(String),
    /// A moment that is none.
    #[error("got {0:?}; write a moment in UTC like 2018-03-25T01:00:00Z")]
    Moment(String),
    /// A list that must ascend.
    #[error("the {0} do not ascend; write the earliest first")]
    NotAscending(&'static str),
    /// Valid for less than a day.
    #[error("valid_until is before valid_from; write the last day of this tariff")]
    EndsBeforeItBegins,
    /// Something that needs local time, without it.
    #[error("{0} needs local time: add [day] with utc_offset and starts")]
    NoDay(&'static str),
    /// Something that stands twice.
    #[error("{0} stands here a second time; remove one")]
    Twice(String),
    /// A period that there is not.
    #[error("there is no period {0}; add it as a [[period]], or correct this name")]
    UnknownPeriod(String),
    /// A zone that there is not.
    #[error("there is no zone {0}; add it as a [[zone]], or correct this name")]
    UnknownZone(String),
    /// A class's fare in a period that has none for adults.
    #[error("in_period has no fare for {0}; write the adults' fare there too")]
    ClassWithoutAdult(String),
    /// Not exactly one of several keys.
    #[error("write exactly one of {0}")]
    OneOf(&'static str),
    /// No table of fares.
    #[error("there are no fares; write [[step]], [flat], [[zone]] or [pair]")]
    NoFares,
    /// Several tables of fares.
    #[error("there are several tables of fares; keep one of [[step]], [flat], [[zone]] and [pair]")]
    SeveralFares,
    /// A part without what it belongs to.
    #[error("there is {0}; remove it or add what it belongs to")]
    Stray(&'static str),
    /// Pairs of stations without a fare.
    #[error("{count} pairs of stations have no fare: {pairs}; add their fares")]
    Holes {
        /// How many.
        count: usize,
        /// Up to a hundred of them.
        pairs: String,
    },
    /// No fare to take shares of.
    #[error("there is no class adult; write adult = 100")]
    NoAdult,
    /// Two stations with one id.
    #[error("station {0} stands here a second time; remove one, or correct its id")]
    StationTwice(StationId),
    /// A link to nowhere.
    #[error("there is no station {0}; add it as a [[station]], or correct this link")]
    UnknownStation(StationId),
    /// A link from a station to itself.
    #[error("this link leads from {0} to itself; correct one end or remove it")]
    LinkToItself(StationId),
    /// Two links between the same two stations.
    #[error("{0} and {1} are linked a second time; remove one, a link is the same both ways")]
    LinkTwice(StationId, StationId),
    /// Two stations between which there is no fare.
    #[error("there is no way from {from} to {to}, so no fare; add the missing [[link]]")]
    NotConnected {
        /// One station.
        from: StationId,
        /// The other.
        to: StationId,
    },
}

impl fmt::Display for TariffPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tariff => "tariff",
            Self::Stations => "station table",
        })
    }
}
