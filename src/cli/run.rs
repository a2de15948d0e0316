//! `faregate run`: the daemon.

use crate::config::GateConfig;
use anyhow::Context;
use clap::Args;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

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
    start_log(args.log_json);
    let config = GateConfig::load(&args.config)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(crate::daemon::run(config))?;
    Ok(ExitCode::SUCCESS)
}

/// Logs to standard error; `RUST_LOG` chooses what, information by default.
fn start_log(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
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
