//! `fareserver gate mode` and `gate modes`: what gates are told to be in, and what they are in.

use super::{database, deed, operator};
use crate::clock;
use crate::modes::{self, ModesError, Wanted};
use crate::store::{Database, DatabaseUrl, GateModes};
use clap::{Args, ValueEnum};
use fare_protocol::{Direction, GateId, Mode, Reason};
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

/// A direction as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Way {
    Entry,
    Exit,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Entry => Self::Entry,
            Way::Exit => Self::Exit,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct ModesArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
}

/// Tells the gates.
pub(super) fn command(args: &ModeArgs) -> anyhow::Result<()> {
    let now = clock::now();
    let direction = args.direction.map(Direction::from);
    let wanted = Wanted {
        gates: args.gates.clone(),
        mode: args.mode,
        direction,
        reason: args.reason,
    };
    let told = Database::open_existing(&args.database)?.write(|tx| {
        let told = modes::tell(tx, &wanted, now)?;
        for command in &told {
            let about = format!("{}: {}", command.gate, command.modes);
            let why = args.reason.to_string();
            tx.audit(&deed(&operator(), "gate-mode", &about, &why), now)?;
        }
        Ok::<_, ModesError>(told)
    })?;
    let mut out = io::stdout().lock();
    for command in told {
        writeln!(out, "gate {}: told to be {}", command.gate, command.modes)?;
    }
    Ok(())
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
