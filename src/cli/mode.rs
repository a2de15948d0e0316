//! `faregate mode`: which modes a running gate is in, and putting it into others.

use crate::config::GateConfig;
use crate::control::{self, Answer, ModeWanted, ModesReport, Request};
use clap::{Args, Subcommand, ValueEnum};
use fare_protocol::{Direction, Mode, Reason};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ModeArgs {
    /// The gate's configuration
    #[arg(long, global = true, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// Print one JSON object: gate, entry, exit, fire, source, reason, since_ms
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<ModeCommand>,
}

#[derive(Debug, Subcommand)]
enum ModeCommand {
    /// Say which modes there are (the default)
    Show,
    /// Put the gate into a mode; it stays over a restart, and is a record of the gate's chain
    Set(SetArgs),
}

#[derive(Debug, Args)]
struct SetArgs {
    /// normal: all rules; free: the barrier stands open; closed: nobody; emergency: open at once, recorded
    /// afterwards; entry-exit-exempt, time-exempt, date-exempt, fare-exempt: all rules but one
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

pub(super) fn run(args: ModeArgs) -> anyhow::Result<ExitCode> {
    let config = GateConfig::load(&args.config)?;
    let request = match args.command {
        None | Some(ModeCommand::Show) => Request::Modes,
        Some(ModeCommand::Set(set)) => Request::SetMode(ModeWanted {
            direction: set.direction.map(Direction::from),
            mode: set.mode,
            reason: set.reason,
        }),
    };
    let answer = control::ask(&config.journal, request)?;
    let mut out = io::stdout().lock();
    match answer {
        Answer::Modes(report) if args.json => {
            writeln!(out, "{}", serde_json::to_string(&report)?)?;
        }
        Answer::Modes(report) => write(&report, &mut out)?,
        Answer::LetThrough(_) => anyhow::bail!("the daemon answered something else"),
        Answer::Refused(why) => anyhow::bail!("{why}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn write(report: &ModesReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "gate {}: {}", report.gate, report.modes)?;
    if let (Some(source), Some(reason), Some(since)) =
        (report.source, report.reason, report.since_ms)
    {
        let since = since.to_rfc3339();
        writeln!(out, "set by {} at {since}: {reason}", source.code())?;
    }
    if report.fire {
        writeln!(out, "the fire input is on: the barrier is open for all")?;
    }
    Ok(())
}
