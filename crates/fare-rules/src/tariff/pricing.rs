//! From a journey to its price. In this order: the table's fare (or that of leaving where one came
//! in), the share of the period and of the class, a transfer, the discount for who travels much, the
//! supplement for who stays too long, the caps. Each says in a step what it changed.

use super::calendar::{By, Day};
use super::ride::{Paid, Ride};
use super::rules::{Cap, Discount, From, Measured, Transfer, TransferPrice};
use super::structure::{Structure, Way, Within};
use super::table::class_name;
use super::{QuoteError, Tariff};
use fare_protocol::{FareStep, Millis, Money, RiderClass, StationId, UnixMs};

const MINUTE_MS: i64 = 60_000;

/// Steps and what they sum to.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) steps: Vec<FareStep>,
    pub(super) sum: i64,
}

/// By which shares a way is priced.
#[derive(Clone, Copy)]
pub(super) struct Terms<'t> {
    pub(super) class: RiderClass,
    pub(super) period: Option<Within<'t>>,
    /// How long somebody was inside who leaves where they came in; unknown without times.
    pub(super) inside_ms: Option<i64>,
}

/// The journeys that one goes on from, the first one first, and by which rule.
struct Chain<'t, 'h> {
    rule: &'t Transfer,
    journeys: Vec<&'h Paid>,
}

impl Sheet {
    fn add(&mut self, text: String, minor: i64) {
        self.sum = self.sum.saturating_add(minor);
        self.steps.push(FareStep { text, minor });
    }

    /// A step that makes of the sum so far `minor`.
    fn make(&mut self, text: String, minor: i64) {
        self.add(text, minor.saturating_sub(self.sum));
    }
}

impl Tariff {
    /// The sheet of a whole journey.
    pub(super) fn sheet(&self, ride: &Ride<'_>) -> Result<Sheet, QuoteError> {
        let (from, to, class) = (ride.entry.station, ride.exit.station, ride.counts_as());
        let terms = Terms {
            class,
            period: self.period(ride.entry.at, ride.exit.at),
            inside_ms: Some(ride.inside_ms()),
        };
        let metres = self.metres(from, to)?;
        let mut sheet = self.own(Way { from, to, metres }, terms)?;
        let before = ride.before();
        if let Some(chain) = self.chain(&before, ride) {
            self.transfer(&mut sheet, &chain, ride, terms)?;
        }
        self.discount(&mut sheet, &before, ride);
        self.over_time(&mut sheet, ride);
        self.cap(&mut sheet, &before, ride, class);
        Ok(sheet)
    }

    /// What a way costs by itself.
    pub(super) fn own(&self, way: Way, terms: Terms<'_>) -> Result<Sheet, QuoteError> {
        let mut sheet = Sheet::default();
        let names_class = match self.same_station(way, terms) {
            Some((text, minor)) => {
                sheet.add(text, minor);
                false
            }
            None => {
                let Terms { class, period, .. } = terms;
                let structure = &self.table.structure;
                let full = structure.full(way, class, period, self.rules.rounding);
                let (from, to) = (way.from, way.to);
                let full = full.ok_or(QuoteError::NoFare { from, to })?;
                for step in full.steps {
                    sheet.add(step.text, step.minor);
                }
                full.names_class
            }
        };
        if names_class {
            return Ok(sheet);
        }
        let percent = self.percent(terms.class, terms.period);
        if percent < 100 {
            let (class, rounding) = (class_name(terms.class), self.rules.rounding);
            let text = format!("{class} pays {percent} %, {}", rounding.sentence());
            sheet.make(text, rounding.share(sheet.sum, percent));
        }
        Ok(sheet)
    }

    fn same_station(&self, way: Way, terms: Terms<'_>) -> Option<(String, i64)> {
        let rule = self.rules.same_station.filter(|_| way.from == way.to)?;
        let (at, grace) = (way.from, rule.grace_min);
        let grace_ms = i64::from(grace) * MINUTE_MS;
        if terms.inside_ms.is_some_and(|inside| inside <= grace_ms) {
            let text = format!("in and out at {at} within {grace} minutes");
            return Some((text, rule.within_minor));
        }
        let text = format!("in and out at {at}");
        rule.fare_minor.map(|minor| (text, minor))
    }

    fn percent(&self, class: RiderClass, period: Option<Within<'_>>) -> u32 {
        let period = period.and_then(|within| self.table.periods.get(within.number));
        let own = period.and_then(|period| period.share_of(class));
        own.unwrap_or_else(|| self.table.percent.of(class))
    }

    /// How far it is, where fares are by distance.
    pub(super) fn metres(&self, from: StationId, to: StationId) -> Result<u32, QuoteError> {
        for id in [from, to] {
            self.network
                .station(id)
                .ok_or(QuoteError::UnknownStation(id))?;
        }
        match self.table.structure {
            Structure::Distance(_) => {
                let metres = self.network.distance_m(from, to);
                metres.map_err(QuoteError::UnknownStation)
            }
            Structure::Flat(_) | Structure::Zones(_) | Structure::Pairs(_) => Ok(0),
        }
    }

