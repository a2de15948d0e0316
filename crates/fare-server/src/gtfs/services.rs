//! Services as kinds of days. A tariff knows working days, Saturdays, Sundays and holidays; `calendar.txt` and
//! `calendar_dates.txt` must agree with that, and with what the policy says of single days.

use super::csv::{Row, Table};
use super::policy::Policy;
use super::{Problem, Problems, all};
use fare_rules::tariff::Day;
use std::collections::{BTreeMap, BTreeSet};

const WEEK: [&str; 5] = ["monday", "tuesday", "wednesday", "thursday", "friday"];

/// The kinds of days, as a tariff calls them.
pub(super) const KINDS: [&str; 4] = ["workday", "saturday", "sunday", "holiday"];
const WORKDAY: usize = 0;
const SATURDAY: usize = 1;
const SUNDAY: usize = 2;
const HOLIDAY: usize = 3;

/// On which kinds of days a service runs.
pub(super) type Runs = [bool; 4];

/// The services that timeframes name.
pub(super) struct Services(BTreeMap<String, Runs>);

/// A service that does not run, or runs besides, on one day.
struct Exception<'t> {
    row: Row<'t>,
    day: Day,
    service: &'t str,
    added: bool,
}

impl Services {
    /// Only `used` services are looked at: others are those of trains.
    pub(super) fn read(
        calendar: &Table,
        dates: &Table,
        used: &BTreeSet<String>,
        policy: &Policy,
    ) -> Result<Self, Problems> {
        let rows = calendar
            .rows()
            .filter(|row| used.contains(row.text("service_id")));
        let weeks = all(rows.map(|row| {
            is_valid_throughout(&row, policy)?;
            Ok((row.text("service_id").to_owned(), week(&row)?))
        }))?;
        let mut services: BTreeMap<String, Runs> = weeks.into_iter().collect();
        let rows = dates
            .rows()
            .filter(|row| used.contains(row.text("service_id")));
        let exceptions = all(rows.map(exception))?;
        for exception in &exceptions {
            let never = [false; 4];
            services
                .entry(exception.service.to_owned())
                .or_insert(never);
        }
        let exceptions: Vec<_> = exceptions
            .iter()
            .filter(|exception| policy.is_valid_on(exception.day))
            .collect();
        let holiday = exceptions
            .iter()
            .find(|exception| policy.holidays.contains(&exception.day));
        if let Some(holiday) = holiday {
            let running = running(&services, &exceptions, holiday.day);
            let running: BTreeSet<String> = running.into_iter().map(str::to_owned).collect();
            for (service, runs) in &mut services {
                runs[HOLIDAY] = running.contains(service.as_str());
            }
        }
        let days = exceptions
            .iter()
            .map(|one| is_as_said(&services, &exceptions, one, policy));
        all(days)?;
        Ok(Self(services))
    }

    pub(super) fn runs(&self, service: &str) -> Option<Runs> {
        self.0.get(service).copied()
    }
}

/// The days of a week on which a service runs; on holidays as on Sundays, unless single days say otherwise.
fn week(row: &Row<'_>) -> Result<Runs, Problem> {
    let runs = |day: &str| row.text(day) == "1";
    let week = WEEK.iter().filter(|day| runs(day)).count();
    if week != 0 && week != WEEK.len() {
        let what = "fares know working days, Saturdays, Sundays and holidays: write 1 for all of Monday \
                    to Friday or for none";
        return Err(row.wrong("monday", what));
    }
    let sunday = runs("sunday");
    Ok([week > 0, runs("saturday"), sunday, sunday])
}

