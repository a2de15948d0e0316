//! Everything the server keeps. SQL stands in this folder alone; the rest speaks of gates, taps,
//! journeys and postings through [`Tx`], one transaction, so that another database can stand in.
//!
//! [`Database`] is one connection, to a SQLite file or a PostgreSQL server; `sql` says how statements
//! are written so that both understand them. [`Store`] is a database on a thread of its own: handlers
//! send it work and wait for the answer without blocking a worker.

pub mod bare;
mod batch;
mod chain;
mod charging;
mod classes;
mod closes;
mod completed;
mod configs;
mod conflicts;
mod denials;
mod enrolments;
mod exposure;
mod fares;
mod feed;
mod health;
mod incidents;
mod journeys;
mod leases;
mod let_through;
mod modes;
mod paper_codes;
mod pay_codes;
mod products;
mod proof;
mod revocations;
mod riders;
mod shares;
mod sql;
mod staff;
mod station;
mod stored;
mod taps;
mod url;
mod views;

pub use charging::{Booked, ChargeRow, ChargeView, Payer, RefundRow, TryRow, Way};
pub use classes::ClassProof;
pub use closes::{CloseRow, Lines, Posted, PostingPlace};
pub use configs::{ConfigEnd, SentConfig};
pub use conflicts::{Case, End, Resolution, Resolved, Told};
pub use denials::{DeniedAccount, DeniedKey};
pub use enrolments::{Invitation, Shown};
pub use exposure::{Inside, Unpaid};
pub use fares::{Charged, FareTable, RELEASES_NEEDED};
pub use feed::{CHANGES_MAX, FeedItem, News, SNAPSHOT_JOURNEYS_MAX};
pub use health::{Faults, GateEnd, Standing, StandingConflicts};
pub use incidents::{Incident, ModeWindow};
pub use let_through::{Helped, HelpedBy};
pub use modes::{GateModes, StoredChange};
pub use paper_codes::{PaperUse, Print};
pub use pay_codes::{AskRow, Keep};
pub use products::{PaidBy, ProductRow, UseRow, Used};
pub use proof::{Finding, Flaw, ProofRow};
pub use revocations::Shower;
pub use riders::{Correction, KeptVoucher, OwnExit, OwnJourney, RiderRow, VoucherKind};
pub use shares::{Moved, ShareRow};
pub use sql::{SqlError, is_unprintable};
pub use staff::{Deed, Done, SessionRow, StaffRow, Via};
pub use station::{FOUND_MAX, FindBy, Placed, StoredTap};
pub use stored::{Move, MoveKind};
pub use taps::{About, JourneyRow, Scope};
pub use url::{DatabaseUrl, ServerUrl, UrlError};
pub use views::{Books, ConflictView, Counts, GateView, JourneyView, PostingView, Sum};

use fare_protocol::{GateId, LineId, PublicKey, StationId};
use sql::{Access, Engine};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Most pieces of work that stand in line for the database; who comes later waits outside.
const JOBS_MAX: usize = 256;

/// How often work is done again that other programs' work was in the way of.
const CLASHES_MAX: u32 = 24;

/// Longest pause before work is done again.
const CLASH_PAUSE_MAX: Duration = Duration::from_millis(100);

/// One step of the schema, in both engines' words.
struct Step {
    sqlite: &'static str,
    postgres: &'static str,
}

