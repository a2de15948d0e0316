//! Timeframes: when their groups hold.

use super::csv::{Row, Table};
use super::services::{KINDS, Runs, Services};
use super::{Problem, Problems, all};
use std::collections::{BTreeMap, BTreeSet};

/// Minutes of a day.
const DAY_MIN: u16 = 1_440;

/// Minutes of a day, from the first up to the second.
pub(super) type Spans = Vec<(u16, u16)>;

/// One row: the kinds of days and the time on those days.
struct Frame {
    runs: Runs,
    from: u16,
    to: u16,
}

/// Groups of timeframes.
pub(super) struct Timeframes(BTreeMap<String, Vec<Frame>>);

/// All times at which the very same groups hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) groups: BTreeSet<String>,
    /// For each kind of days.
    pub(super) spans: [Spans; 4],
}

/// The services that timeframes name.
pub(super) fn services_used(timeframes: &Table) -> BTreeSet<String> {
    let used = timeframes
        .rows()
        .map(|row| row.text("service_id").to_owned());
    used.collect()
}

impl Timeframes {
    pub(super) fn read(timeframes: &Table, services: &Services) -> Result<Self, Problems> {
        let rows = all(timeframes.rows().map(|row| {
            let group = row.need("timeframe_group_id")?;
            let service = row.need("service_id")?;
            let none = || {
                let id = &service.text;
                format!("there is no service {id:?} in calendar.txt or calendar_dates.txt")
            };
            let runs = services.runs(&service.text);
            let runs = runs.ok_or_else(|| row.wrong("service_id", none()))?;
            let from = minute(&row, "start_time", 0)?;
            let to = minute(&row, "end_time", DAY_MIN)?;
            if from >= to {
                let what = "this timeframe ends before it begins: one past midnight is two, up to \
                            24:00:00 and from 00:00:00 on";
                return Err(row.wrong("end_time", what));
            }
            Ok((group.text.clone(), Frame { runs, from, to }))
        }))?;
        let mut groups: BTreeMap<String, Vec<Frame>> = BTreeMap::new();
        for (group, frame) in rows {
            groups.entry(group).or_default().push(frame);
        }
        Ok(Self(groups))
    }

    pub(super) fn has(&self, group: &str) -> bool {
        self.0.contains_key(group)
    }

    /// The whole time, divided by which of `groups` hold.
    pub(super) fn moments(&self, groups: &BTreeSet<String>) -> Vec<Moment> {
        let mut moments: Vec<Moment> = Vec::new();
        for kind in 0..KINDS.len() {
            for (from, to) in self.parts(groups, kind) {
                let holding: BTreeSet<String> = groups
                    .iter()
                    .filter(|group| self.holds(group, kind, from))
                    .cloned()
                    .collect();
                let known = moments.iter().position(|moment| moment.groups == holding);
                let place = known.unwrap_or_else(|| {
                    moments.push(Moment {
                        groups: holding,
                        spans: Default::default(),
                    });
                    moments.len() - 1
                });
                add(&mut moments[place].spans[kind], (from, to));
            }
        }
        moments
    }

    /// A day cut wherever one of the groups begins or ends to hold.
    fn parts(&self, groups: &BTreeSet<String>, kind: usize) -> Spans {
        let frames = groups
            .iter()
            .filter_map(|group| self.0.get(group))
            .flatten();
        let frames = frames.filter(|frame| frame.runs[kind]);
        let mut cuts: BTreeSet<u16> = frames.flat_map(|frame| [frame.from, frame.to]).collect();
        cuts.extend([0, DAY_MIN]);
        let next = cuts.iter().skip(1);
        cuts.iter().copied().zip(next.copied()).collect()
    }

    fn holds(&self, group: &str, kind: usize, minute: u16) -> bool {
        let frames = self.0.get(group).into_iter().flatten();
        let mut frames = frames.filter(|frame| frame.runs[kind]);
        frames.any(|frame| (frame.from..frame.to).contains(&minute))
    }
}

impl Moment {
    /// How many minutes of all kinds of days.
    pub(super) fn minutes(&self) -> u32 {
        let spans = self.spans.iter().flatten();
        spans.map(|(from, to)| u32::from(to - from)).sum()
    }

    /// The same fares hold then too.
    pub(super) fn join(&mut self, other: &Self) {
        for (own, more) in self.spans.iter_mut().zip(&other.spans) {
            more.iter().for_each(|span| add(own, *span));
        }
    }

    /// Kinds of days with the same times, and those times.
    pub(super) fn by_times(&self) -> Vec<(Vec<&'static str>, &Spans)> {
        let mut found: Vec<(Vec<&'static str>, &Spans)> = Vec::new();
        for (kind, spans) in KINDS.iter().zip(&self.spans) {
            if spans.is_empty() {
                continue;
            }
            match found.iter_mut().find(|(_, known)| *known == spans) {
                Some((kinds, _)) => kinds.push(kind),
                None => found.push((vec![kind], spans)),
            }
        }
        found
    }

    /// One of its times, for people.
    pub(super) fn example(&self) -> String {
        let times = self.by_times();
        let first = times.first().and_then(|(kinds, spans)| {
            let (from, to) = spans.first()?;
            Some(format!("{} {}", kinds.first()?, span_text(*from, *to)))
        });
        first.unwrap_or_default()
    }
}

/// `06:30-09:30`.
pub(super) fn span_text(from: u16, to: u16) -> String {
    let (a, b, c, d) = (from / 60, from % 60, to / 60, to % 60);
    format!("{a:02}:{b:02}-{c:02}:{d:02}")
}

/// Adds a span to those before it, in order, and joins those that touch.
fn add(spans: &mut Spans, span: (u16, u16)) {
    spans.push(span);
    spans.sort_unstable();
    let mut joined = Spans::new();
    for (from, to) in spans.drain(..) {
        match joined.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            Some(_) | None => joined.push((from, to)),
        }
    }
    *spans = joined;
}

/// `06:30:00` in minutes.
fn minute(row: &Row<'_>, column: &str, default: u16) -> Result<u16, Problem> {
    let Some(field) = row.get(column) else {
        return Ok(default);
    };
    let digits = |part: &str, least: usize| {
        let plain = (least..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let parts: Vec<&str> = field.text.split(':').collect();
    let minute = match parts.as_slice() {
        [hours, minutes, "00"] => digits(hours, 1)
            .zip(digits(minutes, 2).filter(|minutes| *minutes < 60))
            .map(|(hours, minutes)| hours * 60 + minutes)
            .filter(|minute| *minute <= DAY_MIN),
        _ => None,
    };
    minute.ok_or_else(|| {
        let what = format!(
            "got {:?}; write whole minutes like 06:30:00, up to 24:00:00",
            field.text
        );
        row.wrong(column, what)
    })
}
