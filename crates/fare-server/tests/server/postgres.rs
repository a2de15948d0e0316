//! The conformance suite on PostgreSQL.

pub(crate) use crate::fresh::postgres as fresh;

#[path = "api.rs"]
mod api;
#[path = "books.rs"]
mod books;
#[path = "chain.rs"]
mod chain;
#[path = "completed.rs"]
mod completed;
#[path = "configs.rs"]
mod configs;
#[path = "import.rs"]
mod import;
#[path = "inbox.rs"]
mod inbox;
#[path = "incidents.rs"]
mod incidents;
#[path = "journeys.rs"]
mod journeys;
#[path = "let_through.rs"]
mod let_through;
#[path = "paid_back.rs"]
mod paid_back;
#[path = "paper_codes.rs"]
mod paper_codes;
#[path = "pay_codes.rs"]
mod pay_codes;
#[path = "phone.rs"]
mod phone;
#[path = "products.rs"]
mod products;
#[path = "revoke.rs"]
mod revoke;
#[path = "riders.rs"]
mod riders;
#[path = "shop.rs"]
mod shop;
#[path = "site.rs"]
pub(crate) mod site;
#[path = "staff.rs"]
mod staff;
#[path = "station.rs"]
mod station;
