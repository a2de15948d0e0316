//! Leg rules as fares between zones. Of the rules that match, those of the highest priority count; of
//! several of one priority the rider takes the cheapest.

use super::csv::{Row, Table};
use super::periods::{By, Group, Periods};
use super::places::Places;
use super::products::{Product, Products};
use super::{Problem, Problems, all, label};
use fare_protocol::RiderClass;
use fare_rules::tariff::class_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

struct Rule {
    from: Option<String>,
    to: Option<String>,
    group: Option<Group>,
    product: Product,
    priority: i64,
}

/// What it costs between two areas, at any time and in the groups of timeframes that differ.
struct Fare {
    base: Product,
    in_group: BTreeMap<Group, Product>,
}

/// The fares between areas, the name that sorts first stands first, and the groups of legs.
pub(super) struct Legs {
    fares: BTreeMap<(String, String), Fare>,
    groups: BTreeSet<String>,
}

/// The rules and how empty areas are read.
struct Rules<'t> {
    table: &'t Table,
    rules: Vec<Rule>,
    /// An empty area means any; else only those that no rule names.
    empty_is_any: bool,
}

impl Legs {
    pub(super) fn read(
        table: &Table,
        networks: &Table,
        places: &Places,
        periods: &Periods,
        products: &Products,
    ) -> Result<Self, Problems> {
        if table.is_empty() {
            return Err(table.wrong("there are no leg rules, so no fares").into());
        }
        let one_network = networks.rows().count() <= 1;
        let areas: BTreeSet<&str> = places.areas().collect();
        let rules = all(table.rows().map(|row| {
            if row.get("network_id").is_some() && !one_network {
                let what =
                    "this fare depends on the network; a gate does not know which one a rider took";
                return Err(row.wrong("network_id", what));
            }
            rule(&row, &areas, periods, products)
        }))?;
        let rules = Rules {
            table,
            rules,
            empty_is_any: table.has("rule_priority"),
        };
        let mut fares = BTreeMap::new();
        let pairs = areas
            .iter()
            .flat_map(|a| areas.iter().filter(move |b| *b >= a).map(move |b| (*a, *b)));
        let found = all(pairs.map(|(a, b)| Ok(((a, b), rules.both_ways(a, b)?))))?;
        for ((a, b), fare) in found {
            if let Some(fare) = fare {
                fares.insert((a.to_owned(), b.to_owned()), fare);
            }
        }
        let groups = table.rows().map(|row| row.text("leg_group_id").to_owned());
        Ok(Self {
            fares,
            groups: groups.collect(),
        })
    }

    /// Whether all legs are of one group, and this is it.
    pub(super) fn is_only_group(&self, group: &str) -> bool {
        self.groups.len() == 1 && self.groups.contains(group)
    }

    pub(super) fn toml(&self, periods: &Periods) -> String {
        let mut text = String::new();
        for ((a, b), fare) in &self.fares {
            let (a, b) = (label(a), label(b));
            let minor = fare.base.adult.unwrap_or_default();
            // Writing into a string cannot fail.
            let _ok = write!(
                text,
                "[[zone_fare]]\nzones = [\"{a}\", \"{b}\"]\nfare_minor = {minor}\n"
            );
            if !fare.base.class.is_empty() {
                let _ok = writeln!(text, "in_class = {}", classes(&fare.base.class));
            }
            let (mut named, mut by_class) = (Vec::new(), Vec::new());
            for (group, product) in &fare.in_group {
                for id in periods.ids(group) {
                    named.push(format!("{id} = {}", product.adult.unwrap_or_default()));
                    if !product.class.is_empty() {
                        by_class.push(format!("{id} = {}", classes(&product.class)));
                    }
                }
            }
            for (key, values) in [("in_period", named), ("in_period_class", by_class)] {
                if !values.is_empty() {
                    let _ok = writeln!(text, "{key} = {{ {} }}", values.join(", "));
                }
            }
        }
        text
    }
}

fn classes(class: &BTreeMap<RiderClass, i64>) -> String {
    let all = class.iter();
    let all = all.map(|(class, minor)| format!("{} = {minor}", class_name(*class)));
    format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
}

