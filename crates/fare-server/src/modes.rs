//! Gates are told to be in another mode: many at once, or none of them.

use crate::ids::new_id;
use crate::store::{StoreError, Tx};
use fare_protocol::{CommandId, Direction, GateId, Mode, ModeCommand, Modes, Reason, UnixMs};

/// Most gates that one command may name.
pub const GATES_MAX: usize = 200;

/// What gates shall be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which gates.
    pub gates: Vec<GateId>,
    /// In which mode.
    pub mode: Mode,
    /// In one direction only.
    pub direction: Option<Direction>,
    /// Why.
    pub reason: Reason,
}

/// Why no gate was told.
#[derive(Debug, thiserror::Error)]
pub enum ModesError {
    /// One of them is not registered.
    #[error("there is no gate {0}; nothing was told to any: fareserver gate list")]
    NoGate(GateId),
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Tells the gates, in the caller's transaction: a running server passes it on within a second or so, each
/// gate obeys when it hears it, and records that it did. Answers the commands, one for each gate.
///
/// # Errors
/// When one of them is not registered, or the store fails.
pub fn tell(tx: &Tx<'_>, wanted: &Wanted, now: UnixMs) -> Result<Vec<ModeCommand>, ModesError> {
    for gate in &wanted.gates {
        if tx.gate(*gate)?.is_none() {
            return Err(ModesError::NoGate(*gate));
        }
    }
    let mut told = Vec::new();
    for gate in &wanted.gates {
        let command = ModeCommand {
            id: CommandId(new_id(now)?),
            gate: *gate,
            modes: known(tx, *gate)?.with(wanted.direction, wanted.mode),
            reason: wanted.reason,
        };
        tx.command_modes(command, now)?;
        told.push(command);
    }
    Ok(told)
}

/// What the gate is in, or was told last, as far as is known.
fn known(tx: &Tx<'_>, gate: GateId) -> Result<Modes, StoreError> {
    let modes = tx.gate_modes(gate)?;
    let told = modes.awaited().map(|command| command.modes);
    let set = modes.set.map(|change| change.modes);
    Ok(told.or(set).unwrap_or_default())
}
