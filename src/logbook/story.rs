//! The whole story of one tap: what was kept of it, and how long each stage took.

use super::json::StagesJson;
use super::words::{decision, helped_words, passing};
use super::zone::span;
use super::{Admitted, Helped, Line, LineJson, Lines, Passing, Refused, TapName, Zone};
use crate::journal::{JournalError, JournalView, Said, Sent};
use crate::stages::{Stage, Stages};
use fare_protocol::{GateId, UnixMs, Voucher};
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

/// One tap and everything that is still known of it.
#[derive(Clone, Debug)]
pub struct Story {
    line: Line,
    stages: Stages,
    said: Option<Said>,
}

/// A story as JSON: the line's fields, and what the server said.
#[derive(Debug, Serialize)]
pub struct StoryJson {
    /// The line.
    #[serde(flatten)]
    pub line: LineJson,
    /// When the frame was taken, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_at_ms: Option<i64>,
    /// When the server answered, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at_ms: Option<i64>,
    /// What the server answered, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Story {
    /// The newest tap that `wanted` names: the end of a receipt, or `r` and a number.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn find(view: &JournalView, wanted: &str) -> Result<Option<Self>, JournalError> {
        let mut lines = Lines::backwards(view);
        while let Some(line) = lines.next_line()? {
            if line.tap().is_some_and(|tap| tap.is_meant_by(wanted)) {
                return Self::of(view, line).map(Some);
            }
        }
        Ok(None)
    }

    fn of(view: &JournalView, line: Line) -> Result<Self, JournalError> {
        let (stages, said) = match &line {
            Line::Admitted(admitted) => {
                let events = view.events_of(admitted.record.id)?;
                let stages = events.iter().map(|event| Stages::parse(&event.detail));
                let stages = stages.fold(Stages::default(), |all, next| all.or(&next));
                (stages, view.said(admitted.seq)?)
            }
            Line::LetThrough(helped) => (Stages::default(), view.said(helped.seq)?),
            Line::Refused(refused) => (Stages::parse(&refused.event.detail), None),
            Line::Happening(_) => (Stages::default(), None),
        };
        Ok(Self { line, stages, said })
    }

    /// For machines.
    pub fn json(&self, gate: Option<GateId>, zone: &Zone) -> StoryJson {
        let mut line = LineJson::new(&self.line, gate, zone);
        line.stages_us = Some(StagesJson(self.stages));
        StoryJson {
            line,
            frame_at_ms: self.stages.frame_at.map(|at| at.0),
            answered_at_ms: self.said.as_ref().map(|said| said.at.0),
            answer: self.said.as_ref().map(|said| answer(said, zone)),
        }
    }

    /// For people, in some lines.
    pub fn text(&self, zone: &Zone) -> String {
        let mut out = String::new();
        match &self.line {
            Line::Admitted(admitted) => self.admitted(admitted, zone, &mut out),
            Line::Refused(refused) => self.refused(refused, zone, &mut out),
            Line::LetThrough(helped) => self.helped(helped, zone, &mut out),
            Line::Happening(_) => {}
        }
        out
    }

    fn admitted(&self, admitted: &Admitted, zone: &Zone, out: &mut String) {
        let Admitted {
            record,
            confirmation,
            ..
        } = admitted;
        let at = confirmation.location;
        let tap = TapName::Receipt(record.id);
        say(
            out,
            format_args!(
                "tap {tap}: {} {}",
                confirmation.direction,
                decision(admitted)
            ),
        );
        say(
            out,
            format_args!(
                "  at {}, gate {} ({}, line {}, lane {}); its clock was right to {}",
                zone.short(record.stamp.at),
                record.gate,
                at.station,
                at.line,
                at.lane.0,
                record.stamp.error_ms
            ),
        );
        say(
            out,
            format_args!(
                "  account {}, receipt {}, record {} of the gate",
                confirmation.account, record.id, admitted.seq
            ),
        );
        self.timings(zone, out);
        let followed = passing(admitted.passing);
        match (admitted.passing, self.stages.frame_at) {
            (Passing::Passed { after_ms }, Some(frame_at)) => {
                let at = record.stamp.at.0.saturating_add(after_ms);
                let since_frame =
                    Duration::from_millis(u64::try_from(at - frame_at.0).unwrap_or(0));
                step(out, zone, frame_at, since_frame, "went through", None);
            }
            (Passing::Passed { .. }, None) => say(out, format_args!("  {followed}")),
            (Passing::UnderWay | Passing::Annulled(_) | Passing::Unknown, _) => {
                say(out, format_args!("  {followed}"));
            }
        }
        self.server(admitted.sent, zone, out);
    }

    fn helped(&self, helped: &Helped, zone: &Zone, out: &mut String) {
        let Helped { record, what, .. } = helped;
        let (tap, direction) = (TapName::Receipt(record.id), what.direction);
        say(
            out,
            format_args!(
                "tap {tap}: {direction} let through {}",
                helped_words(helped)
            ),
        );
        let (at, gate) = (zone.short(record.stamp.at), record.gate);
        let error = record.stamp.error_ms;
        say(
            out,
            format_args!("  at {at}, gate {gate}; its clock was right to {error}"),
        );
        let (id, seq) = (record.id, helped.seq);
        say(
            out,
            format_args!("  receipt {id}, record {seq} of the gate; nobody is charged"),
        );
        if let Some(command) = what.by.command() {
            let who = "the server's audit says for whom of the staff";
            say(
                out,
                format_args!("  by the server's command {command}: {who}"),
            );
        }
        self.server(helped.sent, zone, out);
    }

    fn server(&self, sent: Sent, zone: &Zone, out: &mut String) {
        let server = match (&self.said, sent) {
            (Some(said), _) => answer(said, zone),
            (None, Sent::Waiting) => {
                "has not answered yet; the record waits in the outbox".to_owned()
            }
            (None, Sent::Accepted | Sent::Refused) => {
                "answered; what it said is no longer kept".to_owned()
            }
        };
        say(out, format_args!("  the server {server}"));
    }

    fn refused(&self, refused: &Refused, zone: &Zone, out: &mut String) {
        let tap = TapName::Refusal(refused.event.id);
        let direction = self
            .line
            .direction()
            .map(|way| format!("{way} "))
            .unwrap_or_default();
        let Some(refusal) = refused.refusal else {
            return say(
                out,
                format_args!("tap {tap}: {direction}refused, {}", refused.code()),
            );
        };
        let number = refusal.number();
        say(
            out,
            format_args!(
                "tap {tap}: {direction}refused {number}, {}",
                refusal.meaning()
            ),
        );
        let account = self.line.account();
        let account = account.unwrap_or_else(|| "not known: the code was not believed".to_owned());
        say(
            out,
            format_args!("  at {}; account {account}", zone.short(refused.event.at)),
        );
        self.timings(zone, out);
        say(out, format_args!("  the rider read: {}", refusal.rider()));
        say(out, format_args!("  what to do:     {}", refusal.staff()));
        let again = if refusal.is_transient() {
            "trying again may help"
        } else {
            "trying again with the same code does not help"
        };
        say(out, format_args!("  {again}"));
    }

    /// One row for each stage that was measured.
    fn timings(&self, zone: &Zone, out: &mut String) {
        let Some(frame_at) = self.stages.frame_at else {
            return say(
                out,
                format_args!("  how long it took is not kept (any more)"),
            );
        };
        say(out, format_args!("\n  time           since frame  step"));
        step(out, zone, frame_at, Duration::ZERO, "frame taken", None);
        let mut since = Duration::ZERO;
        for stage in Stage::ALL {
            if let Some(took) = self.stages.get(stage) {
                since += took;
                step(out, zone, frame_at, since, done(stage), Some(took));
            }
        }
    }
}

