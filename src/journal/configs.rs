//! Configurations of the server's: the newest for this gate, and that what became of one is recorded once.

use super::records::Failure;
use fare_protocol::{CommandId, ConfigChange, ConfigCommand, GateId, Millis};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

/// Keeps a command from the feed, when it is for this gate and newer than the one kept.
pub(super) fn commanded(
    db: &Connection,
    gate: GateId,
    command: &ConfigCommand,
) -> rusqlite::Result<()> {
    if command.gate != gate {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO config_command (only_row, command, toml, prove_ms, reason)
         VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT (only_row)
         DO UPDATE SET command = excluded.command, toml = excluded.toml,
             prove_ms = excluded.prove_ms, reason = excluded.reason
             WHERE excluded.command > config_command.command",
    )?
    .execute(params![
        command.id.0,
        command.toml,
        command.prove_ms.0,
        command.reason.as_str(),
    ])?;
    Ok(())
}

/// The server's newest configuration for this gate.
pub(super) fn command(db: &Connection, gate: GateId) -> rusqlite::Result<Option<ConfigCommand>> {
    db.prepare_cached("SELECT command, toml, prove_ms, reason FROM config_command")?
        .query_row([], |row| {
            let reason = row.get_ref(3)?.as_str()?.parse();
            Ok(ConfigCommand {
                id: CommandId(row.get(0)?),
                gate,
                toml: row.get(1)?,
                prove_ms: Millis(row.get(2)?),
                reason: reason.map_err(|err| {
                    rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(err))
                })?,
            })
        })
        .optional()
}

/// Stands in the record's own transaction: told again, after a power cut, it makes no second record.
pub(super) fn changed(db: &Connection, change: &ConfigChange) -> Result<(), Failure> {
    let (command, outcome) = (change.command, change.outcome.code());
    let new = db
        .prepare_cached("INSERT OR IGNORE INTO config_outcome (command, outcome) VALUES (?1, ?2)")?
        .execute(params![command.0, outcome])?;
    match new {
        0 => Err(Failure::Contradiction(format!(
            "that configuration {command} is {outcome} stands there already"
        ))),
        _ => Ok(()),
    }
}