/// One step for each version of the schema, oldest first. Steps are never changed, only added.
const MIGRATIONS: [Step; 26] = [
    Step {
        sqlite: include_str!("schema.sql"),
        // PostgreSQL came with version 2.
        postgres: "",
    },
    Step {
        sqlite: include_str!("inbox.sql"),
        postgres: include_str!("postgres/schema.sql"),
    },
    Step {
        sqlite: include_str!("leases.sql"),
        postgres: include_str!("postgres/leases.sql"),
    },
    Step {
        sqlite: include_str!("riders.sql"),
        postgres: include_str!("postgres/riders.sql"),
    },
    Step {
        sqlite: include_str!("journeys.sql"),
        postgres: include_str!("postgres/journeys.sql"),
    },
    Step {
        sqlite: include_str!("fares.sql"),
        postgres: include_str!("postgres/fares.sql"),
    },
    Step {
        sqlite: include_str!("modes.sql"),
        postgres: include_str!("postgres/modes.sql"),
    },
    Step {
        sqlite: include_str!("staff.sql"),
        postgres: include_str!("postgres/staff.sql"),
    },
    Step {
        sqlite: include_str!("pictures.sql"),
        postgres: include_str!("postgres/pictures.sql"),
    },
    Step {
        sqlite: include_str!("places.sql"),
        postgres: include_str!("postgres/places.sql"),
    },
    Step {
        sqlite: include_str!("charging.sql"),
        postgres: include_str!("postgres/charging.sql"),
    },
    Step {
        sqlite: include_str!("closes.sql"),
        postgres: include_str!("postgres/closes.sql"),
    },
    Step {
        sqlite: include_str!("enrolments.sql"),
        postgres: include_str!("postgres/enrolments.sql"),
    },
    Step {
        sqlite: include_str!("pay_codes.sql"),
        postgres: include_str!("postgres/pay_codes.sql"),
    },
    Step {
        sqlite: include_str!("let_through.sql"),
        postgres: include_str!("postgres/let_through.sql"),
    },
    Step {
        sqlite: include_str!("revocations.sql"),
        postgres: include_str!("postgres/revocations.sql"),
    },
    Step {
        sqlite: include_str!("products.sql"),
        postgres: include_str!("postgres/products.sql"),
    },
    Step {
        sqlite: include_str!("incidents.sql"),
        postgres: include_str!("postgres/incidents.sql"),
    },
    Step {
        sqlite: include_str!("classes.sql"),
        postgres: include_str!("postgres/classes.sql"),
    },
    Step {
        sqlite: include_str!("configs.sql"),
        postgres: include_str!("postgres/configs.sql"),
    },
    Step {
        sqlite: include_str!("paper_codes.sql"),
        postgres: include_str!("postgres/paper_codes.sql"),
    },
    Step {
        sqlite: include_str!("paid_back.sql"),
        postgres: include_str!("postgres/paid_back.sql"),
    },
    Step {
        sqlite: include_str!("completed.sql"),
        postgres: include_str!("postgres/completed.sql"),
    },
    Step {
        sqlite: include_str!("ledger.sql"),
        postgres: include_str!("postgres/ledger.sql"),
    },
    Step {
        sqlite: include_str!("denied_keys.sql"),
        postgres: include_str!("postgres/denied_keys.sql"),
    },
    Step {
        sqlite: include_str!("split.sql"),
        postgres: include_str!("postgres/split.sql"),
    },
];

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no; the transaction left nothing behind.
    #[error("the database: {0}")]
    Sql(#[from] SqlError),
    /// The file cannot be opened, or the server not be reached.
    #[error("cannot open the database {database}: {err}; {}", remedy(.err))]
    Open {
        /// Which one.
        database: String,
        /// Why.
        err: SqlError,
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
    /// No new id could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
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

fn remedy(err: &SqlError) -> &'static str {
    match err {
        SqlError::Sqlite(_) => "look at its folder, owner and free space",
        SqlError::Postgres(_) | SqlError::NotForMany(_) => {
            "look whether the server runs, and at the URL's user, password and database"
        }
    }
}

/// One open database.
pub struct Database {
    engine: RefCell<Box<dyn Engine>>,
    faults: Faults,
    state: String,
}

/// One transaction. What is done through it happens whole or not at all.
pub struct Tx<'c> {
    engine: &'c RefCell<Box<dyn Engine>>,
    faults: &'c Faults,
    /// What an upload works on.
    batch: RefCell<batch::Batch>,
    /// Changes for the gates, written last: until the commit nobody else can write any.
    told: RefCell<Vec<Vec<sql::Value>>>,
    /// Another transaction was in the way.
    clashed: Cell<bool>,
    done: Cell<bool>,
}

/// Work for the store's thread; answers whether it may have changed something.
type Job = Box<dyn FnOnce(&mut Database) -> bool + Send>;

/// A handle to the database's own thread. Clones share it; it ends when the last one is dropped.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
    changes: watch::Sender<u64>,
    faults: Faults,
}

impl Database {
    /// Opens a SQLite file, making it, or connects to a server; brings the schema up to date. On a
    /// server this blocks: never call it on a worker of an asynchronous runtime.
    ///
    /// # Errors
    /// When it cannot be opened, is damaged, or was written by a newer program.
    pub fn open(url: impl Into<DatabaseUrl>) -> Result<Self, StoreError> {
        let mut database = Self {
            engine: RefCell::new(sql::open(&url.into())?),
            faults: Faults::default(),
            state: String::new(),
        };
        database.migrate(&MIGRATIONS)?;
        database.changed_elsewhere()?;
        Ok(database)
    }

    /// Opens a file that is there, or connects to a server.
    ///
    /// # Errors
    /// As [`Database::open`], or when there is no such file.
    pub fn open_existing(url: impl Into<DatabaseUrl>) -> Result<Self, StoreError> {
        match url.into() {
            DatabaseUrl::Sqlite(file) if !file.exists() => Err(StoreError::NoFile(file)),
            url @ (DatabaseUrl::Sqlite(_) | DatabaseUrl::Postgres(_)) => Self::open(url),
        }
    }

    fn migrate(&mut self, steps: &[Step]) -> Result<(), StoreError> {
        let tx = Tx::begin(&self.engine, &self.faults, Access::Migrate)?;
        let version = self.engine.borrow_mut().version()?;
        let (got, known) = (usize::try_from(version).unwrap_or(usize::MAX), steps.len());
        let missing = steps.get(got..).ok_or(StoreError::TooNew { got, known })?;
        for (version, step) in (version..).zip(missing) {
            self.engine.borrow_mut().step(step, version + 1)?;
        }
        if !missing.is_empty() && !self.engine.borrow_mut().is_whole()? {
            return Err(StoreError::Corrupt("rows that refer to nothing"));
        }
        tx.commit()
    }

