//! What the barrier did, beside what the journal and the server hold.

use super::{Opening, Plan};
use crate::city::{City, GateFiles};
use anyhow::{Context, ensure};
use fare_protocol::{
    AccountId, PassageOutcome, PublicKey, RecordBody, RecordHash, RecordId, Seq, SignedRecord,
    UnixMs,
};
use fare_server::store::{Database, StoreError, Tx};
use rusqlite::{Connection, OpenFlags};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::Path;

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How often the plug was pulled.
    pub cycles: u32,
    /// Riders who held a code to the glass.
    pub taps: u64,
    /// Times that the leaves opened.
    pub opened: u64,
    /// Confirmations in the journal.
    pub confirmed: u64,
    /// Confirmations for which nothing opened: the plug was pulled between.
    pub unopened: u64,
    /// Passages recorded as unknown: the plug was pulled before they were seen.
    pub unknown: u64,
    /// Openings without a confirmation, confirmations without a passage, records that the server has
    /// not got.
    pub lost: u64,
    /// Riders confirmed twice, records, taps or journeys at the server beyond the journal's.
    pub duplicated: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cycles       {:>7}  SIGKILL, started again", self.cycles)?;
        writeln!(f, "taps         {:>7}", self.taps)?;
        writeln!(f, "opened       {:>7}", self.opened)?;
        let unopened = self.unopened;
        writeln!(
            f,
            "confirmed    {:>7}  for {unopened} nothing opened: cut between",
            self.confirmed
        )?;
        writeln!(
            f,
            "unknown      {:>7}  passages: cut before they were seen",
            self.unknown
        )?;
        writeln!(f, "lost         {:>7}", self.lost)?;
        write!(f, "duplicated   {:>7}", self.duplicated)
    }
}

/// A confirmation in the journal.
struct Confirmed {
    id: RecordId,
    account: AccountId,
    at: UnixMs,
}

/// The journal's records, in chain order.
fn records(journal: &Path) -> anyhow::Result<Vec<SignedRecord>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(journal, flags).context("opening the journal")?;
    let mut query = db.prepare("SELECT envelope FROM records ORDER BY seq")?;
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|row| Ok(SignedRecord::parse(&row?)?)).collect()
}

fn confirmed(records: &[SignedRecord]) -> Vec<Confirmed> {
    let confirmed = records.iter().filter_map(|record| {
        let record = record.record();
        match record.body {
            RecordBody::Confirmation(confirmation) => Some(Confirmed {
                id: record.id,
                account: confirmation.account,
                at: record.stamp.at,
            }),
            RecordBody::Passage(_)
            | RecordBody::ModeChange(_)
            | RecordBody::LetThrough(_)
            | RecordBody::Config(_) => None,
        }
    });
    confirmed.collect()
}

/// Finds each opening a confirmation of its own, made before it for somebody who stood there; how
/// many openings have none.
fn without_confirmation(openings: &[Opening], confirmed: &[Confirmed]) -> u64 {
    let mut used = HashSet::new();
    let mut without = 0;
    for opening in openings {
        let its = confirmed.iter().find(|confirmed| {
            opening.before.contains(&Some(confirmed.account))
                && confirmed.at <= opening.at
                && !used.contains(&confirmed.id)
        });
        match its {
            Some(confirmed) => {
                used.insert(confirmed.id);
            }
            None => without += 1,
        }
    }
    without
}

/// Every opening so far has its confirmation in the journal.
pub(super) fn openings(journal: &Path, openings: &[Opening]) -> anyhow::Result<()> {
    if openings.is_empty() {
        return Ok(());
    }
    let lost = without_confirmation(openings, &confirmed(&records(journal)?));
    let opened = openings.len();
    ensure!(lost == 0, "{lost} of {opened} openings have no record");
    Ok(())
}

/// The chain is whole and the gate's: no place missing, each with the hash before.
fn chain(records: &[SignedRecord], key: &PublicKey) -> anyhow::Result<()> {
    let (mut seq, mut previous) = (Seq::FIRST, RecordHash::NONE);
    for record in records {
        let said = record.record();
        ensure!(said.seq == seq && said.previous == previous, "chain: {seq}");
        record.clone().verify(key)?;
        (seq, previous) = (seq.next(), record.hash());
    }
    Ok(())
}

