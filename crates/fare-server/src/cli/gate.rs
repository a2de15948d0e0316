//! `fareserver gate`: which gates there are.

use super::{database, deed, invite, let_through, modes, operator};
use crate::clock;
use crate::store::{Database, DatabaseUrl, Gate, StoreError};
use clap::{Args, Subcommand};
use fare_protocol::receipt::GateKey;
use fare_protocol::{GateId, LineId, PublicKey, StationId};
use std::io::{self, Write};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct GateArgs {
    #[command(subcommand)]
    command: GateCommand,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    /// Register a gate, or change its key and place
    Add(Box<AddArgs>),
    /// Write tickets with which gates enrol themselves: `faregate enroll` on the gate does the rest
    Invite(invite::InviteArgs),
    /// Have a gate open once, for one person; it does so within half a minute or not at all
    LetThrough(let_through::LetThroughArgs),
    /// List the registered gates
    List(ListArgs),
    /// Tell gates to be in a mode; each obeys as soon as it hears it
    Mode(modes::ModeArgs),
    /// List the gates with the modes they are in
    Modes(modes::ModesArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Its id, for example PGY-01
    #[arg(long, value_name = "GATE")]
    id: GateId,
    /// The key that signs its records: 64 hex digits
    #[arg(long, value_name = "HEX")]
    key: PublicKey,
    /// Where it stands, for example PGY
    #[arg(long)]
    station: StationId,
    /// On which line, for example 1
    #[arg(long)]
    line: LineId,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Print one JSON list of gate and key, with which `faregate receipt` checks receipts
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: GateArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        GateCommand::Add(args) => add(&args)?,
        GateCommand::Invite(args) => invite::invite(&args)?,
        GateCommand::LetThrough(args) => let_through::command(&args)?,
        GateCommand::List(args) => list(&args)?,
        GateCommand::Mode(args) => modes::command(&args)?,
        GateCommand::Modes(args) => modes::list(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn add(args: &AddArgs) -> anyhow::Result<()> {
    let AddArgs {
        id,
        key,
        station,
        line,
        ..
    } = *args;
    let gate = Gate {
        id,
        key,
        station,
        line,
    };
    let before = Database::open(&args.database)?.write(|tx| {
        let before = tx.gate(id)?;
        tx.put_gate(&gate)?;
        if before != Some(gate) {
            let about = format!("{id} at {station}, line {line}, key {key}");
            tx.audit(&deed(&operator(), "gate-add", &about, ""), clock::now())?;
        }
        Ok::<_, StoreError>(before)
    })?;
    let what = match before {
        None => "registered",
        Some(before) if before == gate => "registered already",
        Some(_) => "changed",
    };
    writeln!(
        io::stdout().lock(),
        "gate {id} at {station}, line {line}: {what}"
    )?;
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let gates = Database::open_existing(&args.database)?.read(|tx| tx.gates())?;
    let mut out = io::stdout().lock();
    if args.json {
        let key = |gate: Gate| GateKey {
            gate: gate.id,
            key: gate.key,
        };
        let keys: Vec<_> = gates.into_iter().map(key).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&keys)?)?;
        return Ok(());
    }
    for Gate {
        id,
        key,
        station,
        line,
    } in gates
    {
        writeln!(out, "{id:<16} {station:<16} {line:<4} {key}")?;
    }
    Ok(())
}
