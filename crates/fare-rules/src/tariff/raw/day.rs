//! Local days, dates, and periods.

use super::text::Text;
use super::{RawClass, RawTariff};
use crate::tariff::calendar::{
    By, Calendar, DAYS_MAX, Day, DayType, OFFSET_CHANGES_MAX, PERIODS_MAX, Period, TIMES_MAX,
};
use crate::tariff::{TariffError, TariffProblem};
use fare_protocol::UnixMs;
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::value::{Datetime, Offset};

/// Furthest that a local time may be from UTC, in minutes.
const OFFSET_MIN_MAX: i32 = 18 * 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDay {
    utc_offset: Spanned<String>,
    starts: Spanned<String>,
    #[serde(default)]
    change: Vec<RawChange>,
    #[serde(default)]
    holidays: Vec<Spanned<String>>,
    #[serde(default)]
    workdays: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange {
    at: Spanned<String>,
    utc_offset: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPeriod {
    id: Spanned<String>,
    days: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    times: Vec<Spanned<String>>,
    by: Option<Spanned<String>>,
    #[serde(default)]
    by_date: bool,
    percent: Option<Spanned<u32>>,
    class: Option<RawClass>,
}

pub(super) fn calendar(text: &Text<'_>, raw: Option<&RawDay>) -> Result<Calendar, TariffError> {
    let Some(raw) = raw else {
        return Ok(Calendar::default());
    };
    text.count(raw.change.len(), "changes", OFFSET_CHANGES_MAX)?;
    let mut changes: Vec<(UnixMs, i32)> = Vec::new();
    for change in &raw.change {
        let at = moment(text, &change.at)?;
        if changes.last().is_some_and(|(before, _)| *before >= at) {
            let problem = TariffProblem::NotAscending("changes of the UTC offset");
            return Err(text.wrong(change.at.span(), problem));
        }
        changes.push((at, offset(text, &change.utc_offset)?));
    }
    let days = |values: &[Spanned<String>], what| {
        text.count(values.len(), what, DAYS_MAX)?;
        let days = values.iter().map(|value| date(text, value));
        days.collect::<Result<BTreeSet<_>, _>>()
    };
    let starts = raw.starts.get_ref();
    let bad = || text.wrong(raw.starts.span(), TariffProblem::Time(starts.clone()));
    Ok(Calendar {
        offset_min: offset(text, &raw.utc_offset)?,
        changes,
        starts_min: minute(starts)
            .filter(|minute| *minute < 1440)
            .ok_or_else(bad)?,
        holidays: days(&raw.holidays, "holidays")?,
        workdays: days(&raw.workdays, "working days")?,
    })
}

/// Without `[day]` nothing may depend on local time.
pub(super) fn is_not_needed(text: &Text<'_>, raw: &RawTariff) -> Result<(), TariffError> {
    let needing = raw.period.iter().map(|raw| (raw.span(), "a period"));
    let needing = needing.chain(raw.transfer.iter().map(|raw| (raw.span(), "a transfer")));
    let needing = needing.chain(raw.discount.iter().map(|raw| (raw.span(), "a discount")));
    let needing = needing.chain(raw.cap.iter().map(|raw| (raw.span(), "a cap")));
    let mut needing = needing.chain(raw.product.iter().map(|raw| (raw.span(), "a product")));
    match needing.next() {
        Some((at, what)) => Err(text.wrong(at, TariffProblem::NoDay(what))),
        None => Ok(()),
    }
}

pub(super) fn periods(
    text: &Text<'_>,
    raw: &[Spanned<RawPeriod>],
) -> Result<Vec<Period>, TariffError> {
    text.count(raw.len(), "periods", PERIODS_MAX)?;
    let mut known = BTreeSet::new();
    raw.iter()
        .map(|raw| {
            let raw = raw.get_ref();
            let id = text.label(&raw.id)?;
            text.once(raw.id.span(), &id, known.insert(id.clone()))?;
            period(text, raw, id)
        })
        .collect()
}

fn period(text: &Text<'_>, raw: &RawPeriod, id: String) -> Result<Period, TariffError> {
    let days = match &raw.days {
        Some(days) => days
            .iter()
            .map(|day| text.word(day, &DayType::ALL))
            .collect::<Result<_, _>>()?,
        None => DayType::ALL.into_iter().map(|(day, _)| day).collect(),
    };
    text.count(raw.times.len(), "times", TIMES_MAX)?;
    let times = if raw.times.is_empty() {
        vec![(0, 1440)]
    } else {
        let times = raw.times.iter().map(|value| time_span(text, value));
        times.collect::<Result<_, _>>()?
    };
    let by = raw.by.as_ref();
    let by = by.map(|by| text.word(by, &[(By::Entry, "entry"), (By::Exit, "exit")]));
    let percent = raw.percent.as_ref();
    let percent = percent.map(|value| text.in_range(value, "percent", 0, 1_000));
    let class = raw.class.as_ref().map(|class| class.checked(text, 0, 100));
    Ok(Period {
        id,
        days,
        times,
        by: by.transpose()?.unwrap_or(By::Entry),
        by_date: raw.by_date,
        percent: percent.transpose()?.unwrap_or(100),
        class: class.transpose()?.unwrap_or_default(),
    })
}

/// `06:30-09:30`; the second time may be the smaller one, past midnight.
fn time_span(text: &Text<'_>, value: &Spanned<String>) -> Result<(u16, u16), TariffError> {
    let got = value.get_ref();
    let ends = got
        .split_once('-')
        .and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    let bad = || text.wrong(value.span(), TariffProblem::TimeSpan(got.clone()));
    ends.filter(|(from, to)| from != to && *from < 1440)
        .ok_or_else(bad)
}

/// `04:30` in minutes; up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let at = hours * 60 + minutes;
    (minutes < 60 && at <= 1440).then_some(at)
}

/// `+08:00` in minutes.
fn offset(text: &Text<'_>, value: &Spanned<String>) -> Result<i32, TariffError> {
    let got = value.get_ref();
    let minutes = match got.split_at_checked(1) {
        Some(("+", rest)) => minute(rest).map(i32::from),
        Some(("-", rest)) => minute(rest).map(|minutes| -i32::from(minutes)),
        Some(_) | None => None,
    };
    let bad = || text.wrong(value.span(), TariffProblem::Offset(got.clone()));
    minutes
        .filter(|minutes| minutes.abs() <= OFFSET_MIN_MAX)
        .ok_or_else(bad)
}

/// `2018-03-25T01:00:00Z`.
fn moment(text: &Text<'_>, value: &Spanned<String>) -> Result<UnixMs, TariffError> {
    let got = value.get_ref();
    let bad = || text.wrong(value.span(), TariffProblem::Moment(got.clone()));
    let Ok(Datetime {
        date: Some(date),
        time: Some(time),
        offset: Some(Offset::Z),
    }) = got.parse()
    else {
        return Err(bad());
    };
    let day = Day::of(date.year.into(), date.month, date.day).ok_or_else(bad)?;
    let seconds = i64::from(time.hour) * 3_600
        + i64::from(time.minute) * 60
        + i64::from(time.second.unwrap_or_default());
    Ok(UnixMs((day.0 * 86_400 + seconds) * 1_000))
}

pub(super) fn date(text: &Text<'_>, value: &Spanned<String>) -> Result<Day, TariffError> {
    let bad = || text.wrong(value.span(), TariffProblem::Date(value.get_ref().clone()));
    match value.get_ref().parse() {
        Ok(Datetime {
            date: Some(date),
            time: None,
            offset: None,
        }) => Day::of(date.year.into(), date.month, date.day).ok_or_else(bad),
        Ok(Datetime { .. }) | Err(_) => Err(bad()),
    }
}

/// The last day of a tariff that begins on `from`.
pub(super) fn last_date(
    text: &Text<'_>,
    value: &Spanned<String>,
    from: Day,
) -> Result<Day, TariffError> {
    let until = date(text, value)?;
    if until < from {
        return Err(text.wrong(value.span(), TariffProblem::EndsBeforeItBegins));
    }
    Ok(until)
}
