//! `faregate run`: the daemon.

use crate::clock;
use crate::config::GateConfig;
use crate::daemon::{self, Ending};
use crate::service::journald::{Journald, Labels};
use crate::trial::{self, Begun};
use anyhow::Context;
use clap::Args;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The lane loop and the courier; SQLite, frames and decoding have threads of their own.
const WORKER_THREADS: usize = 2;

/// Run the gate until Ctrl-C or SIGTERM
///
/// Exit status: 0 stopped, 1 something failed, 2 bad usage or configuration, 75 start it anew: it has taken a
/// configuration of the server's, or taken one back. systemd does so (RestartForceExitStatus=).
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The gate's configuration
    #[arg(long)]
    config: PathBuf,
    /// Write logs as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    // Nothing is logged before: what is wrong with the configuration goes to standard error as it is.
    let Begun {
        config,
        keeper,
        said,
    } = trial::begin(&args.config, clock::now())?;
    start_log(args.log_json, &config);
    for said in said {
        tracing::error!("{said}");
    }
    let ending = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(daemon::run(config, keeper))?;
    Ok(match ending {
        Ending::Stopped => ExitCode::SUCCESS,
        Ending::StartAnew => ExitCode::from(trial::RESTART),
    })
}

/// Logs to systemd's journal with fields where standard error leads there, to standard error
/// otherwise; `RUST_LOG` chooses what, information by default.
fn start_log(json: bool, config: &GateConfig) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let labels = Labels {
        gate: config.gate.to_string(),
        station: config.location.station.to_string(),
    };
    if let (false, Some(journald)) = (json, Journald::connect(&labels)) {
        tracing_subscriber::registry()
            .with(filter)
            .with(journald)
            .init();
        return;
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    if json {
        log.json().init();
    } else {
        log.with_target(false).init();
    }
}
