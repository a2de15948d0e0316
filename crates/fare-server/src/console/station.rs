//! The page of a station: its gates as they are now, what they are told, and the taps of one rider.
//!
//! ```text
//! GET  /stations/{station}              the page
//! GET  /v1/stations/{station}           Station as JSON
//! GET  /v1/stations/{station}/events    server-sent events: `page` with the parts that changed
//! GET  /v1/riders?receipt=|code=|account=TAIL   the rider beside one: `beside`
//! POST /v1/modes                        gates in another mode: `modes`
//! POST /v1/let-through                  one gate open once, for one person: `let_through`
//! ```

use super::let_through::{self, Shown};
use super::page::{clock_time, escaped, moment, nothing, or_none, who_html};
use super::tally::{Lately, Tallies};
use super::who::Who;
use super::{Staff, to_login, typed};
use crate::api::App;
use crate::api::problem::Problem;
use crate::clock::{self, rfc3339};
use crate::net::stopped;
use crate::sse::Sent;
use crate::staff::May;
use crate::store::{GateEnd, GateModes, StoreError};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::{ConfigOutcome, GateId, Mode, Modes, StationId, UnixMs};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const PAGE: &str = include_str!("station.html");

/// Shortest time between two looks.
const LOOK_MIN: Duration = Duration::from_millis(500);

/// Longest time between two looks: gates that fall silent change nothing else.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Longest silence of a gate that is well: three of its feed requests.
const SILENT_MS: i64 = 90_000;

/// How long a gate may take to do what it is told before that is an alarm.
const OBEYS_MS: i64 = 15_000;

/// A station as its staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Station {
    /// The server's time.
    as_of_ms: UnixMs,
    station: StationId,
    name: String,
    gates: Vec<Gate>,
    /// Whom staff let through within the last hour, the newest first.
    let_through: Vec<Shown>,
}

/// A gate as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gate {
    gate: GateId,
    /// `online`, `silent` or `never seen`.
    state: &'static str,
    /// When it was last heard of.
    heard_ms: Option<UnixMs>,
    /// The mode of each direction, as far as the gate's records have come.
    entry: Mode,
    exit: Mode,
    /// What it was told and has not done yet, as far as is known.
    awaited: Option<String>,
    /// What it did within the last hour.
    #[serde(flatten)]
    lately: Lately,
    /// How long its newest record waited before it came.
    record_delay_ms: Option<i64>,
    /// What somebody should look at.
    alarms: Vec<String>,
}

/// The parts of the page that change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Parts {
    gates: String,
    let_through: String,
    /// One sentence, read out by screen readers.
    spoken: String,
}

pub(super) async fn show(
    State(staff): State<Staff>,
    Path(station): Path<String>,
    who: Result<Who, Problem>,
) -> Result<Response, Problem> {
    let Ok(who) = who else {
        return Ok(to_login(&format!("/stations/{station}")));
    };
    let station = look(&staff, &station).await?;
    let parts = parts(&station);
    let allowed = |what: May| if who.is_allowed(what) { "" } else { " hidden" };
    let page = PAGE
        .replace("<!--who-->", &who_html(&who))
        .replace("<!--station-->", &escaped(&station.name))
        .replace("<!--id-->", station.station.as_str())
        .replace("<!--gates-->", &parts.gates)
        .replace("<!--let-through-->", &parts.let_through)
        .replace("<!--let-through-gates-->", &gate_options(&station))
        .replace("<!--spoken-->", &parts.spoken)
        .replace(" data-needs=\"modes\"", allowed(May::SetModes))
        .replace(" data-needs=\"let-through\"", allowed(May::LetThrough))
        .replace(" data-needs=\"riders\"", allowed(May::FindRiders));
    Ok(typed("text/html; charset=utf-8", page).into_response())
}

pub(super) async fn json(
    State(staff): State<Staff>,
    _who: Who,
    Path(station): Path<String>,
) -> Result<Json<Station>, Problem> {
    Ok(Json(look(&staff, &station).await?))
}

pub(super) async fn events(
    State(staff): State<Staff>,
    who: Who,
    Path(station): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    look(&staff, &station).await?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut stopping = staff.app.stopping.clone();
        tokio::select! {
            () = follow(&staff, &who, &station, &sender) => {}
            () = stopped(&mut stopping) => {}
        }
    });
    Ok((
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::new(Sent(receiver)),
    ))
}

