//! The server from outside: batches of signed records in, answers, journeys and books out; then the
//! same over TLS, and the program itself. What is about the store runs on both engines.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Both engines' suites are made of the same files.
#![allow(clippy::duplicate_mod)]

mod citus;
mod desk;
mod docs;
mod explain;
mod fresh;
mod gate;
mod postgres;
mod program;
mod several;
mod sqlite;
