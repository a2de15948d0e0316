//! Who keeps the books while the server runs, on a thread and a connection of its own, so that no upload waits for it:
//!
//! ```text
//! every hour   a proof: everything is added up and compared; what does not fit is logged and counted
//! every day    a close, ten minutes after the service day is over; days that were missed one by one
//! after it     operators' shares of the close are posted, and their statements written, where a rule is configured
//! ```
//! Of several servers on one database one does it: under a lease, and each deed is right when two do it at once.

use super::clearing::{ClearingError, Rule, Statement, share_out, statements};
use super::{CloseError, SETTLED_MS, keep, prepare};
use crate::clock::{self, rfc3339};
use crate::config::Settlement;
use crate::store::{CloseRow, Database, DatabaseUrl, Finding, ProofRow, ShareRow, StoreError, Tx};
use fare_protocol::{Millis, UnixMs};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Between two proofs.
const PROVE: Millis = Millis(3_600_000);

/// How often to look what is to be done.
const LOOK: Duration = Duration::from_secs(60);

/// How long who keeps the books does it alone.
const LEASE: Millis = Millis(1_800_000);

/// Most days that are closed at once.
const DAYS_MAX: usize = 31;

/// Who closes, as closes name it.
pub const BY: &str = "fareserver";

/// How fares are shared out, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// Whose lines are whose.
    pub rule: Rule,
    /// Where statements are written, in a folder for each close; nowhere when absent.
    pub statements: Option<PathBuf>,
}

/// What keeps the books.
#[derive(Clone)]
pub struct Keeper {
    /// Where they are.
    pub database: DatabaseUrl,
    /// When days begin.
    pub settlement: Arc<Settlement>,
    /// How fares are shared out; not at all when absent.
    pub sharing: Option<Sharing>,
}

/// What a round has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// What the proof found, if there was one.
    pub proved: Option<Vec<Finding>>,
    /// Closes that were made.
    pub closed: Vec<CloseRow>,
    /// Shares that were posted.
    pub shared: Vec<ShareRow>,
}

