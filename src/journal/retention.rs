//! What is kept of what the server has accepted, and how the file gets small again.
//!
//! All of it happens in lulls, in small steps; money that the server has not accepted is never
//! touched. Near the limit diagnostic notes go first, over it accepted records do, the oldest first.

use super::notes;
use super::records::Head;
use rusqlite::{Connection, TransactionBehavior, params};

/// How long accepted records are kept, and how large the file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Accepted records younger than this are kept while there is room, in ms.
    pub keep_ms: i64,
    /// In bytes, without the write-ahead log. A goal, not a wall: records that the server has not
    /// accepted are written beyond it.
    pub size_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            keep_ms: 30 * 24 * 3_600_000,
            size_max: 1024 * 1024 * 1024,
        }
    }
}

/// Of the size limit, how many per cent may be in use before notes go.
const NEAR_PERCENT: u64 = 90;

/// Records looked at in one step: some milliseconds' work, which a tap may have to wait for.
const STEP_RECORDS: usize = 200;

/// The newest records stay whatever their age: the chain is checked over them at every start.
const TAIL_KEPT: i64 = 64;

/// Free pages given back to the file system in one step.
const STEP_PAGES: i64 = 256;

/// Free pages that stay in the file, so that taps need not make it longer: 4 MiB.
const FREE_PAGES_KEPT: i64 = 1_024;

/// For how long a phone that is not seen any more is remembered, in ms: 30 days. Its codes are dead
/// after a minute; what remains is that a gate that ignores a code's age should not forget early.
const DEVICE_KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// For how long a rider's way through this gate is remembered, in ms: 7 days.
// Not less than `fare_protocol::paper_code::VALID_FOR_MAX`: what opens no paper code twice.
const MOVE_KEPT_MS: i64 = 7 * 24 * 3_600_000;

/// For how long the end of a journey elsewhere is remembered, in ms: 4 hours, as long as pictures usually
/// are good. A copy that is shown later is found when the records come together.
const ENDED_KEPT_MS: i64 = 4 * 3_600_000;

/// For how long a command that let somebody through is remembered, in ms: a day, for it counts for half a minute.
const LET_THROUGH_KEPT_MS: i64 = 24 * 3_600_000;

/// Phones, ways and ended journeys looked at in one lull.
const STEP_CACHED: i64 = 500;

/// Where the sweep through the accepted records stands, and those through phones, ways and ended journeys.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    after: i64,
    phones_after: Vec<u8>,
    ways_after: Vec<u8>,
    ended_after: Vec<u8>,
    let_through_after: Vec<u8>,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) records: usize,
    pub(super) notes: usize,
    /// Nothing more to do for now.
    pub(super) done: bool,
}

/// The pages of the file, in use and free.
struct Pages {
    used: u64,
    free: i64,
    size: u64,
}

impl Pages {
    fn read(db: &Connection) -> rusqlite::Result<Self> {
        let pages = "SELECT page_count, freelist_count, page_size
                     FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        db.prepare_cached(pages)?.query_row([], |row| {
            let (all, free): (i64, i64) = (row.get(0)?, row.get(1)?);
            let used = u64::try_from(all.saturating_sub(free)).unwrap_or(0);
            let size = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            Ok(Self { used, free, size })
        })
    }

    fn bytes_used(&self) -> u64 {
        self.used.saturating_mul(self.size)
    }
}

impl Sweep {
    /// One small step of tidying at `now_ms`, the newest time that the journal has seen.
    pub(super) fn step(
        &mut self,
        db: &mut Connection,
        retention: Retention,
        now_ms: i64,
    ) -> rusqlite::Result<Step> {
        let pages = Pages::read(db)?;
        let near = retention.size_max / 100 * NEAR_PERCENT;
        if pages.bytes_used() > near {
            let notes = notes::evict_oldest(db)?;
            if notes > 0 {
                return Ok(Step {
                    notes,
                    ..Step::default()
                });
            }
        }
        let over = pages.bytes_used() > retention.size_max;
        let older_than = if over {
            i64::MAX
        } else {
            now_ms.saturating_sub(retention.keep_ms)
        };
        let records = self.forget(db, older_than)?;
        let spare = pages.free.saturating_sub(FREE_PAGES_KEPT);
        if spare > 0 {
            let give_back = spare.min(STEP_PAGES);
            db.pragma(None, "incremental_vacuum", give_back, |_| Ok(()))?;
        }
        let shrinking = spare > 0 && Pages::read(db)?.free < pages.free;
        Ok(Step {
            records,
            notes: 0,
            done: self.after == 0 && !shrinking,
        })
    }

