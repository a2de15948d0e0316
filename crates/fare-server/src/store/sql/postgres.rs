//! PostgreSQL: one connection to one server. Several programs write at once; each write is
//! `SERIALIZABLE`, so that what it saw still holds when it commits, or it clashes (SQLSTATE 40001, 40P01)
//! and is done again. Reads see one state (`REPEATABLE READ READ ONLY`).

use super::{Access, Bind, Engine, Param, Row, SqlError, Value};
use crate::store::url::ServerUrl;
use crate::store::{Step, StoreError};
use bytes::BytesMut;
use postgres::error::SqlState;
use postgres::types::{FromSql, IsNull, ToSql, Type};
use postgres::{Client, Statement};
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;

/// Advisory locks of ours: "fare", then what for.
const MIGRATE_LOCK: i64 = 0x6661_7265_0000_0001;
const FEED_LOCK: i64 = 0x6661_7265_0000_0002;

/// Statements that are kept prepared; beyond, all are prepared anew.
const PREPARED_MAX: usize = 512;

/// The answer is needed row by row here, and our tables are read by their keys: without these the
/// planner takes whole tables while they are small, which makes writers clash that have nothing in common.
/// Nobody waits for ever: not for a lock, nor others for a program that stands still within a transaction.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL enable_seqscan = off; \
                           SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
                           SET LOCAL lock_timeout = '20s'; \
                           SET LOCAL idle_in_transaction_session_timeout = '60s'";

pub(super) struct Postgres {
    server: ServerUrl,
    client: Client,
    /// The tables may be split over several nodes: docs/citus.sql.
    is_split: bool,
    /// By the text of the statement for one row: that one, and the one for many.
    prepared: HashMap<String, Statement>,
    many: HashMap<String, Statement>,
}

impl Postgres {
    pub(super) fn open(server: &ServerUrl) -> Result<Self, StoreError> {
        let bad = |err| StoreError::Open {
            database: server.to_string(),
            err,
        };
        let mut client = server.connect().map_err(bad)?;
        let is_split = is_split(&mut client).map_err(|err| bad(err.into()))?;
        Ok(Self {
            server: server.clone(),
            client,
            is_split,
            prepared: HashMap::new(),
            many: HashMap::new(),
        })
    }

    fn connect_again(&mut self) -> Result<(), SqlError> {
        tracing::warn!(database = %self.server, "the connection is lost; connecting again");
        self.client = self.server.connect()?;
        self.is_split = is_split(&mut self.client)?;
        self.prepared.clear();
        self.many.clear();
        Ok(())
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, SqlError> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        if self.prepared.len() >= PREPARED_MAX {
            self.prepared.clear();
        }
        let statement = self.client.prepare(sql)?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// The statement for many rows that `many` makes of the one for one row.
    fn prepare_many(
        &mut self,
        sql: &str,
        many: impl FnOnce(&str, &[Type]) -> Option<String>,
    ) -> Result<Statement, SqlError> {
        if let Some(statement) = self.many.get(sql) {
            return Ok(statement.clone());
        }
        // PostgreSQL says itself of which types the values are.
        let one = self.prepare(sql)?;
        let text = many(sql, one.params()).ok_or_else(|| SqlError::NotForMany(sql.to_owned()))?;
        let statement = self.client.prepare(&text)?;
        self.many.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn statement(&mut self, sql: &str) -> Result<(), SqlError> {
        Ok(self.client.batch_execute(sql)?)
    }
}

impl Engine for Postgres {
    fn begin(&mut self, access: Access) -> Result<(), SqlError> {
        let begin = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned(),
            Access::Write => BEGIN_WRITE.to_owned(),
            // Not serializable: what it waited for must be seen.
            Access::Migrate => format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({MIGRATE_LOCK})"
            ),
        };
        if self.client.is_closed() {
            self.connect_again()?;
        }
        match self.statement(&begin) {
            // The server may have gone while nothing was asked of it. Nothing is done yet.
            Err(_) if self.client.is_closed() => {
                self.connect_again()?;
                self.statement(&begin)
            }
            begun => begun,
        }
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        self.statement("COMMIT")
    }

    fn rollback(&mut self) {
        if self.client.is_closed() {
            return;
        }
        if let Err(err) = self.statement("ROLLBACK") {
            tracing::error!(%err, "a transaction could not be undone at once");
        }
    }

