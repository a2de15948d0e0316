//! `GET /v1/riders?receipt=TAIL`, `?code=TAIL` or `?account=TAIL`: the rider beside the gate, found by the
//! last digits of something that the rider can show, with the last taps and what to do. Accounts are masked,
//! and that somebody looked is noted.
//!
//! Found are riders who entered within the last two days; the tail has four hexadecimal digits or more.

use super::Staff;
use super::who::Who;
use crate::api::problem::Problem;
use crate::clock;
use crate::staff::May;
use crate::store::{FindBy, StoreError, StoredTap};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use fare_protocol::{AccountId, Direction, GateId, Money, RecordBody, RecordId, StationId, UnixMs};
use serde::{Deserialize, Serialize};

/// How far back riders are found.
const SINCE_MS: i64 = 2 * 86_400_000;

/// Taps shown of each.
const TAPS_SHOWN: u32 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    receipt: Option<String>,
    code: Option<String>,
    account: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Found {
    riders: Vec<Rider>,
}

/// A rider as staff see one.
#[derive(Serialize)]
struct Rider {
    /// Masked.
    account: String,
    denied: bool,
    /// What to do, in one sentence.
    advice: String,
    taps: Vec<Tap>,
}

#[derive(Serialize)]
struct Tap {
    receipt: RecordId,
    at_ms: UnixMs,
    direction: &'static str,
    gate: GateId,
    station: StationId,
    station_name: String,
    /// What the gate told of the passage: `passed`, `annulled`, `unknown`, or `not told yet`.
    passage: String,
    /// The state of its journey.
    journey: String,
    fare: Option<Money>,
}

pub(super) async fn find(
    State(staff): State<Staff>,
    who: Who,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let person = who.may(May::FindRiders)?.clone();
    let names = ["receipt", "code", "account"];
    let expected = "one of ?receipt=TAIL, ?code=TAIL and ?account=TAIL";
    let Query(asked) = asked.map_err(|err| Problem::bad_query(expected, &err, &names))?;
    let (by, name, digits) = tail(asked)?;
    let now = clock::now();
    let work = move |tx: &crate::store::Tx<'_>| {
        let since = UnixMs(now.0.saturating_sub(SINCE_MS));
        let accounts = tx.find_accounts(by, &digits, since)?;
        let about = format!("{name} …{digits}: {} found", accounts.len());
        tx.audit(&person.does("rider-find", &about, ""), now)?;
        let rider = |account: &AccountId| {
            let (taps, denied) = (
                tx.newest_taps(*account, TAPS_SHOWN)?,
                tx.is_denied(*account)?,
            );
            Ok((*account, taps, denied))
        };
        accounts
            .iter()
            .map(rider)
            .collect::<Result<Vec<_>, StoreError>>()
    };
    let found = staff.app.store.write(work).await?;
    let riders = found.into_iter().map(|(account, taps, denied)| Rider {
        account: account.to_string(),
        denied,
        advice: advice(&taps, denied).to_owned(),
        taps: taps.iter().filter_map(|tap| shown(&staff, tap)).collect(),
    });
    Ok(Json(Found {
        riders: riders.collect(),
    }))
}

fn tail(asked: Asked) -> Result<(FindBy, &'static str, String), Problem> {
    let given = [
        (FindBy::Receipt, "receipt", asked.receipt),
        (FindBy::Code, "code", asked.code),
        (FindBy::Account, "account", asked.account),
    ];
    let mut given = given
        .into_iter()
        .filter_map(|(by, name, text)| Some((by, name, text?)));
    let (Some((by, name, text)), None) = (given.next(), given.next()) else {
        let detail = "name one of ?receipt=, ?code= and ?account=, with its last digits";
        return Err(Problem::bad_request(detail).about("query"));
    };
    let digits = text.trim().trim_start_matches('…').to_ascii_lowercase();
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex && (4..=32).contains(&digits.len()) {
        return Ok((by, name, digits));
    }
    let detail = format!("`{name}` has 4 to 32 digits 0-9 and a-f, the last ones; got {text:?}");
    Err(Problem::bad_request(detail).about(name))
}

fn shown(staff: &Staff, tap: &StoredTap) -> Option<Tap> {
    let record = tap.record.record();
    let RecordBody::Confirmation(confirmation) = record.body else {
        return None;
    };
    let station = confirmation.location.station;
    let known = staff.app.settlement.tariff.station(station);
    let passage = tap.passage.as_deref().map_or("not told yet", |passage| {
        let known = ["passed", "annulled", "unknown"].into_iter();
        let mut known = known.filter(|word| passage.contains(word));
        known.next().unwrap_or("told")
    });
    Some(Tap {
        receipt: record.id,
        at_ms: record.stamp.at,
        direction: match confirmation.direction {
            Direction::Entry => "in",
            Direction::Exit => "out",
        },
        gate: record.gate,
        station,
        station_name: known.map_or_else(|| station.to_string(), |known| known.name.clone()),
        passage: passage.to_owned(),
        journey: tap.journey.clone().unwrap_or_else(|| "none".to_owned()),
        fare: tap.fare,
    })
}

/// What to do with this rider, by the newest tap.
fn advice(taps: &[StoredTap], denied: bool) -> &'static str {
    if denied {
        return "Gates refuse this account: the rider owes money or the phone was reported. Send the rider to \
                the service desk.";
    }
    let Some(newest) = taps.first() else {
        return "No tap of this rider is known here.";
    };
    match newest.journey.as_deref() {
        Some("tapped") => {
            "The gate has not told yet whether the rider went through. Wait a moment, then look again."
        }
        Some("annulled") => {
            "Nobody went through and nothing is charged. The rider may show a new code at any gate."
        }
        Some("open") => {
            "The rider is inside. An exit gate lets the rider out with a new code; if it refuses, its log says \
             why (faregate log)."
        }
        Some("held") => {
            "The rider is on the way out; the fare is held until the gate tells of the passage."
        }
        Some("closed") => "The last journey is over and paid. A new code opens an entry gate.",
        Some("incomplete" | "no-exit") => {
            "The exit of the last journey is missing. The rider can tell in the wallet where it ended; a new \
             code opens an entry gate."
        }
        Some("unpriced") => {
            "The fare of the last journey could not be found. The rider may go; the office sees to it."
        }
        Some(_) | None => {
            "The last exit has no entry. The rider may go; the office decides about the fare."
        }
    }
}