    /// Once a lull: forgets phones, ways and ended journeys of long ago among the next few.
    pub(super) fn forget_cached(&mut self, db: &Connection, now_ms: i64) -> rusqlite::Result<()> {
        forget_next(db, &PHONES, &mut self.phones_after, now_ms)?;
        forget_next(db, &WAYS, &mut self.ways_after, now_ms)?;
        forget_next(db, &ENDED, &mut self.ended_after, now_ms)?;
        forget_next(db, &LET_THROUGH, &mut self.let_through_after, now_ms)
    }

    /// Forgets accepted pairs of confirmation and passage among the next accepted records.
    fn forget(&mut self, db: &mut Connection, older_than: i64) -> rusqlite::Result<usize> {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let tail = Head::read(&tx)?.next.0;
        let tail = i64::try_from(tail)
            .unwrap_or(i64::MAX)
            .saturating_sub(TAIL_KEPT);
        let (mut pairs, mut looked, mut last) = (Vec::new(), 0, 0);
        {
            let mut query = tx.prepare_cached(
                "SELECT p.seq, p.at_ms,
                        (SELECT c.seq FROM records c WHERE c.id = p.confirmation AND c.state = 1)
                 FROM records p WHERE p.state = 1 AND p.seq > ?1 AND p.seq < ?2
                 ORDER BY p.seq LIMIT ?3",
            )?;
            let limit = i64::try_from(STEP_RECORDS).unwrap_or(i64::MAX);
            let mut rows = query.query(params![self.after, tail, limit])?;
            while let Some(row) = rows.next()? {
                // In chain order they are in the order of time, near enough.
                if row.get::<_, i64>(1)? >= older_than {
                    break;
                }
                looked += 1;
                last = row.get(0)?;
                if let Some(confirmation) = row.get::<_, Option<i64>>(2)? {
                    pairs.push((confirmation, last));
                }
            }
        }
        // From the start again once the end is reached.
        self.after = if looked < STEP_RECORDS { 0 } else { last };
        for (confirmation, passage) in &pairs {
            tx.prepare_cached("DELETE FROM answers WHERE seq IN (?1, ?2)")?
                .execute([confirmation, passage])?;
            tx.prepare_cached("DELETE FROM records WHERE seq IN (?1, ?2)")?
                .execute([confirmation, passage])?;
        }
        tx.commit()?;
        Ok(pairs.len().saturating_mul(2))
    }
}

/// A table that is forgotten by age.
struct Cached {
    /// The last key of the next few after `?1`, and how many they are.
    next: &'static str,
    delete: &'static str,
    kept_ms: i64,
}

const PHONES: Cached = Cached {
    next: "SELECT max(key), count(*) FROM
           (SELECT key FROM devices WHERE key > ?1 ORDER BY key LIMIT ?2)",
    delete: "DELETE FROM devices WHERE key > ?1 AND key <= ?2 AND seen_ms < ?3",
    kept_ms: DEVICE_KEPT_MS,
};

const WAYS: Cached = Cached {
    next: "SELECT max(account), count(*) FROM
           (SELECT account FROM moves WHERE account > ?1 ORDER BY account LIMIT ?2)",
    delete: "DELETE FROM moves WHERE account > ?1 AND account <= ?2 AND at_ms < ?3",
    kept_ms: MOVE_KEPT_MS,
};

const ENDED: Cached = Cached {
    next: "SELECT max(entry), count(*) FROM
           (SELECT entry FROM ended WHERE entry > ?1 ORDER BY entry LIMIT ?2)",
    delete: "DELETE FROM ended WHERE entry > ?1 AND entry <= ?2 AND at_ms < ?3",
    kept_ms: ENDED_KEPT_MS,
};

const LET_THROUGH: Cached = Cached {
    next: "SELECT max(command), count(*) FROM
           (SELECT command FROM let_through WHERE command > ?1 ORDER BY command LIMIT ?2)",
    delete: "DELETE FROM let_through WHERE command > ?1 AND command <= ?2 AND at_ms < ?3",
    kept_ms: LET_THROUGH_KEPT_MS,
};

/// Forgets what is old among the next few after a key, and moves that key on: to the start again
/// once the end is reached.
fn forget_next(
    db: &Connection,
    cached: &Cached,
    after: &mut Vec<u8>,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let (last, count): (Option<Vec<u8>>, i64) = db
        .prepare_cached(cached.next)?
        .query_row(params![*after, STEP_CACHED], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let last = last.unwrap_or_default();
    let old = now_ms.saturating_sub(cached.kept_ms);
    db.prepare_cached(cached.delete)?
        .execute(params![*after, last, old])?;
    *after = if count < STEP_CACHED {
        Vec::new()
    } else {
        last
    };
    Ok(())
}
