//! What the journal costs on this box, each figure beside its limit measured in the same run: a commit
//! beside a bare synced write, many commits beside bare signing, a long outbox beside a short one,
//! the last taps of days without a network beside the first.

use super::taps::Taps;
use super::{BenchError, DiskProbe};
use crate::clock::Stopwatch;
use crate::journal::{GateIdentity, Journal, JournalError, JournalHandle, OutboxFile, rehearsal};
use crate::replay::summary::Spread;
use ed25519_dalek::SigningKey;
use fare_protocol::{GeoPoint, LaneNo, Location, Signer, UnixMs};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Commits measured one by one.
const COMMITS: u64 = 2_000;

/// Taps that wait at once.
const WAITING: u64 = 100;

/// Commits of each of them.
const ROUNDS: u64 = 100;

/// Rows that the courier fetches at once.
const FETCHED: usize = 500;

/// Times that they are fetched.
const FETCHES: usize = 60;

/// Bytes that a record's signature covers, about.
const SIGNED_LEN: usize = 200;

/// Phones and accounts among the riders.
const RIDERS: u64 = 10_000;

/// Taps of a minute, minutes of an hour, hours of a day.
pub(super) const TAPS_PER_DAY: u64 = 40 * 60 * 18;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct JournalPlan {
    /// Rows in the long outbox.
    pub rows: u64,
    /// Days without a network; 0 leaves them out.
    pub days: u64,
}

/// What the journal costs in one folder.
#[derive(Clone, Debug, Serialize)]
pub struct JournalFigures {
    /// Where it was.
    pub folder: String,
    /// One confirmation, from the request to the durable record, in ms.
    pub commit: Spread,
    /// A bare 4 KiB write with fdatasync, each after a commit, in ms.
    pub fdatasync: Spread,
    /// Median over median.
    pub commit_per_fdatasync: f64,
    /// Confirmations a second with 100 that wait at any moment.
    pub group_rows_per_s: f64,
    /// Bare signatures a second, on one thread as the chain demands: the limit.
    pub signatures_per_s: f64,
    /// Rows a second over signatures a second.
    pub group_per_signatures: f64,
    /// Fetching the oldest 500 of 1,000 rows, in ms.
    pub fetch_of_1000: Spread,
    /// Rows in the long outbox.
    pub rows: u64,
    /// Fetching the oldest 500 of those, in ms.
    pub fetch_of_rows: Spread,
    /// Median over median.
    pub fetch_ratio: f64,
    /// Days without a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineFigures>,
}

/// Days without a network: 40 taps a minute, 18 hours a day, each with its passage.
#[derive(Clone, Debug, Serialize)]
pub struct OfflineFigures {
    /// Confirmations that wait at the end.
    pub confirmations: u64,
    /// The first taps' commits, in ms.
    pub first: Spread,
    /// Bare synced writes, each after one of those, in ms.
    pub first_fdatasync: Spread,
    /// The last taps' commits, in ms.
    pub last: Spread,
    /// Bare synced writes, each after one of those, in ms.
    pub last_fdatasync: Spread,
    /// Median of the last over median of the first.
    pub last_per_first: f64,
    /// The same with each median taken over that of the bare writes of its time: the disk's own
    /// change left out.
    pub last_per_first_of_disk: f64,
    /// The file at the end, its log folded in, in bytes.
    pub file_len: u64,
    /// Opening that file as the daemon does, in ms.
    pub open_ms: f64,
}

/// Measures a journal in `folder`.
///
/// # Errors
/// When the disk or a journal fails.
pub fn journal(plan: JournalPlan, folder: &Path) -> Result<JournalFigures, BenchError> {
    let taps = Taps::in_one_direction(RIDERS, UnixMs(0));
    let (commit, fdatasync) = commits(&taps, folder)?;
    let group_rows_per_s = group(&taps, folder)?;
    let signatures_per_s = signatures();
    let fetch_of_1000 = fetch("short", 1_000, folder)?;
    let fetch_of_rows = fetch("long", plan.rows, folder)?;
    let offline = match plan.days {
        0 => None,
        days => {
            let path = folder.join("offline.journal");
            Some(offline(&taps, days * TAPS_PER_DAY, &path, identity()?)?)
        }
    };
    Ok(JournalFigures {
        folder: folder.display().to_string(),
        commit,
        fdatasync,
        commit_per_fdatasync: commit.p50 / fdatasync.p50,
        group_rows_per_s,
        signatures_per_s,
        group_per_signatures: group_rows_per_s / signatures_per_s,
        fetch_of_1000,
        rows: plan.rows,
        fetch_of_rows,
        fetch_ratio: fetch_of_rows.p50 / fetch_of_1000.p50,
        offline,
    })
}