/// A service that begins later or ends earlier than the tariff would be forgotten by it.
fn is_valid_throughout(row: &Row<'_>, policy: &Policy) -> Result<(), Problem> {
    let service = row.text("service_id");
    let begins = row
        .get("start_date")
        .map(|_| date(row, "start_date"))
        .transpose()?;
    if let (Some(begins), Some(from)) = (begins, policy.valid_from)
        && begins > from
    {
        let what = format!(
            "service {service:?} begins on {begins}, the tariff on {from}: the policy's valid_from must not be earlier"
        );
        return Err(row.wrong("start_date", what));
    }
    let ends = row
        .get("end_date")
        .map(|_| date(row, "end_date"))
        .transpose()?;
    if let Some(ends) = ends
        && policy.valid_until.is_none_or(|until| until > ends)
    {
        let what = format!(
            "service {service:?} ends on {ends}: write valid_until = \"{ends}\" or earlier in the policy, \
             or have the service end later"
        );
        return Err(row.wrong("end_date", what));
    }
    Ok(())
}

fn exception(row: Row<'_>) -> Result<Exception<'_>, Problem> {
    let added = match row.need("exception_type")?.text.as_str() {
        "1" => true,
        "2" => false,
        other => {
            let what = format!("got {other:?}; write 1 for added or 2 for removed");
            return Err(row.wrong("exception_type", what));
        }
    };
    Ok(Exception {
        day: date(&row, "date")?,
        service: row.text("service_id"),
        added,
        row,
    })
}

/// `20261001`.
fn date(row: &Row<'_>, column: &str) -> Result<Day, Problem> {
    let text = row.need(column)?.text.as_str();
    let part = |from: usize, to: usize| -> Option<u8> { text.get(from..to)?.parse().ok() };
    let year: Option<i64> = text.get(..4).and_then(|year| year.parse().ok());
    let day = match (year, part(4, 6), part(6, 8)) {
        (Some(year), Some(month), Some(day)) if text.len() == 8 => Day::of(year, month, day),
        (_, _, _) => None,
    };
    day.ok_or_else(|| row.wrong(column, format!("got {text:?}; write a date like 20261001")))
}

fn usual(day: Day) -> usize {
    match day.weekday() {
        5 => SATURDAY,
        6 => SUNDAY,
        _ => WORKDAY,
    }
}

/// The services that run on a day, single days looked at.
fn running<'s>(
    services: &'s BTreeMap<String, Runs>,
    exceptions: &[&Exception<'_>],
    day: Day,
) -> BTreeSet<&'s str> {
    let runs = services.iter().filter(|(service, runs)| {
        let told = exceptions
            .iter()
            .find(|one| one.day == day && one.service == **service);
        told.map_or(runs[usual(day)], |one| one.added)
    });
    runs.map(|(service, _)| service.as_str()).collect()
}

/// Whether a day with an exception is one of the kind of which the policy says it is.
fn is_as_said(
    services: &BTreeMap<String, Runs>,
    exceptions: &[&Exception<'_>],
    one: &Exception<'_>,
    policy: &Policy,
) -> Result<(), Problem> {
    let day = one.day;
    let of_kind = |kind: usize| -> BTreeSet<&str> {
        let runs = services.iter().filter(|(_, runs)| runs[kind]);
        runs.map(|(service, _)| service.as_str()).collect()
    };
    let said = if policy.holidays.contains(&day) {
        HOLIDAY
    } else if policy.workdays.contains(&day) {
        WORKDAY
    } else {
        usual(day)
    };
    let running = running(services, exceptions, day);
    if running == of_kind(said) {
        return Ok(());
    }
    let (number, name) = (day, KINDS[said]);
    let what = if said != HOLIDAY && running == of_kind(HOLIDAY) {
        format!(
            "{number} is like a holiday: add \"{number}\" to holidays under [day] of the policy"
        )
    } else if said != WORKDAY && running == of_kind(WORKDAY) {
        format!(
            "{number} is like a working day: add \"{number}\" to workdays under [day] of the policy"
        )
    } else if said == HOLIDAY || policy.workdays.contains(&day) {
        format!(
            "{number} is a {name} by the policy, and is not like the others here; correct one of both"
        )
    } else {
        format!(
            "the services of {number} are those of no kind of days: a tariff knows working days, Saturdays, \
             Sundays and holidays"
        )
    };
    Err(one.row.wrong("date", what))
}
