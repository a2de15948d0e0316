//! What people look at: gates, journeys, conflicts and the books. Accounts are masked here.

use super::sql::{Bind, Row};
use super::{Case, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Currency, JourneyId, Money, RecordId, UnixMs};
use fare_rules::conflict::Proposal;
use serde::{Deserialize, Serialize};

/// Most postings that are proved for a page.
const PROVED_FOR_PAGES_MAX: u64 = 50_000;

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
    /// What came into which ledger account, or went out with a minus, line by line.
    pub moves: String,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// The names of [`fare_rules::ledger::LedgerAccount`].
    pub account: String,
    /// In which currency.
    pub currency: Currency,
    /// How much, in minor units.
    pub minor: i64,
}

/// The books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Whether the proof ([`Tx::prove`]) found nothing.
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
        // One table in each: they may lie on different nodes.
        let count = |sql: &str| self.only(sql, &[])?.get(0);
        let sql = "SELECT count(*), count(*) FILTER (WHERE state IN ('open', 'held')),
                          count(*) FILTER (WHERE state = 'closed'),
                          count(*) FILTER (WHERE state IN ('incomplete', 'no-exit'))
                   FROM journey";
        let journeys = self.only(sql, &[])?;
        let standing =
            "SELECT (SELECT count(*) FROM conflict) - (SELECT count(*) FROM conflict_end)";
        let untold = "SELECT count(*) FROM tap WHERE unknown_ms IS NOT NULL
                      AND (evidence IS NULL OR evidence = 'expired')";
        Ok(Counts {
            gates: count("SELECT count(*) FROM gate")?,
            records: count("SELECT count(*) FROM record")?,
            journeys: journeys.get(0)?,
            open: journeys.get(1)?,
            closed: journeys.get(2)?,
            incomplete: journeys.get(3)?,
            conflicts: count(standing)?,
            untold: count(untold)?,
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
        let sql = "SELECT posting, kind, made_ms, CASE WHEN conflict IS NULL THEN 0 ELSE 1 END
                   FROM posting WHERE account = $1 AND entry = $2 ORDER BY made_ms, posting";
        let rows = self.rows(sql, &[&account, &entry])?;
        let key = |row: &Row| Ok(vec![account.value(), row.get::<[u8; 16]>(0)?.value()]);
        let keys: Vec<_> = rows.iter().map(key).collect::<Result<_, StoreError>>()?;
        let sql = "SELECT ledger, minor, currency FROM posting_line
                   WHERE account = $1 AND posting = $2 ORDER BY line";
        let lines = self.each(sql, &keys)?;
        let line = |row: &Row| {
            let money = Money::new(row.get(1)?, row.get(2)?);
            Ok(format!("{} {money}", row.get::<String>(0)?))
        };
        let view = |(row, lines): (&Row, &Vec<Row>)| {
            let moves = lines.iter().map(line);
            Ok(PostingView {
                kind: row.get(1)?,
                made: row.get(2)?,
                decided: row.get::<i64>(3)? != 0,
                moves: moves.collect::<Result<Vec<_>, StoreError>>()?.join(", "),
            })
        };
        rows.iter().zip(&lines).map(view).collect()
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

    /// The books: proved now while they are small, and as they were proved last when they are not, so that a page takes
    /// no longer the more was ever posted.
    pub fn books_shown(&self) -> Result<Books, StoreError> {
        let few = "SELECT count(*) FROM (SELECT 1 AS one FROM posting LIMIT $1) AS few";
        let few: u64 = self.only(few, &[&(PROVED_FOR_PAGES_MAX + 1)])?.get(0)?;
        if few <= PROVED_FOR_PAGES_MAX {
            return self.books();
        }
        let proved = self.last_proof()?;
        Ok(proved.map_or_else(
            // Until its first proof nothing says that they do not balance.
            || Books {
                balanced: true,
                postings: few,
                sums: Vec::new(),
            },
            |proof| Books {
                balanced: proof.findings == 0,
                postings: proof.postings,
                sums: proof.sums,
            },
        ))
    }

    /// The books, added up from every line, and proved.
    pub fn books(&self) -> Result<Books, StoreError> {
        Ok(Books {
            balanced: self.prove()?.is_empty(),
            ..self.sums()?
        })
    }

    /// The sums of every line, by kind of account; not proved.
    pub fn sums(&self) -> Result<Books, StoreError> {
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
        Ok(Books {
            balanced: false,
            postings: self.only("SELECT count(*) FROM posting", &[])?.get(0)?,
            sums: sums.collect::<Result<_, StoreError>>()?,
        })
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
