//! Local days and times of a tariff: UTC offsets, the service day, holidays, and periods of the day.
//! Nothing here reads a clock or a table of time zones: what a tariff needs stands in it.

pub(super) use fare_protocol::FareSpan as Span;
use fare_protocol::{Millis, RiderClass, UnixMs};
use std::collections::BTreeSet;

/// Most changes of the UTC offset that a tariff may list.
pub const OFFSET_CHANGES_MAX: usize = 50;

/// Most holidays, and most working days at weekends, that a tariff may list.
pub const DAYS_MAX: usize = 400;

/// Most periods of a tariff.
pub const PERIODS_MAX: usize = 8;

/// Most spans of time in one period.
pub const TIMES_MAX: usize = 8;

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

/// A local date, counted in days from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// What kind of day it is for the fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DayType {
    Workday,
    Saturday,
    Sunday,
    Holiday,
}

/// Which end of a journey decides its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Entry,
    Exit,
}

/// Local time and the service day. Without a `[day]` in the tariff: UTC, days from midnight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Minutes east of UTC before the first change.
    pub(super) offset_min: i32,
    /// From when on which offset, ascending.
    pub(super) changes: Vec<(UnixMs, i32)>,
    /// The minute of the local day at which a service day begins.
    pub(super) starts_min: u16,
    pub(super) holidays: BTreeSet<Day>,
    pub(super) workdays: BTreeSet<Day>,
}

/// A part of the day, or kind of day, with fares of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) id: String,
    pub(super) days: BTreeSet<DayType>,
    /// Minutes of the local day, from the first up to the second; the second may be the smaller.
    pub(super) times: Vec<(u16, u16)>,
    pub(super) by: By,
    /// The days are those of the calendar, from midnight on, and not service days.
    pub(super) by_date: bool,
    /// Of a fare that does not name one for this period.
    pub(super) percent: u32,
    /// Shares of the adult fare that hold in this period instead of the usual ones.
    pub(super) class: Vec<(RiderClass, u32)>,
}

impl Calendar {
    fn offset_ms(&self, at: UnixMs) -> i64 {
        let change = self.changes.iter().rev().find(|(from, _)| *from <= at);
        let offset_min = change.map_or(self.offset_min, |(_, offset)| *offset);
        i64::from(offset_min) * MINUTE_MS
    }

    fn local_ms(&self, at: UnixMs) -> i64 {
        at.0.saturating_add(self.offset_ms(at))
    }

    /// The first moment of the next service day.
    pub(super) fn ends(&self, at: UnixMs) -> UnixMs {
        self.begins(self.day(at).next())
    }

    /// The first moment of a service day.
    pub(super) fn begins(&self, day: Day) -> UnixMs {
        let starts_ms = i64::from(self.starts_min) * MINUTE_MS;
        let local = day.0.saturating_mul(DAY_MS).saturating_add(starts_ms);
        let with = |offset_ms| UnixMs(local.saturating_sub(offset_ms));
        // Which offset holds then is only known once it is known when that is.
        with(self.offset_ms(with(self.offset_ms(UnixMs(local)))))
    }

    /// The service day of a moment, named by the local date on which it began.
    pub(super) fn day(&self, at: UnixMs) -> Day {
        let starts_ms = i64::from(self.starts_min) * MINUTE_MS;
        Day(self
            .local_ms(at)
            .saturating_sub(starts_ms)
            .div_euclid(DAY_MS))
    }

    /// The local date of a moment.
    pub(super) fn date(&self, at: UnixMs) -> Day {
        Day(self.local_ms(at).div_euclid(DAY_MS))
    }

    /// The minute of the local day.
    pub(super) fn minute(&self, at: UnixMs) -> u16 {
        let minute = self.local_ms(at).rem_euclid(DAY_MS) / MINUTE_MS;
        u16::try_from(minute).unwrap_or_default()
    }

    pub(super) fn day_type(&self, day: Day) -> DayType {
        if self.holidays.contains(&day) {
            DayType::Holiday
        } else if self.workdays.contains(&day) {
            DayType::Workday
        } else {
            match day.weekday() {
                0..=4 => DayType::Workday,
                5 => DayType::Saturday,
                _ => DayType::Sunday,
            }
        }
    }

    /// Whether two service days belong to one span.
    pub(super) fn same(&self, span: Span, a: Day, b: Day) -> bool {
        match span {
            Span::Day => a == b,
            Span::Week => a.week() == b.week(),
            Span::Month => {
                let (year, month, _) = a.date();
                let (other_year, other_month, _) = b.date();
                (year, month) == (other_year, other_month)
            }
        }
    }
}

/// How far back journeys may lie that count with one of now; more than enough.
pub(super) fn reach(span: Span) -> Millis {
    let days = match span {
        Span::Day => 3,
        Span::Week => 9,
        Span::Month => 33,
    };
    Millis(days * 86_400_000)
}

impl Period {
    /// Whether a journey that is looked at `at` is in it.
    pub(super) fn contains(&self, calendar: &Calendar, at: UnixMs) -> bool {
        let minute = calendar.minute(at);
        let within = |(from, to): &(u16, u16)| {
            if from < to {
                (*from..*to).contains(&minute)
            } else {
                minute >= *from || minute < *to
            }
        };
        let day = if self.by_date {
            calendar.date(at)
        } else {
            calendar.day(at)
        };
        self.days.contains(&calendar.day_type(day)) && self.times.iter().any(within)
    }

    /// The share of a class, where this period has one of its own.
    pub(super) fn share_of(&self, class: RiderClass) -> Option<u32> {
        let own = self.class.iter().find(|(of, _)| *of == class);
        own.map(|(_, percent)| *percent)
    }
}

impl Day {
    /// The day of this Gregorian date; `None` when the month does not have it.
    pub fn of(year: i64, month: u8, day: u8) -> Option<Self> {
        if !(1..=12).contains(&month) || day == 0 || !(-9_999..=9_999).contains(&year) {
            return None;
        }
        // Days from March on, so that a leap day is a year's last one.
        let (y, m) = if month > 2 {
            (year, i64::from(month) - 3)
        } else {
            (year - 1, i64::from(month) + 9)
        };
        let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
        let of_year = (153 * m + 2) / 5 + i64::from(day) - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        let found = Self(era * 146_097 + days - 719_468);
        (found.date() == (year, month, day)).then_some(found)
    }

    /// Year, month and day of the month.
    pub fn date(self) -> (i64, u8, u8) {
        let days = self.0.saturating_add(719_468);
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let m = (5 * of_year + 2) / 153;
        let day = of_year - (153 * m + 2) / 5 + 1;
        let month = if m < 10 { m + 3 } else { m - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        let small = |n: i64| u8::try_from(n).unwrap_or_default();
        (year, small(month), small(day))
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// 0 is Monday.
    pub fn weekday(self) -> i64 {
        // 1970-01-01 was a Thursday.
        self.0.saturating_add(3).rem_euclid(7)
    }

    fn week(self) -> i64 {
        self.0.saturating_add(3).div_euclid(7)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (year, month, day) = self.date();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl DayType {
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Workday, "workday"),
        (Self::Saturday, "saturday"),
        (Self::Sunday, "sunday"),
        (Self::Holiday, "holiday"),
    ];
}
