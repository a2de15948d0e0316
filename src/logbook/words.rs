//! Lines in plain words, for people who are in a hurry.

use super::zone::span;
use super::{Admitted, Happening, Helped, Line, Passing, Refused, Zone};
use crate::decode::Unread;
use crate::journal::{Event, Sent, word};
use crate::stages::pairs;
use fare_protocol::{Annulment, ConfigChange, GateId, ModeChange, Record, RecordBody, UnixMs};
use fare_rules::Refusal;

/// Widest decision, so that what follows stands in one column: `admitted, CNY 12.00`.
const DECISION_WIDTH: usize = 19;

/// What stands above the lines: whose they are, and in which time.
pub fn heading(record: Option<&Record>, zone: &Zone, now: UnixMs) -> String {
    let time = zone.name(now);
    let place = match record.map(|record| (record.gate, &record.body)) {
        Some((gate, RecordBody::Confirmation(confirmation))) => {
            let at = confirmation.location;
            format!(
                "gate {gate} at {}, line {}, lane {}; ",
                at.station, at.line, at.lane.0
            )
        }
        Some((
            gate,
            RecordBody::Passage(_)
            | RecordBody::ModeChange(_)
            | RecordBody::LetThrough(_)
            | RecordBody::Config(_),
        )) => {
            format!("gate {gate}; ")
        }
        None => String::new(),
    };
    format!("# {place}times: {time}")
}

/// One line. `gate` is named where lines of several are mixed.
pub fn text(line: &Line, gate: Option<GateId>, zone: &Zone) -> String {
    let gate = gate.map(|gate| format!("{gate:<8}  ")).unwrap_or_default();
    let time = zone.short(line.at());
    let tap = line
        .tap()
        .map_or_else(|| "-".to_owned(), |tap| tap.to_string());
    let direction = line
        .direction()
        .map_or_else(|| "-".to_owned(), |way| way.to_string());
    let account = line.account().unwrap_or_else(|| "-".to_owned());
    let (decision, rest) = match line {
        Line::Admitted(admitted) => (decision(admitted), following(admitted)),
        Line::Refused(refused) => refusal(refused),
        Line::LetThrough(helped) => ("let through".to_owned(), helped_words(helped)),
        Line::Happening(happening) => happened(happening),
    };
    format!(
        "{gate}{time}  {tap:<6}  {direction:<5}  {account:<5}  {decision:<DECISION_WIDTH$}  {rest}"
    )
}

pub(super) fn decision(admitted: &Admitted) -> String {
    let mut words = "admitted".to_owned();
    if let Some(fare) = admitted.fare() {
        words.push_str(&format!(", {fare}"));
    }
    words
}

fn following(admitted: &Admitted) -> String {
    let mut words = passing(admitted.passing);
    if let Some(mode) = admitted.special_mode() {
        words.push_str(&format!("; gate in mode {}", word(&mode)));
    }
    words.push_str(quarantined(admitted.sent));
    words
}

fn quarantined(sent: Sent) -> &'static str {
    match sent {
        Sent::Waiting | Sent::Accepted => "",
        Sent::Refused => "; the server refused it: faregate outbox list",
    }
}

/// By whom and why somebody was let through, and what followed.
pub(super) fn helped_words(helped: &Helped) -> String {
    let (by, reason) = (helped.what.by.code(), helped.what.reason);
    let followed = match helped.passing {
        Passing::UnderWay | Passing::Passed { .. } => passing(helped.passing),
        Passing::Annulled(annulment) => format!("annulled: {}", annulled(annulment)),
        Passing::Unknown => "unknown: power cut, or barrier open for all".to_owned(),
    };
    format!("by {by}: {reason}; {followed}{}", quarantined(helped.sent))
}

/// What followed, with what it means for the rider's money.
pub(super) fn passing(passing: Passing) -> String {
    match passing {
        Passing::UnderWay => "under way".to_owned(),
        Passing::Passed { after_ms } => format!("passed after {}", span(after_ms)),
        Passing::Annulled(annulment) => {
            format!("annulled: {}; nothing is charged", annulled(annulment))
        }
        Passing::Unknown => {
            "unknown: power cut, or barrier open for all; counts as passed".to_owned()
        }
    }
}

fn annulled(annulment: Annulment) -> &'static str {
    match annulment {
        Annulment::TimedOut => "nobody went through in time",
        Annulment::Cancelled => "staff or a shutdown closed the barrier",
        Annulment::NotOpened => "the barrier did not open",
    }
}

