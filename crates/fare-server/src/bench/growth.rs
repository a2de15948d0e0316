//! What a journey costs in a database that holds many: real journeys are uploaded once and their rows copied
//! under other names and other days until there are enough; then other riders' journeys are uploaded.

use super::riders::Riders;
use super::{BenchError, client};
use crate::cluster::Cluster;
use crate::store::bare::Bare;
use crate::store::{Database, DatabaseUrl};
use serde::Serialize;
use std::path::Path;

/// Most journeys whose rows are copied.
const COPIED_MAX: usize = 20_000;

/// Transactions of one copy.
const COPY_TRANSACTIONS: usize = 20;

/// Most journeys that are measured at each size.
const MEASURED_MAX: usize = 10_000;

/// What journeys cost at one size.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Journeys that were stored before.
    pub stored: usize,
    /// Milliseconds of one journey, from the first byte of its uploads to their durable answers, when others are
    /// uploaded beside it.
    pub journey_ms: f64,
    /// Of that at the first size.
    pub ratio: f64,
}

/// Measures at each of the sizes, smallest first, on SQLite in `folder` and, when there is a cluster, on
/// PostgreSQL.
///
/// # Errors
/// When something cannot be started, or what was taken is not what was sent.
pub fn growth(
    sizes: &[usize],
    folder: &Path,
    cluster: Option<&Cluster>,
) -> Result<Vec<Growth>, BenchError> {
    let mut all = grow(
        "sqlite",
        &DatabaseUrl::from(&folder.join("grown.sqlite3")),
        sizes,
    )?;
    if let Some(cluster) = cluster {
        all.extend(grow("postgres", &cluster.database()?.url, sizes)?);
    }
    Ok(all)
}

fn grow(
    engine: &'static str,
    url: &DatabaseUrl,
    sizes: &[usize],
) -> Result<Vec<Growth>, BenchError> {
    let mut database = Database::open(url)?;
    let smallest = sizes.first().copied().unwrap_or(COPIED_MAX);
    let mut stored = take(&mut database, url, smallest.min(COPIED_MAX), 0)?.0;
    let copied = stored;
    let rows = database.read(|tx| Bare::read(tx, COPY_TRANSACTIONS))?;
    let (mut copies, mut all) = (0, Vec::<Growth>::new());
    for (nth, size) in (1..).zip(sizes) {
        while stored + copied <= *size {
            copies += 1;
            rows.copy(&mut database, copies)?;
            stored += copied;
        }
        let (journeys, seconds) = take(&mut database, url, smallest.min(MEASURED_MAX), nth)?;
        let journey_ms = seconds * 1_000.0 / journeys as f64;
        let ratio = all
            .first()
            .map_or(1.0, |first| journey_ms / first.journey_ms);
        all.push(Growth {
            engine,
            stored,
            journey_ms,
            ratio,
        });
        stored += journeys;
    }
    let counts = database.read(|tx| tx.counts())?;
    if counts.closed != stored as u64 || counts.conflicts > 0 {
        return Err(BenchError::Wrong(format!(
            "{} journeys are closed, expected {stored}; conflicts: {}",
            counts.closed, counts.conflicts
        )));
    }
    Ok(all)
}

/// Uploads the journeys of the `nth` riders; answers how many, and the seconds that it took.
fn take(
    database: &mut Database,
    url: &DatabaseUrl,
    journeys: usize,
    nth: u8,
) -> Result<(usize, f64), BenchError> {
    let riders = Riders::new(journeys, nth)?;
    database.write(|tx| riders.register(tx))?;
    let taken = client::upload((url, false), &riders, 0)?;
    Ok((riders.journeys(), taken.seconds))
}
