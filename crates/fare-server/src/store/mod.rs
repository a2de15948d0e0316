//! Everything the server keeps. SQL stands in this folder alone; the rest speaks of gates, taps,
//! journeys and postings through [`Tx`], one transaction, so that another database can stand in.
//!
//! [`Database`] is one SQLite connection (WAL, synchronous FULL). [`Store`] is a database on a
//! thread of its own: handlers send it work and wait for the answer without blocking a worker.

mod chain;
mod conflicts;
mod feed;
mod rows;
mod taps;
mod views;

pub use conflicts::{Case, End, Resolution, Resolved, Told};
pub use feed::{News, SNAPSHOT_JOURNEYS_MAX};
pub use taps::{About, JourneyRow, Scope};
pub use views::{Books, ConflictView, Counts, GateView, JourneyView, Sum};

use fare_protocol::{GateId, LineId, PublicKey, StationId};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Most pieces of work that stand in line for the database; who comes later waits outside.
const JOBS_MAX: usize = 256;

/// How long one connection waits for another's write before it gives up.
const BUSY_MS: u64 = 5_000;

/// One step for each version of the schema, oldest first. Steps are never changed, only added.
const MIGRATIONS: [&str; 2] = [include_str!("schema.sql"), include_str!("inbox.sql")];

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite said no; the transaction left nothing behind.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The file cannot be opened.
    #[error("cannot open the database {file}: {err}; look at its folder, owner and free space")]
    Open {
        /// Which file.
        file: PathBuf,
        /// Why.
        err: rusqlite::Error,
    },
    /// There is no such file.
    #[error("there is no database {0}; `fareserver run` and `fareserver gate add` make one")]
    NoFile(PathBuf),
    /// A newer program wrote the file.
    #[error("the database has schema {got}, this program knows up to {known}; use a newer one")]
    TooNew {
        /// The file's version.
        got: usize,
        /// The newest known.
        known: usize,
    },
    /// Something stored is not what was written.
    #[error("the database holds {0} that cannot be read; restore it from a backup")]
    Corrupt(&'static str),
    /// The store's thread has ended, or the work panicked.
    #[error("the store did not answer")]
    Gone,
    /// The operating system gave no thread.
    #[error("cannot start the store's thread: {0}")]
    Thread(std::io::Error),
}

/// A registered gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Its id.
    pub id: GateId,
    /// The key that signs its records.
    pub key: PublicKey,
    /// Where it stands.
    pub station: StationId,
    /// On which line.
    pub line: LineId,
}

/// One open database file.
pub struct Database {
    connection: Connection,
    data_version: i64,
}

/// One transaction. What is done through it happens whole or not at all.
pub struct Tx<'c>(Transaction<'c>);

/// Work for the store's thread; answers whether it may have changed something.
type Job = Box<dyn FnOnce(&mut Database) -> bool + Send>;

/// A handle to the database's own thread. Clones share it; it ends when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    changes: watch::Sender<u64>,
}

