//! Closing the books: everything posted up to a moment is summed up and hashed, and the hash of the close
//! before goes into it. Whoever keeps one hash elsewhere (prints it, sends it to an auditor) can tell later
//! whether any posting before it was changed, whatever became of the database's own guards.
//!
//! ```text
//! digest = SHA-256 of each posting in the order of (time, account, posting):
//!          time 8 bytes, account 16, posting 16, entry or nothing, conflict or nothing, kind,
//!          number of lines, and of each line ledger, minor units 8 bytes, currency
//! hash   = SHA-256 of "fareserver books 1", number, from, until, postings, digest, sums, previous hash
//! ```
//! Numbers are big-endian, 8 bytes; what has no fixed length goes after its length.

use crate::store::{CloseRow, Posted, StoreError, Tx};
use fare_protocol::{Currency, UnixMs};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// How long ago postings must be to be closed: servers' clocks differ, and a transaction may be under way.
pub const SETTLED_MS: i64 = 600_000;

/// Postings read at once.
const PAGE: u32 = 1_000;

const DOMAIN: &[u8] = b"fareserver books 1";

/// Why the books were not closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The moment is not after the last close.
    #[error("the books are closed up to {0} already; name a later moment")]
    Closed(String),
    /// The moment is too near.
    #[error("postings may still be made for {0}; name a moment that is ten minutes past")]
    TooSoon(String),
    /// Something does not sum to zero.
    #[error("postings up to then do not balance: {0}; nothing was closed: fareserver books")]
    Unbalanced(String),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What became of a look at one close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything is as it was closed.
    Whole,
    /// Something is not; what.
    Differs(&'static str),
}

/// What moved in a time, by ledger account and currency.
#[derive(Serialize)]
struct Moved {
    account: String,
    currency: Currency,
    minor: i64,
}

/// What a close is about, read from the postings.
struct Summary {
    postings: u64,
    digest: [u8; 32],
    sums: BTreeMap<(String, String), (Currency, i64)>,
}

/// Closes the books up to before `until`, in the caller's transaction.
///
/// # Errors
/// When the moment is not after the last close or too near, or the books do not balance.
pub fn close(
    tx: &Tx<'_>,
    until: UnixMs,
    person: &str,
    now: UnixMs,
) -> Result<CloseRow, CloseError> {
    let row = prepare(tx, until, person, now)?;
    keep(tx, &row)?;
    Ok(row)
}

/// What a close up to before `until` would be. It looks at all postings since the last one, which nobody changes any more:
/// so that a long day keeps nobody waiting, this is done in a transaction that only reads, and [`keep`] in one that writes.
///
/// # Errors
/// As [`close`].
pub fn prepare(
    tx: &Tx<'_>,
    until: UnixMs,
    person: &str,
    now: UnixMs,
) -> Result<CloseRow, CloseError> {
    let last = tx.last_close()?;
    let from = last.as_ref().map_or(UnixMs(0), |last| last.until);
    if until <= from {
        return Err(CloseError::Closed(from.to_rfc3339()));
    }
    if now.since(until) < SETTLED_MS {
        return Err(CloseError::TooSoon(until.to_rfc3339()));
    }
    let summary = summary(tx, from, until)?;
    let sums = sums(&summary)?;
    let mut row = CloseRow {
        nth: last.as_ref().map_or(1, |last| last.nth + 1),
        from,
        until,
        postings: summary.postings,
        digest: summary.digest,
        sums,
        previous: last.map_or([0; 32], |last| last.hash),
        hash: [0; 32],
        person: person.to_owned(),
        made: now,
    };
    row.hash = hash(&row);
    Ok(row)
}

/// Keeps a close that was prepared.
///
/// # Errors
/// When somebody else has closed the books since.
pub fn keep(tx: &Tx<'_>, row: &CloseRow) -> Result<(), CloseError> {
    let last = tx.last_close()?;
    let (hash, until) = last.map_or(([0; 32], UnixMs(0)), |last| (last.hash, last.until));
    if hash != row.previous {
        return Err(CloseError::Closed(until.to_rfc3339()));
    }
    Ok(tx.insert_close(row)?)
}

