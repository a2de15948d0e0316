//! What happened, without anybody it happened to.

use super::Deadline;
use crate::journal::{JournalError, JournalView};
use crate::logbook::{LineJson, Lines, Zone, start_of};
use fare_protocol::UnixMs;
use std::fmt::Write;
use std::path::Path;

/// Longest extract, in bytes.
const LEN_MAX: usize = 12 * 1024 * 1024;

/// The log from `since` on; what cannot be read is named in its place.
pub(super) fn extract(journal: &Path, since: UnixMs, deadline: Deadline) -> String {
    let mut out = String::new();
    if let Err(err) = lines(journal, since, deadline, &mut out) {
        cut(&mut out, &err.to_string());
    }
    out
}

fn lines(
    journal: &Path,
    since: UnixMs,
    deadline: Deadline,
    out: &mut String,
) -> Result<(), JournalError> {
    let view = JournalView::open(journal)?;
    let zone = Zone::utc();
    let mut lines = Lines::after(&view, start_of(&view, since)?);
    while let Some(line) = lines.next_line()? {
        if deadline.is_over() || out.len() > LEN_MAX {
            cut(out, "the time or the room for this bundle was over");
            break;
        }
        let line = LineJson::new(&line, None, &zone).without_rider();
        let json = serde_json::to_string(&line);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", json.unwrap_or_default());
    }
    Ok(())
}

fn cut(out: &mut String, why: &str) {
    let said = serde_json::json!({ "cut": why });
    let _ = writeln!(out, "{said}");
}
