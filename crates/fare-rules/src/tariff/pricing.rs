//! From a journey to its price. In this order: the table's fare (or that of leaving where one came
//! in), the share of the period and of the class, a transfer, the discount for who travels much, the
//! supplement for who stays too long, the caps. Each says in a step what it changed.

use super::calendar::By;
use super::ride::Ride;
use super::rules::{From, Transfer, TransferPrice};
use super::structure::{Structure, Way, Within};
use super::{QuoteError, Tariff};
use fare_protocol::{
    ChainBefore, FareReason, FareStep, Millis, PaidBefore, RiderClass, StationId, UnixMs,
};

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

/// The journeys that one goes on from, and by which rule.
struct Chain<'t, 'b> {
    rule: &'t Transfer,
    so_far: &'b ChainBefore,
}

impl Sheet {
    fn add(&mut self, reason: FareReason, minor: i64) {
        self.sum = self.sum.saturating_add(minor);
        self.steps.push(FareStep { reason, minor });
    }

    /// A step that makes of the sum so far `minor`.
    fn make(&mut self, reason: FareReason, minor: i64) {
        self.add(reason, minor.saturating_sub(self.sum));
    }
}

impl Tariff {
    /// The sheet of a whole journey, after what was paid before by this very tariff.
    pub(super) fn sheet(&self, ride: &Ride<'_>, before: &PaidBefore) -> Result<Sheet, QuoteError> {
        let (from, to, class) = (ride.entry.station, ride.exit.station, ride.counts_as());
        let terms = Terms {
            class,
            period: self.period(ride.entry.at, ride.exit.at),
            inside_ms: Some(ride.inside_ms()),
        };
        let metres = self.metres(from, to)?;
        let mut sheet = self.own(Way { from, to, metres }, terms)?;
        if let Some(so_far) = &before.chain
            && let Some((_, rule)) = self.joins(so_far, ride.entry, ride.exit)
        {
            self.transfer(&mut sheet, &Chain { rule, so_far }, ride, terms)?;
        }
        self.discount(&mut sheet, before);
        self.over_time(&mut sheet, ride);
        self.cap(&mut sheet, before, ride, class);
        Ok(sheet)
    }

    /// What a way costs by itself.
    pub(super) fn own(&self, way: Way, terms: Terms<'_>) -> Result<Sheet, QuoteError> {
        let mut sheet = Sheet::default();
        let names_class = match self.same_station(way, terms) {
            Some((reason, minor)) => {
                sheet.add(reason, minor);
                false
            }
            None => {
                let Terms { class, period, .. } = terms;
                let structure = &self.table.structure;
                let full = structure.full(way, class, period, self.rules.rounding);
                let (from, to) = (way.from, way.to);
                let full = full.ok_or(QuoteError::NoFare { from, to })?;
                for step in full.steps {
                    sheet.add(step.reason, step.minor);
                }
                full.names_class
            }
        };
        if names_class {
            return Ok(sheet);
        }
        let percent = self.percent(terms.class, terms.period);
        if percent < 100 {
            let rounding = self.rules.rounding;
            let reason = FareReason::ClassShare {
                class: terms.class,
                percent,
                rounding: rounding.said(),
            };
            sheet.make(reason, rounding.share(sheet.sum, percent));
        }
        Ok(sheet)
    }

