//! The server from outside: batches of signed records in, answers, journeys and books out; then the
//! same over TLS, and the program itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod api;
mod chain;
mod gate;
mod import;
mod inbox;
mod journeys;
mod program;
mod site;
