//! Leg rules as fares between zones. Of the rules that match those of the highest priority count; of several of one
//! priority riders take the cheapest. Each class of riders looks at the rules whose products it may have.

use super::csv::{Row, Table};
use super::networks::Networks;
use super::periods::{Moment, Timeframes, span_text};
use super::places::{FareZone, Places};
use super::products::{Product, Products};
use super::{Names, Problem, Problems, all};
use fare_protocol::RiderClass;
use fare_rules::tariff::{PERIODS_MAX, TIMES_MAX, class_name};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One rule of the gates' network.
struct Rule {
    from: Option<String>,
    to: Option<String>,
    timeframe: Option<String>,
    product: Product,
    priority: i64,
}

/// What a way costs an adult, and the classes that the feed names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Amounts {
    adult: i64,
    class: BTreeMap<RiderClass, (i64, bool)>,
}

/// For each zone and each zone, row by row.
type Column = Vec<Option<Amounts>>;

/// Fares that differ from the usual ones, and when.
struct Other {
    ids: Vec<String>,
    column: Column,
}

/// The fares between zones, and the groups of legs.
pub(super) struct Legs {
    zones: Vec<String>,
    usual: Column,
    others: Vec<Other>,
    periods: String,
    groups: BTreeSet<String>,
}

/// The rules and how empty areas are read.
struct Rules<'t> {
    table: &'t Table,
    rules: Vec<Rule>,
    zones: &'t [FareZone],
    classes: &'t BTreeSet<RiderClass>,
    /// Areas that rules name; where there are no priorities an empty one means all others.
    from_listed: BTreeSet<&'t str>,
    to_listed: BTreeSet<&'t str>,
    has_priorities: bool,
}

impl Legs {
    pub(super) fn read(
        table: &Table,
        networks: &Networks,
        places: &Places,
        timeframes: &Timeframes,
        products: &Products,
    ) -> Result<Self, Problems> {
        if table.is_empty() {
            return Err(table.wrong("there are no leg rules, so no fares").into());
        }
        let own = || table.rows().filter(|row| networks.has(row));
        let rules = all(own().map(|row| rule(&row, places, timeframes, products)))?;
        if rules.is_empty() {
            return Err(table
                .wrong("no leg rule is for the network of the gates")
                .into());
        }
        let by = one_end(own())?;
        let listed = |column| table.rows().filter_map(move |row| row.get(column));
        let listed = |column| listed(column).map(|field| field.text.as_str()).collect();
        let used = rules.iter().filter_map(|rule| rule.timeframe.clone());
        let moments = timeframes.moments(&used.collect());
        let rules = Rules {
            table,
            rules,
            zones: places.zones(),
            classes: products.classes(),
            from_listed: listed("from_area_id"),
            to_listed: listed("to_area_id"),
            has_priorities: table.has("rule_priority"),
        };
        let (usual, others) = rules.columns(moments)?;
        let (others, periods) = periods(table, others, by)?;
        Ok(Self {
            zones: places
                .zones()
                .iter()
                .map(|zone| zone.name.clone())
                .collect(),
            usual,
            others,
            periods,
            groups: own()
                .map(|row| row.text("leg_group_id").to_owned())
                .collect(),
        })
    }

    /// The groups of the legs of the gates' network.
    pub(super) fn groups(&self) -> &BTreeSet<String> {
        &self.groups
    }

    pub(super) fn toml(&self) -> String {
        let mut text = self.periods.clone();
        let count = self.zones.len();
        for from in 0..count {
            for to in from..count {
                let (there, back) = (from * count + to, to * count + from);
                if self.is_same(there, back) {
                    self.fare(&mut text, (from, to), false);
                } else {
                    self.fare(&mut text, (from, to), true);
                    self.fare(&mut text, (to, from), true);
                }
            }
        }
        text
    }

    fn is_same(&self, there: usize, back: usize) -> bool {
        let all = std::iter::once(&self.usual).chain(self.others.iter().map(|one| &one.column));
        all.into_iter()
            .all(|column| column.get(there) == column.get(back))
    }

    fn fare(&self, text: &mut String, (from, to): (usize, usize), one_way: bool) {
        let place = from * self.zones.len() + to;
        let Some(Some(usual)) = self.usual.get(place) else {
            return;
        };
        let (a, b, minor) = (&self.zones[from], &self.zones[to], usual.adult);
        // Writing into a string cannot fail.
        let _ok = write!(
            text,
            "[[zone_fare]]\nzones = [\"{a}\", \"{b}\"]\nfare_minor = {minor}\n"
        );
        if one_way {
            text.push_str("one_way = true\n");
        }
        if !usual.class.is_empty() {
            let _ok = writeln!(text, "in_class = {}", classes(&usual.class));
        }
        let (mut named, mut by_class) = (Vec::new(), Vec::new());
        for Other { ids, column } in &self.others {
            let Some(Some(other)) = column.get(place) else {
                continue;
            };
            if other == usual {
                continue;
            }
            for id in ids {
                named.push(format!("{id} = {}", other.adult));
                if !other.class.is_empty() {
                    by_class.push(format!("{id} = {}", classes(&other.class)));
                }
            }
        }
        for (key, values) in [("in_period", named), ("in_period_class", by_class)] {
            if !values.is_empty() {
                let _ok = writeln!(text, "{key} = {{ {} }}", values.join(", "));
            }
        }
    }
}

