//! `faregate run`: the daemon.

use crate::config::GateConfig;
use crate::service::journald::{Journald, Labels};
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
    let config = GateConfig::load(&args.config)?;
    start_log(args.log_json, &config);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(crate::daemon::run(config))?;
    Ok(ExitCode::SUCCESS)
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
