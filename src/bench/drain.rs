//! How fast a gate's outbox drains to a real `fareserver` over the real wire, beside the limits measured
//! in the same run, and what a tap costs meanwhile.

use super::fareserver::Server;
pub use super::fareserver::ServerPlan;
use super::journal::{OfflineFigures, TAPS_PER_DAY, file_len, offline, spread, timed};
use super::taps::Taps;
use super::{BenchError, DiskProbe};
use crate::clock::{self, Stopwatch};
use crate::config::GateConfig;
use crate::journal::{Journal, JournalHandle, Retention};
use crate::replay::summary::Spread;
use fare_protocol::{Seq, SignedRecord, Signer, UnixMs};
use rusqlite::{Connection, params};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;

/// Riders, who enter and leave in turn: 100 minutes apart at 40 taps a minute.
const RIDERS: u64 = 4_000;

/// Taps on the idle gate.
const IDLE_TAPS: u64 = 200;

/// Between two of them, and between two while it drains.
const TAP_EVERY: Duration = Duration::from_millis(25);

/// Records that are verified and inserted for the limits.
const LIMIT_RECORDS: usize = 5_000;

/// Rows of one transaction, as an upload has them.
const BATCH: usize = 500;

/// A drain that stands still for so long has failed.
const STALLED: Duration = Duration::from_secs(60);

/// Transactions after which the journal tidies in the next lull, and a lull that is long enough.
const TIDY_AFTER: u64 = 32;
const LULL: Duration = Duration::from_millis(1_200);

/// What to drain.
#[derive(Clone, Copy, Debug)]
pub struct DrainPlan<'p> {
    /// The gate: its key, place and certificate. Its devices and journal are not touched.
    pub gate: &'p GateConfig,
    /// The server.
    pub server: ServerPlan<'p>,
    /// Confirmations in the outbox, each with its passage.
    pub taps: u64,
}

impl DrainPlan<'_> {
    /// Confirmations of so many days without a network.
    pub fn taps_of(days: u64) -> u64 {
        days.saturating_mul(TAPS_PER_DAY)
    }
}

/// What it came to.
#[derive(Clone, Debug, Serialize)]
pub struct DrainFigures {
    /// Where the journal was.
    pub folder: String,
    /// Making the backlog: the first and last commits, the file, opening it.
    pub backlog: OfflineFigures,
    /// Records drained: confirmations and passages.
    pub records: u64,
    /// From the first upload to the last acknowledgement, in s.
    pub seconds: f64,
    /// Records a minute.
    pub records_per_min: f64,
    /// Confirmations a minute, each with its passage.
    pub confirmations_per_min: f64,
    /// One thread's verifying of the same records, a minute.
    pub verified_per_min: f64,
    /// Bare rows a minute into a file of their own, 500 a transaction, synced.
    pub inserted_per_min: f64,
    /// Records a minute over what one thread could verify and insert.
    pub per_limit: f64,
    /// Taps while nothing is uploaded: commits in ms, and bare synced writes, one after each.
    pub idle: Spread,
    /// Bare synced writes then.
    pub idle_fdatasync: Spread,
    /// The same while the outbox drains.
    pub draining: Spread,
    /// Bare synced writes then.
    pub draining_fdatasync: Spread,
    /// Median over median.
    pub draining_per_idle: f64,
    /// The file once all is acknowledged, in bytes.
    pub drained_len: u64,
    /// The file once what was acknowledged has been forgotten, in bytes.
    pub forgotten_len: u64,
    /// How long that took, at a lull after every 64 transactions, in s.
    pub forgetting_s: f64,
    /// What the server says of its books.
    pub books: String,
}

