//! What a rider says of a missing exit. It moves no money: it raises a conflict with the rider's words,
//! and staff decide.

use super::auth::RiderAsks;
use super::journeys::{JourneyView, view};
use super::{Riders, not_found};
use crate::api::problem::Problem;
use crate::clock::{self, rfc3339};
use crate::config::Settlement;
use crate::ids;
use crate::store::{Correction, Scope, StoreError, Told, Tx, is_unprintable};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use fare_protocol::{AccountId, ConflictId, Direction, Money, RecordId, StationId, UnixMs};
use fare_rules::conflict::{Circumstances, ConflictKind};
use fare_rules::journey::Tap;
use fare_rules::{End, Ride};
use serde::Deserialize;

/// Longest note, in characters.
pub(super) const NOTE_CHARS_MAX: usize = 300;

/// How far after now the rider may say to have left: clocks differ.
const AHEAD_MS_MAX: i64 = 300_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    entry: RecordId,
    station: StationId,
    left_at_ms: UnixMs,
    #[serde(default)]
    note: String,
}

pub(super) async fn send(
    State(riders): State<Riders>,
    RiderAsks { rider, body }: RiderAsks,
) -> Result<(StatusCode, Json<JourneyView>), Problem> {
    let said = read(&body)?;
    let settlement = riders.app.settlement.clone();
    let tariff = settlement.tariff.clone();
    if tariff.station(said.station).is_none() {
        let detail = format!("`station`: there is no station {}", said.station);
        return Err(Problem::bad_request(detail).about("station"));
    }
    let account = rider.account;
    let work = move |tx: &Tx<'_>| keep(tx, &settlement, account, &said);
    let (own, is_new) = riders.app.store.write(work).await?;
    if !is_new {
        return Ok((StatusCode::OK, Json(own)));
    }
    tracing::info!(account = %rider.account, "a rider told of a missing exit");
    Ok((StatusCode::CREATED, Json(own)))
}

fn read(body: &[u8]) -> Result<Said, Problem> {
    let said: Said = serde_json::from_slice(body).map_err(|err| {
        let text = err.to_string();
        let problem = Problem::bad_request(format!(
            "the body is not {{\"entry\": \"32 hex digits\", \"station\": \"GMO\", \
             \"left_at_ms\": 0, \"note\": \"…\"}}: {text}"
        ));
        let fields = ["entry", "station", "left_at_ms", "note"];
        let value: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let wrong = fields.into_iter().find(|field| match &value {
            Some(value) => !fits(field, &value[*field]),
            None => false,
        });
        problem.about(wrong.unwrap_or("body"))
    })?;
    if said.note.chars().count() > NOTE_CHARS_MAX {
        let detail = format!("`note` is longer than {NOTE_CHARS_MAX} characters");
        return Err(Problem::bad_request(detail).about("note"));
    }
    if said.note.chars().any(is_unprintable) {
        let detail = "`note` has a control character; write letters and lines";
        return Err(Problem::bad_request(detail).about("note"));
    }
    Ok(said)
}

/// Whether this field alone is what it should be.
fn fits(field: &str, value: &serde_json::Value) -> bool {
    let text = value.as_str();
    match field {
        "entry" => text.is_some_and(|text| text.parse::<RecordId>().is_ok()),
        "station" => text.is_some_and(|text| text.parse::<StationId>().is_ok()),
        "left_at_ms" => value.is_i64(),
        _ => value.is_null() || value.is_string(),
    }
}

fn keep(
    tx: &Tx<'_>,
    settlement: &Settlement,
    account: AccountId,
    said: &Said,
) -> Result<(JourneyView, bool), Problem> {
    let tariff = &settlement.tariff;
    let now = clock::now();
    let entry = said.entry;
    let own = tx.own_journey(account, entry)?.ok_or_else(|| {
        let detail = format!("`entry`: this rider has no journey {}", entry.to_hex());
        not_found("no-such-journey", detail).about("entry")
    })?;
    // Who did not hear the first answer tells the same again.
    let same = |before: &Correction| {
        (before.station, before.left, &before.note) == (said.station, said.left_at_ms, &said.note)
    };
    if own.correction.as_ref().is_some_and(same) {
        return Ok((view(own, tariff), false));
    }
    if !matches!(own.state.as_str(), "open" | "incomplete" | "no-exit") {
        let detail = format!("the journey is {}: its exit is not missing", own.state);
        return Err(Problem::new(StatusCode::CONFLICT, "nothing-missing", detail).about("entry"));
    }
    if own.correction.is_some() {
        let detail = "something else was told of the journey already; staff will look at it";
        return Err(Problem::new(StatusCode::CONFLICT, "told-already", detail).about("entry"));
    }
    let left = said.left_at_ms;
    if left < own.entered_at || left.since(now) > AHEAD_MS_MAX {
        let detail = format!(
            "`left_at_ms` is {}; expected a time between the entry at {} and now",
            rfc3339(left),
            rfc3339(own.entered_at)
        );
        return Err(Problem::bad_request(detail).about("left_at_ms"));
    }
    let conflict = raise(tx, settlement, (account, said), now)?;
    let correction = Correction {
        station: said.station,
        left,
        note: said.note.clone(),
        sent: now,
        conflict,
        how: None,
    };
    tx.insert_correction(account, entry, &correction)?;
    let own = tx.own_journey(account, entry)?;
    let own = own.ok_or(StoreError::Corrupt("a journey"))?;
    Ok((view(own, tariff), true))
}

fn raise(
    tx: &Tx<'_>,
    settlement: &Settlement,
    (account, said): (AccountId, &Said),
    now: UnixMs,
) -> Result<ConflictId, Problem> {
    let id = ids::new_id(now).map_err(|err| Problem::unavailable(&err))?;
    let id = ConflictId(id);
    let note = said.note.split_whitespace().collect::<Vec<_>>().join(" ");
    let note = if note.is_empty() {
        "nothing more"
    } else {
        &note
    };
    let mut detail = format!(
        "the rider says: left at {}, {}: {note}",
        said.station,
        rfc3339(said.left_at_ms)
    );
    if let Some(completed) = tx.completed(account, said.entry)? {
        let completed = completed.sentence(Direction::Exit);
        detail = format!("{detail}; by what is known: {completed}");
    }
    let kind = ConflictKind::ExitClaimed;
    let entry = tx.tap(account, said.entry)?;
    let around = Circumstances {
        told: entry.and_then(|entry| as_told(settlement, &entry, said)),
        ..Circumstances::default()
    };
    let told = Told {
        detail,
        records: [tx.tap_record(account, said.entry)?, None],
        proposal: kind.propose(&around),
    };
    let about = (Scope::Account(account), kind, &*said.entry.to_hex());
    tx.raise(id, about, &told, now)?;
    Ok(id)
}

/// What the journey costs as the rider tells it, without earlier ones.
fn as_told(settlement: &Settlement, entry: &Tap, said: &Said) -> Option<Money> {
    let ride = Ride {
        class: entry.class(),
        class_until: None,
        entry: entry.end(),
        exit: End {
            station: said.station,
            at: said.left_at_ms,
        },
        earlier: &[],
    };
    let quote = settlement.tariff_at(entry.at).price(&ride).ok()?;
    Some(quote.fare)
}