fn rule(
    row: &Row<'_>,
    areas: &BTreeSet<&str>,
    periods: &Periods,
    products: &Products,
) -> Result<Rule, Problem> {
    let area = |column: &str| match row.get(column) {
        None => Ok(None),
        Some(area) if areas.contains(area.text.as_str()) => Ok(Some(area.text.clone())),
        Some(area) => {
            let what = format!("there is no area {:?} in areas.txt", area.text);
            Err(row.wrong(column, what))
        }
    };
    let timeframe = |column: &str, by| match row.get(column) {
        None => Ok(None),
        Some(group) if periods.has(&group.text) => Ok(Some((group.text.clone(), by))),
        Some(group) => {
            let what = format!("there is no group {:?} in timeframes.txt", group.text);
            Err(row.wrong(column, what))
        }
    };
    let (from, to) = (area("from_area_id")?, area("to_area_id")?);
    let entry = timeframe("from_timeframe_group_id", By::Entry)?;
    let exit = timeframe("to_timeframe_group_id", By::Exit)?;
    let group = match (entry, exit) {
        (Some(_), Some(_)) => {
            let what =
                "a fare may look at the time of one end of a journey: leave one of both empty";
            return Err(row.wrong("to_timeframe_group_id", what));
        }
        (entry, exit) => entry.or(exit),
    };
    let id = row.need("fare_product_id")?;
    let none = || format!("there is no product {:?} in fare_products.txt", id.text);
    let product = products.get(&id.text);
    let product = product.ok_or_else(|| row.wrong("fare_product_id", none()))?;
    if product.adult.is_none() {
        let what = format!("product {:?} has no amount for adults", id.text);
        return Err(row.wrong("fare_product_id", what));
    }
    let priority = row.get("rule_priority");
    let priority = priority.map(|_| row.number("rule_priority")).transpose()?;
    Ok(Rule {
        from,
        to,
        group,
        product: product.clone(),
        priority: priority.unwrap_or_default(),
    })
}

impl Rules<'_> {
    /// The fare between two areas, which must be the same both ways.
    fn both_ways(&self, a: &str, b: &str) -> Result<Option<Fare>, Problem> {
        let (there, back) = (self.between(a, b)?, self.between(b, a)?);
        let same = match (&there, &back) {
            (None, None) => true,
            (Some(there), Some(back)) => there.base == back.base && there.in_group == back.in_group,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return Ok(there);
        }
        let what = format!(
            "the fares from {a} to {b} and from {b} to {a} differ; fares between zones are the same both ways"
        );
        Err(self.table.wrong(what))
    }

    fn between(&self, from: &str, to: &str) -> Result<Option<Fare>, Problem> {
        let matching: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| {
                self.area_matches(&rule.from, from, |rule| &rule.from)
                    && self.area_matches(&rule.to, to, |rule| &rule.to)
            })
            .collect();
        let base = best(matching.iter().filter(|rule| rule.group.is_none()));
        let groups: BTreeSet<&Group> = matching
            .iter()
            .filter_map(|rule| rule.group.as_ref())
            .collect();
        let Some(base) = base else {
            return if groups.is_empty() {
                Ok(None)
            } else {
                let what = format!(
                    "from {from} to {to} there is a fare in timeframes only; add a rule without a timeframe \
                     for all other times"
                );
                Err(self.table.wrong(what))
            };
        };
        let mut in_group = BTreeMap::new();
        for group in groups {
            let now = matching
                .iter()
                .filter(|rule| rule.group.as_ref().is_none_or(|of| of == group));
            if let Some(product) = best(now).filter(|product| *product != base) {
                in_group.insert(group.clone(), product);
            }
        }
        Ok(Some(Fare { base, in_group }))
    }

    fn area_matches(
        &self,
        rule: &Option<String>,
        area: &str,
        of: impl Fn(&Rule) -> &Option<String>,
    ) -> bool {
        match rule {
            Some(named) => named == area,
            None if self.empty_is_any => true,
            None => !self
                .rules
                .iter()
                .any(|rule| of(rule).as_deref() == Some(area)),
        }
    }
}

/// For each class the cheapest of the rules with the highest priority.
fn best<'r>(rules: impl Iterator<Item = &'r &'r Rule> + Clone) -> Option<Product> {
    let highest = rules.clone().map(|rule| rule.priority).max()?;
    let mut found = Product::default();
    for rule in rules.filter(|rule| rule.priority == highest) {
        let adult = rule.product.adult;
        found.adult = match (found.adult, adult) {
            (Some(before), Some(adult)) => Some(before.min(adult)),
            (before, adult) => before.or(adult),
        };
        for (class, minor) in &rule.product.class {
            let before = found.class.entry(*class).or_insert(*minor);
            *before = (*before).min(*minor);
        }
    }
    Some(found)
}
