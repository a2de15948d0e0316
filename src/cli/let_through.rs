//! `faregate let-through`: a running gate opens once, for one person, with a reason.

use super::mode::Way;
use crate::config::GateConfig;
use crate::control::{self, Answer, LetThroughWanted, Request};
use clap::Args;
use fare_protocol::Reason;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Let one person through: the gate opens once
///
/// The gate records who wanted it (staff at the gate) and why, opens, and records whether somebody went
/// through; nobody is charged. A rider who is under way goes first. Speaks to the running daemon: run it as
/// the daemon's user.
///
/// Exit status: 0 the barrier is open, 1 it is not, 2 bad usage or configuration.
#[derive(Debug, Args)]
pub(super) struct LetThroughArgs {
    /// The gate's configuration
    #[arg(long, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// Which way
    #[arg(long, value_enum)]
    direction: Way,
    /// Why, in a few words: at most 60 bytes
    #[arg(long)]
    reason: Reason,
    /// Print one JSON object: gate, direction, record
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: LetThroughArgs) -> anyhow::Result<ExitCode> {
    let config = GateConfig::load(&args.config)?;
    let wanted = LetThroughWanted {
        direction: args.direction.into(),
        reason: args.reason,
    };
    let answer = control::ask(&config.journal, Request::LetThrough(wanted))?;
    let mut out = io::stdout().lock();
    match answer {
        Answer::LetThrough(report) if args.json => {
            writeln!(out, "{}", serde_json::to_string(&report)?)?;
        }
        Answer::LetThrough(report) => {
            let (gate, direction, record) = (report.gate, report.direction, report.record);
            writeln!(
                out,
                "gate {gate}: open for one, {direction}; record {record}"
            )?;
        }
        Answer::Modes(_) => anyhow::bail!("the daemon answered something else"),
        Answer::Refused(why) => anyhow::bail!("{why}"),
    }
    Ok(ExitCode::SUCCESS)
}