fn classes(class: &BTreeMap<RiderClass, (i64, bool)>) -> String {
    let all = class.iter();
    let all = all.map(|(class, (minor, _))| format!("{} = {minor}", class_name(*class)));
    format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
}

fn rule(
    row: &Row<'_>,
    places: &Places,
    timeframes: &Timeframes,
    products: &Products,
) -> Result<Rule, Problem> {
    let area = |column: &str| match row.get(column) {
        None => Ok(None),
        Some(area) if places.has_area(&area.text) => Ok(Some(area.text.clone())),
        Some(area) => {
            let what = format!("there is no area {:?} in areas.txt", area.text);
            Err(row.wrong(column, what))
        }
    };
    let timeframe = |column: &str| match row.get(column) {
        None => Ok(None),
        Some(group) if timeframes.has(&group.text) => Ok(Some(group.text.clone())),
        Some(group) => {
            let what = format!("there is no group {:?} in timeframes.txt", group.text);
            Err(row.wrong(column, what))
        }
    };
    let (from, to) = (area("from_area_id")?, area("to_area_id")?);
    let entry = timeframe("from_timeframe_group_id")?;
    let exit = timeframe("to_timeframe_group_id")?;
    let id = row.need("fare_product_id")?;
    let none = || format!("there is no product {:?} in fare_products.txt", id.text);
    let product = products.get(&id.text);
    let product = product.ok_or_else(|| row.wrong("fare_product_id", none()))?;
    let priority = row.get("rule_priority");
    let priority = priority.map(|_| row.number("rule_priority")).transpose()?;
    Ok(Rule {
        from,
        to,
        timeframe: entry.or(exit),
        product: product.clone(),
        priority: priority.unwrap_or_default(),
    })
}

/// At which end of a journey the rules look at the time, as a tariff calls it: all at the same one.
fn one_end<'t>(rows: impl Iterator<Item = Row<'t>>) -> Result<&'static str, Problem> {
    let mut by_entry = false;
    let mut by_exit = None;
    for row in rows {
        by_entry |= row.get("from_timeframe_group_id").is_some();
        if row.get("to_timeframe_group_id").is_some() {
            by_exit = by_exit.or(Some(row));
        }
    }
    match by_exit {
        None => Ok("entry"),
        Some(_) if !by_entry => Ok("exit"),
        Some(row) => {
            let what = "fares may look at the time of one end of a journey: leave from_timeframe_group_id \
                        or to_timeframe_group_id empty in all rules";
            Err(row.wrong("to_timeframe_group_id", what))
        }
    }
}

impl Rules<'_> {
    /// The usual fares, and those of other times with these times.
    fn columns(&self, moments: Vec<Moment>) -> Result<(Column, Vec<(Moment, Column)>), Problems> {
        let mut columns: Vec<(Moment, Column)> = moments
            .into_iter()
            .map(|moment| {
                let column = self.column(&moment.groups)?;
                Ok((moment, column))
            })
            .collect::<Result<_, Problem>>()?;
        self.has_no_gap(&columns)?;
        name_the_same(&mut columns);
        // Outside all timeframes, or for longest.
        let usual = columns
            .iter()
            .enumerate()
            .max_by_key(|(_, (moment, _))| (moment.groups.is_empty(), moment.minutes()))
            .map_or(0, |(place, _)| place);
        let (_, usual) = columns.swap_remove(usual);
        let mut others: Vec<(Moment, Column)> = Vec::new();
        for (moment, column) in columns {
            if column == usual {
                continue;
            }
            match others.iter_mut().find(|(_, known)| *known == column) {
                Some((known, _)) => known.join(&moment),
                None => others.push((moment, column)),
            }
        }
        others.sort_by(|(a, _), (b, _)| a.groups.cmp(&b.groups));
        Ok((usual, others))
    }

    /// All fares while these groups of timeframes hold.
    fn column(&self, groups: &BTreeSet<String>) -> Result<Column, Problem> {
        let now: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.timeframe.as_ref().is_none_or(|of| groups.contains(of)))
            .collect();
        let mut column = Column::new();
        for from in self.zones {
            let starting: Vec<&Rule> = now
                .iter()
                .copied()
                .filter(|rule| self.matches(&rule.from, from, &self.from_listed))
                .collect();
            for to in self.zones {
                let matching = starting.iter().copied();
                let matching = matching.filter(|rule| self.matches(&rule.to, to, &self.to_listed));
                column.push(self.amounts(&matching.collect::<Vec<_>>(), (from, to))?);
            }
        }
        Ok(column)
    }

    fn matches(&self, rule: &Option<String>, zone: &FareZone, listed: &BTreeSet<&str>) -> bool {
        match rule {
            Some(named) => zone.areas.contains(named),
            None if self.has_priorities => true,
            None => !zone.areas.iter().any(|area| listed.contains(area.as_str())),
        }
    }

    fn amounts(
        &self,
        rules: &[&Rule],
        (from, to): (&FareZone, &FareZone),
    ) -> Result<Option<Amounts>, Problem> {
        let Some((adult, _)) = cheapest(rules, RiderClass::Adult) else {
            return Ok(None);
        };
        let mut class = BTreeMap::new();
        for one in self.classes {
            let found = cheapest(rules, *one).filter(|_| *one != RiderClass::Adult);
            let Some((minor, says)) = found else {
                continue;
            };
            if minor > adult {
                let (from, to, name) = (&from.name, &to.name, class_name(*one));
                let what = format!(
                    "from {from} to {to} the fare for {name} is {minor} and for adults {adult} minor units: no \
                     class pays more than adults"
                );
                return Err(self.table.wrong(what));
            }
            class.insert(*one, (minor, says || minor != adult));
        }
        Ok(Some(Amounts { adult, class }))
    }

    /// Where there is a fare at one time, there must be one at all times.
    fn has_no_gap(&self, columns: &[(Moment, Column)]) -> Result<(), Problems> {
        let mut problems = Vec::new();
        for (n, from) in self.zones.iter().enumerate() {
            for (m, to) in self.zones.iter().enumerate() {
                let place = n * self.zones.len() + m;
                let has = |column: &Column| column.get(place).is_some_and(Option::is_some);
                let gap = columns.iter().find(|(_, column)| !has(column));
                if let Some((moment, _)) = gap
                    && columns.iter().any(|(_, column)| has(column))
                {
                    let (from, to, when) = (&from.name, &to.name, moment.example());
                    let what = format!(
                        "from {from} to {to} there is no fare at some times, such as {when}; add a rule with a \
                         timeframe for these, or one without"
                    );
                    problems.push(self.table.wrong(what));
                }
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems(problems))
        }
    }
}

