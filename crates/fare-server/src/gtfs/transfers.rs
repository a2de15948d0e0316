//! Transfer rules.

use super::csv::{Row, Table};
use super::legs::Legs;
use super::products::Products;
use super::{Problem, Problems, all};
use std::fmt::Write;

/// Within a service day, when a rule has no time limit.
const WITHIN_MIN_MAX: u32 = 1_440;

/// As many as a tariff may allow, when a rule has no limit.
const TRANSFERS_MAX: u32 = fare_rules::tariff::TRANSFERS_MAX;

pub(super) fn write(table: &Table, legs: &Legs, products: &Products) -> Result<String, Problems> {
    let written = table
        .rows()
        .enumerate()
        .map(|(n, row)| transfer(n + 1, &row, legs, products));
    Ok(all(written)?.concat())
}

fn transfer(
    number: usize,
    row: &Row<'_>,
    legs: &Legs,
    products: &Products,
) -> Result<String, Problem> {
    for column in ["from_leg_group_id", "to_leg_group_id"] {
        if let Some(group) = row.get(column)
            && !legs.is_only_group(&group.text)
        {
            let what = "this transfer depends on the group of a leg, of which there are several; a gate \
                        does not know it";
            return Err(row.wrong(column, what));
        }
    }
    let within = match row.get("duration_limit") {
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
    let price = price(row, products)?;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ok = write!(
        text,
        "[[transfer]]\nid = \"transfer-{number}\"\nwithin_min = {within}\nmeasured = \"{measured}\"\n\
         most = {most}\n{price}\n"
    );
    Ok(text)
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
/// the product together.
fn price(row: &Row<'_>, products: &Products) -> Result<String, Problem> {
    let minor = match row.get("fare_product_id") {
        None => 0,
        Some(id) => {
            let none = || {
                format!(
                    "there is no product {:?} with an amount for adults",
                    id.text
                )
            };
            let adult = products.get(&id.text).and_then(|product| product.adult);
            adult.ok_or_else(|| row.wrong("fare_product_id", none()))?
        }
    };
    match row.text("fare_transfer_type") {
        "0" => Ok(format!("fare_minor = {minor}")),
        "1" => Ok(format!("add_minor = {minor}")),
        "2" => Ok(format!("total_minor = {minor}")),
        other => {
            let what = format!("got {other:?}; write 0, 1 or 2");
            Err(row.wrong("fare_transfer_type", what))
        }
    }
}
