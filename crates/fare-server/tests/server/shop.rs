//! A site that sells products, and what became of them.

use super::site::{Site, settlement};
use crate::gate::{Gate, MORNING, account};
use fare_protocol::{Direction, SignedRecord, UnixMs};
use fare_rules::Tariff;
use fare_server::config::Settlement;
use fare_server::products::{Sale, sell};
use fare_server::store::{PaidBy, ProductRow};
use std::sync::Arc;

/// Just before the first journeys.
pub(super) const SOLD: UnixMs = UnixMs(MORNING - 1_000);

/// A site that sells this, and gates at PGY and XDN: 5.00 from one to the other.
pub(super) fn shop(on_sale: &str) -> (Site, Gate, Gate) {
    let (a, b) = (Gate::new("PGY-01", "PGY"), Gate::new("XDN-02", "XDN"));
    let mut site = Site::new(&[&a, &b]);
    site.settlement = selling(on_sale);
    (site, a, b)
}

/// Beijing's fares, and what is on sale.
pub(super) fn selling(on_sale: &str) -> Settlement {
    let mut selling = settlement();
    selling.tariff_text.tariff.push_str(on_sale);
    selling.tariff = Arc::new(Tariff::parse(&selling.tariff_text).unwrap());
    selling
}

pub(super) fn sale(offer: &str, paid: PaidBy) -> Sale {
    Sale {
        account: account(1),
        offer: offer.to_owned(),
        paid,
        from: None,
        person: "Wang".to_owned(),
    }
}

pub(super) fn sold(site: &mut Site, offer: &str) -> ProductRow {
    let tariff = site.settlement.tariff.clone();
    let sale = sale(offer, PaidBy::Cash);
    site.database
        .write(|tx| sell(tx, &tariff, &sale, SOLD))
        .unwrap()
}

/// How many journeys use the product, and what they earn of its price.
pub(super) fn used(site: &mut Site, product: &ProductRow) -> (u32, i64) {
    let used = site.database.read(|tx| tx.used(account(1))).unwrap();
    let used = used.get(&product.id).copied().unwrap_or_default();
    (used.journeys, used.posted_minor)
}

/// Somebody goes from PGY to XDN; answers the records of both gates.
pub(super) fn journey(a: &Gate, b: &Gate, minute: i64) -> [[SignedRecord; 2]; 2] {
    let entry = a.passes(Direction::Entry, account(1), minute);
    [entry, b.passes(Direction::Exit, account(1), minute + 10)]
}

/// What journeys cost, by their entries; -1 where there is no fare.
pub(super) fn fares(site: &mut Site) -> Vec<i64> {
    let mut journeys = site.journeys();
    journeys.sort_by_key(|journey| journey.entered_at_ms);
    let fares = journeys.into_iter().map(|journey| journey.fare);
    fares
        .map(|fare| fare.map_or(-1, |fare| fare.minor))
        .collect()
}
