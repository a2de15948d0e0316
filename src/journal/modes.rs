//! The modes that are set, which a restart keeps, and the server's newest command about them.

use fare_protocol::{
    CommandId, GateId, Mode, ModeChange, ModeCommand, ModeSource, Modes, Reason, UnixMs,
};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::str::FromStr;

/// The modes that are set, by whom and why. The fire input sets none: it comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetModes {
    /// The modes.
    pub modes: Modes,
    /// How they came to be; nothing while nobody has set any.
    pub how: Option<HowSet>,
    /// The newest command of the server's that was carried out.
    pub last_command: Option<CommandId>,
}

/// Who set modes, why and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HowSet {
    /// Who.
    pub source: ModeSource,
    /// Why.
    pub reason: Reason,
    /// When, by the gate's clock.
    pub at: UnixMs,
}

impl SetModes {
    /// Those of a new gate.
    pub const NEW: Self = Self {
        modes: Modes::both(Mode::Normal),
        how: None,
        last_command: None,
    };

    /// Those after `change`.
    #[must_use]
    pub fn after(self, change: &ModeChange, at: UnixMs) -> Self {
        match change.source {
            ModeSource::Fire => self,
            ModeSource::Staff | ModeSource::Server => Self {
                modes: change.modes,
                how: Some(HowSet {
                    source: change.source,
                    reason: change.reason,
                    at,
                }),
                last_command: change.command.or(self.last_command),
            },
        }
    }
}

/// The modes that are set.
pub(super) fn read(db: &Connection) -> rusqlite::Result<SetModes> {
    let set = db
        .prepare_cached("SELECT entry, exit, source, reason, at_ms, command FROM modes")?
        .query_row([], |row| {
            let source: String = row.get(2)?;
            Ok(SetModes {
                modes: Modes {
                    entry: named(row, 0)?,
                    exit: named(row, 1)?,
                },
                how: Some(HowSet {
                    source: if source == ModeSource::Server.code() {
                        ModeSource::Server
                    } else {
                        ModeSource::Staff
                    },
                    reason: named(row, 3)?,
                    at: UnixMs(row.get(4)?),
                }),
                last_command: row.get::<_, Option<_>>(5)?.map(CommandId),
            })
        });
    Ok(set.optional()?.unwrap_or(SetModes::NEW))
}

fn named<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(at)?.as_str()?;
    text.parse()
        .map_err(|err| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(err)))
}

/// Keeps what a change sets.
pub(super) fn changed(db: &Connection, change: &ModeChange, at_ms: i64) -> rusqlite::Result<()> {
    let set = read(db)?.after(change, UnixMs(at_ms));
    let Some(how) = set.how else { return Ok(()) };
    db.prepare_cached(
        "INSERT OR REPLACE INTO modes (only_row, entry, exit, source, reason, at_ms, command)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        set.modes.entry.code(),
        set.modes.exit.code(),
        how.source.code(),
        how.reason.as_str(),
        how.at.0,
        set.last_command.map(|command| command.0),
    ])?;
    Ok(())
}

/// Keeps a command from the feed, when it is for this gate and newer than the one kept.
pub(super) fn commanded(
    db: &Connection,
    gate: GateId,
    command: &ModeCommand,
) -> rusqlite::Result<()> {
    if command.gate != gate {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO mode_command (only_row, command, entry, exit, reason)
         VALUES (1, ?1, ?2, ?3, ?4) ON CONFLICT (only_row)
         DO UPDATE SET command = excluded.command, entry = excluded.entry,
             exit = excluded.exit, reason = excluded.reason
             WHERE excluded.command > mode_command.command",
    )?
    .execute(params![
        command.id.0,
        command.modes.entry.code(),
        command.modes.exit.code(),
        command.reason.as_str(),
    ])?;
    Ok(())
}

/// The server's newest command to this gate.
pub(super) fn command(db: &Connection, gate: GateId) -> rusqlite::Result<Option<ModeCommand>> {
    db.prepare_cached("SELECT command, entry, exit, reason FROM mode_command")?
        .query_row([], |row| {
            Ok(ModeCommand {
                id: CommandId(row.get(0)?),
                gate,
                modes: Modes {
                    entry: named(row, 1)?,
                    exit: named(row, 2)?,
                },
                reason: named(row, 3)?,
            })
        })
        .optional()
}
