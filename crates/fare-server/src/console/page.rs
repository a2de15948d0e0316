//! The page as HTML. The same rows go into the first paint and into every event, so that there is
//! one place that writes them.

use super::state::State;
use super::who::Who;
use crate::clock::rfc3339;
use crate::store::{ConflictView, GateView, JourneyView};
use fare_protocol::{Money, UnixMs};
use fare_rules::Tariff;
use serde::Serialize;
use std::fmt::Write;

const PAGE: &str = include_str!("page.html");

/// Longest silence of a gate that is well: three of its feed requests.
const SILENT_MS: i64 = 90_000;

/// The parts of the page that change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Parts {
    figures: String,
    gates: String,
    journeys: String,
    conflicts: String,
    /// One sentence, read out by screen readers.
    spoken: String,
}

/// The whole page.
pub(super) fn page(state: &State, tariff: &Tariff, who: &Who) -> String {
    let parts = parts(state, tariff);
    PAGE.replace("<!--who-->", &who_html(who))
        .replace("<!--tariff-->", &escaped(tariff.name()))
        .replace("<!--figures-->", &parts.figures)
        .replace("<!--gates-->", &parts.gates)
        .replace("<!--journeys-->", &parts.journeys)
        .replace("<!--conflicts-->", &parts.conflicts)
        .replace("<!--spoken-->", &parts.spoken)
}

/// Who is signed in, and the way in or out.
pub(super) fn who_html(who: &Who) -> String {
    match &who.0 {
        Some(person) => format!(
            "<span class=\"who\">{} <span class=\"id\">{}</span></span> \
             <button id=\"sign-out\" type=\"button\">Sign out</button>",
            escaped(&person.name),
            escaped(&person.roles.to_string())
        ),
        None => "<a href=\"/login\">Sign in</a>".to_owned(),
    }
}

/// Its parts.
pub(super) fn parts(state: &State, tariff: &Tariff) -> Parts {
    let gates = state
        .gates
        .iter()
        .map(|gate| gate_row(gate, tariff, state.as_of_ms));
    let journeys = state
        .journeys
        .iter()
        .map(|journey| journey_row(journey, tariff));
    let conflicts = state.conflicts.iter().map(conflict_row);
    Parts {
        figures: figures(state),
        gates: or_none(
            gates.collect(),
            6,
            "No gate is registered: <code>fareserver gate add</code>",
        ),
        journeys: or_none(journeys.collect(), 7, "No journey yet"),
        conflicts: or_none(conflicts.collect(), 4, "None: every record fits the others"),
        spoken: spoken(state),
    }
}

fn figures(state: &State) -> String {
    let counts = &state.counts;
    let revenue = sums(state, "fare-revenue");
    let held = sums(state, "held");
    let (mark, word) = if state.books.balanced {
        ("good", "Yes")
    } else {
        ("bad", "No")
    };
    let mut html = String::new();
    for (label, value, mark) in [
        ("Riders inside", counts.open.to_string(), ""),
        ("Journeys charged", counts.closed.to_string(), ""),
        ("Fares earned", revenue, ""),
        ("Fares held", held, ""),
        ("Books balanced", word.to_owned(), mark),
        (
            "Conflicts",
            counts.conflicts.to_string(),
            if counts.conflicts > 0 { "warn" } else { "" },
        ),
    ] {
        let _infallible = write!(
            html,
            "<div class=\"figure {mark}\"><dt>{label}</dt><dd>{}</dd></div>",
            escaped(&value)
        );
    }
    html
}

/// The sums of one kind of ledger account, one for each currency.
fn sums(state: &State, account: &str) -> String {
    let sums = state.books.sums.iter().filter(|sum| sum.account == account);
    let sums = sums.map(|sum| Money::new(sum.minor, sum.currency).to_string());
    let sums = sums.collect::<Vec<_>>().join(", ");
    if sums.is_empty() {
        "–".to_owned()
    } else {
        sums
    }
}

