//! What people look at: gates, journeys, conflicts and the books. Accounts are masked here.

use super::rows::unsigned;
use super::{Case, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Currency, Money, RecordId, UnixMs};
use fare_rules::conflict::Proposal;
use rusqlite::Row;
use serde::Serialize;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Registered gates.
    pub gates: u64,
    /// Records stored.
    pub records: u64,
    /// Entries, whatever became of them.
    pub journeys: u64,
    /// Riders inside, those tapping out included.
    pub open: u64,
    /// Journeys charged.
    pub closed: u64,
    /// Entries followed by another entry.
    pub incomplete: u64,
    /// Conflicts that stand.
    pub conflicts: u64,
    /// Passages of which neither their gate nor a later tap tells.
    pub untold: u64,
}

/// A gate with the end of its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateView {
    /// Its id.
    pub gate: String,
    /// Where it stands.
    pub station: String,
    /// On which line.
    pub line: String,
    /// The highest place of its chain that is stored.
    pub seq: u64,
    /// Records stored.
    pub records: u64,
    /// When its newest record was made, by its own clock.
    pub last_record_ms: Option<UnixMs>,
    /// When it was last heard of.
    pub last_seen_ms: Option<UnixMs>,
}

/// A journey, its account masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JourneyView {
    /// Its id, hexadecimal.
    pub journey: String,
    /// Whose, masked.
    pub account: String,
    /// How far it has come: the names of [`fare_rules::journey::Journey`].
    pub state: String,
    /// The entry confirmation.
    pub entry: RecordId,
    /// The exit confirmation.
    pub exit: Option<RecordId>,
    /// Station of entry.
    pub from: String,
    /// Station of exit.
    pub to: Option<String>,
    /// By the entry gate's clock.
    pub entered_at_ms: UnixMs,
    /// By the exit gate's clock.
    pub left_at_ms: Option<UnixMs>,
    /// What is held or charged.
    pub fare: Option<Money>,
}

/// A conflict that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConflictView {
    /// Its id, by which it is resolved.
    pub conflict: ConflictId,
    /// Of which kind: the names of [`fare_rules::conflict::ConflictKind`].
    pub kind: String,
    /// Which gate or account, masked.
    pub about: String,
    /// What happened.
    pub detail: String,
    /// What is proposed.
    pub proposal: Proposal,
    /// Since when, by the server's clock.
    pub raised_ms: UnixMs,
}

/// The balance of one kind of ledger account in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// `rider`, `held` or `fare-revenue`.
    pub account: String,
    /// In which currency.
    pub currency: Currency,
    /// How much, in minor units.
    pub minor: i64,
}

/// The books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Every posting and all of them together sum to zero, what is held is what journeys hold, and
    /// revenue is what closed journeys cost.
    pub balanced: bool,
    /// Postings made.
    pub postings: u64,
    /// The sums by kind of account.
    pub sums: Vec<Sum>,
}