/// Compares everything once the gate has drained.
pub(super) fn outcome(
    plan: Plan,
    taps: u64,
    openings: &[Opening],
    files: &GateFiles,
    city: &City,
) -> anyhow::Result<Outcome> {
    let records = records(&files.journal)?;
    chain(&records, &files.public_key)?;
    let confirmed = confirmed(&records);
    let mut passages: HashMap<RecordId, PassageOutcome> = HashMap::new();
    let mut twice = 0;
    for record in &records {
        if let RecordBody::Passage(passage) = record.record().body {
            let first = passages.insert(passage.confirmation, passage.outcome);
            twice += u64::from(first.is_some());
        }
    }
    let accounts: HashSet<_> = confirmed
        .iter()
        .map(|confirmed| confirmed.account)
        .collect();
    twice += count(confirmed.len() - accounts.len());
    let unpassed = confirmed.iter().filter(|c| !passages.contains_key(&c.id));
    let (missing, beyond) = at_server(&records, &confirmed, files, city)?;
    let unopened = confirmed.len().saturating_sub(openings.len());
    let unknown = passages.values();
    Ok(Outcome {
        cycles: plan.cycles,
        taps,
        opened: count(openings.len()),
        confirmed: count(confirmed.len()),
        unopened: count(unopened),
        unknown: count(unknown.filter(|o| **o == PassageOutcome::Unknown).count()),
        lost: without_confirmation(openings, &confirmed) + count(unpassed.count()) + missing,
        duplicated: twice + beyond,
    })
}

/// How many of the journal's records the server has not got, and how much it has beyond them. Each
/// rider comes once, so each confirmation is one tap and one journey there.
fn at_server(
    records: &[SignedRecord],
    confirmed: &[Confirmed],
    files: &GateFiles,
    city: &City,
) -> anyhow::Result<(u64, u64)> {
    let mut database = Database::open_existing(&city.database())?;
    let all = u32::try_from(confirmed.len() * 2 + 100)?;
    let read = |tx: &Tx<'_>| -> Result<_, StoreError> {
        let mut missing = 0;
        for record in records {
            let there = tx.record(files.gate, record.record().id)?;
            missing += u64::from(there.is_none_or(|there| there.bytes() != record.bytes()));
        }
        for confirmed in confirmed {
            let tap = tx.tap(confirmed.account, confirmed.id)?;
            missing += u64::from(tap.is_none());
        }
        Ok((missing, tx.counts()?, tx.journey_views(all)?, tx.books()?))
    };
    let (missing, counts, journeys, books) = database.read(read)?;
    ensure!(books.balanced, "the books do not balance: {books:?}");
    let beyond = counts.records.saturating_sub(count(records.len()));
    let journeys = count(journeys.len()).saturating_sub(count(confirmed.len()));
    Ok((missing, beyond + journeys))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(ms: i64, before: [Option<u8>; 2]) -> Opening {
        Opening {
            at: UnixMs(ms),
            before: before.map(|account| account.map(|n| AccountId([n; 16]))),
        }
    }

    fn confirmation(n: u8, ms: i64) -> Confirmed {
        Confirmed {
            id: RecordId([n; 16]),
            account: AccountId([n; 16]),
            at: UnixMs(ms),
        }
    }

    #[test]
    fn an_opening_needs_a_confirmation_of_its_own_made_before_it() {
        let confirmed = [confirmation(1, 10), confirmation(2, 20)];
        let lost = |openings: &[Opening]| without_confirmation(openings, &confirmed);
        assert_eq!(lost(&[]), 0);
        let first = opening(12, [Some(1), None]);
        assert_eq!(lost(&[first, opening(22, [Some(2), Some(1)])]), 0);
        assert_eq!(lost(&[first, first]), 1, "one confirmation opens once");
        assert_eq!(lost(&[opening(9, [Some(1), None])]), 1, "made after it");
        assert_eq!(lost(&[opening(30, [Some(3), None])]), 1, "somebody else");
        assert_eq!(lost(&[opening(30, [Some(3), Some(2)])]), 0, "who was going");
    }
}
