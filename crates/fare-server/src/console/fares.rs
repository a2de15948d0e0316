//! Tables of fares, and their release by people who sign in: two different ones make a table live.
//!
//! ```text
//! GET  /v1/fares                  {"tables": [Table ...]}, the newest first
//! POST /v1/fares/{table}/release  {"reason"} -> Table; told again by the same person it changes nothing
//! ```

use super::who::Who;
use crate::api::App;
use crate::api::problem::Problem;
use crate::clock;
use crate::fares::{self, FaresError};
use crate::staff::May;
use crate::store::FareTable;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use fare_protocol::{TariffHash, UnixMs};
use serde::{Deserialize, Serialize};

/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;

#[derive(Serialize)]
pub(super) struct Listed {
    tables: Vec<Table>,
}

/// A table as people see it.
#[derive(Serialize)]
pub(super) struct Table {
    table: String,
    name: String,
    imported_by: String,
    imported_ms: UnixMs,
    releases: Vec<Release>,
    live: bool,
}

#[derive(Serialize)]
struct Release {
    by: String,
    at_ms: UnixMs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    reason: String,
}

impl From<FareTable> for Table {
    fn from(table: FareTable) -> Self {
        let live = table.is_live();
        let releases = table.releases.into_iter();
        Self {
            table: table.hash.to_hex(),
            name: table.name,
            imported_by: table.person,
            imported_ms: table.made,
            releases: releases.map(|(by, at_ms)| Release { by, at_ms }).collect(),
            live,
        }
    }
}

pub(super) async fn list(State(app): State<App>, _who: Who) -> Result<Json<Listed>, Problem> {
    let tables = app.store.read(|tx| tx.fare_tables()).await?;
    let tables = tables.into_iter().map(Table::from).collect();
    Ok(Json(Listed { tables }))
}

pub(super) async fn release(
    State(app): State<App>,
    who: Who,
    Path(table): Path<String>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Json<Table>, Problem> {
    let person = who.may(May::Release)?.clone();
    let Json(Asked { reason }) =
        asked.map_err(|err| Problem::bad_json("reason", &err, &["reason"]))?;
    let reason = reason.trim().to_owned();
    Problem::check_text("reason", &reason, REASON_CHARS_MAX)?;
    let hash: TariffHash = table.parse().map_err(|_| {
        let detail = format!("{table:?} is no table of fares: 32 hexadecimal digits");
        Problem::new(StatusCode::NOT_FOUND, "no-such-table", detail).about("table")
    })?;
    let work = move |tx: &crate::store::Tx<'_>| {
        let now = clock::now();
        match fares::release(tx, hash, &person.name, now) {
            Ok(table) => {
                let about = hash.to_hex();
                tx.audit(&person.does("fares-release", &about, &reason), now)?;
                Ok(table)
            }
            // Who did not hear the first answer asks again.
            Err(FaresError::SamePerson { .. }) => {
                tx.fare_table(hash)?.ok_or(FaresError::NoTable(hash))
            }
            Err(err) => Err(err),
        }
    };
    Ok(Json(app.store.write(work).await?.into()))
}

impl From<FaresError> for Problem {
    fn from(err: FaresError) -> Self {
        let detail = err.to_string();
        match err {
            FaresError::NoTable(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-table", detail).about("table")
            }
            FaresError::Tariff(_)
            | FaresError::SamePerson { .. }
            | FaresError::NotReleaser { .. }
            | FaresError::Person(_) => Self::bad_request(detail),
            FaresError::Store(_) => Self::unavailable(&detail),
        }
    }
}
