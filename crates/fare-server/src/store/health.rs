//! How the database and the gates are doing: what `/readyz` and `/metrics` say, in statements that look
//! at the ends of indexes and not at all that was ever stored.

use super::sql::{Row, SqlError, Value};
use super::{MIGRATIONS, StoreError, Tx};
use fare_protocol::UnixMs;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often the database failed since the program started. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    errors: AtomicU64,
    clashes: AtomicU64,
    unwritable: AtomicBool,
}

impl Faults {
    pub(super) fn watch<T>(&self, result: &Result<T, SqlError>) {
        if let Err(err) = result {
            let count = if err.is_clash() {
                &self.0.clashes
            } else {
                &self.0.errors
            };
            count.fetch_add(1, Ordering::Relaxed);
            if err.is_for_want_of_room() {
                self.0.unwritable.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Something was written.
    pub(super) fn wrote(&self) {
        self.0.unwritable.store(false, Ordering::Relaxed);
    }

    /// Whether nothing can be written, as far as was tried last: the disk is full, broken or read-only.
    pub fn is_unwritable(&self) -> bool {
        self.0.unwritable.load(Ordering::Relaxed)
    }

    /// Statements and transactions that failed.
    pub fn errors(&self) -> u64 {
        self.0.errors.load(Ordering::Relaxed)
    }

    /// Those that others' work was in the way of; they are done again.
    pub fn clashes(&self) -> u64 {
        self.0.clashes.load(Ordering::Relaxed)
    }
}

/// The newest record of a gate that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateEnd {
    /// Which gate.
    pub gate: String,
    /// Where it stands.
    pub station: String,
    /// Its newest record: the place, when it was made by the gate's clock, when it came by the server's.
    pub newest: Option<(u64, UnixMs, UnixMs)>,
    /// Records refused as forks of its chain, which are kept aside.
    pub quarantined: u64,
}

/// Conflicts of one kind that stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingConflicts {
    /// The names of [`fare_rules::conflict::ConflictKind`].
    pub kind: String,
    /// How many.
    pub count: u64,
    /// When the oldest was raised.
    pub oldest: UnixMs,
}

/// What waits for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// All gates by id.
    pub gates: Vec<GateEnd>,
    /// Conflicts, by kind.
    pub conflicts: Vec<StandingConflicts>,
    /// Entries whose exit has not come.
    pub inside: u64,
    /// The oldest of them, by its gate's clock.
    pub oldest_inside: Option<UnixMs>,
    /// Passages of which nobody has told yet.
    pub untold: u64,
    /// When the books were proved last, and what did not fit.
    pub proof: Option<(UnixMs, u64)>,
    /// Up to when the books are closed.
    pub closed: Option<UnixMs>,
}

impl Tx<'_> {
    /// Whether the schema is the one that this program knows.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when a newer program changed it; those of the database.
    pub fn is_current(&self) -> Result<bool, StoreError> {
        let version = self.watched(self.engine.borrow_mut().version_there())?;
        let (got, known) = (
            usize::try_from(version).unwrap_or(usize::MAX),
            MIGRATIONS.len(),
        );
        if got > known {
            return Err(StoreError::TooNew { got, known });
        }
        Ok(got == known)
    }

    /// What waits for something.
    ///
    /// # Errors
    /// Those of the database.
    pub fn standing(&self) -> Result<Standing, StoreError> {
        let inside =
            "SELECT count(*), min(entered_ms) FROM journey WHERE state IN ('open', 'held')";
        let inside = self.only(inside, &[])?;
        let untold = "SELECT count(*) FROM tap WHERE unknown_ms IS NOT NULL AND evidence IS NULL";
        Ok(Standing {
            gates: self.gate_ends()?,
            conflicts: self.standing_conflicts()?,
            inside: inside.get(0)?,
            oldest_inside: inside.get(1)?,
            untold: self.only(untold, &[])?.get(0)?,
            proof: self.last_proof()?.map(|proof| (proof.made, proof.findings)),
            closed: self.last_close()?.map(|close| close.until),
        })
    }

    /// The end of every gate's chain, by gate.
    ///
    /// # Errors
    /// Those of the database.
    pub fn gate_ends(&self) -> Result<Vec<GateEnd>, StoreError> {
        let gates = self.rows("SELECT gate, station FROM gate ORDER BY gate", &[])?;
        let mut forks: HashMap<String, u64> = HashMap::new();
        for row in self.rows("SELECT gate, count(*) FROM fork GROUP BY gate", &[])? {
            forks.insert(row.get(0)?, row.get(1)?);
        }
        let newest = "SELECT seq, at_ms, received_ms FROM record WHERE gate = $1
                      ORDER BY seq DESC LIMIT 1";
        let asked = gates.iter().map(|row| Ok(vec![row.get::<Value>(0)?]));
        let asked: Result<Vec<_>, StoreError> = asked.collect();
        let newest = self.each(newest, &asked?)?;
        let end = |(row, newest): (&Row, Vec<Row>)| {
            let gate: String = row.get(0)?;
            let newest = match newest.first() {
                Some(row) => Some((row.get(0)?, row.get(1)?, row.get(2)?)),
                None => None,
            };
            Ok(GateEnd {
                quarantined: forks.get(&gate).copied().unwrap_or(0),
                gate,
                station: row.get(1)?,
                newest,
            })
        };
        gates.iter().zip(newest).map(end).collect()
    }

    fn standing_conflicts(&self) -> Result<Vec<StandingConflicts>, StoreError> {
        let sql = "SELECT kind, count(*), min(raised_ms) FROM conflict
                   LEFT JOIN conflict_end USING (conflict) WHERE how IS NULL
                   GROUP BY kind ORDER BY kind";
        let standing = |row: &Row| {
            Ok(StandingConflicts {
                kind: row.get(0)?,
                count: row.get(1)?,
                oldest: row.get(2)?,
            })
        };
        self.rows(sql, &[])?.iter().map(standing).collect()
    }
}
