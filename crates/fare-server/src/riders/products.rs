//! What a rider bought beforehand and how much of it is left, and what is on sale at desks.

use super::Riders;
use super::auth::RiderAsks;
use crate::api::problem::Problem;
use crate::clock;
use crate::store::{ProductRow, StoreError, Tx, Used};
use axum::Json;
use axum::extract::State;
use fare_protocol::{Covers, Currency, Money, Off, ProductId, UnixMs};
use fare_rules::tariff::Product;
use serde::Serialize;

/// What is valid now or will be, what ends first the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Products {
    pub products: Vec<ProductView>,
    /// What the tariff of today sells, in the order of use.
    pub on_sale: Vec<OfferView>,
    /// When the server looked.
    pub as_of_ms: UnixMs,
}

/// What is on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct OfferView {
    /// Its short name.
    pub offer: String,
    /// Its name.
    pub name: String,
    /// `pass`, `multi-ride` or `coupon`.
    pub kind: &'static str,
    /// What it costs.
    pub price: Money,
    /// How many service days it is valid, that of the sale included.
    pub valid_days: u32,
    /// For how many journeys it is; nothing when for all.
    pub uses: Option<u32>,
    /// Of a coupon: what a journey costs less; or
    pub off: Option<Money>,
    /// how many per cent less.
    pub off_percent: Option<u32>,
    /// At most so much of one journey is covered.
    pub most: Option<Money>,
}

/// One product as its rider sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProductView {
    /// Its id.
    pub product: ProductId,
    /// What it was on sale as: explanations of fares call it so.
    pub offer: String,
    /// Its name.
    pub name: String,
    /// `pass`, `multi-ride` or `coupon`.
    pub kind: &'static str,
    /// What it cost.
    pub price: Money,
    /// First moment at which it is valid.
    pub from_ms: UnixMs,
    /// First moment at which it is no longer.
    pub until_ms: UnixMs,
    /// How many journeys have used it.
    pub used: u32,
    /// For how many it is; nothing when for all.
    pub uses: Option<u32>,
}

pub(super) async fn list(
    State(riders): State<Riders>,
    RiderAsks { rider, .. }: RiderAsks,
) -> Result<Json<Products>, Problem> {
    let (account, now) = (rider.account, clock::now());
    let work = move |tx: &Tx<'_>| {
        let used = tx.used(account)?;
        let held = tx.products_of(account)?.into_iter();
        let held = held.filter(|row| row.unsold.is_none() && now < row.until);
        let views = held.map(|row| {
            let used = used.get(&row.id).copied().unwrap_or_default();
            view(row, used)
        });
        Ok::<_, StoreError>(views.collect())
    };
    let products = riders.app.store.read(work).await?;
    let tariff = riders.app.settlement.tariff_at(now);
    let on_sale = tariff.products().iter();
    let on_sale = on_sale.map(|product| offer(product, tariff.currency()));
    Ok(Json(Products {
        products,
        on_sale: on_sale.collect(),
        as_of_ms: now,
    }))
}

fn offer(product: &Product, currency: Currency) -> OfferView {
    let money = |minor| Money::new(minor, currency);
    let covers = product.promise.covers;
    let (off, off_percent) = match covers {
        Covers::Pass | Covers::MultiRide { .. } => (None, None),
        Covers::Coupon { off, .. } => match off {
            Off::Minor(minor) => (Some(money(minor)), None),
            Off::Percent(percent) => (None, Some(percent)),
        },
    };
    OfferView {
        offer: product.id.clone(),
        name: product.name.clone(),
        kind: covers.code(),
        price: money(product.price_minor),
        valid_days: product.valid_days,
        uses: covers.uses(),
        off,
        off_percent,
        most: product.promise.most_minor.map(money),
    }
}

fn view(row: ProductRow, used: Used) -> ProductView {
    ProductView {
        product: row.id,
        offer: row.offer,
        name: row.name,
        kind: row.promise.covers.code(),
        price: row.price,
        from_ms: row.from,
        until_ms: row.until,
        used: used.journeys,
        uses: row.uses_kept.or(row.promise.covers.uses()),
    }
}