/// Fills a journal in `folder`, drains it to the server, lets the journal forget.
///
/// # Errors
/// When a program, the journal or the disk fails, the server refuses a record, its books do not
/// balance, or nothing moves any more.
pub fn drain(plan: &DrainPlan<'_>, folder: &Path) -> Result<DrainFigures, BenchError> {
    let path = folder.join("drain.journal");
    let now = clock::now().0;
    // The last tap of the backlog is an hour old, so that those measured below come after it.
    let from = now.saturating_sub(Taps::span_ms(plan.taps)) - 3_600_000;
    let taps = Taps::both_ways(RIDERS, UnixMs(from));
    let backlog = offline(&taps, plan.taps, &path, plan.gate.identity())?;
    let (verified_per_min, inserted_per_min) = limits(plan.gate, &path, folder)?;
    let server = Server::start(plan.server, plan.gate)?;
    let journal = Journal::open(&path, plan.gate.identity())?;
    let mut tapping = Tapping::new(&taps, plan.taps + 1, &journal, folder)?;
    for _ in 0..IDLE_TAPS {
        tapping.tap()?;
    }
    let (idle, idle_fdatasync) = tapping.measured(folder)?;
    // Each tap is two records, and nothing else is in this journal.
    let last = Seq(2 * (plan.taps + IDLE_TAPS));
    let seconds = upload(plan.gate, &server, &journal, last, &mut tapping)?;
    let (draining, draining_fdatasync) = tapping.measured(folder)?;
    let next = tapping.next;
    journal.close()?;
    // The lock goes with the last handle.
    drop((tapping, journal));
    let drained_len = file_len(&path);
    let (forgotten_len, forgetting_s) = forget(plan.gate, &path, &taps, next)?;
    let books = server.books()?;
    let per_min = |n: u64| n as f64 / seconds * 60.0;
    let limit = 1.0 / (1.0 / verified_per_min + 1.0 / inserted_per_min);
    Ok(DrainFigures {
        folder: folder.display().to_string(),
        backlog,
        records: last.0,
        seconds,
        records_per_min: per_min(last.0),
        confirmations_per_min: per_min(last.0 / 2),
        verified_per_min,
        inserted_per_min,
        per_limit: per_min(last.0) / limit,
        idle,
        idle_fdatasync,
        draining,
        draining_fdatasync,
        draining_per_idle: draining.p50 / idle.p50,
        drained_len,
        forgotten_len,
        forgetting_s,
        books,
    })
}

/// Taps one after the other, with a bare write after each.
struct Tapping<'t> {
    taps: &'t Taps,
    next: u64,
    journal: JournalHandle,
    times: Vec<f64>,
    disk: DiskProbe,
}

impl<'t> Tapping<'t> {
    fn new(
        taps: &'t Taps,
        next: u64,
        journal: &JournalHandle,
        folder: &Path,
    ) -> Result<Self, BenchError> {
        Ok(Self {
            taps,
            next,
            journal: journal.clone(),
            times: Vec::new(),
            disk: DiskProbe::new(folder)?,
        })
    }

    fn tap(&mut self) -> Result<(), BenchError> {
        let commit = self.taps.commit(self.next);
        let time = timed(|| self.journal.commit_blocking(commit))?;
        self.times.push(time);
        self.disk.measure();
        self.journal.commit_blocking(self.taps.pass(self.next))?;
        self.next += 1;
        std::thread::sleep(TAP_EVERY);
        Ok(())
    }

    /// What was measured since the last time.
    fn measured(&mut self, folder: &Path) -> Result<(Spread, Spread), BenchError> {
        let disk = std::mem::replace(&mut self.disk, DiskProbe::new(folder)?);
        Ok((spread(std::mem::take(&mut self.times))?, disk.finish()?))
    }
}

