//! `faregate status`: how the gate is doing, on one screen.

use crate::clock;
use crate::config::GateConfig;
use crate::logbook::Zone;
use crate::status::{Paint, Problem, Report, screen};
use clap::Args;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say how the gate is doing, on one screen
///
/// First what somebody should look after, and what to do about it; then everything else. Works whether
/// the daemon runs or not, and changes nothing. Colours only on a terminal, and not with NO_COLOR.
///
/// Exit status, for monitoring: 0 fine, 1 somebody should look after something, 2 bad usage or bad
/// configuration.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// The gate's configuration
    #[arg(long, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// Print one JSON object: state, problems, daemon, journal, machine; times in Unix milliseconds
    #[arg(long)]
    json: bool,
    /// Times in UTC, not in this computer's time zone
    #[arg(long)]
    utc: bool,
}

#[derive(Serialize)]
struct StatusJson<'r> {
    state: &'static str,
    problems: &'r [Problem],
    #[serde(flatten)]
    report: &'r Report,
}

pub(super) fn run(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let files = GateConfig::status_of(&args.config)?;
    let report = Report::look(&files, clock::now());
    let problems = report.problems();
    let fine = problems.is_empty();
    let mut out = io::stdout().lock();
    if args.json {
        let json = StatusJson {
            state: if fine { "fine" } else { "degraded" },
            problems: &problems,
            report: &report,
        };
        writeln!(out, "{}", serde_json::to_string(&json)?)?;
    } else {
        let zone = if args.utc {
            Zone::utc()
        } else {
            Zone::of_system()
        };
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let paint = if io::stdout().is_terminal() && !plain {
            Paint::Colours
        } else {
            Paint::Plain
        };
        write!(out, "{}", screen(&report, &zone, paint))?;
    }
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