/// Sends changes until the reader is gone, or signed in no longer.
async fn follow(staff: &Staff, who: &Who, station: &str, sender: &mpsc::Sender<Bytes>) {
    let mut changes = staff.app.store.changes();
    let mut shown: Option<Parts> = None;
    loop {
        changes.mark_unchanged();
        if !who.is_still_there(&staff.app).await {
            return;
        }
        let now = look(staff, station).await.ok().map(|now| parts(&now));
        let event = match &now {
            Some(parts) if now != shown => {
                let json = serde_json::to_string(parts).unwrap_or_default();
                format!("event: page\ndata: {json}\n\n")
            }
            Some(_) | None => ":\n\n".to_owned(),
        };
        if sender.send(event.into()).await.is_err() {
            return;
        }
        shown = now.or(shown);
        sleep(LOOK_MIN).await;
        let _nothing_new = timeout(LOOK_MAX, changes.changed()).await;
    }
}

/// How the station is now.
async fn look(staff: &Staff, station: &str) -> Result<Station, Problem> {
    let unknown = || {
        let detail = format!("no gate stands at a station {station:?}");
        Problem::new(StatusCode::NOT_FOUND, "no-such-station", detail).about("station")
    };
    let id: StationId = station.parse().map_err(|_| unknown())?;
    let (app, tallies) = (staff.app.clone(), staff.tallies.clone());
    let name = app.settlement.tariff.station(id);
    let name = name.map_or_else(|| id.to_string(), |known| known.name.clone());
    let now = clock::now();
    let seen = app.clone();
    let gates = move |tx: &crate::store::Tx<'_>| {
        let ends = tx.gate_ends()?.into_iter();
        let ends = ends.filter(|end| end.station == id.as_str());
        let gates = ends.map(|end| gate(tx, &seen, &tallies, end, now));
        let gates = gates.collect::<Result<Vec<_>, StoreError>>()?;
        Ok::<_, StoreError>((gates, let_through::lately(tx, id, now)?))
    };
    let (gates, let_through) = app.store.read(gates).await?;
    if gates.is_empty() {
        return Err(unknown());
    }
    Ok(Station {
        as_of_ms: now,
        station: id,
        name,
        gates,
        let_through,
    })
}

fn gate(
    tx: &crate::store::Tx<'_>,
    app: &App,
    tallies: &Tallies,
    end: GateEnd,
    now: UnixMs,
) -> Result<Gate, StoreError> {
    let id: GateId = end
        .gate
        .parse()
        .map_err(|_| StoreError::Corrupt("a gate's id"))?;
    let modes = tx.gate_modes(id)?;
    let is = modes.change.as_ref().map(|change| change.modes);
    let is = is.unwrap_or_default();
    let came = end.newest.map(|(_, _, came)| came);
    let heard_ms = app.seen.last(id).max(came);
    let state = match heard_ms {
        Some(heard) if now.since(heard) <= SILENT_MS => "online",
        Some(_) => "silent",
        None => "never seen",
    };
    let alarms = alarms(tx, (id, &end), &modes, (state, now))?;
    Ok(Gate {
        gate: id,
        state,
        heard_ms,
        entry: is.entry,
        exit: is.exit,
        awaited: modes.awaited().map(|command| command.modes.to_string()),
        lately: tallies.of(tx, id, now)?,
        record_delay_ms: end.newest.map(|(_, made, came)| came.since(made).max(0)),
        alarms,
    })
}

fn alarms(
    tx: &crate::store::Tx<'_>,
    (id, end): (GateId, &GateEnd),
    modes: &GateModes,
    (state, now): (&str, UnixMs),
) -> Result<Vec<String>, StoreError> {
    let mut alarms = Vec::new();
    let is = modes.change.as_ref();
    if is.is_some_and(|change| change.source == "fire" && change.modes != Modes::default()) {
        alarms.push("fire input on".to_owned());
    }
    if let Some(gate) = tx.gate(id)?
        && let Some(revocation) = tx.revocation(id, &gate.key)?
    {
        alarms.push(format!("revoked: {}", revocation.reason));
    }
    if state == "silent" {
        alarms.push("not heard of; it works on alone".to_owned());
    }
    if let Some(command) = modes.awaited() {
        let since = tx.command_made(id, command.id)?;
        if since.is_some_and(|since| now.since(since) > OBEYS_MS) {
            alarms.push(format!("has not done what it was told: {}", command.modes));
        }
    }
    alarms.extend(config_alarm(tx, id)?);
    if end.quarantined > 0 {
        alarms.push(format!("{} records refused as forks", end.quarantined));
    }
    for kind in tx.kinds_about(id)? {
        alarms.push(format!("conflict: {}", kind.replace('-', " ")));
    }
    Ok(alarms)
}

