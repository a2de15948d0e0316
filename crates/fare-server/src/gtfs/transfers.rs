//! Transfer rules. Those of the gates' network must be the same from every group of legs to every other: a gate
//! does not know by which rule an earlier leg was priced.

use super::csv::{Row, Table};
use super::legs::Legs;
use super::products::{Product, Products};
use super::{Problem, Problems, all};
use fare_protocol::RiderClass;
use fare_rules::tariff::{TRANSFERS_MAX, class_name};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Within a service day, when a rule has no time limit.
const WITHIN_MIN_MAX: u32 = 1_440;

/// One rule, apart from the groups it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    most: u32,
    price: Price,
    within_min: u32,
    measured: &'static str,
}

/// What the leg after the transfer costs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Price {
    key: &'static str,
    minor: i64,
    class: Vec<(RiderClass, i64)>,
}

pub(super) fn write(
    table: &Table,
    all_legs: &Table,
    legs: &Legs,
    products: &Products,
) -> Result<String, Problems> {
    let known: BTreeSet<&str> = all_legs
        .rows()
        .map(|row| row.text("leg_group_id"))
        .collect();
    let mut rows = Vec::new();
    for row in table.rows() {
        for column in ["from_leg_group_id", "to_leg_group_id"] {
            if let Some(group) = row
                .get(column)
                .filter(|group| !known.contains(group.text.as_str()))
            {
                let what = format!("there is no group {:?} in fare_leg_rules.txt", group.text);
                return Err(row.wrong(column, what).into());
            }
        }
        if is_of_network(&row, legs.groups()) {
            rows.push(row);
        }
    }
    let mut same: Option<Vec<usize>> = None;
    for from in legs.groups() {
        for to in legs.groups() {
            let matching = matching(table, &rows, from, to);
            let before = same.get_or_insert_with(|| matching.clone());
            if !are_the_same(&rows, before, &matching, products)? {
                let row = matching
                    .first()
                    .or(before.first())
                    .and_then(|n| rows.get(*n));
                let what = "this transfer depends on the group of a leg, of which there are several; a gate \
                            does not know it";
                let problem = match row {
                    Some(row) => row.wrong("from_leg_group_id", what),
                    None => table.wrong(what),
                };
                return Err(problem.into());
            }
        }
    }
    let same = same.unwrap_or_default();
    let rules = same.iter().filter_map(|n| rows.get(*n));
    let mut rules = all(rules.map(|row| rule(row, products)))?;
    // The least count that is enough comes first, then the cheapest.
    rules.sort_by_key(|rule| (rule.most, rule.price.minor, rule.within_min));
    Ok(rules
        .iter()
        .enumerate()
        .map(|(n, rule)| toml(n + 1, rule))
        .collect())
}

/// Whether both groups that it names are of the gates' network.
fn is_of_network(row: &Row<'_>, groups: &BTreeSet<String>) -> bool {
    ["from_leg_group_id", "to_leg_group_id"]
        .into_iter()
        .all(|column| {
            row.get(column)
                .is_none_or(|group| groups.contains(&group.text))
        })
}

/// The rows for a transfer between two groups. An empty group means all that no row names.
fn matching(table: &Table, rows: &[Row<'_>], from: &str, to: &str) -> Vec<usize> {
    let fits = |row: &Row<'_>, column: &str, group: &str| match row.get(column) {
        Some(named) => named.text == group,
        None => !table
            .rows()
            .any(|row| row.get(column).is_some_and(|named| named.text == group)),
    };
    let numbered = rows.iter().enumerate().filter(|(_, row)| {
        fits(row, "from_leg_group_id", from) && fits(row, "to_leg_group_id", to)
    });
    numbered.map(|(n, _)| n).collect()
}

