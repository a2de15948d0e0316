//! The rows of a database read out and written again by the engine alone, for `fareserver bench`: what
//! the same rows cost without our code.

use super::sql::{Param, Row, Value};
use super::{Database, StoreError, Tx};
use std::collections::HashMap;

/// A table's rows in the order in which they can be written: what others refer to first, and the lines
/// of a posting before it.
const TABLES: [Table; 7] = [
    Table {
        insert: "INSERT INTO record (gate, seq, id, hash, envelope, answer, at_ms, received_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        read: "SELECT gate, seq, id, hash, envelope, answer, at_ms, received_ms FROM record
               ORDER BY seq, gate",
    },
    Table {
        insert: "INSERT INTO passage (gate, confirmation, outcome) VALUES ($1, $2, $3)",
        read: "SELECT gate, confirmation, outcome FROM passage ORDER BY confirmation",
    },
    Table {
        insert: "INSERT INTO tap (account, id, at_ms, place, code_ref, gate, envelope, passage,
                                  has_place, evidence, unknown_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        read: "SELECT tap.account, id, at_ms, place, code_ref, gate, envelope, passage, has_place,
                      evidence, unknown_ms, entry
               FROM tap JOIN journey ON journey.account = tap.account
                AND (journey.entry = tap.id OR journey.exit = tap.id)",
    },
    Table {
        insert:
            "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, exit,
                                      exit_station, left_ms, fare_minor, currency, due_ms)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        read:
            "SELECT account, entry, journey, state, station, line, entered_ms, exit, exit_station,
                      left_ms, fare_minor, currency, due_ms FROM journey ORDER BY entered_ms, journey",
    },
    Table {
        insert: "INSERT INTO posting_line (account, posting, line, ledger, minor, currency)
                 VALUES ($1, $2, $3, $4, $5, $6)",
        read:
            "SELECT posting_line.account, posting_line.posting, line, ledger, minor, currency, entry
               FROM posting_line JOIN posting USING (account, posting)",
    },
    Table {
        insert: "INSERT INTO posting (account, posting, entry, conflict, kind, made_ms)
                 VALUES ($1, $2, $3, $4, $5, $6)",
        read: "SELECT account, posting, entry, conflict, kind, made_ms, entry FROM posting",
    },
    Table {
        insert: "INSERT INTO feed (kind, change) VALUES ($1, $2)",
        read: "SELECT kind, change FROM feed ORDER BY cursor",
    },
];

/// Where journeys stand among them.
const JOURNEY: usize = 3;

struct Table {
    insert: &'static str,
    read: &'static str,
}

/// The rows of each table, by transaction.
pub struct Bare(Vec<Vec<Vec<Vec<Value>>>>);

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
        Ok(Self(all))
    }

    /// Writes everything.
    ///
    /// # Errors
    /// Those of the database.
    pub fn write(&self, database: &mut Database) -> Result<(), StoreError> {
        let transactions = self.0.first().map_or(0, Vec::len);
        for nth in 0..transactions {
            database.write(|tx| {
                for (table, shares) in TABLES.iter().zip(&self.0) {
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

fn bytes(row: &Row, n: usize) -> Vec<u8> {
    match row.peek(n) {
        Param::Bytes(bytes) => bytes.to_vec(),
        Param::Null | Param::Int(_) | Param::Text(_) => Vec::new(),
    }
}
