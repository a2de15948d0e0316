//! SQL without an engine: values, rows, and the one trait behind which SQLite and PostgreSQL stand.
//!
//! How statements are written, so that one text is right for both:
//!
//! - `$1`, `$2` ... in ascending order of first use. They are numbers to PostgreSQL and names to SQLite,
//!   which numbers them as it meets them. Values are `&[&id, &now]`: see [`Bind`].
//! - `ON CONFLICT`, `RETURNING`, `coalesce`, `count(*) FILTER (WHERE …)`, row values
//!   `(a, b) < ($1, $2)`; `CASE` and not `iif`; `CAST(sum(x) AS BIGINT)`, because PostgreSQL's sum is wider;
//!   whatever is selected is grouped by; no `rowid`, no arrays, no JSON operators.
//! - Ids are made by us and times are told to us: no sequences, no `now()`, no `random()`.
//! - Columns are text, 64-bit integers or bytes. A truth value is an integer, 0 or 1.
//! - [`Tx::each`] and [`Tx::run_each`] take a statement for one row and do it for many at once; on
//!   PostgreSQL in one round trip. `run_each` takes `INSERT … VALUES (…)` and `UPDATE … SET … WHERE …`.
//! - Schema steps are the only texts written twice: `store/*.sql` for SQLite and `store/postgres/*.sql`.

mod postgres;
mod sqlite;
mod tls;
mod values;

pub(super) use tls::Tls;
pub use values::is_unprintable;
pub(crate) use values::{Bind, Param, Row, Value};

use super::Tx;
use super::url::DatabaseUrl;
use super::{Step, StoreError};

/// Why an engine did not do something; the transaction leaves nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// SQLite said no.
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL said no, or cannot be reached.
    #[error("{}", postgres::said(.0))]
    Postgres(#[from] ::postgres::Error),
    /// A statement that cannot be done for many rows at once.
    #[error("not a statement for many rows: {0}")]
    NotForMany(String),
}

impl SqlError {
    /// Whether another transaction was in the way, so that the same work may succeed when done again.
    pub(super) fn is_clash(&self) -> bool {
        match self {
            Self::Postgres(err) => postgres::is_clash(err),
            Self::Sqlite(_) | Self::NotForMany(_) => false,
        }
    }
}

impl SqlError {
    /// Whether the disk is full, broken or read-only: reading may go on, writing does not.
    pub(super) fn is_for_want_of_room(&self) -> bool {
        match self {
            Self::Postgres(err) => postgres::is_for_want_of_room(err),
            Self::Sqlite(err) => sqlite::is_for_want_of_room(err),
            Self::NotForMany(_) => false,
        }
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Sees one state of everything, changes nothing.
    Read,
    /// As if it were the only one: what it saw still holds when it commits, or it clashes.
    Write,
    /// As `Write`, with everybody else who migrates kept out until it ends.
    Migrate,
}

/// One connection to a database of one engine.
pub(super) trait Engine: Send {
    /// Begins a transaction, on a new connection when the old one is lost.
    fn begin(&mut self, access: Access) -> Result<(), SqlError>;
    /// Makes it durable.
    fn commit(&mut self) -> Result<(), SqlError>;
    /// Undoes it; when even that fails, the connection's end does.
    fn rollback(&mut self);
    /// Does one statement; answers how many rows it changed.
    fn run(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<u64, SqlError>;
    /// The rows that one statement answers.
    fn rows(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<Vec<Row>, SqlError>;
    /// Does one statement for each row of values; answers how many rows were changed.
    fn run_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<u64, SqlError>;
    /// The rows that one statement answers for each row of values.
    fn rows_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, SqlError>;
    /// Does a text of several statements.
    fn script(&mut self, sql: &str) -> Result<(), SqlError>;
    /// Which version the schema has; 0 for an empty database.
    fn version(&mut self) -> Result<i64, SqlError>;
    /// The same where the schema is known to be there; changes nothing.
    fn version_there(&mut self) -> Result<i64, SqlError>;
    /// Takes one step of the schema, which has `version` then.
    fn step(&mut self, step: &Step, version: i64) -> Result<(), SqlError>;
    /// Ends the steps: whether every row that refers to another refers to one that is there.
    fn is_whole(&mut self) -> Result<bool, SqlError>;
    /// Keeps who adds to the feed waiting until whoever did before has committed, so that the feed's
    /// order is that of the commits.
    fn queue_for_feed(&mut self) -> Result<(), SqlError>;
    /// A text that is another one after somebody else's commit, and perhaps at other times.
    fn state(&mut self) -> Result<String, SqlError>;
}

/// Connects to a database.
pub(super) fn open(url: &DatabaseUrl) -> Result<Box<dyn Engine>, StoreError> {
    Ok(match url {
        DatabaseUrl::Sqlite(file) => Box::new(sqlite::Sqlite::open(file)?),
        DatabaseUrl::Postgres(server) => Box::new(postgres::Postgres::open(server)?),
    })
}

impl Tx<'_> {
    /// Does one statement; answers how many rows it changed.
    pub(super) fn run(&self, sql: &str, values: &[&dyn Bind]) -> Result<u64, StoreError> {
        self.flush()?;
        self.watched(self.engine.borrow_mut().run(sql, values))
    }

    /// All rows that a statement answers.
    pub(super) fn rows(&self, sql: &str, values: &[&dyn Bind]) -> Result<Vec<Row>, StoreError> {
        self.flush()?;
        self.watched(self.engine.borrow_mut().rows(sql, values))
    }

    /// The first row that a statement answers, or none.
    pub(super) fn row(&self, sql: &str, values: &[&dyn Bind]) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, values)?.into_iter().next())
    }

    /// The one row that a statement always answers.
    pub(super) fn only(&self, sql: &str, values: &[&dyn Bind]) -> Result<Row, StoreError> {
        let row = self.row(sql, values)?;
        row.ok_or(StoreError::Corrupt("an answer without a row"))
    }

    /// Whether a statement answers any row.
    pub(super) fn exists(&self, sql: &str, values: &[&dyn Bind]) -> Result<bool, StoreError> {
        Ok(self.row(sql, values)?.is_some())
    }

    /// Does one statement for each row of values, no row of the database twice; answers how many it
    /// changed.
    pub(super) fn run_each(&self, sql: &str, values: &[Vec<Value>]) -> Result<u64, StoreError> {
        if values.is_empty() {
            return Ok(0);
        }
        self.flush()?;
        self.watched(self.engine.borrow_mut().run_each(sql, values))
    }

    /// For each row of values the rows that a statement answers to it. No value may be NULL.
    pub(super) fn each(
        &self,
        sql: &str,
        values: &[Vec<Value>],
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        if values.is_empty() {
            return Ok(Vec::new());
        }
        self.flush()?;
        self.watched(self.engine.borrow_mut().rows_each(sql, values))
    }

    /// The result, and a note when another transaction was in the way.
    pub(super) fn watched<T>(&self, result: Result<T, SqlError>) -> Result<T, StoreError> {
        self.faults.watch(&result);
        if result.as_ref().is_err_and(SqlError::is_clash) {
            self.clashed.set(true);
        }
        Ok(result?)
    }
}