fn open(path: &Path) -> Result<JournalHandle, BenchError> {
    Ok(Journal::open(path, identity()?)?)
}

fn identity() -> Result<GateIdentity, BenchError> {
    let bad = |what: &str| BenchError::Setup(what.to_owned());
    let location = Location {
        station: "PGY".parse().map_err(|_| bad("station"))?,
        line: "1".parse().map_err(|_| bad("line"))?,
        lane: LaneNo(1),
        point: GeoPoint::from_e7(399_248_000, 1_161_719_000).ok_or_else(|| bad("point"))?,
    };
    Ok(GateIdentity {
        gate: "PGY-01".parse().map_err(|_| bad("gate"))?,
        location,
        signer: Arc::new(SigningKey::from_bytes(&[3; 32])),
    })
}

pub(super) fn spread(times_ms: Vec<f64>) -> Result<Spread, BenchError> {
    Spread::of(times_ms).ok_or_else(|| BenchError::Setup("nothing was measured".to_owned()))
}

pub(super) fn timed<T>(
    work: impl FnOnce() -> Result<T, JournalError>,
) -> Result<f64, JournalError> {
    let watch = Stopwatch::start();
    work()?;
    Ok(watch.elapsed().as_secs_f64() * 1e3)
}

/// Commits in a new journal.
fn commits(taps: &Taps, folder: &Path) -> Result<(Spread, Spread), BenchError> {
    let journal = open(&folder.join("commits.journal"))?;
    let measured = one_by_one(&journal, taps, 1..=COMMITS, folder)?;
    journal.close()?;
    Ok(measured)
}

/// Rows a second with 100 taps that wait at any moment.
fn group(taps: &Taps, folder: &Path) -> Result<f64, BenchError> {
    let journal = open(&folder.join("group.journal"))?;
    let mut drafts: Vec<Vec<_>> = Vec::new();
    for lane in 0..WAITING {
        let nth = |round| taps.commit(lane * ROUNDS + round + 1);
        drafts.push((0..ROUNDS).map(nth).collect());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|err| BenchError::Setup(err.to_string()))?;
    let watch = Stopwatch::start();
    runtime.block_on(async {
        let mut lanes = JoinSet::new();
        for lane in drafts {
            let journal = journal.clone();
            lanes.spawn(async move {
                for request in lane {
                    journal.commit(request).await?;
                }
                Ok::<_, JournalError>(())
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane.map_err(|err| BenchError::Setup(err.to_string()))??;
        }
        Ok::<_, BenchError>(())
    })?;
    let elapsed = watch.elapsed().as_secs_f64();
    journal.close()?;
    Ok((WAITING * ROUNDS) as f64 / elapsed)
}

fn signatures() -> f64 {
    let key = SigningKey::from_bytes(&[3; 32]);
    let mut message = [0; SIGNED_LEN];
    let signatures = 5_000_u32;
    let watch = Stopwatch::start();
    for n in 0..signatures {
        message[..4].copy_from_slice(&n.to_be_bytes());
        std::hint::black_box(Signer::sign(&key, &message));
    }
    f64::from(signatures) / watch.elapsed().as_secs_f64()
}

/// Fetching the oldest rows of an outbox of so many.
fn fetch(name: &str, rows: u64, folder: &Path) -> Result<Spread, BenchError> {
    let path = folder.join(format!("{name}.journal"));
    rehearsal::fill(&path, rows)?;
    let outbox = OutboxFile::open(&path)?;
    let mut times = Vec::new();
    for _ in 0..FETCHES {
        times.push(timed(|| outbox.pending(None, FETCHED))?);
    }
    spread(times)
}

/// Taps without a network in a new journal at `path`, which stays. The first and last ones are
/// committed one by one, those between 100 at a time, as fast as they go.
pub(super) fn offline(
    taps: &Taps,
    count: u64,
    path: &Path,
    identity: GateIdentity,
) -> Result<OfflineFigures, BenchError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let journal = Journal::open(path, identity.clone())?;
    let measured = COMMITS.min(count / 4).max(1);
    let (first, first_fdatasync) = one_by_one(&journal, taps, 1..=measured, folder)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|err| BenchError::Setup(err.to_string()))?;
    let mut n = measured + 1;
    while n <= count - measured {
        let until = (n + WAITING).min(count - measured + 1);
        runtime.block_on(many(&journal, taps, n..until))?;
        n = until;
    }
    let last_taps = count - measured + 1..=count;
    let (last, last_fdatasync) = one_by_one(&journal, taps, last_taps, folder)?;
    journal.close()?;
    drop(journal);
    let watch = Stopwatch::start();
    let journal = Journal::open(path, identity)?;
    let open_ms = watch.elapsed().as_secs_f64() * 1e3;
    let confirmations = journal.counts()?.pending / 2;
    journal.close()?;
    Ok(OfflineFigures {
        confirmations,
        first,
        first_fdatasync,
        last,
        last_fdatasync,
        last_per_first: last.p50 / first.p50,
        last_per_first_of_disk: (last.p50 / last_fdatasync.p50) / (first.p50 / first_fdatasync.p50),
        file_len: file_len(path),
        open_ms,
    })
}

