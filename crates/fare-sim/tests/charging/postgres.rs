//! Journeys charged, on PostgreSQL.

pub(crate) use crate::fresh::postgres as fresh;

#[path = "journeys.rs"]
mod journeys;
#[path = "pay_codes.rs"]
mod pay_codes;
#[path = "../../../fare-server/tests/server/site.rs"]
pub(crate) mod site;
#[path = "stored.rs"]
mod stored;