    fn same_station(&self, way: Way, terms: Terms<'_>) -> Option<(FareReason, i64)> {
        let rule = self.rules.same_station.filter(|_| way.from == way.to)?;
        let (at, grace) = (way.from, rule.grace_min);
        let grace_ms = i64::from(grace) * MINUTE_MS;
        if terms.inside_ms.is_some_and(|inside| inside <= grace_ms) {
            let reason = FareReason::SameStationWithin { at, minutes: grace };
            return Some((reason, rule.within_minor));
        }
        let minor = rule.fare_minor?;
        Some((FareReason::SameStation { at }, minor))
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

    fn transfer(
        &self,
        sheet: &mut Sheet,
        chain: &Chain<'_, '_>,
        ride: &Ride<'_>,
        terms: Terms<'_>,
    ) -> Result<(), QuoteError> {
        let paid = chain.so_far.minor;
        let own = chain.rule.class.of(terms.class);
        let share = |minor| {
            let percent = self.percent(terms.class, terms.period);
            own.unwrap_or_else(|| self.rules.rounding.share(minor, percent))
        };
        let fare = match chain.rule.price {
            TransferPrice::OneJourney => self.through(chain, ride, terms)?.sum.saturating_sub(paid),
            TransferPrice::Fixed(minor) => share(minor),
            TransferPrice::Add(minor) => sheet.sum.saturating_add(own.unwrap_or(minor)),
            TransferPrice::Total {
                minor,
                further_minor,
            } => match further_minor.filter(|_| chain.so_far.journeys > 1) {
                Some(further) => share(further),
                None => share(minor).saturating_sub(paid),
            },
        };
        let reason = FareReason::Transfer {
            rule: chain.rule.id.clone(),
            from: chain.so_far.from,
            paid_minor: paid,
        };
        // Nobody pays more because of a transfer.
        sheet.make(reason, fare.clamp(0, sheet.sum.max(0)));
        Ok(())
    }

    /// What the chain and this journey cost as one.
    fn through(
        &self,
        chain: &Chain<'_, '_>,
        ride: &Ride<'_>,
        terms: Terms<'_>,
    ) -> Result<Sheet, QuoteError> {
        let metres = self.metres(ride.entry.station, ride.exit.station)?;
        let way = Way {
            from: chain.so_far.from,
            to: ride.exit.station,
            metres: metres.saturating_add(chain.so_far.metres),
        };
        let terms = Terms {
            period: self.period(chain.so_far.entered_at, ride.exit.at),
            inside_ms: None,
            ..terms
        };
        self.own(way, terms)
    }

    fn discount(&self, sheet: &mut Sheet, before: &PaidBefore) {
        let told = self.rules.discounts.iter().zip(&before.discounts);
        let reached = told
            .rev()
            .find(|(discount, (minor, journeys))| match discount.from {
                From::Minor(from) => *minor >= from,
                From::Journeys(from) => *journeys >= from,
            });
        let Some((discount, (paid_minor, journeys))) =
            reached.filter(|(discount, _)| discount.percent < 100)
        else {
            return;
        };
        let (span, percent) = (discount.span, discount.percent);
        let rounding = self.rules.rounding.said();
        let reason = match discount.from {
            From::Minor(_) => FareReason::DiscountPaid {
                paid_minor: *paid_minor,
                span,
                percent,
                rounding,
            },
            From::Journeys(_) => FareReason::DiscountJourneys {
                journeys: *journeys,
                span,
                percent,
                rounding,
            },
        };
        sheet.make(reason, self.rules.rounding.share(sheet.sum, percent));
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
        let reason = FareReason::OverTime {
            minutes: u32::try_from(over_min).unwrap_or(u32::MAX),
            after_min: rule.after_min,
        };
        sheet.add(reason, minor);
    }

    /// The tightest cap counts.
    fn cap(&self, sheet: &mut Sheet, before: &PaidBefore, ride: &Ride<'_>, class: RiderClass) {
        let (table, rounding) = (&self.table, self.rules.rounding);
        let told = self.rules.caps.iter().zip(&before.caps);
        let rooms = told.filter_map(|(cap, paid)| {
            let within = |station| self.is_within(&cap.zones, station);
            if !within(ride.entry.station) || !within(ride.exit.station) {
                return None;
            }
            let most = cap.most(class, &table.percent, rounding);
            Some((most.saturating_sub(*paid).max(0), cap, most, *paid))
        });
        let Some((room, cap, most, paid)) = rooms.min_by_key(|(room, ..)| *room) else {
            return;
        };
        if sheet.sum > room {
            let reason = FareReason::Cap {
                rule: cap.id.clone(),
                paid_minor: paid,
                span: cap.span,
                most_minor: most,
            };
            sheet.make(reason, room);
        }
    }

    /// How far back earlier journeys matter; `None` when they never do.
    pub fn reach(&self) -> Option<Millis> {
        let rules = &self.rules;
        let spans = rules.caps.iter().map(|cap| cap.span);
        let spans = spans.chain(rules.discounts.iter().map(|discount| discount.span));
        let transfers = (!rules.transfers.is_empty()).then_some(super::calendar::Span::Day);
        spans.chain(transfers).map(super::calendar::reach).max()
    }
}