impl Tx<'_> {
    /// How much there is.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM gate), (SELECT count(*) FROM record), count(*),
                          count(*) FILTER (WHERE state IN ('open', 'held')),
                          count(*) FILTER (WHERE state = 'closed'),
                          count(*) FILTER (WHERE state = 'incomplete'),
                          (SELECT count(*) FROM conflict) - (SELECT count(*) FROM conflict_end),
                          (SELECT count(*) FROM tap WHERE unknown_ms IS NOT NULL
                              AND (evidence IS NULL OR evidence = 'expired'))
                   FROM journey";
        let read = |row: &Row<'_>| {
            let count = |n: usize| row.get::<_, i64>(n).map(unsigned);
            Ok(Counts {
                gates: count(0)?,
                records: count(1)?,
                journeys: count(2)?,
                open: count(3)?,
                closed: count(4)?,
                incomplete: count(5)?,
                conflicts: count(6)?,
                untold: count(7)?,
            })
        };
        Ok(self.0.prepare_cached(sql)?.query_row([], read)?)
    }

    /// All gates by id.
    pub fn gate_views(&self) -> Result<Vec<GateView>, StoreError> {
        let sql = "SELECT gate.gate, station, line, coalesce(max(seq), 0), count(seq), max(at_ms),
                          max(received_ms)
                   FROM gate LEFT JOIN record USING (gate) GROUP BY gate.gate ORDER BY gate.gate";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(GateView {
                gate: row.get(0)?,
                station: row.get(1)?,
                line: row.get(2)?,
                seq: unsigned(row.get(3)?),
                records: unsigned(row.get(4)?),
                last_record_ms: row.get::<_, Option<i64>>(5)?.map(UnixMs),
                last_seen_ms: row.get::<_, Option<i64>>(6)?.map(UnixMs),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest `most` journeys by time of entry, newest first.
    pub fn journey_views(&self, most: u32) -> Result<Vec<JourneyView>, StoreError> {
        let sql = "SELECT journey, account, state, entry, exit, station, exit_station, entered_ms,
                          left_ms, fare_minor, currency
                   FROM journey ORDER BY entered_ms DESC, entry DESC LIMIT $1";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([most], |row| {
            Ok(JourneyView {
                journey: fare_protocol::JourneyId(row.get(0)?).to_hex(),
                account: AccountId(row.get(1)?).to_string(),
                state: row.get(2)?,
                entry: RecordId(row.get(3)?),
                exit: row.get::<_, Option<[u8; 16]>>(4)?.map(RecordId),
                from: row.get(5)?,
                to: row.get(6)?,
                entered_at_ms: UnixMs(row.get(7)?),
                left_at_ms: row.get::<_, Option<i64>>(8)?.map(UnixMs),
                fare: fare(row.get(9)?, row.get(10)?),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The newest `most` conflicts that stand, newest first.
    pub fn conflict_views(&self, most: u32) -> Result<Vec<ConflictView>, StoreError> {
        let view = |case: Case| ConflictView {
            conflict: case.id,
            kind: case.kind.code().to_owned(),
            about: case.scope.to_string(),
            detail: case.told.detail,
            proposal: case.told.proposal,
            raised_ms: case.raised,
        };
        Ok(self.conflicts(false, most)?.into_iter().map(view).collect())
    }

    /// The books, added up from every line, and compared with the journeys.
    pub fn books(&self) -> Result<Books, StoreError> {
        let sql = "SELECT ledger, currency, sum(minor) FROM posting_line
                   GROUP BY ledger, currency ORDER BY currency, ledger DESC";
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut sums = Vec::new();
        while let Some(row) = rows.next()? {
            let currency = row.get::<_, String>(1)?.parse();
            let currency = currency.map_err(|_| StoreError::Corrupt("a currency"))?;
            sums.push(Sum {
                account: row.get(0)?,
                currency,
                minor: row.get(2)?,
            });
        }
        let postings = "SELECT count(*) FROM posting";
        let postings = self
            .0
            .prepare_cached(postings)?
            .query_row([], |row| row.get(0))?;
        let balanced = self.posts_balance()? && self.journeys_agree()? && self.decisions_agree()?;
        Ok(Books {
            balanced,
            postings: unsigned(postings),
            sums,
        })
    }

    /// Whether every posting, and so all of them together, sums to zero.
    fn posts_balance(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM posting_line GROUP BY account, posting
                   HAVING sum(minor) <> 0 OR count(DISTINCT currency) <> 1";
        Ok(!self.0.prepare_cached(sql)?.exists([])?)
    }

    /// Whether the ledger holds for each journey exactly what its state says.
    fn journeys_agree(&self) -> Result<bool, StoreError> {
        let sql = "WITH posted AS (
                     SELECT posting.account, entry,
                            sum(minor) FILTER (WHERE ledger = 'held') AS held,
                            sum(minor) FILTER (WHERE ledger = 'fare-revenue') AS revenue
                     FROM posting JOIN posting_line USING (account, posting)
                     WHERE conflict IS NULL GROUP BY 1, 2)
                   SELECT 1 FROM journey LEFT JOIN posted USING (account, entry)
                   WHERE coalesce(held, 0) <> iif(state = 'held', fare_minor, 0)
                      OR coalesce(revenue, 0) <> iif(state = 'closed', fare_minor, 0)";
        Ok(!self.0.prepare_cached(sql)?.exists([])?)
    }

    /// Whether each decision moved what it says, and one that was overtaken nothing.
    fn decisions_agree(&self) -> Result<bool, StoreError> {
        let sql = "WITH posted AS (
                     SELECT conflict,
                            sum(minor) FILTER (WHERE ledger = 'held') AS held,
                            sum(minor) FILTER (WHERE ledger = 'fare-revenue') AS revenue
                     FROM posting JOIN posting_line USING (account, posting)
                     WHERE conflict IS NOT NULL GROUP BY 1)
                   SELECT 1 FROM conflict_end
                   LEFT JOIN conflict_overtaken USING (conflict) LEFT JOIN posted USING (conflict)
                   WHERE coalesce(held, 0) <> 0
                      OR coalesce(revenue, 0) <>
                         iif(conflict_overtaken.at_ms IS NULL, coalesce(fare_minor - replaced_minor, 0), 0)
                   UNION ALL
                   SELECT 1 FROM posted LEFT JOIN conflict_end USING (conflict) WHERE how IS NULL";
        Ok(!self.0.prepare_cached(sql)?.exists([])?)
    }
}

fn fare(minor: Option<i64>, currency: Option<String>) -> Option<Money> {
    Some(Money::new(minor?, currency?.parse().ok()?))
}
