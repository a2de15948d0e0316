//! People whom staff let through: that a command of the server's opens once, whatever happens between.

use super::records::{Failure, waits_for_passage};
use fare_rules::LetThroughDraft;
use rusqlite::{Connection, params};

/// Somebody is let through: a passage is awaited, and the command that said so is used up. Both stand in the
/// record's own transaction, so that a command which comes again, also after a restart, makes no record.
pub(super) fn opens(db: &Connection, draft: &LetThroughDraft, now_ms: i64) -> Result<(), Failure> {
    waits_for_passage(db, draft.id, draft.what.direction, None, now_ms)?;
    let Some(command) = draft.what.by.command() else {
        return Ok(());
    };
    let new = db
        .prepare_cached("INSERT OR IGNORE INTO let_through (command, at_ms) VALUES (?1, ?2)")?
        .execute(params![command.0, now_ms])?;
    match new {
        0 => Err(Failure::Contradiction(format!(
            "the command {command} has opened once already"
        ))),
        _ => Ok(()),
    }
}