/// The journal's file without its log, in bytes.
pub(super) fn file_len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Commits these taps one at a time, a bare write after each confirmation.
fn one_by_one(
    journal: &JournalHandle,
    taps: &Taps,
    numbers: std::ops::RangeInclusive<u64>,
    folder: &Path,
) -> Result<(Spread, Spread), BenchError> {
    let mut disk = DiskProbe::new(folder)?;
    let mut times = Vec::new();
    for n in numbers {
        let commit = taps.commit(n);
        times.push(timed(|| journal.commit_blocking(commit))?);
        disk.measure();
        journal.commit_blocking(taps.pass(n))?;
    }
    Ok((spread(times)?, disk.finish()?))
}

/// These taps at once: their confirmations share a transaction, then their passages do.
async fn many(
    journal: &JournalHandle,
    taps: &Taps,
    numbers: std::ops::Range<u64>,
) -> Result<(), BenchError> {
    for passages in [false, true] {
        let mut waiting = JoinSet::new();
        for n in numbers.clone() {
            let request = if passages {
                taps.pass(n)
            } else {
                taps.commit(n)
            };
            let journal = journal.clone();
            waiting.spawn(async move { journal.commit(request).await });
        }
        while let Some(done) = waiting.join_next().await {
            done.map_err(|err| BenchError::Setup(err.to_string()))??;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_hour_offline_is_all_there_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let taps = Taps::in_one_direction(RIDERS, UnixMs(0));
        let path = dir.path().join("hour.journal");
        let journal = open(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for minute in 0..60 {
            let first = minute * 40 + 1;
            let numbers = first..first + 40;
            runtime.block_on(many(&journal, &taps, numbers)).unwrap();
        }
        one_by_one(&journal, &taps, 2_401..=2_410, dir.path()).unwrap();
        drop(journal);
        let journal = open(&path).unwrap();
        assert_eq!(journal.counts().unwrap().pending, 2 * 2_410);
        let oldest = journal.pending(None, 1).unwrap();
        assert_eq!(oldest[0].seq.0, 1);
    }

    #[test]
    fn a_filled_outbox_is_read_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("filled.journal");
        rehearsal::fill(&path, 1_200).unwrap();
        let outbox = OutboxFile::open(&path).unwrap();
        assert_eq!(outbox.pending(None, 2_000).unwrap().len(), 1_200);
        assert!(rehearsal::fill(&path, 1).is_err(), "never over a journal");
    }
}
