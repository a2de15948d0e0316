//! `fareserver gate mode` and `gate modes`: what gates are told to be in, and what they are in.

use super::{database, deed, operator};
use crate::clock;
use crate::ids::new_id;
use crate::store::{Database, DatabaseUrl, GateModes, StoreError, Tx};
use anyhow::bail;
use clap::{Args, ValueEnum};
use fare_protocol::{CommandId, Direction, GateId, Mode, ModeCommand, Modes, Reason};
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(super) struct ModeArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Which gates, for example PGY-01 PGY-02
    #[arg(required = true, value_name = "GATE")]
    gates: Vec<GateId>,
    /// normal, free, closed, emergency, entry-exit-exempt, time-exempt, date-exempt or fare-exempt
    mode: Mode,
    /// In one direction only
    #[arg(long, value_enum)]
    direction: Option<Way>,
    /// Why, in a few words: at most 60 bytes
    #[arg(long)]
    reason: Reason,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    Entry,
    Exit,
}

#[derive(Debug, Args)]
pub(super) struct ModesArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

/// Tells the gates; a running server passes it on within a second or so, each gate obeys when it
/// hears it, and records that it did.
pub(super) fn command(args: &ModeArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let direction = args.direction.map(|way| match way {
        Way::Entry => Direction::Entry,
        Way::Exit => Direction::Exit,
    });
    let mut ids = Vec::new();
    for _ in &args.gates {
        ids.push(CommandId(new_id(now)?));
    }
    let told = Database::open_existing(&args.database)?.write(|tx| {
        for gate in &args.gates {
            if tx.gate(*gate)?.is_none() {
                return Ok(Err(*gate));
            }
        }
        let mut told = Vec::new();
        for (gate, id) in args.gates.iter().zip(&ids) {
            let command = ModeCommand {
                id: *id,
                gate: *gate,
                modes: known(tx, *gate)?.with(direction, args.mode),
                reason: args.reason,
            };
            tx.command_modes(command, now)?;
            let about = format!("{gate}: {}", command.modes);
            let why = args.reason.to_string();
            tx.audit(&deed(&operator(), "gate-mode", &about, &why), now)?;
            told.push(command);
        }
        Ok::<_, StoreError>(Ok(told))
    })?;
    let told = match told {
        Ok(told) => told,
        Err(gate) => {
            bail!("there is no gate {gate}; nothing was told to any: fareserver gate list")
        }
    };
    let mut out = io::stdout().lock();
    for command in told {
        writeln!(out, "gate {}: told to be {}", command.gate, command.modes)?;
    }
    Ok(())
}

/// What the gate is in, or was told last, as far as is known.
fn known(tx: &Tx<'_>, gate: GateId) -> Result<Modes, StoreError> {
    let modes = tx.gate_modes(gate)?;
    let told = modes.awaited().map(|command| command.modes);
    let set = modes.set.map(|change| change.modes);
    Ok(told.or(set).unwrap_or_default())
}

/// Lists the gates with their modes.
pub(super) fn list(args: &ModesArgs) -> anyhow::Result<()> {
    let modes = Database::open_existing(&args.database)?.read(|tx| {
        let gates = tx.gates()?;
        gates
            .into_iter()
            .map(|gate| tx.gate_modes(gate.id))
            .collect()
    });
    let modes: Vec<GateModes> = modes?;
    let mut out = io::stdout().lock();
    for gate in modes {
        write(&gate, &mut out)?;
    }
    Ok(())
}

fn write(gate: &GateModes, out: &mut impl Write) -> io::Result<()> {
    let modes = gate.change.as_ref().map(|change| change.modes);
    write!(out, "{:<16} {}", gate.gate, modes.unwrap_or_default())?;
    if let Some(change) = &gate.change {
        let at = change.at.to_rfc3339();
        write!(out, ", by {} since {at}: {}", change.source, change.reason)?;
    }
    if let Some(command) = gate.awaited() {
        write!(out, "; told to be {}: {}", command.modes, command.reason)?;
    }
    writeln!(out)
}
