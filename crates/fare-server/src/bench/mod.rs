//! What the intake of confirmations costs: batches of signed records over HTTP to a server process of its
//! own, beside the bare engine that writes the same rows, the signatures alone, and pgbench.

mod client;
mod growth;
mod riders;
mod serve;
mod waiting;

pub use growth::{Growth, growth};
pub use serve::serve;

use crate::cluster::{Cluster, ClusterError};
use crate::store::bare::Bare;
use crate::store::{Database, DatabaseUrl, StoreError, UrlError};
use fare_protocol::wire::UPLOAD_RECORDS_MAX;
use riders::Riders;
use serde::Serialize;
use std::io;
use std::path::Path;
use std::time::Instant;

/// Records of one journey: two confirmations and their passages.
const RECORDS_PER_JOURNEY: usize = 4;

/// Journeys of which one upload brings one half, each a confirmation and its passage.
pub const JOURNEYS_PER_UPLOAD: usize = UPLOAD_RECORDS_MAX / 2;

/// How long pgbench runs, in seconds, and how much it has.
const PGBENCH_S: &str = "8";
const PGBENCH_SCALE: &str = "10";

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The store.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// PostgreSQL.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// The database's URL.
    #[error("{0}")]
    Url(#[from] UrlError),
    /// A socket, file or process.
    #[error("the server under test: {0}")]
    Io(#[from] io::Error),
    /// The server under test did something else than it should.
    #[error("{0}")]
    Wrong(String),
}

/// One engine's figures.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Journeys taken each second, from the first byte of an upload to its durable answer.
    pub journeys_per_s: f64,
    /// The same rows written by the bare engine in as many transactions, in journeys each second.
    pub bare_journeys_per_s: f64,
    /// The first as a part of the second.
    pub ratio: f64,
    /// The most memory the server had, in MiB.
    pub peak_mib: f64,
    /// Answers with news that all waiting gates together got each second.
    pub told_per_s: f64,
}

/// How the intake is measured.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many journeys, rounded up to whole uploads.
    pub journeys: usize,
    /// By a tariff whose prices look back.
    pub caps: bool,
    /// How many gates wait for news meanwhile.
    pub waiting: usize,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Journeys of each engine.
    pub journeys: usize,
    /// Gates that waited for news meanwhile.
    pub waiting: usize,
    /// Records in one upload.
    pub records_per_upload: usize,
    /// By engine.
    pub engines: Vec<Figures>,
    /// Signatures that one core verifies each second, one by one.
    pub verified_per_s: f64,
    /// The same when those of an upload are looked at together, as the server does.
    pub verified_together_per_s: f64,
    /// Transactions of pgbench (TPC-B) each second on the same PostgreSQL.
    pub pgbench_tps: Option<f64>,
}

/// Measures on SQLite in `folder` and, when there is a cluster, on PostgreSQL.
///
/// # Errors
/// When something cannot be started, or what was taken is not what was sent.
pub fn ingest(load: Load, folder: &Path, cluster: Option<&Cluster>) -> Result<Report, BenchError> {
    let riders = Riders::new(load.journeys, 0)?;
    let sqlite = |name: &str| DatabaseUrl::from(&folder.join(name));
    let mut engines = vec![engine(
        ("sqlite", load),
        &riders,
        &sqlite("taken.sqlite3"),
        &sqlite("bare.sqlite3"),
    )?];
    let mut pgbench_tps = None;
    if let Some(cluster) = cluster {
        let (taken, bare) = (cluster.database()?, cluster.database()?);
        engines.push(engine(("postgres", load), &riders, &taken.url, &bare.url)?);
        pgbench_tps = Some(pgbench(cluster)?);
    }
    Ok(Report {
        journeys: riders.journeys(),
        waiting: load.waiting,
        records_per_upload: UPLOAD_RECORDS_MAX,
        engines,
        verified_per_s: riders.verified_per_s(),
        verified_together_per_s: riders.verified_together_per_s(),
        pgbench_tps,
    })
}

fn engine(
    (engine, load): (&'static str, Load),
    riders: &Riders,
    taken: &DatabaseUrl,
    bare: &DatabaseUrl,
) -> Result<Figures, BenchError> {
    let mut database = Database::open(taken)?;
    database.write(|tx| riders.register(tx))?;
    let by = client::upload((taken, load.caps), riders, load.waiting)?;
    let journeys = riders.journeys();
    check(&mut database, journeys)?;
    let rows = database.read(|tx| Bare::read(tx, riders.uploads()))?;
    let mut database = Database::open(bare)?;
    database.write(|tx| riders.register(tx))?;
    let start = start();
    rows.write(&mut database)?;
    let bare_seconds = start.elapsed().as_secs_f64();
    check(&mut database, journeys)?;
    let rate = |seconds: f64| journeys as f64 / seconds;
    Ok(Figures {
        engine,
        journeys_per_s: rate(by.seconds),
        bare_journeys_per_s: rate(bare_seconds),
        ratio: bare_seconds / by.seconds,
        peak_mib: by.peak_mib,
        told_per_s: by.told as f64 / by.seconds,
    })
}

/// Every journey is there, closed and paid once.
fn check(database: &mut Database, journeys: usize) -> Result<(), BenchError> {
    let read = |tx: &crate::store::Tx<'_>| Ok::<_, StoreError>((tx.counts()?, tx.books()?));
    let (counts, books) = database.read(read)?;
    let got = (counts.records, counts.closed, books.postings);
    let journeys = journeys as u64;
    let expected = (journeys * 4, journeys, journeys * 2);
    if got != expected || !books.balanced || counts.conflicts > 0 {
        return Err(BenchError::Wrong(format!(
            "records, closed journeys and postings are {got:?}, expected {expected:?}; balanced: {}, \
             conflicts: {}",
            books.balanced, counts.conflicts
        )));
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn start() -> Instant {
    Instant::now()
}

/// TPC-B transactions each second, with four clients.
fn pgbench(cluster: &Cluster) -> Result<f64, BenchError> {
    let host = cluster.folder().display().to_string();
    let to = ["-h", &host, "-U", "postgres", "postgres"];
    let scale = ["-i", "-q", "-s", PGBENCH_SCALE];
    cluster.run("pgbench", &[&scale[..], &to].concat())?;
    let run = ["-n", "-c", "4", "-j", "2", "-T", PGBENCH_S];
    let said = cluster.run("pgbench", &[&run[..], &to].concat())?;
    let tps = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|line| line.split_whitespace().next()?.parse().ok());
    tps.ok_or_else(|| BenchError::Wrong(format!("pgbench said no rate: {said}")))
}
