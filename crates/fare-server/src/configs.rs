//! Gates are told to work by another configuration. The server checks what it can see of it; all else the gate does.

use crate::ids::new_id;
use crate::store::{Deed, Invitation, StoreError, Tx};
use fare_protocol::{
    CommandId, ConfigCommand, ConfigHash, GateId, LineId, Millis, Reason, StationId, UnixMs,
};

/// Why no gate was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigsError {
    /// It is not registered.
    #[error("there is no gate {0}; nothing was told to any: fareserver gate list")]
    NoGate(GateId),
    /// It stands at another place than the configuration says.
    #[error(
        "gate {gate} stands at {station}, line {line}, and the configuration says something else; a gate that \
         moves is invited anew: fareserver gate invite"
    )]
    Elsewhere {
        /// Which.
        gate: GateId,
        /// Where it stands.
        station: StationId,
        /// On which line.
        line: LineId,
    },
    /// No new id could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Tells the gate, in the caller's transaction, and notes it in the audit. A running server passes it on within a
/// second or so; the gate says what it made of it by a record of its chain. `who` is whoever does it, with how.
///
/// # Errors
/// When it is not registered, or stands elsewhere; or the store fails.
pub fn tell(
    tx: &Tx<'_>,
    wanted: &Invitation,
    (prove_ms, reason): (Millis, Reason),
    who: &Deed<'_>,
    now: UnixMs,
) -> Result<ConfigCommand, ConfigsError> {
    let id = wanted.gate;
    let gate = tx.gate(id)?.ok_or(ConfigsError::NoGate(id))?;
    if (gate.station, gate.line) != (wanted.station, wanted.line) {
        return Err(ConfigsError::Elsewhere {
            gate: id,
            station: gate.station,
            line: gate.line,
        });
    }
    let command = ConfigCommand {
        id: CommandId(new_id(now)?),
        gate: id,
        toml: wanted.config.clone(),
        prove_ms,
        reason,
    };
    tx.command_config(&command, who.person, now)?;
    let about = format!(
        "{id}: command {}, SHA-256 {}",
        command.id,
        ConfigHash::of(&command.toml)
    );
    let why = reason.to_string();
    tx.audit(
        &Deed {
            what: "gate-config",
            about: &about,
            why: &why,
            ..*who
        },
        now,
    )?;
    Ok(command)
}
