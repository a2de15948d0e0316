//! SQLite: one connection to one file (WAL, synchronous FULL). Whoever writes is alone.

use super::{Access, Bind, Engine, Param, Row, SqlError, Value};
use crate::store::{Step, StoreError};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, params_from_iter};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long one connection waits for another's write before it gives up.
const BUSY_MS: u64 = 5_000;

/// Statements that are kept prepared.
const PREPARED_MAX: usize = 128;

pub(super) struct Sqlite {
    connection: Connection,
    migrating: bool,
}

impl Sqlite {
    pub(super) fn open(file: &Path) -> Result<Self, StoreError> {
        let bad = |err: rusqlite::Error| StoreError::Open {
            database: file.display().to_string(),
            err: err.into(),
        };
        keep_private(file);
        let connection = Connection::open(file).map_err(bad)?;
        connection
            .busy_timeout(Duration::from_millis(BUSY_MS))
            .map_err(bad)?;
        // Steps may rebuild tables that others refer to; what they leave is checked.
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;";
        connection.execute_batch(pragmas).map_err(bad)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_MAX);
        Ok(Self {
            connection,
            migrating: false,
        })
    }

    fn foreign_keys(&self, on: bool) -> Result<(), SqlError> {
        Ok(self.connection.pragma_update(None, "foreign_keys", on)?)
    }
}

/// A new file is for its owner alone, as its journals will be after it; what cannot be made SQLite says better.
fn keep_private(file: &Path) {
    let mut options = OpenOptions::new();
    let _there = options.write(true).create_new(true).mode(0o600).open(file);
}

impl Engine for Sqlite {
    fn begin(&mut self, access: Access) -> Result<(), SqlError> {
        let begin = match access {
            Access::Read => "BEGIN DEFERRED",
            Access::Write | Access::Migrate => "BEGIN IMMEDIATE",
        };
        // They cannot be turned on or off within a transaction.
        self.migrating = access == Access::Migrate;
        if self.migrating {
            self.foreign_keys(false)?;
        }
        self.connection.prepare_cached(begin)?.execute([])?;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        if std::mem::take(&mut self.migrating) {
            self.foreign_keys(true)?;
        }
        Ok(())
    }

    fn rollback(&mut self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(err) = self.connection.execute_batch("ROLLBACK") {
            tracing::error!(%err, "a transaction could not be undone at once");
        }
    }

    fn run(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<u64, SqlError> {
        Ok(changed(
            self.connection
                .prepare_cached(sql)?
                .execute(bound(values))?,
        ))
    }

    fn rows(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<Vec<Row>, SqlError> {
        answers(&mut self.connection.prepare_cached(sql)?, bound(values))
    }

    fn run_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<u64, SqlError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut sum = 0;
        for values in values {
            sum += changed(statement.execute(owned(values))?);
        }
        Ok(sum)
    }

    fn rows_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, SqlError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let each = values.iter();
        each.map(|values| answers(&mut statement, owned(values)))
            .collect()
    }

    fn script(&mut self, sql: &str) -> Result<(), SqlError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn version(&mut self) -> Result<i64, SqlError> {
        let version = |row: &rusqlite::Row<'_>| row.get(0);
        Ok(self
            .connection
            .pragma_query_value(None, "user_version", version)?)
    }

    fn version_there(&mut self) -> Result<i64, SqlError> {
        self.version()
    }

    fn step(&mut self, step: &Step, version: i64) -> Result<(), SqlError> {
        self.script(step.sqlite)?;
        Ok(self
            .connection
            .pragma_update(None, "user_version", version)?)
    }

    fn is_whole(&mut self) -> Result<bool, SqlError> {
        Ok(!self
            .connection
            .prepare("PRAGMA foreign_key_check")?
            .exists([])?)
    }

    fn queue_for_feed(&mut self) -> Result<(), SqlError> {
        // Whoever writes is alone already.
        Ok(())
    }

    fn state(&mut self) -> Result<String, SqlError> {
        let version = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let version = self
            .connection
            .pragma_query_value(None, "data_version", version)?;
        Ok(version.to_string())
    }
}

pub(super) fn is_for_want_of_room(err: &rusqlite::Error) -> bool {
    let wants = [
        ErrorCode::DiskFull,
        ErrorCode::SystemIoFailure,
        ErrorCode::ReadOnly,
    ];
    err.sqlite_error_code()
        .is_some_and(|code| wants.contains(&code))
}

fn changed(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

fn bound(values: &[&dyn Bind]) -> impl rusqlite::Params {
    params_from_iter(values.iter().map(|value| value.bind()))
}

fn owned(values: &[Value]) -> impl rusqlite::Params {
    params_from_iter(values.iter().map(Bind::bind))
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match *self {
            Param::Null => ValueRef::Null,
            Param::Int(number) => ValueRef::Integer(number),
            Param::Text(text) => ValueRef::Text(text.as_bytes()),
            Param::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

fn answers(
    statement: &mut CachedStatement<'_>,
    values: impl rusqlite::Params,
) -> Result<Vec<Row>, SqlError> {
    let columns = statement.column_count();
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|n| value(row, n));
        found.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(found)
}

fn value(row: &rusqlite::Row<'_>, n: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(n)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        real @ ValueRef::Real(_) => {
            let name = row.as_ref().column_name(n)?.to_owned();
            return Err(rusqlite::Error::InvalidColumnType(
                n,
                name,
                real.data_type(),
            ));
        }
    })
}
