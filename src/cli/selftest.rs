//! `faregate selftest`: whether the gate's devices work.

use crate::journal::JournalError;
use crate::selftest::{self, Check, Outcome, Part, Plan, Progress};
use crate::trial;
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Try the gate's devices: clock, disk, journal, camera, scanner, lamps, voice, barrier
///
/// For technicians, and before an update is kept. Stop the daemon first (systemctl stop faregate) and start
/// it again afterwards: both would want the devices. Hold any QR code before camera and scanner
/// when asked to, or name a recording with --frames. The barrier opens for a second and shuts. One
/// diagnostic note is left in the journal; no money is touched. Where gate.toml names its key as a
/// credential, say where that lies: CREDENTIALS_DIRECTORY=/etc/faregate/keys faregate selftest
///
/// Exit status: 0 all passed, 1 something failed, 2 bad usage, bad configuration, or the daemon runs.
#[derive(Debug, Args)]
pub(super) struct SelftestArgs {
    /// The gate's configuration
    #[arg(long, default_value = "/etc/faregate/gate.toml")]
    config: PathBuf,
    /// Look for a code in this recording, not before the camera
    #[arg(long, value_name = "RECORDING")]
    frames: Option<PathBuf>,
    /// Wait so many seconds for a code
    #[arg(long, value_name = "SECONDS", default_value = "20")]
    wait: u16,
    /// Leave a part out; may be repeated
    #[arg(long, value_name = "PART")]
    skip: Vec<Part>,
    /// Print one JSON object: state, and each check with name, outcome, saw, todo
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct SelftestJson<'c> {
    state: &'static str,
    checks: &'c [Check],
}

pub(super) fn run(args: SelftestArgs) -> anyhow::Result<ExitCode> {
    let config = trial::config_in_force(&args.config)?;
    let plan = Plan {
        frames: args.frames,
        patience: Duration::from_secs(args.wait.into()),
        skip: args.skip,
    };
    let tried = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(selftest::run(&config, &plan, |progress| {
            tell(progress, args.json)
        }));
    let checks = match tried {
        Ok(checks) => checks,
        Err(err @ JournalError::InUse { .. }) => {
            let _lost = writeln!(
                io::stderr().lock(),
                "faregate: the daemon runs ({err}): systemctl stop faregate, try again, then systemctl start faregate"
            );
            return Ok(ExitCode::from(super::BAD_CONFIG));
        }
        Err(err) => return Err(err.into()),
    };
    let passed = checks.iter().all(|check| check.outcome != Outcome::Failed);
    let mut out = io::stdout().lock();
    if args.json {
        let state = if passed { "passed" } else { "failed" };
        let checks = &checks[..];
        writeln!(
            out,
            "{}",
            serde_json::to_string(&SelftestJson { state, checks })?
        )?;
    } else {
        let verdict = if passed {
            "all passed"
        } else {
            "something failed"
        };
        writeln!(out, "{verdict}")?;
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// For people as it happens. With --json standard output has the result alone.
fn tell(progress: Progress<'_>, json: bool) {
    let _lost = match progress {
        Progress::Wanted(what) => writeln!(io::stderr().lock(), "now: {what}"),
        Progress::Done(_) if json => Ok(()),
        Progress::Done(check) => {
            let outcome = match check.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            let todo = check
                .todo
                .as_ref()
                .map(|todo| format!("\n                      {todo}"));
            let todo = todo.unwrap_or_default();
            writeln!(
                io::stdout().lock(),
                "{outcome:<8} {:<12} {}{todo}",
                check.name,
                check.saw
            )
        }
    };
}
