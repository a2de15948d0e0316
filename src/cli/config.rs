//! `faregate config`: looks at configuration files and touches no device.

use crate::clock;
use crate::config::GateConfig;
use crate::logbook::{Zone, span};
use crate::trial::{self, Ended, Kept};
use clap::{Args, Subcommand};
use fare_protocol::UnixMs;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check files and all that they name; prints one line per file or problem
    Check {
        /// Configuration files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Say by which configuration the gate works: its own file, or what the server sent; and what became of
    /// the newest that the server sent
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The gate's own configuration
    #[arg(long, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// Print the text that is in force, and nothing else
    #[arg(long, conflicts_with = "json")]
    toml: bool,
    /// Print one JSON object: in_force, and what is kept of the server's: live, trial, last
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct ShownJson<'k> {
    in_force: &'static str,
    #[serde(flatten)]
    kept: &'k Kept,
}

pub(super) fn run(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ConfigCommand::Check { files } => check(files),
        ConfigCommand::Show(args) => show(&args),
    }
}

fn check(files: Vec<PathBuf>) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let mut status = ExitCode::SUCCESS;
    for file in files {
        match GateConfig::load(&file) {
            Ok(config) => {
                let (gate, station) = (config.gate, config.location.station);
                writeln!(
                    out,
                    "{}: ok, gate {gate} at station {station}",
                    file.display()
                )?;
            }
            Err(err) => {
                writeln!(out, "{err}")?;
                status = ExitCode::from(super::BAD_CONFIG);
            }
        }
    }
    Ok(status)
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (text, kept) = trial::in_force(&args.config)?;
    let own = GateConfig::text_of(&args.config)? == text;
    let kept = kept.unwrap_or_default();
    let mut out = io::stdout().lock();
    if args.toml {
        write!(out, "{text}")?;
    } else if args.json {
        let in_force = if own { "own" } else { "server" };
        let json = ShownJson {
            in_force,
            kept: &kept,
        };
        writeln!(out, "{}", serde_json::to_string(&json)?)?;
    } else {
        for line in words(&kept, own, clock::now()) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn words(kept: &Kept, own: bool, now: UnixMs) -> Vec<String> {
    let zone = Zone::of_system();
    let when = |at: UnixMs| format!("{} ({} ago)", zone.short(at), span(now.since(at)));
    let mut lines = vec![match &kept.live {
        Some(live) if !own => format!(
            "in force: the server's, since {}: {}",
            when(live.since_ms),
            live.reason
        ),
        Some(_) | None => "in force: the gate's own file".to_owned(),
    }];
    if let Some(trial) = &kept.trial {
        let what = if trial.begun { "tried" } else { "staged" };
        let (since, reason) = (when(trial.served.since_ms), trial.served.reason);
        lines.push(format!("{what}: the server's, since {since}: {reason}"));
    }
    if let Some(Ended {
        outcome,
        why,
        at_ms,
        command,
    }) = &kept.last
    {
        let (words, at) = (outcome.words(), when(*at_ms));
        lines.push(format!("newest:   {words} at {at}, command {command}"));
        lines.extend(why.lines().map(|line| format!("  {line}")));
    }
    lines
}
