//! Whether a journal is whole, for people who look at one: all of it, as long as they have time.

use super::look::JournalView;
use super::records::Head;
use super::{JournalError, schema};
use fare_protocol::SignedRecord;
use rusqlite::{ErrorCode, params};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Records looked at between two looks at the clock.
const PAGE: i64 = 500;

/// The schema version that this program writes.
pub const SCHEMA_VERSION: i64 = schema::VERSION;

/// What is found of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Each record follows the one before, where that is still kept.
    Whole {
        /// Records looked at.
        records: u64,
    },
    /// One does not.
    Broken {
        /// Its place.
        seq: i64,
        /// Why.
        why: String,
    },
    /// Time was over first.
    Unfinished {
        /// Records looked at.
        records: u64,
    },
}

impl JournalView {
    /// What SQLite says of the file's structure: `ok`, or what is wrong. Nothing when `limit` is over
    /// first.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn quick_check(&self, limit: Duration) -> Result<Option<String>, JournalError> {
        if limit.is_zero() {
            return Ok(None);
        }
        let stop = self.db().get_interrupt_handle();
        let (done, ended) = mpsc::channel::<()>();
        let guard = thread::spawn(move || {
            if ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                stop.interrupt();
            }
        });
        let said = self
            .db()
            .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        drop(done);
        let _panicked = guard.join();
        match said {
            Ok(said) => Ok(Some(said)),
            Err(err) if err.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Ok(None)
            }
            Err(err) => Err(schema::at_open(self.path(), err)),
        }
    }

    /// Checks that each record follows the one before it, until `is_over`. Records that were accepted
    /// long ago may be gone; signatures are the server's to check.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn chain(&self, is_over: impl Fn() -> bool) -> Result<Chain, JournalError> {
        let (mut after, mut records, mut head) = (0, 0_u64, None::<Head>);
        loop {
            if is_over() {
                return Ok(Chain::Unfinished { records });
            }
            let page = self.envelopes(after)?;
            if page.is_empty() {
                return Ok(Chain::Whole { records });
            }
            for (seq, envelope) in page {
                match link(seq, &envelope, head) {
                    Ok(next) => head = Some(next),
                    Err(why) => return Ok(Chain::Broken { seq, why }),
                }
                after = seq;
                records += 1;
            }
        }
    }

    fn envelopes(&self, after: i64) -> Result<Vec<(i64, Vec<u8>)>, JournalError> {
        let read = || {
            let mut query = self.db().prepare_cached(
                "SELECT seq, envelope FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let rows =
                query.query_map(params![after, PAGE], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        self.done(read())
    }
}

fn link(seq: i64, envelope: &[u8], head: Option<Head>) -> Result<Head, String> {
    let record = SignedRecord::parse(envelope).map_err(|err| err.to_string())?;
    let said = record.record();
    if i64::try_from(said.seq.0) != Ok(seq) {
        return Err(format!("it says that it is record {}", said.seq));
    }
    match head {
        Some(head) if head.next == said.seq && head.previous != said.previous => {
            Err("it does not carry the hash of the one before".to_owned())
        }
        Some(_) | None => Ok(Head::after(&record)),
    }
}