/// A configuration that the gate could not take.
fn config_alarm(tx: &crate::store::Tx<'_>, gate: GateId) -> Result<Option<String>, StoreError> {
    let end = tx.sent_config(gate)?.and_then(|sent| sent.outcome);
    Ok(end.and_then(|end| match end.outcome {
        ConfigOutcome::Refused | ConfigOutcome::RolledBack => {
            let (words, why) = (end.outcome.words(), end.why);
            Some(format!("configuration {words}: {why}"))
        }
        ConfigOutcome::Live | ConfigOutcome::SetAside => None,
    }))
}

fn parts(station: &Station) -> Parts {
    let rows = station.gates.iter().map(gate_row);
    let alarms: usize = station.gates.iter().map(|gate| gate.alarms.len()).sum();
    let online = station.gates.iter().filter(|gate| gate.state == "online");
    let helped = station.let_through.iter().map(let_through::row);
    Parts {
        gates: or_none(rows.collect(), 9, "No gate stands here"),
        let_through: or_none(helped.collect(), 6, "Nobody within the last hour"),
        spoken: format!(
            "{} of {} gates online, {alarms} alarms.{}",
            online.count(),
            station.gates.len(),
            let_through::spoken(&station.let_through),
        ),
    }
}

fn gate_options(station: &Station) -> String {
    let ids = station.gates.iter().map(|gate| escaped(gate.gate.as_str()));
    ids.map(|id| format!("<option>{id}</option>")).collect()
}

fn gate_row(gate: &Gate) -> String {
    let mark = match gate.state {
        "online" => "good",
        "silent" => "warn",
        _ => "quiet",
    };
    let id = escaped(gate.gate.as_str());
    let Lately {
        entries,
        exits,
        let_through,
        last_tap_ms,
        last_was_exit,
    } = gate.lately;
    let way = if last_was_exit { "out" } else { "in" };
    let last = last_tap_ms.map_or_else(nothing, |at| {
        format!(
            "{} <span class=\"id\">{way}</span>",
            clock_time(&rfc3339(at))
        )
    });
    let alarms = if gate.alarms.is_empty() {
        nothing()
    } else {
        let items = gate
            .alarms
            .iter()
            .map(|alarm| format!("<li>{}</li>", escaped(alarm)));
        format!("<ul class=\"alarms\">{}</ul>", items.collect::<String>())
    };
    format!(
        "<tr><th scope=\"row\"><label class=\"pick\"><input type=\"checkbox\" name=\"gate\" value=\"{id}\"> \
         {id}</label></th><td><span class=\"state {mark}\">{}</span></td><td>{}</td><td>{last}</td>\
         <td class=\"number\">{entries}</td><td class=\"number\">{exits}</td>\
         <td class=\"number\">{let_through}</td><td>{}</td><td>{alarms}</td></tr>",
        gate.state,
        mode_words(gate),
        outbox(gate),
    )
}

fn mode_words(gate: &Gate) -> String {
    let modes = if gate.entry == gate.exit {
        gate.entry.code().to_owned()
    } else {
        format!("in {}, out {}", gate.entry.code(), gate.exit.code())
    };
    let told = gate.awaited.as_ref().map(|told| {
        format!(
            "<br><span class=\"state busy\">told: {}</span>",
            escaped(told)
        )
    });
    format!("{modes}{}", told.unwrap_or_default())
}

/// What is known of the gate's outbox: how long its newest record waited; for a silent gate, since when
/// nothing is known.
fn outbox(gate: &Gate) -> String {
    if gate.state != "online" {
        return match gate.heard_ms {
            Some(_) => format!("unknown since {}", moment(gate.heard_ms)),
            None => nothing(),
        };
    }
    gate.record_delay_ms
        .map_or_else(nothing, |ms| format!("{} s", (ms + 999) / 1_000))
}
