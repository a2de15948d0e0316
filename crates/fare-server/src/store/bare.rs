//! The rows of a database read out and written again by the engine alone, for `fareserver bench`: what
//! the same rows cost without our code.

use super::sql::{Param, Row, Value};
use super::{Database, StoreError, Tx};
use fare_protocol::RecordHash;
use std::collections::HashMap;

/// A table's rows in the order in which they can be written: what others refer to first, and the lines
/// of a posting before it.
const TABLES: [Table; 7] = [
    Table {
        insert: "INSERT INTO record (gate, seq, id, hash, envelope, answer, at_ms, received_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        read: "SELECT gate, seq, id, hash, envelope, answer, at_ms, received_ms FROM record
               ORDER BY seq, gate",
        ids: &[0, 2, 3],
        times: &[6, 7],
    },
    Table {
        insert: "INSERT INTO passage (gate, confirmation, outcome) VALUES ($1, $2, $3)",
        read: "SELECT gate, confirmation, outcome FROM passage ORDER BY confirmation",
        ids: &[0, 1],
        times: &[],
    },
    Table {
        insert: "INSERT INTO tap (account, id, at_ms, place, code_ref, gate, envelope, passage,
                                  has_place, evidence, unknown_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        read: "SELECT tap.account, id, at_ms, place, code_ref, gate, envelope, passage, has_place,
                      evidence, unknown_ms, entry
               FROM tap JOIN journey ON journey.account = tap.account
                AND (journey.entry = tap.id OR journey.exit = tap.id)",
        ids: &[0, 1, 4, 5],
        times: &[2, 10],
    },
    Table {
        insert:
            "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, exit,
                                      exit_station, left_ms, fare_minor, currency, due_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        read:
            "SELECT account, entry, journey, state, station, line, entered_ms, exit, exit_station,
                      left_ms, fare_minor, currency, due_ms FROM journey ORDER BY entered_ms, journey",
        ids: &[0, 1, 2, 7],
        times: &[6, 9, 12],
    },
    Table {
        insert: "INSERT INTO posting_line (account, posting, line, ledger, minor, currency)
                 VALUES ($1, $2, $3, $4, $5, $6)",
        read:
            "SELECT posting_line.account, posting_line.posting, line, ledger, minor, currency, entry
               FROM posting_line JOIN posting USING (account, posting)",
        ids: &[0, 1],
        times: &[],
    },
    Table {
        insert: "INSERT INTO posting (account, posting, entry, conflict, kind, made_ms)
                 VALUES ($1, $2, $3, $4, $5, $6)",
        read: "SELECT account, posting, entry, conflict, kind, made_ms, entry FROM posting",
        ids: &[0, 1, 2],
        times: &[5],
    },
    Table {
        insert: "INSERT INTO feed (kind, change) VALUES ($1, $2)",
        read: "SELECT kind, change FROM feed ORDER BY cursor",
        ids: &[],
        times: &[],
    },
];

/// Where journeys stand among them.
const JOURNEY: usize = 3;

struct Table {
    insert: &'static str,
    read: &'static str,
    /// Columns of ids and of times, for copies.
    ids: &'static [usize],
    times: &'static [usize],
}

/// Gates are registered and not written with the rest; copies have their own.
const GATE: Table = Table {
    insert: "INSERT INTO gate (gate, key, station, line) VALUES ($1, $2, $3, $4)",
    read: "SELECT gate, key, station, line FROM gate ORDER BY gate",
    ids: &[0],
    times: &[],
};

/// The rows of each table, by transaction; and the gates.
pub struct Bare {
    tables: Vec<Vec<Vec<Vec<Value>>>>,
    gates: Vec<Vec<Value>>,
}

/// A copy's days lie so far before those of the copy before it.
const DAY_MS: i64 = 86_400_000;