    /// The first period that contains the journey.
    fn period(&self, entered: UnixMs, left: UnixMs) -> Option<Within<'_>> {
        let calendar = &self.table.calendar;
        let mut numbered = self.table.periods.iter().enumerate();
        let found = numbered.find(|(_, period)| {
            let at = match period.by {
                By::Entry => entered,
                By::Exit => left,
            };
            period.contains(calendar, at)
        });
        found.map(|(number, period)| Within {
            number,
            id: &period.id,
            percent: period.percent,
        })
    }

    fn day(&self, at: UnixMs) -> Day {
        self.table.calendar.day(at)
    }

    /// The chain that the journey goes on from. Chains are made from the first journey of the
    /// service day on: each journey joins the one before when a rule says so and not too many have.
    fn chain<'t, 'h>(&'t self, before: &[&'h Paid], ride: &Ride<'_>) -> Option<Chain<'t, 'h>> {
        if self.rules.transfers.is_empty() {
            return None;
        }
        let today = self.day(ride.entry.at);
        let known = |id| self.network.station(id).is_some();
        let of_today = before.iter().filter(|paid| {
            // Another tariff may have priced it, with other stations.
            let here = known(paid.entry.station) && known(paid.exit.station);
            here && self.day(paid.entry.at) == today
        });
        let own = Paid {
            entry: ride.entry,
            exit: ride.exit,
            minor: 0,
        };
        let mut journeys: Vec<&Paid> = Vec::new();
        let mut rule = None;
        for next in of_today {
            rule = self.joins(rule, &journeys, next);
            if rule.is_none() {
                journeys.clear();
            }
            journeys.push(next);
        }
        let rule = self.joins(rule, &journeys, &own)?;
        Some(Chain { rule, journeys })
    }

    /// By which rule `next` joins the journeys so far.
    fn joins(
        &self,
        so_far: Option<&Transfer>,
        journeys: &[&Paid],
        next: &Paid,
    ) -> Option<&Transfer> {
        let (first, last) = (journeys.first()?, journeys.last()?);
        let transfers = u32::try_from(journeys.len()).unwrap_or(u32::MAX);
        self.rules.transfers.iter().find(|rule| {
            let (from, to) = match rule.measured {
                Measured::EntryToExit => (last.entry, next.exit),
                Measured::EntryToEntry => (last.entry, next.entry),
                Measured::ExitToEntry => (last.exit, next.entry),
                Measured::ExitToExit => (last.exit, next.exit),
            };
            let within_ms = i64::from(rule.within_min) * MINUTE_MS;
            // Back where the chain began is a way back, not a way on.
            let goes_on =
                rule.price != TransferPrice::OneJourney || first.entry.station != next.exit.station;
            transfers <= rule.most
                && so_far.is_none_or(|before| before.id == rule.id)
                && (0..=within_ms).contains(&to.at.since(from.at))
                && rule.joins(last.exit.station, next.entry.station)
                && goes_on
        })
    }

    fn transfer(
        &self,
        sheet: &mut Sheet,
        chain: &Chain<'_, '_>,
        ride: &Ride<'_>,
        terms: Terms<'_>,
    ) -> Result<(), QuoteError> {
        let paid = chain
            .journeys
            .iter()
            .fold(0, |sum: i64, paid| sum.saturating_add(paid.minor));
        let share = |minor| {
            let percent = self.percent(terms.class, terms.period);
            self.rules.rounding.share(minor, percent)
        };
        let fare = match chain.rule.price {
            TransferPrice::OneJourney => self.through(chain, ride, terms)?.sum.saturating_sub(paid),
            TransferPrice::Fixed(minor) => share(minor),
            TransferPrice::Add(minor) => sheet.sum.saturating_add(minor),
            TransferPrice::Total(minor) => share(minor).saturating_sub(paid),
        };
        let start = chain.journeys.first().map_or(ride.entry, |paid| paid.entry);
        let (id, paid) = (&chain.rule.id, Money::new(paid, self.table.currency));
        let text = format!("{id}: goes on from {}, {paid} paid", start.station);
        // Nobody pays more because of a transfer.
        sheet.make(text, fare.clamp(0, sheet.sum.max(0)));
        Ok(())
    }

    /// What the chain and this journey cost as one.
    fn through(
        &self,
        chain: &Chain<'_, '_>,
        ride: &Ride<'_>,
        terms: Terms<'_>,
    ) -> Result<Sheet, QuoteError> {
        let start = chain.journeys.first().map_or(ride.entry, |paid| paid.entry);
        let mut metres = self.metres(ride.entry.station, ride.exit.station)?;
        for part in &chain.journeys {
            let part = self.metres(part.entry.station, part.exit.station)?;
            metres = metres.saturating_add(part);
        }
        let way = Way {
            from: start.station,
            to: ride.exit.station,
            metres,
        };
        let terms = Terms {
            period: self.period(start.at, ride.exit.at),
            inside_ms: None,
            ..terms
        };
        self.own(way, terms)
    }

    fn discount(&self, sheet: &mut Sheet, before: &[&Paid], ride: &Ride<'_>) {
        let today = self.day(ride.entry.at);
        let so_far = |discount: &Discount| {
            let calendar = &self.table.calendar;
            let of_span = before
                .iter()
                .filter(|p| calendar.same(discount.span, self.day(p.entry.at), today));
            of_span.fold((0_i64, 0_u32), |(minor, journeys), paid| {
                (minor.saturating_add(paid.minor), journeys.saturating_add(1))
            })
        };
        let reached = self.rules.discounts.iter().rev().find_map(|discount| {
            let (minor, journeys) = so_far(discount);
            let (is_reached, what) = match discount.from {
                From::Minor(from) => {
                    let paid = Money::new(minor, self.table.currency);
                    (minor >= from, format!("{paid} paid"))
                }
                From::Journeys(from) => (journeys >= from, format!("{journeys} journeys")),
            };
            is_reached.then_some((discount, what))
        });
        let Some((discount, what)) = reached.filter(|(discount, _)| discount.percent < 100) else {
            return;
        };
        let (rounding, percent) = (self.rules.rounding, discount.percent);
        let (span, sentence) = (discount.span.code(), rounding.sentence());
        let text = format!("{what} this {span}: {percent} %, {sentence}");
        sheet.make(text, rounding.share(sheet.sum, percent));
    }

    fn over_time(&self, sheet: &mut Sheet, ride: &Ride<'_>) {
        let Some(rule) = self.rules.over_time else {
            return;
        };
        let over_ms = ride
            .inside_ms()
            .saturating_sub(i64::from(rule.after_min) * MINUTE_MS);
        if over_ms <= 0 {
            return;
        }
        let over_min = over_ms.saturating_add(MINUTE_MS - 1) / MINUTE_MS;
        let times = match rule.every_min {
            Some(every) => {
                let every = i64::from(every.max(1));
                over_min.saturating_add(every - 1) / every
            }
            None => 1,
        };
        let minor = rule.add_minor.saturating_mul(times);
        let minor = minor.min(rule.most_minor.unwrap_or(i64::MAX));
        let text = format!("inside for {over_min} min over {}", rule.after_min);
        sheet.add(text, minor);
    }

    /// The tightest cap counts.
    fn cap(&self, sheet: &mut Sheet, before: &[&Paid], ride: &Ride<'_>, class: RiderClass) {
        let (table, rounding) = (&self.table, self.rules.rounding);
        let today = self.day(ride.entry.at);
        let rooms = self.rules.caps.iter().filter_map(|cap| {
            let within = |a, b| self.is_within(cap, a) && self.is_within(cap, b);
            if !within(ride.entry.station, ride.exit.station) {
                return None;
            }
            let counts = |paid: &&&Paid| {
                table
                    .calendar
                    .same(cap.span, self.day(paid.entry.at), today)
                    && within(paid.entry.station, paid.exit.station)
            };
            let paid = before.iter().filter(counts);
            let paid = paid.fold(0, |sum: i64, paid| sum.saturating_add(paid.minor));
            let most = cap.most(class, &table.percent, rounding);
            Some((most.saturating_sub(paid).max(0), cap, most, paid))
        });
        let Some((room, cap, most, paid)) = rooms.min_by_key(|(room, ..)| *room) else {
            return;
        };
        if sheet.sum > room {
            let money = |minor| Money::new(minor, table.currency);
            let (id, span) = (&cap.id, cap.span.code());
            let text = format!(
                "{id}: {} paid this {span}, at most {}",
                money(paid),
                money(most)
            );
            sheet.make(text, room);
        }
    }

    fn is_within(&self, cap: &Cap, station: StationId) -> bool {
        match &self.table.structure {
            Structure::Zones(zones) => cap.zones.is_empty() || zones.is_within(station, &cap.zones),
            Structure::Distance(_) | Structure::Flat(_) | Structure::Pairs(_) => true,
        }
    }

    /// How far back earlier journeys matter; `None` when they never do.
    pub fn reach(&self) -> Option<Millis> {
        let rules = &self.rules;
        let spans = rules.caps.iter().map(|cap| cap.span);
        let spans = spans.chain(rules.discounts.iter().map(|discount| discount.span));
        let transfers = (!rules.transfers.is_empty()).then_some(super::calendar::Span::Day);
        spans.chain(transfers).map(|span| span.reach()).max()
    }
}