impl Database {
    /// Opens the file, making or bringing it up to date.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or was written by a newer program.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let bad = |err| StoreError::Open {
            file: file.to_owned(),
            err,
        };
        let connection = Connection::open(file).map_err(bad)?;
        connection
            .busy_timeout(Duration::from_millis(BUSY_MS))
            .map_err(bad)?;
        // Steps may rebuild tables that others refer to; what they leave is checked.
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;";
        connection.execute_batch(pragmas).map_err(bad)?;
        connection.set_prepared_statement_cache_capacity(64);
        let mut database = Self {
            connection,
            data_version: 0,
        };
        database.migrate()?;
        let foreign_keys = "PRAGMA foreign_keys = ON";
        database.connection.execute_batch(foreign_keys)?;
        database.changed_elsewhere()?;
        Ok(database)
    }

    /// Opens a file that is there.
    ///
    /// # Errors
    /// As [`Database::open`], or when there is no such file.
    pub fn open_existing(file: &Path) -> Result<Self, StoreError> {
        if file.exists() {
            Self::open(file)
        } else {
            Err(StoreError::NoFile(file.to_owned()))
        }
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let got: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let (got, known) = (got as usize, MIGRATIONS.len());
        let steps = MIGRATIONS
            .get(got..)
            .ok_or(StoreError::TooNew { got, known })?;
        for step in steps {
            tx.execute_batch(step)?;
        }
        if !steps.is_empty() && tx.prepare("PRAGMA foreign_key_check")?.exists([])? {
            return Err(StoreError::Corrupt("rows that refer to nothing"));
        }
        tx.pragma_update(None, "user_version", known as u32)?;
        tx.commit()?;
        Ok(())
    }

    /// Does `work` and commits it durably; undoes it when it fails.
    ///
    /// # Errors
    /// Those of `work`, or that it could not be committed.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate);
        let tx = Tx(begin.map_err(StoreError::from)?);
        let done = work(&tx)?;
        tx.0.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Does `work`, which sees one state of everything.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let begin = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred);
        work(&Tx(begin.map_err(StoreError::from)?))
    }

    /// Whether another connection has changed the file since this was last asked.
    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let now = self
            .connection
            .pragma_query_value(None, "data_version", |row| row.get(0))?;
        let before = std::mem::replace(&mut self.data_version, now);
        Ok(now != before)
    }
}

impl Store {
    /// Opens the file on a thread of its own. Join the handle after dropping the store's last clone.
    ///
    /// # Errors
    /// As [`Database::open`], or when no thread can be had.
    pub fn open(file: &Path) -> Result<(Self, JoinHandle<()>), StoreError> {
        let database = Database::open(file)?;
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        let (changes, _) = watch::channel(0);
        let store = Self {
            jobs,
            changes: changes.clone(),
        };
        let thread = thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || serve(database, inbox, &changes));
        Ok((store, thread.map_err(StoreError::Thread)?))
    }

    /// [`Database::write`] on the store's thread.
    ///
    /// # Errors
    /// Those of `work`, or that the store is gone.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.ask(|database| database.write(work), true).await
    }

    /// [`Database::read`] on the store's thread.
    ///
    /// # Errors
    /// Those of `work`, or that the store is gone.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.ask(|database| database.read(work), false).await
    }

    /// Looks whether another program changed the file. Any other work does so too.
    ///
    /// # Errors
    /// When the store is gone.
    pub async fn look(&self) -> Result<(), StoreError> {
        self.ask(|_| Ok(()), false).await
    }

    /// A number that changes after every write, by this program or, once looked at, another.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    async fn ask<T, E>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, E> + Send + 'static,
        writes: bool,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = move |database: &mut Database| {
            let result = work(database);
            let changed = writes && result.is_ok();
            // Whoever asked may have gone; what was written stays, and a repeat finds it.
            let _gone = reply.send(result);
            changed
        };
        self.jobs
            .send(Box::new(job))
            .await
            .map_err(|_| StoreError::Gone)?;
        answer.await.map_err(|_| StoreError::Gone)?
    }
}

/// The store's thread: one piece of work after the other until nobody can send more.
fn serve(mut database: Database, mut inbox: mpsc::Receiver<Job>, changes: &watch::Sender<u64>) {
    while let Some(job) = inbox.blocking_recv() {
        // A panic unwinds through the transaction, which undoes it; the connection stays good.
        let done = catch_unwind(AssertUnwindSafe(|| job(&mut database)));
        let mut changed = done.unwrap_or_else(|_| {
            tracing::error!("work for the store panicked; it is undone");
            false
        });
        match database.changed_elsewhere() {
            Ok(elsewhere) => changed |= elsewhere,
            Err(err) => tracing::error!(%err, "cannot look for changes by other programs"),
        }
        if changed {
            changes.send_modify(|version| *version = version.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests;