impl Bare {
    /// Reads everything, shared out to so many transactions: journeys in the order of their entries,
    /// each with its taps and postings.
    ///
    /// # Errors
    /// Those of the database.
    pub fn read(tx: &Tx<'_>, transactions: usize) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        let journeys = tx.rows(TABLES[JOURNEY].read, &[])?;
        let share = |nth: usize, of: usize| nth * transactions / of.max(1);
        let mut share_of = HashMap::new();
        for (nth, row) in journeys.iter().enumerate() {
            share_of.insert(bytes(row, 1), share(nth, journeys.len()));
        }
        for table in &TABLES {
            let mut shares = vec![Vec::new(); transactions];
            let rows = tx.rows(table.read, &[])?;
            let (count, width) = (rows.len(), table.insert.matches('$').count());
            for (nth, row) in rows.into_iter().enumerate() {
                // A column more than is written says to which journey the row belongs.
                let own = share_of.get(&bytes(&row, width)).copied();
                let mut values = row.into_values();
                values.truncate(width);
                if let Some(share) = shares.get_mut(own.unwrap_or_else(|| share(nth, count))) {
                    share.push(values);
                }
            }
            all.push(shares);
        }
        let gates = tx.rows(GATE.read, &[])?;
        let gates = gates.into_iter().map(Row::into_values).collect();
        Ok(Self { tables: all, gates })
    }

    /// Writes everything.
    ///
    /// # Errors
    /// Those of the database.
    pub fn write(&self, database: &mut Database) -> Result<(), StoreError> {
        for nth in 0..self.transactions() {
            database.write(|tx| {
                for (table, shares) in TABLES.iter().zip(&self.tables) {
                    if let Some(rows) = shares.get(nth) {
                        tx.run_each(table.insert, rows)?;
                    }
                }
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }
}

impl Bare {
    /// Writes everything once more, as if other accounts had passed other gates, so many days earlier. What
    /// gates signed stays as it is, so it says something else than the rows around it.
    ///
    /// # Errors
    /// Those of the database.
    pub fn copy(&self, database: &mut Database, days: u32) -> Result<(), StoreError> {
        let gates: Vec<_> = self
            .gates
            .iter()
            .map(|row| GATE.copied(row, days))
            .collect();
        database.write(|tx| tx.run_each(GATE.insert, &gates))?;
        for nth in 0..self.transactions() {
            let mut all = Vec::new();
            for (table, shares) in TABLES.iter().zip(&self.tables) {
                let rows = shares.get(nth).into_iter().flatten();
                all.push((
                    table,
                    rows.map(|row| table.copied(row, days)).collect::<Vec<_>>(),
                ));
            }
            database.write(|tx| {
                for (table, rows) in &all {
                    tx.run_each(table.insert, rows)?;
                }
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }

    fn transactions(&self) -> usize {
        self.tables.first().map_or(0, Vec::len)
    }
}

impl Table {
    fn copied(&self, row: &[Value], days: u32) -> Vec<Value> {
        let RecordHash(mask) = RecordHash::of(&days.to_be_bytes());
        let copied = row.iter().enumerate().map(|(column, value)| match value {
            Value::Bytes(id) if self.ids.contains(&column) => Value::Bytes(
                id.iter()
                    .zip(mask)
                    .map(|(byte, mask)| byte ^ mask)
                    .collect(),
            ),
            Value::Text(id) if self.ids.contains(&column) => Value::Text(format!("{id}-{days}")),
            Value::Int(at) if self.times.contains(&column) => {
                Value::Int(at - i64::from(days) * DAY_MS)
            }
            Value::Null | Value::Int(_) | Value::Text(_) | Value::Bytes(_) => value.clone(),
        });
        copied.collect()
    }
}

fn bytes(row: &Row, n: usize) -> Vec<u8> {
    match row.peek(n) {
        Param::Bytes(bytes) => bytes.to_vec(),
        Param::Null | Param::Int(_) | Param::Text(_) => Vec::new(),
    }
}