/// Whether two lists of rows say the same; between two different groups a row counts no transfers.
fn are_the_same(
    rows: &[Row<'_>],
    a: &[usize],
    b: &[usize],
    products: &Products,
) -> Result<bool, Problems> {
    if a == b {
        return Ok(true);
    }
    let read = |numbers: &[usize]| -> Result<Vec<(Option<&str>, Rule)>, Problems> {
        let rows = numbers.iter().filter_map(|n| rows.get(*n));
        let mut rules = all(rows.map(|row| {
            let count = row.get("transfer_count").map(|field| field.text.as_str());
            Ok((
                count,
                Rule {
                    most: 0,
                    ..rule(row, products)?
                },
            ))
        }))?;
        rules.sort_by_key(|(_, rule)| (rule.within_min, rule.measured, rule.price.minor));
        Ok(rules)
    };
    let (a, b) = (read(a)?, read(b)?);
    let same = a
        .iter()
        .zip(&b)
        .all(|((count, one), (other_count, other))| {
            one == other && (count == other_count || count.is_none() || other_count.is_none())
        });
    Ok(a.len() == b.len() && same)
}

fn rule(row: &Row<'_>, products: &Products) -> Result<Rule, Problem> {
    let within_min = match row.get("duration_limit") {
        Some(_) => within_min(row)?,
        None => WITHIN_MIN_MAX,
    };
    let measured = match row.text("duration_limit_type") {
        "0" => "entry-to-exit",
        "1" => "entry-to-entry",
        "2" => "exit-to-entry",
        "3" => "exit-to-exit",
        "" if row.get("duration_limit").is_none() => "exit-to-entry",
        other => {
            let what = format!("got {other:?}; write 0, 1, 2 or 3");
            return Err(row.wrong("duration_limit_type", what));
        }
    };
    let most = match row.get("transfer_count") {
        None => TRANSFERS_MAX,
        Some(_) => match row.number::<i64>("transfer_count")? {
            -1 => TRANSFERS_MAX,
            count => u32::try_from(count)
                .ok()
                .filter(|count| (1..=TRANSFERS_MAX).contains(count))
                .ok_or_else(|| {
                    let what = format!("got {count}; write -1, or 1 to {TRANSFERS_MAX}");
                    row.wrong("transfer_count", what)
                })?,
        },
    };
    Ok(Rule {
        most,
        price: price(row, products)?,
        within_min,
        measured,
    })
}

fn toml(number: usize, rule: &Rule) -> String {
    let Rule {
        most,
        price: Price { key, minor, class },
        within_min,
        measured,
    } = rule;
    let mut text = format!(
        "[[transfer]]\nid = \"transfer-{number}\"\nwithin_min = {within_min}\nmeasured = \"{measured}\"\n\
         since = \"first\"\nmost = {most}\n{key} = {minor}\n"
    );
    // Writing into a string cannot fail.
    if *key == "total_minor" {
        let _ok = writeln!(text, "further_minor = {minor}");
    }
    if !class.is_empty() {
        let class = class.iter();
        let class = class.map(|(class, minor)| format!("{} = {minor}", class_name(*class)));
        let class: Vec<_> = class.collect();
        let _ok = writeln!(text, "class = {{ {} }}", class.join(", "));
    }
    text
}

fn within_min(row: &Row<'_>) -> Result<u32, Problem> {
    let seconds: u32 = row.number("duration_limit")?;
    let minutes = seconds / 60;
    if seconds.is_multiple_of(60) && (1..=WITHIN_MIN_MAX).contains(&minutes) {
        return Ok(minutes);
    }
    let what = format!("got {seconds} seconds; write whole minutes, at most a day");
    Err(row.wrong("duration_limit", what))
}

/// A + AB: the second leg costs the product. A + AB + B: its own fare and the product. AB: both cost
/// the product together, and each leg after them the product once more.
fn price(row: &Row<'_>, products: &Products) -> Result<Price, Problem> {
    let none = Product::default();
    let product = match row.get("fare_product_id") {
        None => &none,
        Some(id) => {
            let missing = || {
                format!(
                    "there is no product {:?} with an amount for adults",
                    id.text
                )
            };
            let product = products.get(&id.text);
            let product = product.filter(|product| product.of(RiderClass::Adult).is_some());
            product.ok_or_else(|| row.wrong("fare_product_id", missing()))?
        }
    };
    let minor = product.of(RiderClass::Adult).map_or(0, |(minor, _)| minor);
    let class = RiderClass::ALL.into_iter().filter_map(|class| {
        let (minor, says) = product.of(class)?;
        (says && class != RiderClass::Adult).then_some((class, minor))
    });
    let key = match row.text("fare_transfer_type") {
        "0" => "fare_minor",
        "1" => "add_minor",
        "2" => "total_minor",
        other => {
            let what = format!("got {other:?}; write 0, 1 or 2");
            return Err(row.wrong("fare_transfer_type", what));
        }
    };
    let what = match key {
        "add_minor" if minor > 0 => {
            "nobody pays more because of a transfer: an amount above zero that is added \
                                     to both fares changes nothing; leave the product or the rule out"
        }
        "fare_minor" | "total_minor" if minor < 0 => {
            "this product's amount is below zero, and no fare is; for a reduction write fare_transfer_type 1"
        }
        _ => {
            let class = class.collect();
            return Ok(Price { key, minor, class });
        }
    };
    Err(row.wrong("fare_product_id", what))
}