/// Uploads until the server has answered everything up to `last`, tapping meanwhile; seconds.
fn upload(
    gate: &GateConfig,
    server: &Server,
    journal: &JournalHandle,
    last: Seq,
    tapping: &mut Tapping<'_>,
) -> Result<f64, BenchError> {
    let setup = |what: String| BenchError::Setup(what);
    let (courier, _news) = server.courier(gate, journal)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| setup(err.to_string()))?;
    let (stop, stopped) = watch::channel(false);
    let watch = Stopwatch::start();
    let courier = runtime.spawn(courier.run(stopped));
    let (mut oldest, mut moved) = (Seq(0), Stopwatch::start());
    loop {
        let waiting = journal.pending(None, 1)?;
        let Some(first) = waiting.first().map(|record| record.seq) else {
            break;
        };
        if first > last {
            break;
        }
        if first > oldest {
            (oldest, moved) = (first, Stopwatch::start());
        }
        if moved.elapsed() > STALLED {
            return Err(setup(format!("record {first} waits for ever")));
        }
        tapping.tap()?;
    }
    let seconds = watch.elapsed().as_secs_f64();
    // The courier holds the journal; what it has under way is dropped.
    let _told = stop.send(true);
    let stopped = runtime.block_on(courier);
    stopped.map_err(|err| setup(err.to_string()))?;
    match journal.counts()?.quarantined {
        0 => Ok(seconds),
        refused => Err(setup(format!("the server refused {refused} records"))),
    }
}

/// What one thread verifies and inserts a minute.
fn limits(gate: &GateConfig, path: &Path, folder: &Path) -> Result<(f64, f64), BenchError> {
    let journal = Journal::open(path, gate.identity())?;
    let records = journal.pending(None, LIMIT_RECORDS)?;
    journal.close()?;
    let key = Signer::public(gate.signing_key.as_ref());
    let wrong = |err: String| BenchError::Setup(err);
    let watch = Stopwatch::start();
    for record in &records {
        let signed = SignedRecord::parse(&record.envelope).map_err(|err| wrong(err.to_string()))?;
        let verified = signed.verify(&key).map_err(|err| wrong(err.to_string()))?;
        std::hint::black_box(verified);
    }
    let verified = watch.elapsed();
    let insert = || -> rusqlite::Result<Duration> {
        let mut db = Connection::open(folder.join("bare.sqlite3"))?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE record (seq INTEGER PRIMARY KEY, envelope BLOB NOT NULL) STRICT;",
        )?;
        let watch = Stopwatch::start();
        for batch in records.chunks(BATCH) {
            let tx = db.transaction()?;
            for record in batch {
                let seq = i64::try_from(record.seq.0).unwrap_or(i64::MAX);
                tx.prepare_cached("INSERT INTO record (seq, envelope) VALUES (?1, ?2)")?
                    .execute(params![seq, record.envelope])?;
            }
            tx.commit()?;
        }
        Ok(watch.elapsed())
    };
    let inserted = insert().map_err(|err| wrong(err.to_string()))?;
    let per_min = |took: Duration| records.len() as f64 / took.as_secs_f64() * 60.0;
    Ok((per_min(verified), per_min(inserted)))
}

/// Opens the journal with nothing to keep and taps until the file gets no shorter; its length and the
/// seconds that took.
fn forget(
    gate: &GateConfig,
    path: &Path,
    taps: &Taps,
    mut next: u64,
) -> Result<(u64, f64), BenchError> {
    let retention = Retention {
        keep_ms: 0,
        ..Retention::default()
    };
    let watch = Stopwatch::start();
    let journal = Journal::open_keeping(path, gate.identity(), retention)?;
    let (mut shortest, mut still) = (u64::MAX, 0);
    while still < 4 {
        for _ in 0..TIDY_AFTER {
            journal.commit_blocking(taps.commit(next))?;
            journal.commit_blocking(taps.pass(next))?;
            next += 1;
        }
        std::thread::sleep(LULL);
        let len = file_len(path);
        still = if len < shortest { 0 } else { still + 1 };
        shortest = shortest.min(len);
    }
    let seconds = watch.elapsed().as_secs_f64();
    journal.close()?;
    Ok((file_len(path), seconds))
}
