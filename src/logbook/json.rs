//! Lines for machines: one JSON object each.

use super::{Happening, Line, Passing, Zone, words};
use crate::journal::{Event, Sent};
use crate::stages::{Stage, Stages};
use fare_protocol::{Annulment, Direction, GateId, Mode, Money};
use serde::{Serialize, Serializer};

/// A line as JSON. What is not known or does not apply is left out.
#[derive(Clone, Debug, Serialize)]
pub struct LineJson {
    /// The gate, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// When, in Unix milliseconds.
    pub at_ms: i64,
    /// The same in the time zone asked for, RFC 3339.
    pub at: String,
    /// `admitted`, `let-through`, `refused`, `not-read`, or another note's kind.
    pub kind: String,
    /// The tap's name on the lines for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tap: Option<String>,
    /// The confirmation's id: the rider's receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// In or out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The account, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How strictly the gate worked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The fare shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fare: Option<Money>,
    /// `under-way`, `passed`, `annulled` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passage: Option<&'static str>,
    /// Why it was annulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annulment: Option<Annulment>,
    /// Milliseconds from the tap to the passage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed_after_ms: Option<i64>,
    /// `waiting`, `accepted` or `refused` by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<&'static str>,
    /// The refusal's stable number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<u16>,
    /// The stable name of the refusal, of why a code was not read, or of what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What staff can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<&'static str>,
    /// What the stages took, in microseconds; of refused taps, and when one tap is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages_us: Option<StagesJson>,
    /// The rest of what a note says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Stages as a JSON object of microseconds by name.
#[derive(Clone, Copy, Debug)]
pub struct StagesJson(pub Stages);

impl Serialize for StagesJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = Stage::ALL.into_iter().filter_map(|stage| {
            let took = self.0.get(stage)?.as_micros();
            Some((stage.name(), u64::try_from(took).unwrap_or(u64::MAX)))
        });
        serializer.collect_map(known)
    }
}

impl LineJson {
    /// The line of a gate.
    // long: one arm for each kind of line, and each says only its own fields
    pub fn new(line: &Line, gate: Option<GateId>, zone: &Zone) -> Self {
        let json = Self {
            gate,
            at_ms: line.at().0,
            at: zone.rfc3339(line.at()),
            kind: String::new(),
            tap: line.tap().map(|tap| tap.to_string()),
            receipt: None,
            direction: line.direction(),
            account: line.account(),
            mode: None,
            fare: None,
            passage: None,
            annulment: None,
            passed_after_ms: None,
            server: None,
            refusal: None,
            code: None,
            staff: None,
            stages_us: None,
            detail: None,
        };
        match line {
            Line::Admitted(admitted) => {
                let (passage, annulment, passed_after_ms) = passage(admitted.passing);
                Self {
                    kind: "admitted".to_owned(),
                    receipt: Some(admitted.record.id.to_hex()),
                    mode: Some(admitted.confirmation.mode),
                    fare: admitted.fare(),
                    passage: Some(passage),
                    annulment,
                    passed_after_ms,
                    server: Some(server(admitted.sent)),
                    ..json
                }
            }
            Line::LetThrough(helped) => {
                let (passage, annulment, passed_after_ms) = passage(helped.passing);
                Self {
                    kind: "let-through".to_owned(),
                    receipt: Some(helped.record.id.to_hex()),
                    passage: Some(passage),
                    annulment,
                    passed_after_ms,
                    server: Some(server(helped.sent)),
                    detail: Some(format!(
                        "by {}: {}",
                        helped.what.by.code(),
                        helped.what.reason
                    )),
                    ..json
                }
            }
            Line::Refused(refused) => Self {
                kind: "refused".to_owned(),
                refusal: refused.refusal.map(fare_rules::Refusal::number),
                code: Some(refused.code().to_owned()),
                staff: refused.refusal.map(fare_rules::Refusal::staff),
                stages_us: Some(StagesJson(Stages::parse(&refused.event.detail))),
                ..json
            },
            Line::Happening(Happening::Unread { event, why }) => Self {
                kind: "not-read".to_owned(),
                code: event.code.clone(),
                staff: Some(super::unread_advice(*why)),
                ..json
            },
            Line::Happening(Happening::ModeChange { change, .. }) => Self {
                kind: "mode-change".to_owned(),
                detail: Some(words::mode_change(change)),
                ..json
            },
            Line::Happening(Happening::Config { change, .. }) => Self {
                kind: "configuration".to_owned(),
                code: Some(change.outcome.code().to_owned()),
                detail: Some(words::config_change(change)),
                ..json
            },
            Line::Happening(Happening::Note(event)) => json.of_note(event),
            Line::Happening(Happening::Unreadable { seq, .. }) => Self {
                kind: "record-unreadable".to_owned(),
                detail: Some(format!("seq={seq}")),
                ..json
            },
        }
    }

    /// The same without anything by which a rider could be told from others.
    pub fn without_rider(self) -> Self {
        Self {
            tap: None,
            receipt: None,
            account: None,
            fare: None,
            detail: None,
            ..self
        }
    }

    fn of_note(self, event: &Event) -> Self {
        Self {
            kind: event.kind.clone(),
            code: event.code.clone(),
            detail: Some(event.detail.clone()).filter(|detail| !detail.is_empty()),
            ..self
        }
    }
}

fn passage(passing: Passing) -> (&'static str, Option<Annulment>, Option<i64>) {
    match passing {
        Passing::UnderWay => ("under-way", None, None),
        Passing::Passed { after_ms } => ("passed", None, Some(after_ms)),
        Passing::Annulled(annulment) => ("annulled", Some(annulment), None),
        Passing::Unknown => ("unknown", None, None),
    }
}

fn server(sent: Sent) -> &'static str {
    match sent {
        Sent::Waiting => "waiting",
        Sent::Accepted => "accepted",
        Sent::Refused => "refused",
    }
}