/// Of the rules whose product this class may have, those of the highest priority; of these the cheapest, and
/// whether it names the class.
fn cheapest(rules: &[&Rule], class: RiderClass) -> Option<(i64, bool)> {
    let may = rules
        .iter()
        .filter_map(|rule| Some((rule.priority, rule.product.of(class)?)));
    let highest = may.clone().map(|(priority, _)| priority).max()?;
    let best = may.filter(|(priority, _)| *priority == highest);
    best.map(|(_, amount)| amount)
        .min_by_key(|(minor, says)| (*minor, !says))
}

/// A class that a way's fares name at one time is named at all times; one that they never name is left to the
/// policy's shares.
fn name_the_same(columns: &mut [(Moment, Column)]) {
    let places = columns.first().map_or(0, |(_, column)| column.len());
    for place in 0..places {
        let of = columns.iter().filter_map(|(_, column)| column.get(place));
        let named: BTreeSet<RiderClass> = of
            .flatten()
            .flat_map(|amounts| amounts.class.iter())
            .filter(|(_, (_, says))| *says)
            .map(|(class, _)| *class)
            .collect();
        for (_, column) in columns.iter_mut() {
            if let Some(Some(amounts)) = column.get_mut(place) {
                amounts.class.retain(|class, _| named.contains(class));
                amounts
                    .class
                    .values_mut()
                    .for_each(|(_, says)| *says = true);
            }
        }
    }
}

/// The periods in which fares differ, as a tariff writes them.
fn periods(
    table: &Table,
    others: Vec<(Moment, Column)>,
    by: &str,
) -> Result<(Vec<Other>, String), Problem> {
    let (mut names, mut text, mut count) = (Names::default(), String::new(), 0_usize);
    let mut named = Vec::new();
    for (moment, column) in others {
        let groups: Vec<&str> = moment.groups.iter().map(String::as_str).collect();
        let wanted = if groups.is_empty() {
            "other".to_owned()
        } else {
            super::label(&groups.join("-"))
        };
        let mut ids = Vec::new();
        for (kinds, spans) in moment.by_times() {
            let id = names.give(&wanted);
            let quoted = |word: &str| format!("\"{word}\"");
            let days: Vec<_> = kinds.iter().map(|kind| quoted(kind)).collect();
            let times: Vec<_> = spans
                .iter()
                .map(|(a, b)| quoted(&span_text(*a, *b)))
                .collect();
            count += 1;
            if times.len() > TIMES_MAX || count > PERIODS_MAX {
                let what = format!(
                    "the timeframes make more periods with fares of their own than a tariff holds: at most \
                     {PERIODS_MAX}, each with at most {TIMES_MAX} times of the day"
                );
                return Err(table.wrong(what));
            }
            let (days, times) = (days.join(", "), times.join(", "));
            // Writing into a string cannot fail.
            let _ok = write!(
                text,
                "[[period]]\nid = \"{id}\"\ndays = [{days}]\ntimes = [{times}]\nby = \"{by}\"\nby_date = true\n"
            );
            ids.push(id);
        }
        named.push(Other { ids, column });
    }
    Ok((named, text))
}
