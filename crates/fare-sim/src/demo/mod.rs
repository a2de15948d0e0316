//! The demo: the whole way, with real processes, from a phone before a camera to balanced books.

mod console;
mod held;
mod metro;
mod process;
mod report;
mod show;
mod till;
mod travel;

use crate::crowd::Optics;
use anyhow::Context;
use fare_protocol::StationId;
use fare_server::cluster::{Cluster, Safety};
use metro::Metro;
use process::Processes;
use show::Show;
use std::cell::Cell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// What to show.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Journeys until the summary.
    pub(crate) journeys: usize,
    /// Go on afterwards until interrupted.
    pub(crate) stay: bool,
    /// Riders, halls and hands follow from it.
    pub(crate) seed: u64,
    /// Where to keep everything; a temporary folder otherwise.
    pub(crate) dir: Option<PathBuf>,
    /// The server's database is on PostgreSQL, on a server of its own, and not in a file.
    pub(crate) postgres: bool,
    /// How cameras see.
    pub(crate) optics: Optics,
    /// Least time between passing the entry gate and reaching the exit gate.
    pub(crate) walk: Duration,
    /// Station of the entry gate.
    pub(crate) from: StationId,
    /// Station of the exit gate.
    pub(crate) to: StationId,
    /// How many of the journeys are paid by codes of a payment platform.
    pub(crate) pay_codes: usize,
    /// What `make wallet` built, for riders who watch.
    pub(crate) wallet: Option<PathBuf>,
}

/// Runs the demo; an error unless every journey was charged once and right.
pub(crate) async fn run(plan: &Plan) -> anyhow::Result<()> {
    let dir = match &plan.dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("faregate-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // Relative paths would mean something else to the children.
    let dir = dir
        .canonicalize()
        .with_context(|| format!("cannot find {}", dir.display()))?;
    let cluster = match plan.postgres {
        true => Some(start_postgres()?),
        false => None,
    };
    let database = cluster.as_ref().map(|cluster| cluster.url("postgres"));
    let processes = Processes::default();
    let proven = Cell::new(false);
    let result = tokio::select! {
        result = start_and_show(plan, &dir, database, &processes, &proven) => result,
        name = interrupted() => match name {
            // Somebody who stayed has seen enough.
            Ok(_) if proven.get() => Ok(()),
            Ok(name) => Err(anyhow::anyhow!("stopped by {name}")),
            Err(error) => Err(error),
        },
    };
    let tails = processes.stop().await;
    match result {
        Ok(()) => {
            if plan.dir.is_none() {
                // What is left behind in a folder for temporary files does no harm.
                let _ = std::fs::remove_dir_all(&dir);
            }
            Ok(())
        }
        Err(error) => {
            let mut out = io::stderr().lock();
            let told = writeln!(
                out,
                "\nlogs, keys, journals and books: {}\n{tails}",
                dir.display()
            );
            // The error itself is still to be told.
            drop(told);
            Err(error)
        }
    }
}

async fn start_and_show(
    plan: &Plan,
    dir: &Path,
    database: Option<String>,
    processes: &Processes,
    proven: &Cell<bool>,
) -> anyhow::Result<()> {
    let metro = Metro::start(plan, dir, database, processes).await?;
    Show::new(plan, dir, metro, processes).run(proven).await
}

/// Its folder is not the demo's: whom PostgreSQL runs as may not look in there.
fn start_postgres() -> anyhow::Result<Cluster> {
    let folder = std::env::temp_dir().join(format!("faregate-demo-pg-{}", std::process::id()));
    Ok(Cluster::start(&folder, Safety::Durable)?)
}

/// The name of the first signal that asks the demo to stop.
async fn interrupted() -> anyhow::Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "the terminal closing",
    })
}
