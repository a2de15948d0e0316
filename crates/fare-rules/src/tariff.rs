//! Tariffs: what a journey costs and why; the same code at the gate and at the server.
//!
//! Two TOML texts make a tariff. Unknown keys are errors, and so is anything a fare could not be
//! worked out from, such as two stations without a fare.
//!
//! ```toml
//! # the tariff
//! name = "beijing-2014-12-28"
//! currency = "CNY"
//! valid_from = "2014-12-28"
//! valid_until = "2030-12-31"                  # optional: the last day
//! stations = "stations-beijing-line1.toml"   # the other text's file, for people
//!
//! # The fares: one of four. By distance, along the shortest way over the links between stations:
//! [[step]]                                    # the first step that is long enough counts
//! up_to_m = 6000
//! fare_minor = 300
//! in_period = { peak = 400 }                  # optional, with every fare but [pair]'s
//! in_class = { child = 150 }                  # instead of the class's share; never above the adults'
//! in_period_class = { peak = { child = 200 } }
//! [beyond]                                    # after the last step: for each started every_m
//! every_m = 20000
//! add_minor = 100
//! # the same everywhere:        [flat]  fare_minor = 200
//! # by zones:                   [[zone]]  id = "1"  stations = ["KGX"]  (a station may be in several:
//! #                             the cheapest counts), [[zone_fare]]  zones = ["1", "2"]  fare_minor = 240
//! #                             (one_way = true: only from the first to the second)
//! # for each pair of stations:  [pair.PGY]  GCH = 300  (the same both ways unless both are written),
//! #                             [pair_in.peak.PGY]  GCH = 400
//!
//! [class]                                     # per cent of the adult fare; one that is not named
//! adult = 100                                 # pays as an adult
//!
//! # All from here on is optional. Local time; needed by periods, transfers, discounts and caps:
//! [day]
//! utc_offset = "+08:00"
//! starts = "04:30"                            # when a service day begins
//! change = [{ at = "2018-03-25T01:00:00Z", utc_offset = "+01:00" }]   # summer time, where it is
//! holidays = ["2026-10-01"]                   # neither workday, saturday nor sunday
//! workdays = ["2026-10-10"]                   # worked although at a weekend
//! [[period]]                                  # the first one that contains the journey counts
//! id = "peak"
//! days = ["workday"]                          # workday, saturday, sunday, holiday; all when absent
//! times = ["06:30-09:30", "16:00-19:00"]      # the end does not belong to it; all day when absent
//! by = "entry"                                # or "exit": whose time counts
//! by_date = true                              # its days begin at midnight; service days when absent
//! percent = 120                               # of fares that name none for this period
//! class = { senior = 100 }                    # shares of the adult fare in this period
//! [rounding]                                  # of shares; down to 1 when absent
//! to_minor = 10
//! how = "nearest"                             # down, up, nearest (halves up)
//! [same_station]                              # out where one came in
//! grace_min = 20
//! within_minor = 0
//! fare_minor = 300                            # later than that; the table's fare when absent
//! [over_time]                                 # a supplement
//! after_min = 240
//! add_minor = 300
//! every_min = 60                              # once more for each started hour; once when absent
//! most_minor = 900
//! [[transfer]]                                # a journey that goes on from the one before, within one
//! id = "interchange"                          # service day; never dearer than by itself
//! within_min = 30
//! measured = "exit-to-entry"                  # entry-to-exit, entry-to-entry, exit-to-entry, exit-to-exit
//! between = [["RMG", "HNR"]]                  # either way; anywhere when absent
//! most = 1                                    # so many in a row
//! since = "last"                              # within_min after the journey before; or "first": after the first
//!                                             # of all that go on from one another
//! one_journey = true                          # or fare_minor, add_minor (may be negative), or
//!                                             # total_minor: all together so much (further_minor: each
//!                                             # after the second costs that)
//! class = { child = 50 }                      # in place of that amount; else the class's share
//! [[discount]]                                # of those that are reached the last one counts
//! span = "month"                              # day, week (Monday to Sunday), month
//! from_minor = 10000                          # paid before in this span; or from_journeys
//! percent = 80
//! [[cap]]                                     # the most that one account pays in a span
//! id = "daily"
//! span = "day"
//! most_minor = 680
//! class = { child = 340 }                     # else the class's share
//! zones = ["1", "2"]                          # journeys within these; all when absent
//! [maximum]                                   # one end is missing; nothing is charged when absent
//! no_exit_minor = 700
//! no_entry_minor = 300
//! class = { child = 350 }                     # else the class's share
//! [completion]                                # a missing end that evidence tells (`crate::completion`): the fare
//! at_least = 80                               # to or from there, when so sure in per cent; [maximum] else
//! [[product]]                                 # on sale; used before money, in this order
//! id = "month"
//! name = "Month pass"
//! price_minor = 20000
//! valid_days = 30                             # service days, that of the sale included
//! pass = true                                 # all journeys; or rides = 10; or off_minor = 200 or
//!                                             # off_percent = 50, both for uses = 1 journeys
//! most_minor = 600                            # of one journey; all when absent
//! zones = ["1", "2"]                          # journeys within these; all when absent
//! covers_missing_end = true                   # [maximum] too: no exit; of a pass also no entry; not when absent
//! refund_fee_minor = 500                      # what is left once it is used is paid back, less so much; not when absent
//! [paper_code]                                # tickets printed for one journey, brought back
//! refund_unused_fee_minor = 0                 # kept of an unused one; nothing when absent
//! refund_rest_fee_minor = 50                  # kept of what its journey left; not paid back when absent
//!
//! # the stations
//! [[station]]
//! id = "PGY"
//! name = "Pingguoyuan"
//! name_local = "苹果园"
//! line = "1"
//! lat = 39.9248
//! lon = 116.1719
//! [[link]]                                    # the same both ways; needed where fares are by distance
//! from = "PGY"
//! to = "GCH"
//! metres = 2606
//! ```
//! The hash of a tariff is over what decides a fare and not over the TOML, so that a comment or a
//! corrected station name is not another tariff: see [`Tariff::hash`].

