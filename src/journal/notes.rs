//! Diagnostic notes: rows that help people and are never needed for money.

use super::word;
use crate::decode::Unread;
use crate::stages::Stages;
use fare_protocol::{Direction, RecordId, Stamp};
use fare_rules::Note;
use rusqlite::{Connection, params};
use std::fmt::Write;

/// Most rows kept; the oldest are evicted.
const ROWS_MAX: i64 = 100_000;

/// Longest detail of a row, in characters; the rest is cut off.
const DETAIL_CHARS_MAX: usize = 500;

/// How many rows give way at once when the disk is full.
const ROWS_EVICTED_WHEN_FULL: i64 = 1_000;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoteRow {
    at_ms: i64,
    kind: &'static str,
    code: Option<String>,
    detail: String,
}

/// What the gate notes beside what its lane does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateNote {
    /// How long the stages of an admitted tap took.
    Timings {
        /// The confirmation.
        confirmation: RecordId,
        /// Up to the open barrier, or to the commit when it did not open.
        stages: Stages,
    },
    /// A code was held out and not read, for long enough to tell the rider why.
    Unread(Unread),
}

impl NoteRow {
    fn new(stamp: Stamp, kind: &'static str, code: Option<String>, detail: &str) -> Self {
        Self {
            at_ms: stamp.at.0,
            kind,
            code,
            detail: detail.chars().take(DETAIL_CHARS_MAX).collect(),
        }
    }
}

/// A note of the gate's own as it is kept.
pub(super) fn gate_row(note: &GateNote, stamp: Stamp) -> NoteRow {
    match note {
        GateNote::Timings {
            confirmation,
            stages,
        } => {
            let detail = format!("confirmation={confirmation} {stages}");
            NoteRow::new(stamp, "timings", None, &detail)
        }
        GateNote::Unread(why) => NoteRow::new(stamp, "unread", Some(why.code().to_owned()), ""),
    }
}

/// A refusal as it is kept: with the direction, where every tap at this gate has the same, and what
/// the stages up to it took.
pub(super) fn refused_row(
    note: &Note,
    side: Option<Direction>,
    stages: &Stages,
    stamp: Stamp,
) -> NoteRow {
    let mut row = row(note, stamp);
    if let Some(side) = side {
        let _ = write!(row.detail, " direction={side}");
    }
    // Writing to a string cannot fail.
    let _ = write!(row.detail, " {stages}");
    row
}

/// A note as it is kept: accounts masked, codes only by reference.
// long: one arm for each kind of note
pub(super) fn row(note: &Note, stamp: Stamp) -> NoteRow {
    let (kind, code, detail) = match note {
        Note::Admitted {
            confirmation,
            shown,
            direction,
            account,
            fare,
        } => {
            let mut detail = format!("confirmation={confirmation} shown={shown} account={account}");
            if let Some(fare) = fare {
                // Writing to a string cannot fail.
                let _ = write!(detail, " fare={fare}");
            }
            ("admitted", Some(direction.to_string()), detail)
        }
        Note::LetThrough { record, direction } => {
            let detail = format!("confirmation={record}");
            ("let-through", Some(direction.to_string()), detail)
        }
        Note::NotLetThrough { record } => ("not-let-through", None, format!("record={record}")),
        Note::Refused {
            refusal,
            shown,
            account,
        } => {
            let mut detail = format!("shown={shown}");
            if let Some(account) = account {
                let _ = write!(detail, " account={account}");
            }
            ("refused", Some(refusal.code().to_owned()), detail)
        }
        Note::Passed {
            confirmation,
            after,
        } => {
            let detail = format!("confirmation={confirmation} after_ms={}", after.0);
            ("passed", None, detail)
        }
        Note::Annulled {
            confirmation,
            annulment,
        } => (
            "annulled",
            Some(word(annulment)),
            format!("confirmation={confirmation}"),
        ),
        Note::PassageUnknown { confirmation } => (
            "passage-unknown",
            None,
            format!("confirmation={confirmation}"),
        ),
        Note::UnaskedPassage => ("unasked-passage", None, String::new()),
        Note::FreePassage => ("free-passage", None, String::new()),
        Note::PassageNotCommitted { passage } => {
            ("passage-not-committed", None, format!("passage={passage}"))
        }
        Note::BarrierFailed => ("barrier-failed", None, String::new()),
        Note::FireAlarm(on) => ("fire-alarm", None, format!("on={on}")),
        Note::ModeChanged(modes) => ("mode-changed", Some(modes.to_string()), String::new()),
        Note::ClockUnsure { unsure, error } => (
            "clock-unsure",
            None,
            format!("on={unsure} error_ms={}", error.0),
        ),
    };
    NoteRow::new(stamp, kind, code, &detail)
}

/// Writes the rows and evicts the oldest beyond the limit.
pub(super) fn insert(db: &Connection, rows: &[NoteRow]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut insert = db
        .prepare_cached("INSERT INTO events (at_ms, kind, code, detail) VALUES (?1, ?2, ?3, ?4)")?;
    for row in rows {
        insert.execute(params![row.at_ms, row.kind, row.code, row.detail])?;
    }
    db.prepare_cached("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?1")?
        .execute([ROWS_MAX])?;
    Ok(())
}

/// Evicts some of the oldest rows; says how many.
pub(super) fn evict_oldest(db: &Connection) -> rusqlite::Result<usize> {
    db.prepare_cached("DELETE FROM events WHERE id < (SELECT min(id) FROM events) + ?1")?
        .execute([ROWS_EVICTED_WHEN_FULL])
}
