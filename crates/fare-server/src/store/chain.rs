//! Gates and their chains.

use super::sql::{Bind, Param, Row};
use super::{Gate, StoreError, Tx};
use fare_protocol::wire::{Answer, AnswerOutcome, Envelope};
use fare_protocol::{
    GateId, PublicKey, RecordHash, RecordId, Seq, SignedRecord, UnixMs, VerifiedRecord,
};
use std::collections::HashMap;

pub(super) const INSERT_RECORD: &str = "
    INSERT INTO record (gate, seq, id, hash, envelope, answer, at_ms, received_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

impl Tx<'_> {
    /// Registers a gate, or changes its key and place.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn put_gate(&self, gate: &Gate) -> Result<(), StoreError> {
        let sql = "INSERT INTO gate (gate, key, station, line) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (gate) DO UPDATE SET key = $2, station = $3, line = $4";
        let key = gate.key.to_bytes();
        self.run(sql, &[&gate.id, &key, &gate.station, &gate.line])?;
        Ok(())
    }

    /// The gate with this id, when it is registered.
    pub fn gate(&self, id: GateId) -> Result<Option<Gate>, StoreError> {
        let sql = "SELECT gate, key, station, line FROM gate WHERE gate = $1";
        self.row(sql, &[&id])?.map(|row| gate(&row)).transpose()
    }

    /// All registered gates by id.
    pub fn gates(&self) -> Result<Vec<Gate>, StoreError> {
        let sql = "SELECT gate, key, station, line FROM gate ORDER BY gate";
        self.rows(sql, &[])?.iter().map(gate).collect()
    }

    /// Where the gate's chain ends, and what was answered to the records with these hashes, refused forks included;
    /// beside a hash the place that its record claims, where that is known.
    pub fn first_answers(
        &self,
        gate: GateId,
        records: &[(RecordHash, Option<Seq>)],
    ) -> Result<(Option<Seq>, HashMap<RecordHash, String>), StoreError> {
        // Most uploads go on where the chain ends: then there is nothing to look for.
        let sql = "SELECT (SELECT max(seq) FROM record WHERE gate = $1),
                          (SELECT count(*) FROM (SELECT 1 FROM fork WHERE gate = $1 LIMIT 1) AS one)";
        let row = self.only(sql, &[&gate])?;
        let (end, forks): (Option<Seq>, u64) = (row.get(0)?, row.get(1)?);
        let is_new = |seq: &Option<Seq>| forks == 0 && seq.is_some() && *seq > end;
        let old = records.iter().filter(|(_, seq)| !is_new(seq));
        let hashes: Vec<_> = old.map(|(hash, _)| *hash).collect();
        let sql = "SELECT answer FROM record WHERE gate = $1 AND hash = $2
                   UNION ALL SELECT answer FROM fork WHERE gate = $1 AND hash = $2";
        let rows: Vec<_> = hashes
            .iter()
            .map(|hash| vec![gate.value(), hash.value()])
            .collect();
        let found = self.each(sql, &rows)?;
        let first = hashes.iter().zip(&found);
        let first = first.filter_map(|(hash, rows)| rows.first().map(|row| (*hash, row)));
        let first = first.map(|(hash, row)| Ok((hash, row.get(0)?)));
        Ok((end, first.collect::<Result<_, StoreError>>()?))
    }

    /// The record at this place of the chain.
    pub fn record_at(&self, gate: GateId, seq: Seq) -> Result<Option<SignedRecord>, StoreError> {
        if let Some(known) = self.batch.borrow().record_at(gate, seq) {
            return Ok(known);
        }
        let sql = "SELECT envelope FROM record WHERE gate = $1 AND seq = $2";
        self.row(sql, &[&gate, &seq])?
            .map(|row| envelope(&row, 0))
            .transpose()
    }

    /// The gate's record with this id.
    pub fn record(&self, gate: GateId, id: RecordId) -> Result<Option<SignedRecord>, StoreError> {
        if let Some(known) = self.batch.borrow().record(gate, id) {
            return Ok(known);
        }
        let sql = "SELECT envelope FROM record WHERE gate = $1 AND id = $2";
        self.row(sql, &[&gate, &id])?
            .map(|row| envelope(&row, 0))
            .transpose()
    }

    /// The voucher with which the record with this id was answered.
    pub fn answered_voucher(
        &self,
        gate: GateId,
        id: RecordId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT answer FROM record WHERE gate = $1 AND id = $2";
        let Some(row) = self.row(sql, &[&gate, &id])? else {
            return Ok(None);
        };
        let answer: Answer = serde_json::from_str(&row.get::<String>(0)?)
            .map_err(|_| StoreError::Corrupt("an answer"))?;
        Ok(match answer.outcome {
            AnswerOutcome::Accepted { voucher } => voucher.map(|Envelope(bytes)| bytes),
            AnswerOutcome::Refused { .. } => None,
        })
    }

    /// The nearest stored places below and above `seq`.
    pub fn around(&self, gate: GateId, seq: Seq) -> Result<(Option<Seq>, Option<Seq>), StoreError> {
        if let (Some(below), Some(above)) = self.batch.borrow().around(gate, seq) {
            return Ok((below, above));
        }
        let sql = "SELECT (SELECT max(seq) FROM record WHERE gate = $1 AND seq < $2),
                          (SELECT min(seq) FROM record WHERE gate = $1 AND seq > $2)";
        let row = self.only(sql, &[&gate, &seq])?;
        Ok((row.get(0)?, row.get(1)?))
    }

    /// Has what is asked of the chain know a record that is stored later, once its answer is there; answers
    /// whether it can wait.
    pub fn note_record(&self, record: &VerifiedRecord) -> bool {
        self.batch.borrow_mut().note_record(record.signed())
    }

    /// Stores a record for good, with its answer.
    pub fn insert_record(
        &self,
        record: &VerifiedRecord,
        answer: &str,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let kept = self
            .batch
            .borrow_mut()
            .put_record(record.signed(), answer, now);
        if kept {
            return Ok(());
        }
        let (body, hash, at) = (record.record(), record.hash(), record.record().stamp.at);
        let (id, envelope) = (body.id, record.bytes());
        self.run(
            INSERT_RECORD,
            &[
                &body.gate, &body.seq, &id, &hash, &envelope, &answer, &at, &now,
            ],
        )?;
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
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (body, hash, envelope) = (record.record(), record.hash(), record.bytes());
        self.run(
            sql,
            &[&body.gate, &hash, &body.seq, &envelope, &answer, &now],
        )?;
        Ok(())
    }
}

/// The envelope in column `n`, read again.
pub(super) fn envelope(row: &Row, n: usize) -> Result<SignedRecord, StoreError> {
    let record = optional_envelope(row, n)?;
    record.ok_or(StoreError::Corrupt("a record"))
}

/// The envelope in column `n`, where there may be none.
pub(super) fn optional_envelope(row: &Row, n: usize) -> Result<Option<SignedRecord>, StoreError> {
    match row.peek(n) {
        Param::Null => Ok(None),
        Param::Bytes(bytes) => SignedRecord::parse(bytes)
            .map(Some)
            .map_err(|_| StoreError::Corrupt("a record")),
        Param::Int(_) | Param::Text(_) => Err(StoreError::Corrupt("a record")),
    }
}

fn gate(row: &Row) -> Result<Gate, StoreError> {
    let key = PublicKey::from_bytes(&row.get(1)?).ok_or(StoreError::Corrupt("a gate's key"))?;
    Ok(Gate {
        id: row.get(0)?,
        key,
        station: row.get(2)?,
        line: row.get(3)?,
    })
}