mod before;
mod calendar;
mod canonical;
mod error;
mod in_hand;
mod network;
mod pricing;
mod products;
mod raw;
mod ride;
mod rules;
mod structure;
mod table;
mod zones;

pub use calendar::{DAYS_MAX, Day, OFFSET_CHANGES_MAX, PERIODS_MAX, TIMES_MAX};
pub use error::{TariffError, TariffPart, TariffProblem};
pub use in_hand::ByProducts;
pub use network::{LINK_M_MAX, LINKS_MAX, STATIONS_MAX, Station};
pub use products::{
    Covers, Held, Off, PRODUCT_DAYS_MAX, PRODUCTS_MAX, Product, Promise, Returned, USES_MAX, Use,
};
pub use ride::{End, Paid, Ride};
pub use rules::{PaperRefunds, RULES_MAX, TRANSFERS_MAX};
pub use table::{FARE_MINOR_MAX, STEPS_MAX, class_name};
pub use zones::{ZONES_MAX, Zone};

use crate::completion::Completed;
use fare_protocol::wire::TariffText;
use fare_protocol::{
    Currency, Direction, FareReason, FareStep, Money, PaidBefore, RiderClass, StationId,
    TariffHash, UnixMs,
};
use network::Network;
use pricing::{Sheet, Terms};
use rules::Rules;
use structure::Way;
use table::Table;

/// Longest text of either part, in bytes.
pub const TEXT_LEN_MAX: usize = 1024 * 1024;

/// A checked tariff, ready to quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tariff {
    table: Table,
    rules: Rules,
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
    /// How, in at most ten steps and three for products; they sum to the fare.
    pub steps: Vec<FareStep>,
}

/// Why there is no fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A station the tariff does not have.
    #[error("the tariff has no station {0}; publish one that has it")]
    UnknownStation(StationId),
    /// From a station to itself, where nothing says what that costs; [`Tariff::parse`] lets no such
    /// tariff through.
    #[error("the tariff has no fare from {from} to {to}; publish one that has it")]
    NoFare {
        /// One station.
        from: StationId,
        /// The other.
        to: StationId,
    },
}

impl Tariff {
    /// Reads and checks both texts.
    ///
    /// # Errors
    /// Names the text, the line, and what to write there.
    pub fn parse(text: &TariffText) -> Result<Self, TariffError> {
        let (table, rules) = raw::table(&text.tariff)?;
        let network = raw::network(&text.stations, table.structure.is_distance())?;
        raw::complete(&text.tariff, &table, &rules, &network)?;
        let hash = canonical::hash(&table, &rules, &network);
        Ok(Self {
            table,
            rules,
            network,
            hash,
        })
    }

    /// The first 16 bytes of the SHA-256 of its canonical form: UTF-8 lines, each ended by `\n`.
    /// Steps stand in their order, all classes in that of their wire numbers, stations and links in
    /// that of their ids, the smaller id of a link first. What a tariff does not have has no line; the
    /// words of further lines are those of `tariff/canonical.rs`.
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