/// Decision, and reason with what to do.
fn refusal(refused: &Refused) -> (String, String) {
    match refused.refusal {
        Some(refusal) => (
            format!("refused {}", refusal.number()),
            format!("{}. {}", refusal.meaning(), refusal.staff()),
        ),
        // Of a newer program.
        None => ("refused".to_owned(), refused.code().to_owned()),
    }
}

fn happened(happening: &Happening) -> (String, String) {
    match happening {
        Happening::Unread { why, .. } => (
            format!("not read: {}", why.code()),
            unread_advice(*why).to_owned(),
        ),
        Happening::Unreadable { seq, .. } => (
            "record unreadable".to_owned(),
            format!("record {seq} is of a newer program, or damaged: faregate diag"),
        ),
        Happening::ModeChange { change, .. } => ("mode recorded".to_owned(), mode_change(change)),
        Happening::Config { change, .. } => ("configuration".to_owned(), config_change(change)),
        Happening::Note(event) => note(event),
    }
}

/// What a change of modes is, by whom and why.
pub(super) fn mode_change(change: &ModeChange) -> String {
    let by = change.source.code();
    format!("{} by {by}: {}", change.modes, change.reason)
}

/// What became of a configuration of the server's.
pub(super) fn config_change(change: &ConfigChange) -> String {
    let (words, why) = (change.outcome.words(), change.why.as_str());
    match why {
        "" => format!("the server's is {words}"),
        why => format!("the server's is {words}: {why}"),
    }
}

/// Why a code was not read, and what to say to the rider.
pub fn unread_advice(why: Unread) -> &'static str {
    match why {
        Unread::TooDim => "too dim. Ask for a brighter screen.",
        Unread::Glare => "a lamp is mirrored in it. Ask the rider to tilt the phone.",
        Unread::TooNear => {
            "too near, or partly out of the picture. Ask the rider to move back a little."
        }
        Unread::TooFar => "too far. Ask the rider to come closer.",
        Unread::Moving => "it moved. Ask the rider to hold the phone still.",
        Unread::Damaged => {
            "damaged or covered. Ask for the whole code; clean the glass if it recurs."
        }
        Unread::NotQr => "not a QR code. Ask the rider to open the wallet and show a ride code.",
    }
}

fn clock(unsure: bool) -> (&'static str, String) {
    if unsure {
        let (what, staff) = (Refusal::ClockUnsure.meaning(), Refusal::ClockUnsure.staff());
        ("CLOCK UNSURE", format!("{what}. {staff}"))
    } else {
        let again = "codes are judged by their times again";
        ("clock good again", again.to_owned())
    }
}

/// Notes of the lane; those of a newer program as they are.
fn note(event: &Event) -> (String, String) {
    let value = |name| {
        pairs(&event.detail)
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let (decision, rest) = match (event.kind.as_str(), event.code.as_deref()) {
        ("fire-alarm", _) if value("on") == Some("true") => {
            ("FIRE ALARM", "the barrier is open for everybody".to_owned())
        }
        ("fire-alarm", _) => (
            "fire alarm over",
            "riders are admitted one by one again".to_owned(),
        ),
        ("mode-changed", Some(mode)) => ("mode changed", format!("to {mode}")),
        ("clock-unsure", _) => clock(value("on") == Some("true")),
        ("barrier-failed", _) => (
            "barrier fault",
            format!("it did not obey. {}", Refusal::BarrierFault.staff()),
        ),
        ("unasked-passage", _) => (
            "passage unasked",
            "somebody went through a barrier that was not open for them. Look at the lane."
                .to_owned(),
        ),
        ("free-passage", _) => (
            "free passage",
            "somebody went through while the barrier was open for all".to_owned(),
        ),
        ("passage-not-committed", _) => (
            "disk fault",
            format!(
                "a passage is not recorded yet. {}",
                Refusal::NotRecorded.staff()
            ),
        ),
        ("selftest", _) => (
            "self-test",
            "a technician tried the gate's devices".to_owned(),
        ),
        ("not-let-through", _) => (
            "not let through",
            "it could not be recorded, so the barrier stayed shut. Look at the disk.".to_owned(),
        ),
        ("retried", _) => (
            "record retried",
            "a record that the server had refused waits again".to_owned(),
        ),
        (kind, code) => {
            let words = [code.unwrap_or_default(), event.detail.as_str()];
            return (kind.to_owned(), words.join(" ").trim().to_owned());
        }
    };
    (decision.to_owned(), rest)
}