fn spoken(state: &State) -> String {
    let counts = &state.counts;
    let balanced = if state.books.balanced {
        "balanced"
    } else {
        "not balanced"
    };
    format!(
        "{} journeys charged, {} riders inside, {} conflicts, books {balanced}.",
        counts.closed, counts.open, counts.conflicts
    )
}

fn gate_row(gate: &GateView, tariff: &Tariff, now: UnixMs) -> String {
    let (word, mark) = match gate.last_seen_ms {
        Some(seen) if now.since(seen) <= SILENT_MS => ("online", "good"),
        Some(_) => ("silent", "warn"),
        None => ("never seen", "quiet"),
    };
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td><span class=\"state {mark}\">{word}</span></td>\
         <td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
        escaped(&gate.gate),
        linked_station(&gate.station, tariff),
        moment(gate.last_seen_ms),
        moment(gate.last_record_ms),
        of_chain(gate),
    )
}

/// How many records are stored, of how many the gate has made when some are missing.
fn of_chain(gate: &GateView) -> String {
    if gate.records == gate.seq {
        gate.records.to_string()
    } else {
        format!("{} of {}", gate.records, gate.seq)
    }
}

fn journey_row(journey: &JourneyView, tariff: &Tariff) -> String {
    let to = journey.to.as_deref().map(|to| station(to, tariff));
    let fare = journey.fare.map(|fare| fare.to_string());
    format!(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td class=\"number\">{}</td><td><span class=\"state {}\">{}</span></td></tr>",
        escaped(&journey.account),
        station(&journey.from, tariff),
        to.unwrap_or_else(nothing),
        moment(Some(journey.entered_at_ms)),
        moment(journey.left_at_ms),
        fare.map_or_else(nothing, |fare| escaped(&fare)),
        mark(&journey.state),
        escaped(&journey.state),
    )
}

fn mark(state: &str) -> &'static str {
    match state {
        "closed" => "good",
        "open" | "held" => "busy",
        "incomplete" | "unpriced" => "warn",
        _ => "quiet",
    }
}

fn conflict_row(conflict: &ConflictView) -> String {
    format!(
        "<tr><th scope=\"row\">{}</th><td class=\"whole\">{}</td><td>{}</td><td>{}</td></tr>",
        escaped(&conflict.kind.replace('-', " ")),
        escaped(&conflict.about),
        with_moments(&conflict.detail),
        moment(Some(conflict.raised_ms)),
    )
}

fn station(id: &str, tariff: &Tariff) -> String {
    let known = id.parse().ok().and_then(|id| tariff.station(id));
    let name = known.map_or(id, |station| &station.name);
    format!(
        "{} <span class=\"id\">{}</span>",
        escaped(name),
        escaped(id)
    )
}

/// The same, and the way to its page.
fn linked_station(id: &str, tariff: &Tariff) -> String {
    format!(
        "<a href=\"/stations/{}\">{}</a>",
        escaped(id),
        station(id, tariff)
    )
}

/// A sentence in which moments stand as [`rfc3339`] writes them.
fn with_moments(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| {
        let (stamp, rest) = word.split_at(word.find("Z:").map_or(0, |z| z + 1));
        let is_moment = stamp.len() == 20 && stamp.find('T') == Some(10);
        if is_moment {
            format!("{}{}", clock_time(stamp), escaped(rest))
        } else {
            escaped(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn moment(at: Option<UnixMs>) -> String {
    at.map_or_else(nothing, |at| clock_time(&rfc3339(at)))
}

/// The time of day in UTC; the script shows it in the reader's own time.
pub(super) fn clock_time(full: &str) -> String {
    let clock = full.get(11..19).unwrap_or(full);
    format!("<time datetime=\"{full}\">{clock}</time>")
}

pub(super) fn nothing() -> String {
    "<span class=\"none\">–</span>".to_owned()
}

pub(super) fn or_none(rows: String, columns: u8, none: &str) -> String {
    if rows.is_empty() {
        format!("<tr><td class=\"empty\" colspan=\"{columns}\">{none}</td></tr>")
    } else {
        rows
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
