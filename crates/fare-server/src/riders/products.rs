//! What a rider bought beforehand and how much of it is left.

use super::Riders;
use super::auth::RiderAsks;
use crate::api::problem::Problem;
use crate::clock;
use crate::store::{ProductRow, StoreError, Tx, Used};
use axum::Json;
use axum::extract::State;
use fare_protocol::{Money, ProductId, UnixMs};
use serde::Serialize;

/// What is valid now or will be, what ends first the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Products {
    pub products: Vec<ProductView>,
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
    Ok(Json(Products { products }))
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
        uses: row.promise.covers.uses(),
    }
}
