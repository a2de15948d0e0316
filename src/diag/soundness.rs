//! Whether the journal is whole: SQLite's own check, and the chain of records from its start.

use super::Deadline;
use crate::journal::{Chain, JournalView};
use std::fmt::Write;
use std::path::Path;

/// What is found; a check that does not end in time says so.
pub(super) fn of(journal: &Path, deadline: Deadline) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = match JournalView::open(journal) {
        Ok(view) => look(&view, deadline, &mut out),
        Err(err) => writeln!(out, "cannot be opened: {err}"),
    };
    out
}

fn look(view: &JournalView, deadline: Deadline, out: &mut String) -> std::fmt::Result {
    match view.books() {
        Ok(books) => writeln!(out, "{books:#?}")?,
        Err(err) => writeln!(out, "cannot be counted: {err}")?,
    }
    match view.quick_check(deadline.left() / 2) {
        Ok(Some(said)) => writeln!(out, "SQLite's quick check: {said}")?,
        Ok(None) => writeln!(out, "SQLite's quick check: not done in time")?,
        Err(err) => writeln!(out, "SQLite's quick check: {err}")?,
    }
    match view.chain(|| deadline.is_over()) {
        Ok(Chain::Whole { records }) => {
            writeln!(out, "chain: {records} records, each follows the one before")
        }
        Ok(Chain::Broken { seq, why }) => writeln!(out, "chain: BROKEN at record {seq}: {why}"),
        Ok(Chain::Unfinished { records }) => {
            writeln!(
                out,
                "chain: {records} records looked at, then the time was over"
            )
        }
        Err(err) => writeln!(out, "chain: {err}"),
    }
}
