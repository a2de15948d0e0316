//! The products on sale.

use super::fare_minor;
use super::text::Text;
use crate::tariff::products::{
    Covers, Off, PRODUCT_DAYS_MAX, PRODUCTS_MAX, Product, Promise, USES_MAX,
};
use crate::tariff::table::FARE_MINOR_MAX;
use crate::tariff::zones::Zone;
use crate::tariff::{TariffError, TariffProblem};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProduct {
    id: Spanned<String>,
    name: Spanned<String>,
    price_minor: Spanned<i64>,
    valid_days: Spanned<u32>,
    pass: Option<bool>,
    rides: Option<Spanned<u32>>,
    off_minor: Option<Spanned<i64>>,
    off_percent: Option<Spanned<u32>>,
    uses: Option<Spanned<u32>>,
    most_minor: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) zones: Vec<Spanned<String>>,
    #[serde(default)]
    covers_missing_end: bool,
    refund_fee_minor: Option<Spanned<i64>>,
}

pub(super) fn products(
    text: &Text<'_>,
    raw: &[Spanned<RawProduct>],
) -> Result<Vec<Product>, TariffError> {
    text.count(raw.len(), "products", PRODUCTS_MAX)?;
    let mut known = BTreeSet::new();
    let products = raw.iter().map(|raw| {
        let id = &raw.get_ref().id;
        text.once(id.span(), id.get_ref(), known.insert(id.get_ref().clone()))?;
        product(text, raw)
    });
    products.collect()
}

fn product(text: &Text<'_>, raw: &Spanned<RawProduct>) -> Result<Product, TariffError> {
    let covers = covers(text, raw)?;
    let raw = raw.get_ref();
    let most = raw.most_minor.as_ref();
    let most = most.map(|most| text.in_range(most, "most_minor", 1, FARE_MINOR_MAX));
    let fee = raw.refund_fee_minor.as_ref();
    let fee = fee.map(|fee| fare_minor(text, fee, "refund_fee_minor"));
    let zones = raw.zones.iter().map(|zone| text.label(zone).map(Zone));
    Ok(Product {
        id: text.label(&raw.id)?,
        name: text.name(&raw.name, "name")?,
        price_minor: fare_minor(text, &raw.price_minor, "price_minor")?,
        valid_days: text.in_range(&raw.valid_days, "valid_days", 1, PRODUCT_DAYS_MAX)?,
        promise: Promise {
            covers,
            most_minor: most.transpose()?,
            zones: zones.collect::<Result<_, _>>()?,
            missing_end: raw.covers_missing_end,
            refund_fee_minor: fee.transpose()?,
        },
    })
}

fn covers(text: &Text<'_>, raw: &Spanned<RawProduct>) -> Result<Covers, TariffError> {
    let (at, raw) = (raw.span(), raw.get_ref());
    let one = || {
        let problem = TariffProblem::OneOf("pass = true, rides, off_minor and off_percent");
        Err(text.wrong(at.clone(), problem))
    };
    let off = match (&raw.off_minor, &raw.off_percent) {
        (Some(minor), None) => Some(Off::Minor(text.in_range(
            minor,
            "off_minor",
            1,
            FARE_MINOR_MAX,
        )?)),
        (None, Some(percent)) => Some(Off::Percent(text.in_range(
            percent,
            "off_percent",
            1,
            100,
        )?)),
        (None, None) => None,
        (Some(_), Some(_)) => return one(),
    };
    if let Some(uses) = raw.uses.as_ref().filter(|_| off.is_none()) {
        let what = TariffProblem::Stray("uses without off_minor or off_percent");
        return Err(text.wrong(uses.span(), what));
    }
    match (raw.pass, &raw.rides, off) {
        (Some(true), None, None) => Ok(Covers::Pass),
        (None, Some(rides), None) => Ok(Covers::MultiRide {
            rides: text.in_range(rides, "rides", 1, USES_MAX)?,
        }),
        (None, None, Some(off)) => {
            let uses = raw.uses.as_ref();
            let uses = uses.map(|uses| text.in_range(uses, "uses", 1, USES_MAX));
            let uses = uses.transpose()?.unwrap_or(1);
            Ok(Covers::Coupon { uses, off })
        }
        (_, _, _) => one(),
    }
}