    /// What the hash is over: its canonical form.
    pub fn form(&self) -> String {
        canonical::form(&self.table, &self.rules, &self.network)
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

    /// Its first day.
    pub fn valid_from(&self) -> Day {
        self.table.valid_from
    }

    /// Its last day, when it has one.
    pub fn valid_until(&self) -> Option<Day> {
        self.rules.valid_until
    }

    /// The service day of a moment.
    pub fn service_day(&self, at: UnixMs) -> Day {
        self.table.calendar.day(at)
    }

    /// When that day ends: the first moment of the next one.
    pub fn day_ends(&self, at: UnixMs) -> UnixMs {
        self.table.calendar.ends(at)
    }

    /// When a service day begins.
    pub fn day_begins(&self, day: Day) -> UnixMs {
        self.table.calendar.begins(day)
    }

    /// Whether it prices journeys that begin at this moment.
    pub fn is_valid_at(&self, at: UnixMs) -> bool {
        let day = self.service_day(at);
        self.table.valid_from <= day && self.rules.valid_until.is_none_or(|until| day <= until)
    }

    /// What a way costs when nothing is known but its ends: by no period, without earlier journeys
    /// and supplements. From a station to itself it is the fare after any grace.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn quote(
        &self,
        from: StationId,
        to: StationId,
        class: RiderClass,
    ) -> Result<Quote, QuoteError> {
        let metres = self.metres(from, to)?;
        let terms = Terms {
            class,
            period: None,
            inside_ms: None,
        };
        Ok(self.quoted(self.own(Way { from, to, metres }, terms)?))
    }

    /// What a journey costs, by all rules.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn price(&self, ride: &Ride<'_>) -> Result<Quote, QuoteError> {
        let before = self.paid_before(ride.entry, ride.earlier);
        Ok(self.quoted(self.sheet(ride, &before)?))
    }

    /// The same when it is known what the account paid before, instead of its earlier journeys. What
    /// another tariff says of that counts for nothing.
    ///
    /// # Errors
    /// When the tariff lacks one of the stations.
    pub fn price_after(
        &self,
        ride: &Ride<'_>,
        before: Option<&PaidBefore>,
    ) -> Result<Quote, QuoteError> {
        let nothing = self.nothing_before();
        let before = before.filter(|before| before::is_ours(self, before));
        Ok(self.quoted(self.sheet(ride, before.unwrap_or(&nothing))?))
    }

    /// What a journey costs whose `missing` end has no tap; `None` when nothing is charged for that.
    /// Transfers, discounts and caps do not touch it.
    pub fn maximum(&self, missing: Direction, class: RiderClass) -> Option<Quote> {
        let (reason, minor) = match missing {
            Direction::Exit => {
                let minor = self.rules.maximum.no_exit_minor?;
                (FareReason::NoExit { class }, minor)
            }
            Direction::Entry => {
                let minor = self.rules.maximum.no_entry_minor?;
                (FareReason::NoEntry { class }, minor)
            }
        };
        let share = || {
            let percent = self.table.percent.of(class);
            self.rules.rounding.share(minor, percent)
        };
        let minor = self.rules.maximum.class.of(class).unwrap_or_else(share);
        Some(self.quoted(Sheet {
            steps: vec![FareStep { reason, minor }],
            sum: minor,
        }))
    }

    /// The completion of a missing end, where the tariff charges by it: it must be sure enough.
    pub fn completed(&self, completed: Option<Completed>) -> Option<Completed> {
        let from = self.rules.completed_from?;
        completed.filter(|completed| completed.percent >= from)
    }

    /// Whether missing ends are completed at all.
    pub fn completes(&self) -> bool {
        self.rules.completed_from.is_some()
    }

    /// The most that a journey costs which begins at a station: the dearest way from there or, when that is more, the maximum
    /// fare of who does not tap out. What periods and long stays add is not in it.
    pub fn dearest(&self, from: StationId, class: RiderClass) -> Money {
        let ways = self.stations();
        let ways = ways.filter_map(|to| self.quote(from, to.id, class).ok());
        let fares = ways.chain(self.maximum(Direction::Exit, class));
        let most = fares.map(|quote| quote.fare.minor).max();
        Money::new(most.unwrap_or(0), self.table.currency)
    }

    /// What is paid back of paper codes.
    pub fn paper_refunds(&self) -> PaperRefunds {
        self.rules.paper_refunds
    }

    fn quoted(&self, sheet: Sheet) -> Quote {
        Quote {
            fare: Money::new(sheet.sum, self.table.currency),
            tariff: self.hash,
            steps: sheet.steps,
        }
    }
}

impl Quote {
    /// The same journey for no more than what was paid for its paper code. An amount in another currency limits nothing.
    #[must_use]
    pub fn at_most(mut self, value: Option<Money>) -> Self {
        let value = value
            .filter(|value| value.currency == self.fare.currency && value.minor < self.fare.minor);
        if let Some(value) = value {
            self.steps.push(FareStep {
                reason: FareReason::PaperValue {
                    value_minor: value.minor,
                },
                minor: value.minor.saturating_sub(self.fare.minor),
            });
            self.fare = value;
        }
        self
    }

    /// The same journey for nothing: in fare-exempt mode.
    #[must_use]
    pub fn waived(mut self) -> Self {
        let minor = self.fare.minor.saturating_neg();
        self.steps.push(FareStep {
            reason: FareReason::Waived {},
            minor,
        });
        self.fare = Money::zero(self.fare.currency);
        self
    }
}

#[cfg(test)]
mod tests;
