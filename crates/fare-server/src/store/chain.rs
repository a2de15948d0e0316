//! Gates and their chains.

use super::rows::{optional, parsed, signed, unsigned};
use super::{Gate, StoreError, Tx};
use fare_protocol::{
    GateId, PublicKey, RecordHash, RecordId, Seq, SignedRecord, UnixMs, VerifiedRecord,
};
use rusqlite::{Row, named_params, params};

impl Tx<'_> {
    /// Registers a gate, or changes its key and place.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn put_gate(&self, gate: &Gate) -> Result<(), StoreError> {
        let sql = "INSERT INTO gate (gate, key, station, line) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (gate) DO UPDATE SET key = $2, station = $3, line = $4";
        let (id, key) = (gate.id.as_str(), gate.key.to_bytes());
        let row = params![id, key, gate.station.as_str(), gate.line.as_str()];
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The gate with this id, when it is registered.
    pub fn gate(&self, id: GateId) -> Result<Option<Gate>, StoreError> {
        let sql = "SELECT gate, key, station, line FROM gate WHERE gate = $1";
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row([id.as_str()], |row| Ok(gate(row)));
        optional(row)?.transpose()
    }

    /// All registered gates by id.
    pub fn gates(&self) -> Result<Vec<Gate>, StoreError> {
        let sql = "SELECT gate, key, station, line FROM gate ORDER BY gate";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| Ok(gate(row)))?;
        rows.collect::<rusqlite::Result<Result<_, _>>>()?
    }

    /// What was answered to the record with this hash, refused forks included.
    pub fn first_answer(
        &self,
        gate: GateId,
        hash: RecordHash,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT answer FROM record WHERE gate = $1 AND hash = $2
                   UNION ALL SELECT answer FROM fork WHERE gate = $1 AND hash = $2";
        let row = (gate.as_str(), hash.0);
        optional(self.0.prepare_cached(sql)?.query_row(row, |row| row.get(0)))
    }

    /// The record at this place of the chain.
    pub fn record_at(&self, gate: GateId, seq: Seq) -> Result<Option<SignedRecord>, StoreError> {
        let sql = "SELECT envelope FROM record WHERE gate = $1 AND seq = $2";
        let row = (gate.as_str(), signed(seq.0));
        let row = self.0.prepare_cached(sql)?.query_row(row, |row| row.get(0));
        optional(row)?
            .map(|bytes: Vec<u8>| envelope(&bytes))
            .transpose()
    }

    /// The gate's record with this id.
    pub fn record(&self, gate: GateId, id: RecordId) -> Result<Option<SignedRecord>, StoreError> {
        let sql = "SELECT envelope FROM record WHERE gate = $1 AND id = $2";
        let row = (gate.as_str(), id.0);
        let row = self.0.prepare_cached(sql)?.query_row(row, |row| row.get(0));
        optional(row)?
            .map(|bytes: Vec<u8>| envelope(&bytes))
            .transpose()
    }

    /// The nearest stored places below and above `seq`.
    pub fn around(&self, gate: GateId, seq: Seq) -> Result<(Option<Seq>, Option<Seq>), StoreError> {
        let sql = "SELECT (SELECT max(seq) FROM record WHERE gate = $1 AND seq < $2),
                          (SELECT min(seq) FROM record WHERE gate = $1 AND seq > $2)";
        let place = |number: Option<i64>| number.map(|number| Seq(unsigned(number)));
        let row = (gate.as_str(), signed(seq.0));
        let read = |row: &Row<'_>| Ok((place(row.get(0)?), place(row.get(1)?)));
        Ok(self.0.prepare_cached(sql)?.query_row(row, read)?)
    }

    /// Stores a record for good, with its answer.
    pub fn insert_record(
        &self,
        record: &VerifiedRecord,
        answer: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO record (gate, seq, id, hash, envelope, answer, at_ms, received_ms)
                   VALUES (:gate, :seq, :id, :hash, :envelope, :answer, :at, :now)";
        let body = record.record();
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":gate": body.gate.as_str(), ":seq": signed(body.seq.0), ":id": body.id.0,
            ":hash": record.hash().0, ":envelope": record.bytes(), ":answer": answer,
            ":at": body.stamp.at.0, ":now": now.0,
        })?;
        Ok(())
    }

    /// Keeps a record that was refused as a fork, with its answer.
    pub fn insert_fork(
        &self,
        record: &VerifiedRecord,
        answer: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO fork (gate, hash, seq, envelope, answer, received_ms)
                   VALUES (:gate, :hash, :seq, :envelope, :answer, :now)";
        let body = record.record();
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":gate": body.gate.as_str(), ":hash": record.hash().0, ":seq": signed(body.seq.0),
            ":envelope": record.bytes(), ":answer": answer, ":now": now.0,
        })?;
        Ok(())
    }
}

/// A stored envelope, read again.
pub(super) fn envelope(bytes: &[u8]) -> Result<SignedRecord, StoreError> {
    SignedRecord::parse(bytes).map_err(|_| StoreError::Corrupt("a record"))
}

fn gate(row: &Row<'_>) -> Result<Gate, StoreError> {
    let text = |n: usize| row.get::<_, String>(n);
    let key = PublicKey::from_bytes(&row.get(1)?).ok_or(StoreError::Corrupt("a gate's key"))?;
    Ok(Gate {
        id: parsed(&text(0)?, "a gate's id")?,
        key,
        station: parsed(&text(2)?, "a gate's station")?,
        line: parsed(&text(3)?, "a gate's line")?,
    })
}
