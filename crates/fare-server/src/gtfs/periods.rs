//! Timeframes as periods of the day.

use super::csv::{Row, Table};
use super::{Problem, Problems, all, label};
use std::collections::BTreeMap;
use std::fmt::Write;

const WEEK: [&str; 5] = ["monday", "tuesday", "wednesday", "thursday", "friday"];

/// Which end of a journey a timeframe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    Entry,
    Exit,
}

/// A group of timeframes as rules name it.
pub(super) type Group = (String, By);

/// Groups of timeframes: the days of each and the times on those days.
pub(super) struct Periods(BTreeMap<String, BTreeMap<String, Vec<String>>>);

impl Periods {
    pub(super) fn read(timeframes: &Table, calendar: &Table) -> Result<Self, Problems> {
        let days = all(calendar.rows().map(|row| {
            let id = row.need("service_id")?;
            Ok((id.text.clone(), days(&row)?))
        }))?;
        let days: BTreeMap<String, String> = days.into_iter().collect();
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        let rows = all(timeframes.rows().map(|row| {
            let group = row.need("timeframe_group_id")?;
            let service = row.need("service_id")?;
            let none = || format!("there is no service {:?} in calendar.txt", service.text);
            let days = days.get(&service.text);
            let days = days.ok_or_else(|| row.wrong("service_id", none()))?;
            let from = time(&row, "start_time", "00:00")?;
            let to = time(&row, "end_time", "24:00")?;
            Ok((group.text.clone(), days.clone(), format!("\"{from}-{to}\"")))
        }))?;
        for (group, days, times) in rows {
            let of_days = groups.entry(group).or_default();
            of_days.entry(days).or_default().push(times);
        }
        Ok(Self(groups))
    }

    pub(super) fn has(&self, group: &str) -> bool {
        self.0.contains_key(group)
    }

    /// The names of a group's periods: one for each set of days.
    pub(super) fn ids(&self, (group, by): &Group) -> Vec<String> {
        let count = self.0.get(group).map_or(0, BTreeMap::len);
        (0..count).map(|n| name(group, *by, n)).collect()
    }

    /// All periods, by entry and by exit; those that no fare names change nothing.
    pub(super) fn toml(&self) -> String {
        let mut text = String::new();
        for (group, of_days) in &self.0 {
            for (by, word) in [(By::Entry, "entry"), (By::Exit, "exit")] {
                for (n, (days, times)) in of_days.iter().enumerate() {
                    let (id, times) = (name(group, by, n), times.join(", "));
                    // Writing into a string cannot fail.
                    let _ok = write!(
                        text,
                        "[[period]]\nid = \"{id}\"\ndays = [{days}]\ntimes = [{times}]\nby = \"{word}\"\n"
                    );
                }
            }
        }
        text
    }
}

fn name(group: &str, by: By, n: usize) -> String {
    let end = match by {
        By::Entry => "",
        By::Exit => "-exit",
    };
    let number = if n == 0 {
        String::new()
    } else {
        format!("-{}", n + 1)
    };
    format!("{}{end}{number}", label(group))
}

/// The kinds of days of a service, as a tariff lists them.
fn days(row: &Row<'_>) -> Result<String, Problem> {
    let runs = |day: &str| row.text(day) == "1";
    let week = WEEK.iter().filter(|day| runs(day)).count();
    if week != 0 && week != WEEK.len() {
        let what = "fares know working days, Saturdays, Sundays and holidays: write 1 for all of Monday \
                    to Friday or for none";
        return Err(row.wrong("monday", what));
    }
    let kinds = [
        (week > 0, "workday"),
        (runs("saturday"), "saturday"),
        (runs("sunday"), "sunday"),
        (runs("sunday"), "holiday"),
    ];
    let kinds = kinds.iter().filter(|(runs, _)| *runs);
    Ok(kinds
        .map(|(_, kind)| format!("\"{kind}\""))
        .collect::<Vec<_>>()
        .join(", "))
}

/// `06:30:00` as `06:30`.
fn time(row: &Row<'_>, column: &str, default: &str) -> Result<String, Problem> {
    let Some(field) = row.get(column) else {
        return Ok(default.to_owned());
    };
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = field.text.split(':').collect();
    match parts.as_slice() {
        [hours, minutes, "00"] if digits(hours) && digits(minutes) => {
            Ok(format!("{hours}:{minutes}"))
        }
        _ => {
            let what = format!("got {:?}; write whole minutes like 06:30:00", field.text);
            Err(row.wrong(column, what))
        }
    }
}
