//! `fareserver gate config`: another configuration for a gate, and what became of the newest.

use super::{Usage, database, deed, invite, operator};
use crate::clock::{self, rfc3339};
use crate::configs::{self, ConfigsError};
use crate::store::{Database, DatabaseUrl, SentConfig};
use clap::Args;
use fare_protocol::{ConfigOutcome, GateId, Millis, PROVE_DEFAULT, Reason};
use std::io::{self, Write};
use std::path::PathBuf;

/// Without a file it says what became of the newest. The gate checks a new configuration as `faregate config
/// check` does, tries it when nobody is under way, and goes back to the one before unless all that worked
/// works again in time. What is its own (id, place, keys, journal, server) must stay as it is.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// The database: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: DatabaseUrl,
    /// Which gate, for example PGY-01
    #[arg(value_name = "GATE")]
    gate: GateId,
    /// Its new configuration, all of its gate.toml
    #[arg(value_name = "GATE_TOML", requires = "reason")]
    file: Option<PathBuf>,
    /// Why, in a few words: at most 60 bytes; the gate hears it
    #[arg(long, requires = "file")]
    reason: Option<Reason>,
    /// Within so many seconds after its start the gate must show that it works
    #[arg(long, value_name = "SECONDS", default_value_t = PROVE_DEFAULT.0 / 1_000,
          value_parser = clap::value_parser!(u32).range(5..=3_600))]
    prove_within: u32,
    /// Print the text of the newest, and nothing else
    #[arg(long, conflicts_with = "file")]
    toml: bool,
}

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    match (&args.file, args.reason) {
        (Some(file), Some(reason)) => send(args, file, reason),
        (_, _) => show(args),
    }
}

fn send(args: &ConfigArgs, file: &std::path::Path, reason: Reason) -> anyhow::Result<()> {
    let wanted = invite::read(file)?;
    if wanted.gate != args.gate {
        let (shown, said, gate) = (file.display(), wanted.gate, args.gate);
        return Err(Usage(format!(
            "{shown} is the configuration of gate {said}, not {gate}"
        ))
        .into());
    }
    let now = clock::now();
    let operator = operator();
    let prove = Millis(args.prove_within.saturating_mul(1_000));
    let sent = Database::open_existing(&args.database)?.write(|tx| {
        let who = deed(&operator, "gate-config", "", "");
        configs::tell(tx, &wanted, (prove, reason), &who, now)
    });
    let command = sent.map_err(|err| match err {
        ConfigsError::Elsewhere { .. } => anyhow::Error::from(Usage(err.to_string())),
        ConfigsError::NoGate(_) | ConfigsError::Ids(_) | ConfigsError::Store(_) => err.into(),
    })?;
    let gate = args.gate;
    writeln!(
        io::stdout().lock(),
        "gate {gate}: told to try it, command {}; `fareserver gate config {gate}` says what became of it",
        command.id
    )?;
    Ok(())
}

fn show(args: &ConfigArgs) -> anyhow::Result<()> {
    let gate = args.gate;
    let sent = Database::open_existing(&args.database)?.read(|tx| {
        let known = tx.gate(gate)?.is_some();
        Ok::<_, crate::store::StoreError>(known.then_some(tx.sent_config(gate)?))
    })?;
    let Some(sent) = sent else {
        anyhow::bail!("there is no gate {gate}: fareserver gate list");
    };
    let mut out = io::stdout().lock();
    let Some(sent) = sent else {
        writeln!(
            out,
            "gate {gate}: no configuration was ever sent to it; it works by its own"
        )?;
        return Ok(());
    };
    if args.toml {
        write!(out, "{}", sent.command.toml)?;
        return Ok(());
    }
    let (made, reason) = (rfc3339(sent.made), sent.command.reason);
    writeln!(out, "gate {gate}: {}", short(&sent))?;
    writeln!(
        out,
        "sent {made} by {}: {reason}; command {}",
        sent.person, sent.command.id
    )?;
    Ok(())
}

/// What became of a configuration, in a few words.
pub(super) fn short(sent: &SentConfig) -> String {
    match &sent.outcome {
        None => format!("sent {}, nothing heard of it yet", rfc3339(sent.made)),
        Some(end) => {
            let (words, at) = (end.outcome.words(), rfc3339(end.at));
            match end.outcome {
                ConfigOutcome::Live => format!("{words} since {at}"),
                ConfigOutcome::Refused | ConfigOutcome::RolledBack | ConfigOutcome::SetAside => {
                    format!("{words} {at}: {}", end.why)
                }
            }
        }
    }
}