/// Looks at each close, the oldest first: whether it follows on the one before, and whether the postings
/// are those that were closed.
///
/// # Errors
/// Those of the store.
pub fn verify(tx: &Tx<'_>) -> Result<Vec<(CloseRow, Verdict)>, StoreError> {
    let mut looked = Vec::new();
    let (mut previous, mut from) = ([0; 32], UnixMs(0));
    for (nth, row) in (1..).zip(tx.closes()?) {
        let verdict = verdict(tx, &row, (nth, previous, from))?;
        (previous, from) = (row.hash, row.until);
        looked.push((row, verdict));
    }
    Ok(looked)
}

fn verdict(
    tx: &Tx<'_>,
    row: &CloseRow,
    (nth, previous, from): (u64, [u8; 32], UnixMs),
) -> Result<Verdict, StoreError> {
    if row.nth != nth || row.previous != previous || row.from != from {
        return Ok(Verdict::Differs("it does not follow on the close before"));
    }
    if hash(row) != row.hash {
        return Ok(Verdict::Differs("its hash is another one"));
    }
    let summary = summary(tx, row.from, row.until)?;
    if (summary.postings, summary.digest) != (row.postings, row.digest) {
        return Ok(Verdict::Differs(
            "the postings are not those that were closed",
        ));
    }
    Ok(match sums(&summary) {
        Ok(sums) if sums == row.sums => Verdict::Whole,
        Ok(_) | Err(_) => Verdict::Differs("the sums are others"),
    })
}

fn summary(tx: &Tx<'_>, from: UnixMs, until: UnixMs) -> Result<Summary, StoreError> {
    let (mut digest, mut after) = (Sha256::new(), None);
    let (mut postings, mut sums) = (0, BTreeMap::new());
    loop {
        let page = tx.posted((from, until), after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        for posted in &page {
            postings += 1;
            add(&mut digest, posted);
            for (ledger, minor, currency) in &posted.lines {
                let key = (currency.to_string(), ledger.clone());
                let sum = sums.entry(key).or_insert((*currency, 0_i64));
                sum.1 = sum.1.saturating_add(*minor);
            }
        }
    }
    Ok(Summary {
        postings,
        digest: digest.finalize().into(),
        sums,
    })
}

fn sums(summary: &Summary) -> Result<String, CloseError> {
    let mut all: BTreeMap<&str, i64> = BTreeMap::new();
    for ((currency, _), (_, minor)) in &summary.sums {
        *all.entry(currency).or_default() += minor;
    }
    if let Some((currency, minor)) = all.iter().find(|(_, minor)| **minor != 0) {
        return Err(CloseError::Unbalanced(format!(
            "{currency} {minor} minor units"
        )));
    }
    let moved = summary
        .sums
        .iter()
        .map(|((_, account), (currency, minor))| Moved {
            account: account.clone(),
            currency: *currency,
            minor: *minor,
        });
    let moved: Vec<_> = moved.collect();
    let json = serde_json::to_string(&moved).map_err(|_| StoreError::Corrupt("sums"))?;
    Ok(json)
}

fn add(digest: &mut Sha256, posted: &Posted) {
    let (made, account, posting) = posted.place;
    digest.update(made.0.to_be_bytes());
    digest.update(account.0);
    digest.update(posting);
    part(digest, posted.entry.as_ref().map_or(&[], |entry| &entry.0));
    part(
        digest,
        posted.conflict.as_ref().map_or(&[], |conflict| &conflict.0),
    );
    part(digest, posted.kind.as_bytes());
    number(digest, posted.lines.len());
    for (ledger, minor, currency) in &posted.lines {
        part(digest, ledger.as_bytes());
        digest.update(minor.to_be_bytes());
        part(digest, currency.as_str().as_bytes());
    }
}

fn hash(row: &CloseRow) -> [u8; 32] {
    let mut hash = Sha256::new();
    part(&mut hash, DOMAIN);
    hash.update(row.nth.to_be_bytes());
    hash.update(row.from.0.to_be_bytes());
    hash.update(row.until.0.to_be_bytes());
    hash.update(row.postings.to_be_bytes());
    hash.update(row.digest);
    part(&mut hash, row.sums.as_bytes());
    hash.update(row.previous);
    hash.finalize().into()
}

fn part(digest: &mut Sha256, bytes: &[u8]) {
    number(digest, bytes.len());
    digest.update(bytes);
}

fn number(digest: &mut Sha256, number: usize) {
    digest.update(u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes());
}