/// A line more. Writing to a string cannot fail.
fn say(out: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{line}");
}

fn step(
    out: &mut String,
    zone: &Zone,
    frame_at: UnixMs,
    since: Duration,
    what: &str,
    took: Option<Duration>,
) {
    let since_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let time = zone.clock(UnixMs(frame_at.0.saturating_add(since_ms)));
    let took = took
        .map(|took| format!(" ({})", short(took)))
        .unwrap_or_default();
    say(
        out,
        format_args!("  {time}  {since_ms:>8} ms  {what}{took}"),
    );
}

fn done(stage: Stage) -> &'static str {
    match stage {
        Stage::Wait => "frame looked at",
        Stage::Decode => "code read",
        Stage::Verify => "signatures checked",
        Stage::Lookup => "journal asked what is known",
        Stage::Ask => "server asked about the pay code",
        Stage::Decide => "decided",
        Stage::Commit => "recorded on the disk",
        Stage::Open => "barrier open",
    }
}

/// `12.3 ms`, `0.05 ms`, `1.2 s`.
fn short(took: Duration) -> String {
    let us = took.as_micros();
    match us {
        0..1_000 => format!("0.{:02} ms", us / 10),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us / 100 % 10),
        _ => span(i64::try_from(took.as_millis()).unwrap_or(i64::MAX)),
    }
}

/// `took it at …: …`.
fn answer(said: &Said, zone: &Zone) -> String {
    let at = zone.short(said.at);
    if let Some((code, reason)) = &said.refused {
        return format!("refused it at {at}: {code}, {}", reason.escape_debug());
    }
    let voucher = said.voucher.as_deref().map(Voucher::parse);
    match voucher {
        Some(Ok((Voucher::Entry(entry), _))) => {
            format!("took it at {at}: journey {} opened", entry.journey)
        }
        Some(Ok((Voucher::Exit(exit), _))) => format!(
            "took it at {at}: journey {}, {} to {}, {}",
            exit.journey, exit.from, exit.to, exit.fare
        ),
        Some(Err(_)) | None => format!("took it at {at}"),
    }
}
