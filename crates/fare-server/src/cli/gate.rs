//! `fareserver gate`: which gates there are.

use super::{database, deed, gate_config, invite, let_through, modes, operator, revoke};
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
    /// Have a gate work by another configuration, which it tries first; or say what became of the newest
    Config(gate_config::ConfigArgs),
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
    /// Believe a gate no longer: it is refused, closes and forgets riders; `invite` makes a new one of it
    Revoke(revoke::RevokeArgs),
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
        GateCommand::Config(args) => gate_config::run(&args)?,
        GateCommand::Invite(args) => invite::invite(&args)?,
        GateCommand::LetThrough(args) => let_through::command(&args)?,
        GateCommand::List(args) => list(&args)?,
        GateCommand::Mode(args) => modes::command(&args)?,
        GateCommand::Modes(args) => modes::list(&args)?,
        GateCommand::Revoke(args) => revoke::command(&args)?,
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
    let gates = Database::open_existing(&args.database)?.read(|tx| {
        let with_standing = |gate: Gate| {
            let revoked = tx.revocation(gate.id, &gate.key)?;
            Ok((gate, revoked, tx.sent_config(gate.id)?))
        };
        let gates = tx.gates()?.into_iter().map(with_standing);
        gates.collect::<Result<Vec<_>, StoreError>>()
    })?;
    let mut out = io::stdout().lock();
    if args.json {
        // A revoked gate's receipts are believed no longer either.
        let believed = gates
            .into_iter()
            .filter(|(_, revoked, _)| revoked.is_none());
        let key = |(gate, ..): (Gate, _, _)| GateKey {
            gate: gate.id,
            key: gate.key,
        };
        let keys: Vec<_> = believed.map(key).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&keys)?)?;
        return Ok(());
    }
    for (gate, revocation, config) in gates {
        let Gate {
            id,
            key,
            station,
            line,
        } = gate;
        write!(out, "{id:<16} {station:<16} {line:<4} {key}")?;
        if let Some(revocation) = revocation {
            let since = revocation.at_ms.to_rfc3339();
            write!(out, "  revoked {since}: {}", revocation.reason)?;
        }
        if let Some(config) = config {
            write!(out, "  configuration {}", gate_config::short(&config))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
