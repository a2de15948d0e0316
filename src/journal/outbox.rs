//! The outbox: what the server has not answered yet, and what it did answer.

use super::records::seq_sql;
use super::word;
use fare_protocol::wire::{Answer, AnswerOutcome, RecordRefusal};
use fare_protocol::{RecordId, Seq, UnixMs};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::ops::AddAssign;

/// Longest reason kept with a quarantined record, in characters.
const REASON_CHARS_MAX: usize = 500;

/// A record that the server has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the chain.
    pub seq: Seq,
    /// Its id.
    pub id: RecordId,
    /// Its envelope.
    pub envelope: Vec<u8>,
}

/// A record that the server refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The record.
    pub record: Waiting,
    /// When the refusal came.
    pub refused_at: UnixMs,
    /// The server's code.
    pub code: String,
    /// The server's reason.
    pub reason: String,
}

/// An answer as it was understood and as it stood in the server's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// What it says.
    pub answer: Answer,
    /// Its JSON.
    pub json: String,
}

/// What the server's answers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Records that left the outbox for good.
    pub accepted: usize,
    /// Records that went to quarantine.
    pub quarantined: usize,
    /// Answers to records that do not wait, or not here.
    pub ignored: usize,
}

impl AddAssign for Acknowledged {
    fn add_assign(&mut self, more: Self) {
        self.accepted = self.accepted.saturating_add(more.accepted);
        self.quarantined = self.quarantined.saturating_add(more.quarantined);
        self.ignored = self.ignored.saturating_add(more.ignored);
    }
}

/// Figures for the status display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that wait for the server.
    pub pending: u64,
    /// Records that the server will never take.
    pub quarantined: u64,
    /// Diagnostic notes evicted to keep their table small.
    pub events_evicted: u64,
    /// Diagnostic notes that were never written, since the start.
    pub notes_dropped: u64,
    /// Transactions that took commits or notes to the disk, since the start.
    pub transactions: u64,
}

/// The oldest records that wait, of those behind `after`.
pub(super) fn pending(
    db: &Connection,
    after: Option<Seq>,
    limit: usize,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut query = db.prepare_cached(
        "SELECT seq, id, envelope FROM records WHERE state = 0 AND seq > ?1
         ORDER BY seq LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map([after.map_or(0, seq_sql), limit], waiting)?;
    rows.collect()
}

/// Columns 0 to 2: seq, id, envelope.
fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let seq = Seq(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0));
    Ok(Waiting {
        seq,
        id: RecordId(row.get(1)?),
        envelope: row.get(2)?,
    })
}

/// The oldest records in quarantine, of those behind `after`.
pub(super) fn quarantined(
    db: &Connection,
    after: Option<Seq>,
    limit: usize,
) -> rusqlite::Result<Vec<Quarantined>> {
    let mut query = db.prepare_cached(
        "SELECT q.seq, r.id, r.envelope, q.at_ms, q.code, q.reason
         FROM quarantine q JOIN records r ON r.seq = q.seq WHERE q.seq > ?1
         ORDER BY q.seq LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map([after.map_or(0, seq_sql), limit], |row| {
        Ok(Quarantined {
            record: waiting(row)?,
            refused_at: UnixMs(row.get(3)?),
            code: row.get(4)?,
            reason: row.get(5)?,
        })
    })?;
    rows.collect()
}

/// Lets a record in quarantine wait again; what had been said to it becomes a note.
pub(super) fn retry(db: &mut Connection, id: RecordId, at: UnixMs) -> rusqlite::Result<bool> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let released: Option<(i64, String, String)> = tx
        .prepare_cached("DELETE FROM quarantine WHERE id = ?1 RETURNING seq, code, reason")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((seq, code, reason)) = released else {
        return Ok(false);
    };
    tx.prepare_cached("DELETE FROM answers WHERE seq = ?1")?
        .execute([seq])?;
    tx.prepare_cached("UPDATE records SET state = 0 WHERE seq = ?1")?
        .execute([seq])?;
    tx.prepare_cached("INSERT INTO events (at_ms, kind, code, detail) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            at.0,
            "retried",
            code,
            format!("record={id} refused={reason}")
        ])?;
    tx.commit()?;
    Ok(true)
}

/// Takes all answers in one transaction.
pub(super) fn acknowledge(
    db: &mut Connection,
    answers: &[RawAnswer],
    at: UnixMs,
) -> rusqlite::Result<Acknowledged> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut done = Acknowledged::default();
    for RawAnswer { answer, json } in answers {
        let count = match &answer.outcome {
            AnswerOutcome::Accepted { voucher } => {
                let voucher = voucher.as_ref().map(|voucher| voucher.0.as_slice());
                answered(&tx, answer.id, 1, json, voucher, at)?.map(|_| &mut done.accepted)
            }
            AnswerOutcome::Refused { code, reason } => {
                match answered(&tx, answer.id, 2, json, None, at)? {
                    Some(seq) => {
                        quarantine(&tx, seq, answer.id, *code, reason, at)?;
                        Some(&mut done.quarantined)
                    }
                    None => None,
                }
            }
        };
        let count = count.unwrap_or(&mut done.ignored);
        *count = count.saturating_add(1);
    }
    tx.commit()?;
    Ok(done)
}

/// Takes a waiting record out of the outbox; nothing when it does not wait. A record in quarantine
/// that the server accepts after all, because it was carried there by hand, leaves that too.
fn answered(
    tx: &Transaction<'_>,
    id: RecordId,
    state: i64,
    json: &str,
    voucher: Option<&[u8]>,
    at: UnixMs,
) -> rusqlite::Result<Option<i64>> {
    let seq: Option<i64> = tx
        .prepare_cached(
            "UPDATE records SET state = ?1
             WHERE id = ?2 AND (state = 0 OR (state = 2 AND ?1 = 1)) RETURNING seq",
        )?
        .query_row(params![state, id.0], |row| row.get(0))
        .optional()?;
    if let Some(seq) = seq {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO answers (seq, at_ms, answer, voucher) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![seq, at.0, json, voucher])?;
        if state == 1 {
            tx.prepare_cached("DELETE FROM quarantine WHERE seq = ?1")?
                .execute([seq])?;
        }
    }
    Ok(seq)
}

fn quarantine(
    tx: &Transaction<'_>,
    seq: i64,
    id: RecordId,
    code: RecordRefusal,
    reason: &str,
    at: UnixMs,
) -> rusqlite::Result<()> {
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    tx.prepare_cached(
        "INSERT INTO quarantine (seq, id, at_ms, code, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![seq, id.0, at.0, word(&code), reason])?;
    Ok(())
}

/// The figures that stand in tables.
pub(super) fn counts(db: &Connection) -> rusqlite::Result<Counts> {
    let counts = "
        SELECT (SELECT count(*) FROM records WHERE state = 0),
               (SELECT count(*) FROM quarantine),
               coalesce((SELECT min(id) - 1 FROM events),
                        (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)";
    db.prepare_cached(counts)?.query_row([], |row| {
        let count =
            |at| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0));
        Ok(Counts {
            pending: count(0)?,
            quarantined: count(1)?,
            events_evicted: count(2)?,
            ..Counts::default()
        })
    })
}
