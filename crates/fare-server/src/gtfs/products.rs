//! Fare products: what they cost an adult and what other classes.

use super::csv::{Row, Table};
use super::{Problem, Problems, all};
use fare_protocol::RiderClass;
use fare_rules::tariff::class_name;
use std::collections::BTreeMap;

/// One product's amounts in minor units: an adult's, and those of classes that have their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) adult: Option<i64>,
    pub(super) class: BTreeMap<RiderClass, i64>,
}

pub(super) struct Products(BTreeMap<String, Product>);

impl Products {
    pub(super) fn read(categories: &Table, products: &Table) -> Result<Self, Problems> {
        let known = all(categories.rows().map(|row| {
            let id = row.need("rider_category_id")?;
            Ok((id.text.clone(), category(&row, &id.text)?))
        }))?;
        let known: BTreeMap<String, RiderClass> = known.into_iter().collect();
        let mut found: BTreeMap<String, Product> = BTreeMap::new();
        all(products.rows().map(|row| {
            let id = row.need("fare_product_id")?;
            let class = match row.get("rider_category_id") {
                None => RiderClass::Adult,
                Some(category) => {
                    let none = || format!("there is no category {:?} in rider_categories.txt", category.text);
                    let class = known.get(&category.text).copied();
                    class.ok_or_else(|| row.wrong("rider_category_id", none()))?
                }
            };
            let minor = amount(&row)?;
            let product = found.entry(id.text.clone()).or_default();
            let before = match class {
                RiderClass::Adult => product.adult.replace(minor),
                RiderClass::Child
                | RiderClass::Student
                | RiderClass::Senior
                | RiderClass::Disabled
                | RiderClass::Staff => product.class.insert(class, minor),
            };
            if before.is_some_and(|before| before != minor) {
                let what = "this product has another amount for the same riders above; a gate knows no \
                            fare media: write one amount";
                return Err(row.wrong("amount", what));
            }
            Ok(())
        }))?;
        Ok(Self(found))
    }

    pub(super) fn get(&self, id: &str) -> Option<&Product> {
        self.0.get(id)
    }
}

fn category(row: &Row<'_>, id: &str) -> Result<RiderClass, Problem> {
    if row.text("is_default_fare_category") == "1" {
        return Ok(RiderClass::Adult);
    }
    let lower = id.to_ascii_lowercase();
    let found = RiderClass::ALL
        .into_iter()
        .find(|class| class_name(*class) == lower);
    found.ok_or_else(|| {
        let words = RiderClass::ALL.map(class_name).join(", ");
        let what = format!("{id:?} is none of our classes; call it one of {words}");
        row.wrong("rider_category_id", what)
    })
}

/// `2.40` in minor units.
fn amount(row: &Row<'_>) -> Result<i64, Problem> {
    let field = row.need("amount")?;
    let (sign, digits) = match field.text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, field.text.as_str()),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let minor = match part.len() {
        0..=2 => format!("{whole}{part:0<2}").parse::<i64>().ok(),
        _ => None,
    };
    let bad = || format!("got {:?}; write an amount like 2.40", field.text);
    minor
        .map(|minor| sign * minor)
        .ok_or_else(|| row.wrong("amount", bad()))
}