    fn run(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<u64, SqlError> {
        let statement = self.prepare(sql)?;
        let values: Vec<Param<'_>> = values.iter().map(|value| value.bind()).collect();
        Ok(self.client.execute(&statement, &references(&values))?)
    }

    fn rows(&mut self, sql: &str, values: &[&dyn Bind]) -> Result<Vec<Row>, SqlError> {
        let statement = self.prepare(sql)?;
        let values: Vec<Param<'_>> = values.iter().map(|value| value.bind()).collect();
        let rows = self.client.query(&statement, &references(&values))?;
        rows.iter().map(|row| read(row, 0)).collect()
    }

    fn run_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<u64, SqlError> {
        let statement = self.prepare_many(sql, many::changing)?;
        let columns = columns(values);
        Ok(self.client.execute(&statement, &references(&columns))?)
    }

    fn rows_each(&mut self, sql: &str, values: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, SqlError> {
        if self.is_split && !many::only_picks(sql) {
            let of = |values: &Vec<Value>| {
                let values: Vec<_> = values.iter().map(|value| value as &dyn Bind).collect();
                self.rows(sql, &values)
            };
            return values.iter().map(of).collect();
        }
        let statement = self.prepare_many(sql, |sql, types| Some(many::asking(sql, types)))?;
        let columns = columns(values);
        let mut found = vec![Vec::new(); values.len()];
        for row in self.client.query(&statement, &references(&columns))? {
            let nth = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
            if let Some(found) = nth.checked_sub(1).and_then(|nth| found.get_mut(nth)) {
                found.push(read(&row, 1)?);
            }
        }
        Ok(found)
    }

    fn script(&mut self, sql: &str) -> Result<(), SqlError> {
        self.statement(sql)
    }

    fn version(&mut self) -> Result<i64, SqlError> {
        self.statement("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
        self.version_there()
    }

    fn version_there(&mut self) -> Result<i64, SqlError> {
        let version = "SELECT coalesce(max(version), 0) FROM schema_version";
        Ok(self.client.query_one(version, &[])?.try_get(0)?)
    }

    fn step(&mut self, step: &Step, version: i64) -> Result<(), SqlError> {
        self.script(step.postgres)?;
        self.statement("DELETE FROM schema_version")?;
        let version: &(dyn ToSql + Sync) = &version;
        self.client
            .execute("INSERT INTO schema_version VALUES ($1)", &[version])?;
        Ok(())
    }

    fn is_whole(&mut self) -> Result<bool, SqlError> {
        // Keys that refer to nothing are refused as they are made.
        Ok(true)
    }

    fn queue_for_feed(&mut self) -> Result<(), SqlError> {
        self.statement(&format!("SELECT pg_advisory_xact_lock({FEED_LOCK})"))
    }

    fn state(&mut self) -> Result<String, SqlError> {
        if self.client.is_closed() {
            self.connect_again()?;
        }
        // Which transactions had ended and which were under way.
        let now = "SELECT CAST(pg_current_snapshot() AS text)";
        Ok(self.client.query_one(now, &[])?.try_get(0)?)
    }
}

/// Whether this is a server of Citus.
fn is_split(client: &mut Client) -> Result<bool, postgres::Error> {
    let citus = "SELECT count(*) > 0 FROM pg_extension WHERE extname = 'citus'";
    client.query_one(citus, &[])?.try_get(0)
}

/// What an error says: the server's own words, and not only that there are some.
pub(super) fn said(err: &postgres::Error) -> String {
    if let Some(err) = err.as_db_error() {
        let mut said = format!("{} (SQLSTATE {})", err.message(), err.code().code());
        if let Some(detail) = err.detail() {
            let _always = write!(said, ": {detail}");
        }
        return said;
    }
    let mut said = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let _always = write!(said, ": {err}");
        cause = err.source();
    }
    said
}

/// Another transaction was in the way, or a deadlock was broken.
pub(super) fn is_clash(err: &postgres::Error) -> bool {
    let clashes = [
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
    ];
    err.code().is_some_and(|code| clashes.contains(&code))
}

/// The disk is full or broken, or the server takes no writes: a standby, for instance.
pub(super) fn is_for_want_of_room(err: &postgres::Error) -> bool {
    let wants = [
        &SqlState::DISK_FULL,
        &SqlState::IO_ERROR,
        &SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    err.code().is_some_and(|code| wants.contains(&code))
}

/// Values by column instead of by row.
fn columns(rows: &[Vec<Value>]) -> Vec<Vec<Param<'_>>> {
    let width = rows.first().map_or(0, Vec::len);
    let nth = |n| {
        rows.iter()
            .map(move |row| row.get(n).map_or(Param::Null, Bind::bind))
    };
    (0..width).map(|n| nth(n).collect()).collect()
}

fn references<T: ToSql + Sync>(values: &[T]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}

fn read(row: &postgres::Row, from: usize) -> Result<Row, SqlError> {
    let values = (from..row.len()).map(|n| row.try_get::<_, Value>(n));
    Ok(Row(values.collect::<Result<_, _>>()?))
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match *self {
            Param::Null => Ok(IsNull::Yes),
            Param::Int(number) if *kind == Type::INT4 => i32::try_from(number)?.to_sql(kind, out),
            Param::Int(number) => number.to_sql(kind, out),
            Param::Text(text) => text.to_sql(kind, out),
            Param::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::TEXT, Type::BYTEA].contains(kind)
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let fits = match self {
            Param::Null => true,
            Param::Int(_) => *kind == Type::INT8 || *kind == Type::INT4,
            Param::Text(_) => *kind == Type::TEXT,
            Param::Bytes(_) => *kind == Type::BYTEA,
        };
        if fits {
            self.to_sql(kind, out)
        } else {
            Err(format!("{self:?} for a column of type {kind}").into())
        }
    }
}

impl FromSql<'_> for Value {
    fn from_sql(kind: &Type, raw: &[u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(kind, raw)?.into()),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            _ => Self::Text(String::from_utf8(raw.to_vec())?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::TEXT, Type::BYTEA].contains(kind)
    }
}