/// Why the books were not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// They were not closed.
    #[error("{0}")]
    Close(#[from] CloseError),
    /// They were not shared out.
    #[error("{0}")]
    Clearing(#[from] ClearingError),
    /// A statement was not written.
    #[error("cannot write {file}: {err}")]
    Statement {
        /// Which file.
        file: PathBuf,
        /// Why.
        err: io::Error,
    },
    /// A statement has no JSON.
    #[error("a statement: {0}")]
    Json(#[from] serde_json::Error),
}

impl Keeper {
    /// Keeps the books on a thread of its own until the sender that this answers is dropped. The thread may then still be
    /// about a proof: it is not waited for, because it only reads.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(self, holder: [u8; 16]) -> io::Result<Sender<()>> {
        let (alive, gone) = channel();
        let thread = thread::Builder::new().name("books".to_owned());
        thread.spawn(move || self.go_on(holder, &gone))?;
        Ok(alive)
    }

    fn go_on(&self, holder: [u8; 16], gone: &Receiver<()>) {
        loop {
            if let Err(err) = self.round(holder, clock::now()) {
                tracing::error!(%err, "the books could not be kept");
            }
            match gone.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does what is to be done now, if this server has the lease.
    ///
    /// # Errors
    /// When something could not be done; what was done before stays.
    pub fn round(&self, holder: [u8; 16], now: UnixMs) -> Result<Kept, KeepError> {
        let mut database = Database::open_existing(&self.database)?;
        let mut kept = Kept::default();
        // Looked at first: a lease is a write, which wakes up whoever waits for news.
        let proof_is_due = database.read(|tx| {
            let last = tx.last_proof()?;
            Ok::<_, StoreError>(last.is_none_or(|last| now.since(last.made) >= i64::from(PROVE.0)))
        })?;
        let close_is_due = self.next_close(&mut database, now)?.is_some();
        let to_share: Vec<u64> = database.read(|tx| tx.closes_to_share())?;
        let share_is_due = self.sharing.is_some() && !to_share.is_empty();
        let lease = |tx: &Tx<'_>| tx.lease("books", holder, now, now.after(LEASE));
        if !(proof_is_due || close_is_due || share_is_due) || !database.write(lease)? {
            return Ok(kept);
        }
        if proof_is_due {
            kept.proved = Some(prove(&mut database, now)?);
        }
        kept.closed = self.close_days(&mut database, now)?;
        if let Some(sharing) = &self.sharing {
            kept.shared = share_closes(&mut database, sharing, now)?;
        }
        Ok(kept)
    }

    /// Up to when the books are to be closed now; nothing when they are.
    fn next_close(
        &self,
        database: &mut Database,
        now: UnixMs,
    ) -> Result<Option<UnixMs>, KeepError> {
        let last: Option<CloseRow> = database.read(|tx| tx.last_close())?;
        let tariff = self.settlement.tariff_at(now);
        let until = match last {
            Some(last) => tariff.day_ends(last.until),
            None => tariff.day_begins(tariff.service_day(now)),
        };
        Ok((now.since(until) >= SETTLED_MS).then_some(until))
    }

    /// Closes each service day that is over and settled; all that came before the first close goes into it.
    fn close_days(&self, database: &mut Database, now: UnixMs) -> Result<Vec<CloseRow>, KeepError> {
        let mut closed = Vec::new();
        while closed.len() < DAYS_MAX {
            let Some(until) = self.next_close(database, now)? else {
                break;
            };
            let row = database.read(|tx| prepare(tx, until, BY, now))?;
            database.write(|tx| keep(tx, &row))?;
            let (nth, postings, until) = (row.nth, row.postings, rfc3339(row.until));
            tracing::info!(nth, postings, until, "the books were closed");
            closed.push(row);
        }
        Ok(closed)
    }
}

/// Proves the books and keeps what came of it.
///
/// # Errors
/// Those of the store.
pub fn prove(database: &mut Database, now: UnixMs) -> Result<Vec<Finding>, StoreError> {
    let began = clock::now();
    let (findings, books) = database.read(|tx| Ok::<_, StoreError>((tx.prove()?, tx.sums()?)))?;
    let row = ProofRow {
        made: now,
        took_ms: clock::now().since(began).max(0),
        postings: books.postings,
        findings: u64::try_from(findings.len()).unwrap_or(u64::MAX),
        sums: books.sums,
    };
    database.write(|tx| tx.insert_proof(&row))?;
    for finding in &findings {
        let code = finding.flaw.code();
        tracing::error!(
            code,
            "the books are wrong: {finding}; see `fareserver books`"
        );
    }
    Ok(findings)
}

/// Shares out all closes that were not yet, and writes their statements.
///
/// # Errors
/// When a line is nobody's, a file cannot be written, or the store fails.
pub fn share_closes(
    database: &mut Database,
    sharing: &Sharing,
    now: UnixMs,
) -> Result<Vec<ShareRow>, KeepError> {
    let mut shared = Vec::new();
    let due: Vec<u64> = database.read(|tx| tx.closes_to_share())?;
    let closes: Vec<CloseRow> = database.read(|tx| tx.closes())?;
    for close in closes.iter().filter(|close| due.contains(&close.nth)) {
        let time = (close.from, close.until);
        let all = database.read(|tx| statements(tx, &sharing.rule, time))?;
        if let Some(folder) = &sharing.statements {
            let day = rfc3339(close.until);
            let day = day.get(..10).unwrap_or(&day);
            write_statements(&folder.join(format!("close-{:05}-{day}", close.nth)), &all)?;
        }
        let rule = sharing.rule.hash();
        let rows = database.write(|tx| share_out(tx, close, (&all, &rule), now))?;
        for row in &rows {
            tracing::info!(nth = row.nth, operator = row.operator, part = %row.part, "shared out");
        }
        shared.extend(rows);
    }
    Ok(shared)
}

/// Writes `OPERATOR.csv` and `OPERATOR.json` for each, into a folder that is made.
///
/// # Errors
/// When one cannot be written; says which.
pub fn write_statements(folder: &Path, all: &[Statement]) -> Result<(), KeepError> {
    let bad = |file: &Path| {
        let file = file.to_owned();
        |err| KeepError::Statement { file, err }
    };
    std::fs::create_dir_all(folder).map_err(bad(folder))?;
    for statement in all {
        let json = serde_json::to_string_pretty(statement)? + "\n";
        for (ending, text) in [("csv", statement.csv()), ("json", json)] {
            let file = folder.join(format!("{}.{ending}", statement.operator));
            std::fs::write(&file, text).map_err(bad(&file))?;
        }
    }
    Ok(())
}