    /// Does `work` and commits it durably; undoes it when it fails. Where other programs' work was in
    /// the way it is undone and done again, so it must have no effect but through the transaction.
    ///
    /// # Errors
    /// Those of `work`, or that it could not be committed.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        work: impl Fn(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut clashes = 0;
        loop {
            let tx = Tx::begin(&self.engine, &self.faults, Access::Write)?;
            let done = work(&tx).and_then(|done| {
                tx.commit()?;
                self.faults.wrote();
                Ok(done)
            });
            if done.is_ok() || !tx.clashed.get() || clashes == CLASHES_MAX {
                return done;
            }
            drop(tx);
            clashes += 1;
            tracing::debug!(clashes, "other work was in the way; doing it again");
            thread::sleep(pause(clashes));
        }
    }

    /// Does `work`, which sees one state of everything.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&Tx::begin(&self.engine, &self.faults, Access::Read)?)
    }

    /// Whether another connection has changed the database since this was last asked.
    fn changed_elsewhere(&mut self) -> Result<bool, StoreError> {
        let now = self.engine.borrow_mut().state()?;
        let before = std::mem::replace(&mut self.state, now);
        Ok(self.state != before)
    }
}

/// Longer after each clash, and not the same for two who were in each other's way.
fn pause(clashes: u32) -> Duration {
    let mut random = [0; 1];
    // Without randomness two wait equally long, which is no harm by itself.
    let _equal = getrandom::fill(&mut random);
    let most = Duration::from_millis(1 << clashes.min(10)).min(CLASH_PAUSE_MAX);
    most.mul_f64((1.0 + f64::from(random[0])) / 256.0)
}

impl<'c> Tx<'c> {
    fn begin(
        engine: &'c RefCell<Box<dyn Engine>>,
        faults: &'c Faults,
        access: Access,
    ) -> Result<Self, StoreError> {
        let begun = engine.borrow_mut().begin(access);
        faults.watch(&begun);
        begun?;
        Ok(Self {
            engine,
            faults,
            batch: RefCell::default(),
            told: RefCell::default(),
            clashed: Cell::new(false),
            done: Cell::new(false),
        })
    }

    fn commit(&self) -> Result<(), StoreError> {
        self.flush()?;
        self.write_told()?;
        let committed = self.engine.borrow_mut().commit();
        self.watched(committed)?;
        self.done.set(true);
        Ok(())
    }
}

/// A transaction that was not committed is undone.
impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.done.get() {
            self.engine.borrow_mut().rollback();
        }
    }
}

impl Store {
    /// Opens the database on a thread of its own. Join the handle after dropping the store's last
    /// clone.
    ///
    /// # Errors
    /// As [`Database::open`], or when no thread can be had.
    pub fn open(url: impl Into<DatabaseUrl>) -> Result<(Self, JoinHandle<()>), StoreError> {
        let url = url.into();
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        let (changes, _) = watch::channel(0);
        let store = Self {
            jobs,
            changes: changes.clone(),
            faults: Faults::default(),
        };
        let faults = store.faults.clone();
        let (opened, opening) = std::sync::mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("store".to_owned());
        let thread = thread.spawn(move || match Database::open(url) {
            Ok(mut database) => {
                database.faults = faults;
                drop(opened.send(Ok(())));
                serve(database, inbox, &changes);
            }
            Err(err) => drop(opened.send(Err(err))),
        });
        let thread = thread.map_err(StoreError::Thread)?;
        opening.recv().map_err(|_| StoreError::Gone)??;
        Ok((store, thread))
    }

    /// [`Database::write`] on the store's thread.
    ///
    /// # Errors
    /// Those of `work`, or that the store is gone.
    pub async fn write<T, E>(
        &self,
        work: impl Fn(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.ask(|database| database.write(work), |_| true).await
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
        self.ask(|database| database.read(work), |_| false).await
    }

    /// Looks whether another program has changed the database. This alone does: at each piece of work it would cost
    /// as much as a statement more.
    ///
    /// # Errors
    /// When the store is gone, or the database cannot be asked.
    pub async fn look(&self) -> Result<(), StoreError> {
        let changed = |database: &mut Database| database.changed_elsewhere();
        self.ask(changed, |changed| *changed).await.map(|_| ())
    }

    /// A number that changes after every write, by this program or, once looked at, another.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How often the database failed since the start.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How much work stands in line for the database.
    pub fn waiting(&self) -> usize {
        JOBS_MAX.saturating_sub(self.jobs.capacity())
    }

    async fn ask<T, E>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, E> + Send + 'static,
        changes: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = move |database: &mut Database| {
            let result = work(database);
            let changed = result.as_ref().is_ok_and(changes);
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
        let changed = done.unwrap_or_else(|_| {
            tracing::error!("work for the store panicked; it is undone");
            false
        });
        if changed {
            changes.send_modify(|version| *version = version.wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests;