/// A statement for one row, made into one for many: its `$1` is the first column of a list of rows.
mod many {
    use postgres::types::Type;

    /// `SELECT` …, for each row of the list; the row's number comes first.
    pub(super) fn asking(sql: &str, types: &[Type]) -> String {
        let (list, names) = list(types);
        let sql = numbered(sql);
        format!(
            "SELECT k.nth, q.* FROM unnest({list}) WITH ORDINALITY AS k({names}nth) \
             CROSS JOIN LATERAL ({sql}) AS q ORDER BY k.nth"
        )
    }

    /// Whether several nodes can answer it for many rows at once, each for the rows that it has: it only picks some,
    /// without adding them up, ordering and cutting them, or looking at others.
    pub(super) fn only_picks(sql: &str) -> bool {
        let more = [
            "LIMIT", "GROUP BY", "DISTINCT", "count(", "max(", "min(", "sum(",
        ];
        sql.matches("SELECT").count() == 1 && !more.iter().any(|more| sql.contains(more))
    }

    /// `INSERT … VALUES (…)` or `UPDATE … SET … WHERE …`, for each row of the list.
    pub(super) fn changing(sql: &str, types: &[Type]) -> Option<String> {
        let (list, names) = list(types);
        let from = format!("FROM unnest({list}) AS k({})", names.trim_end_matches(", "));
        let sql = numbered(sql);
        let keyword = sql.split_whitespace().next()?;
        match keyword {
            "INSERT" => {
                let (before, rest) = sql.split_once("VALUES (")?;
                let (values, after) = rest.split_at(closing(rest)?);
                let after = after.strip_prefix(')')?;
                Some(format!("{before}SELECT {values} {from}{after}"))
            }
            "UPDATE" => {
                let (before, after) = sql.split_once("WHERE")?;
                Some(format!("{before} {from} WHERE {after}"))
            }
            _ => None,
        }
    }

    /// `$1::bytea[], $2::int8[]` and `k1, k2, `.
    fn list(types: &[Type]) -> (String, String) {
        let numbered = || (1..).zip(types);
        let list: Vec<_> = numbered()
            .map(|(n, kind)| format!("${n}::{kind}[]"))
            .collect();
        let names = numbered().map(|(n, _)| format!("k{n}, ")).collect();
        (list.join(", "), names)
    }

    /// With `k.k1` for `$1`.
    fn numbered(sql: &str) -> String {
        sql.replace('$', "k.k")
    }

    /// Where the parenthesis closes in which `text` starts.
    fn closing(text: &str) -> Option<usize> {
        let mut depth = 0_usize;
        text.char_indices().find_map(|(at, letter)| {
            match letter {
                '(' => depth += 1,
                ')' if depth == 0 => return Some(at),
                ')' => depth -= 1,
                _ => {}
            }
            None
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn one_row_becomes_many() {
            let types = [Type::BYTEA, Type::INT8];
            let insert = "INSERT INTO t (a, b) VALUES ($1, coalesce($2, 0)) ON CONFLICT DO NOTHING";
            assert_eq!(
                changing(insert, &types).as_deref(),
                Some(
                    "INSERT INTO t (a, b) SELECT k.k1, coalesce(k.k2, 0) FROM \
                     unnest($1::bytea[], $2::int8[]) AS k(k1, k2) ON CONFLICT DO NOTHING"
                )
            );
            let update = "UPDATE t SET b = $1 WHERE a = $2";
            assert_eq!(
                changing(update, &types).as_deref(),
                Some(
                    "UPDATE t SET b = k.k1  FROM unnest($1::bytea[], $2::int8[]) AS k(k1, k2) \
                     WHERE  a = k.k2"
                )
            );
            assert_eq!(changing("DELETE FROM t WHERE a = $1", &types), None);
            assert!(only_picks("SELECT b FROM t JOIN u USING (a) WHERE a = $1"));
            assert!(!only_picks(
                "SELECT b FROM t WHERE a = $1 ORDER BY b LIMIT 1"
            ));
            assert!(!only_picks("SELECT max(b) FROM t WHERE a = $1"));
            assert_eq!(
                asking("SELECT b FROM t WHERE a = $1", &types[..1]),
                "SELECT k.nth, q.* FROM unnest($1::bytea[]) WITH ORDINALITY AS k(k1, nth) \
                 CROSS JOIN LATERAL (SELECT b FROM t WHERE a = k.k1) AS q ORDER BY k.nth"
            );
        }
    }
}
