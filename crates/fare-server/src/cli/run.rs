//! `fareserver run`: the server, until Ctrl-C or SIGTERM.

use super::{Usage, database};
use crate::config::{self, Config, Overrides};
use crate::server::Server;
use crate::store::DatabaseUrl;
use anyhow::Context;
use clap::Args;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// What is said to somebody who starts the server with nothing.
const NEEDS: &str = "\
the server needs a configuration: it cannot run without keys of its own

  fareserver run --config server.toml

where server.toml names, each as a path beside it or absolute:
  database      a SQLite file (made when absent), or postgres://user@host/database
  listen        where gates connect, for example \"127.0.0.1:8443\"
  signing_key   64 hex digits, mode 600:  (umask 077; openssl rand -hex 32 > server.seed)
  issuers       JSON: [{\"key\": \"64 hex digits\", \"from_ms\": 0, \"until_ms\": 4102444800000}]
  tariff, stations   gate-config/tariff-beijing.toml and gate-config/stations-beijing-line1.toml
  journey_valid_ms   14400000
  [tls] cert, key, client_ca   PEM files

crates/fare-server/server.example.toml explains every key";

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database, instead of the configuration's: a SQLite file or postgres://…
    #[arg(long, value_name = "URL", value_parser = database)]
    database: Option<DatabaseUrl>,
    /// Where gates connect, instead of the configuration's
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Log one JSON object a line instead of text
    #[arg(long)]
    log_json: bool,
}

pub(super) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let file = args.config.ok_or_else(|| Usage(NEEDS.to_owned()))?;
    let overrides = Overrides {
        database: args.database,
        listen: args.listen,
    };
    let config = config::load(&file, overrides)?;
    log(args.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .context("cannot start the runtime")?
        .block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let server = Server::start(config, stopping).await?;
    let signals = tokio::spawn(async move {
        let signal = first(terminate, interrupt).await;
        tracing::info!(signal, "stopping");
        stop.send_replace(true);
    });
    server.run().await;
    Ok(signals.await?)
}

/// The name of the signal that came first.
async fn first(mut terminate: Signal, mut interrupt: Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Logs to standard error; `RUST_LOG` says how much.
fn log(json: bool) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours);
    if json {
        log.with_writer(io::stderr)
            .json()
            .flatten_event(true)
            .init();
    } else {
        log.with_writer(io::stderr).init();
    }
}
