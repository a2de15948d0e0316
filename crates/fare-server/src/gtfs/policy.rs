//! What the import itself must know of a policy. Whether the policy is right at all, the tariff's own checks say.

use fare_protocol::Currency;
use fare_rules::tariff::Day;
use std::collections::BTreeSet;
use toml::Value;

/// A policy's words, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) currency: Option<Currency>,
    pub(super) valid_from: Option<Day>,
    pub(super) valid_until: Option<Day>,
    pub(super) holidays: BTreeSet<Day>,
    pub(super) workdays: BTreeSet<Day>,
}

impl Policy {
    pub(super) fn read(text: &str) -> Self {
        let Ok(table) = text.parse::<toml::Table>() else {
            return Self::default();
        };
        let word = |key: &str| table.get(key).and_then(Value::as_str);
        let day = table.get("day");
        let days = |key: &str| -> BTreeSet<Day> {
            let days = day.and_then(|day| day.get(key)).and_then(Value::as_array);
            let days = days.into_iter().flatten().filter_map(Value::as_str);
            days.filter_map(date).collect()
        };
        Self {
            currency: word("currency").and_then(|text| text.parse().ok()),
            valid_from: word("valid_from").and_then(date),
            valid_until: word("valid_until").and_then(date),
            holidays: days("holidays"),
            workdays: days("workdays"),
        }
    }

    /// Whether the tariff prices journeys of this day.
    pub(super) fn is_valid_on(&self, day: Day) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
    }
}

/// `2026-10-01`.
fn date(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let day = Day::of(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    parts.next().is_none().then_some(day)
}
