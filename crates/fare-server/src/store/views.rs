//! What people look at: gates, journeys, conflicts and the books. Accounts are masked here.

use super::sql::Row;
use super::{Case, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Currency, JourneyId, Money, RecordId, UnixMs};
use fare_rules::conflict::Proposal;
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
    /// Entries followed by another entry, or by nothing until their day was over.
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

/// A posting of one journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingView {
    /// Its name: those of [`fare_rules::ledger::PostingKind`].
    pub kind: String,
    /// When, by the server's clock.
    pub made: UnixMs,
    /// Whether a person's decision made it.
    pub decided: bool,
    /// What came to the rider, or went out with a minus; `-` when the rider had no part in it.
    pub rider: String,
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

/// The columns of [`journey_view`].
const JOURNEY: &str = "
    SELECT journey, account, state, entry, exit, station, exit_station, entered_ms, left_ms,
           fare_minor, currency
    FROM journey";

impl Tx<'_> {
    /// How much there is.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM gate), (SELECT count(*) FROM record), count(*),
                          count(*) FILTER (WHERE state IN ('open', 'held')),
                          count(*) FILTER (WHERE state = 'closed'),
                          count(*) FILTER (WHERE state IN ('incomplete', 'no-exit')),
                          (SELECT count(*) FROM conflict) - (SELECT count(*) FROM conflict_end),
                          (SELECT count(*) FROM tap WHERE unknown_ms IS NOT NULL
                              AND (evidence IS NULL OR evidence = 'expired'))
                   FROM journey";
        let row = self.only(sql, &[])?;
        Ok(Counts {
            gates: row.get(0)?,
            records: row.get(1)?,
            journeys: row.get(2)?,
            open: row.get(3)?,
            closed: row.get(4)?,
            incomplete: row.get(5)?,
            conflicts: row.get(6)?,
            untold: row.get(7)?,
        })
    }

    /// All gates by id.
    pub fn gate_views(&self) -> Result<Vec<GateView>, StoreError> {
        let sql = "SELECT gate.gate, station, line, coalesce(max(seq), 0), count(seq), max(at_ms),
                          max(received_ms)
                   FROM gate LEFT JOIN record USING (gate) GROUP BY gate.gate ORDER BY gate.gate";
        let view = |row: Row| {
            Ok(GateView {
                gate: row.get(0)?,
                station: row.get(1)?,
                line: row.get(2)?,
                seq: row.get(3)?,
                records: row.get(4)?,
                last_record_ms: row.get(5)?,
                last_seen_ms: row.get(6)?,
            })
        };
        self.rows(sql, &[])?.into_iter().map(view).collect()
    }

    /// The newest `most` journeys by time of entry, newest first.
    pub fn journey_views(&self, most: u32) -> Result<Vec<JourneyView>, StoreError> {
        let sql = format!("{JOURNEY} ORDER BY entered_ms DESC, entry DESC LIMIT $1");
        let rows = self.rows(&sql, &[&most])?;
        rows.iter().map(journey_view).collect()
    }

    /// The journey of this entry, whoever made it. Looks at all journeys: for people, not for settlement.
    pub fn journey_view(
        &self,
        entry: RecordId,
    ) -> Result<Option<(AccountId, JourneyView)>, StoreError> {
        let row = self.row(&format!("{JOURNEY} WHERE entry = $1"), &[&entry])?;
        row.map(|row| Ok((row.get(1)?, journey_view(&row)?)))
            .transpose()
    }

    /// The postings of a journey, the oldest first.
    pub fn postings_of(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Vec<PostingView>, StoreError> {
        let sql =
            "SELECT kind, made_ms, CASE WHEN conflict IS NULL THEN 0 ELSE 1 END, minor, currency
                   FROM posting LEFT JOIN posting_line
                     ON posting_line.account = posting.account
                    AND posting_line.posting = posting.posting AND ledger = 'rider'
                   WHERE posting.account = $1 AND entry = $2 ORDER BY made_ms, posting.posting";
        let view = |row: Row| {
            let rider = fare(&row, 3)?;
            Ok(PostingView {
                kind: row.get(0)?,
                made: row.get(1)?,
                decided: row.get::<i64>(2)? != 0,
                rider: rider.map_or_else(|| "-".to_owned(), |money| money.to_string()),
            })
        };
        let rows = self.rows(sql, &[&account, &entry])?;
        rows.into_iter().map(view).collect()
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
        let sql = "SELECT ledger, currency, CAST(sum(minor) AS BIGINT) FROM posting_line
                   GROUP BY ledger, currency ORDER BY currency, ledger DESC";
        let sum = |row: Row| {
            Ok(Sum {
                account: row.get(0)?,
                currency: row.get(1)?,
                minor: row.get(2)?,
            })
        };
        let sums = self.rows(sql, &[])?.into_iter().map(sum);
        let sums = sums.collect::<Result<_, StoreError>>()?;
        let postings = self.only("SELECT count(*) FROM posting", &[])?.get(0)?;
        let balanced = self.posts_balance()?
            && self.journeys_agree()?
            && self.decisions_agree()?
            && self.charges_agree()?
            && self.products_agree()?;
        Ok(Books {
            balanced,
            postings,
            sums,
        })
    }

    /// Whether every posting, and so all of them together, sums to zero.
    fn posts_balance(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM posting_line GROUP BY account, posting
                   HAVING sum(minor) <> 0 OR count(DISTINCT currency) <> 1 LIMIT 1";
        Ok(!self.exists(sql, &[])?)
    }

    /// Whether the ledger holds for each journey exactly what its state says.
    fn journeys_agree(&self) -> Result<bool, StoreError> {
        let sql = "WITH posted AS (
                     SELECT posting.account, entry,
                            sum(minor) FILTER (WHERE ledger = 'held') AS held,
                            sum(minor) FILTER (WHERE ledger = 'fare-revenue') AS revenue
                     FROM posting JOIN posting_line USING (account, posting)
                     WHERE conflict IS NULL AND product IS NULL GROUP BY 1, 2)
                   SELECT 1 FROM journey LEFT JOIN posted USING (account, entry)
                   WHERE coalesce(held, 0) <> CASE WHEN state = 'held' THEN fare_minor ELSE 0 END
                      OR coalesce(revenue, 0) <> CASE
                         WHEN state IN ('closed', 'no-exit') THEN coalesce(fare_minor, 0) ELSE 0 END
                   LIMIT 1";
        Ok(!self.exists(sql, &[])?)
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
                      OR coalesce(revenue, 0) <> CASE WHEN conflict_overtaken.at_ms IS NULL
                         THEN coalesce(fare_minor - replaced_minor, 0) ELSE 0 END
                   UNION ALL
                   SELECT 1 FROM posted LEFT JOIN conflict_end USING (conflict) WHERE how IS NULL";
        Ok(!self.exists(sql, &[])?)
    }
}

fn journey_view(row: &Row) -> Result<JourneyView, StoreError> {
    Ok(JourneyView {
        journey: row.get::<JourneyId>(0)?.to_hex(),
        account: row.get::<AccountId>(1)?.to_string(),
        state: row.get(2)?,
        entry: row.get(3)?,
        exit: row.get(4)?,
        from: row.get(5)?,
        to: row.get(6)?,
        entered_at_ms: row.get(7)?,
        left_at_ms: row.get(8)?,
        fare: fare(row, 9)?,
    })
}

/// The money in two columns, where there may be none.
pub(super) fn fare(row: &Row, n: usize) -> Result<Option<Money>, StoreError> {
    Ok(match (row.get(n)?, row.get(n + 1)?) {
        (Some(minor), Some(currency)) => Some(Money::new(minor, currency)),
        (_, _) => None,
    })
}
