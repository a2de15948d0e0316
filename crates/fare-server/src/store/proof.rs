//! The proof of the books: everything that was ever posted is looked at, and compared with the journeys, decisions, charges,
//! refunds, products, stored value and shares that it is about. One statement for nearly each way in which they may differ; each
//! answers whose account and what it is about. They look at whole tables: for once an hour, and on a connection of its own.

use super::sql::{Row, Value};
use super::views::Sum;
use super::{StoreError, Tx};
use fare_protocol::{AccountId, UnixMs};
use serde::Serialize;
use std::fmt;

/// Most findings of one kind that are told: whoever mends the first few finds the others then.
const FOUND_MAX: u32 = 20;
const PAGE_FOUND_MAX: usize = 20;

/// Taps looked at together.
const PAGE: u32 = 2_000;

/// Days of proofs that are kept.
const KEPT_MS: i64 = 400 * 86_400_000;

/// A way in which the books may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// A posting does not sum to zero, has one line alone, or lines of two currencies.
    Unbalanced,
    /// Lines of no posting.
    LinesAlone,
    /// A posting without lines, or about nothing that is there.
    Orphan,
    /// A tap without the record that its gate signed.
    NoRecord,
    /// A journey holds or earned something else than its state says.
    Journey,
    /// A decision moved something else than it says.
    Decision,
    /// A charge has something else in flight or as debt than its state says.
    Charge,
    /// A charge is made of postings that come to something else.
    ChargeParts,
    /// What a platform charged is not what is booked of it.
    Paid,
    /// A refund set aside or gave back something else than its state says.
    Refund,
    /// A product's price and what journeys used of it differ from what is posted.
    Product,
    /// A journey earned something else of a product than it used.
    ProductUse,
    /// An account's stored value is not what the ledger owes it.
    StoredValue,
    /// Operators' shares of a close are not its revenue, or not what is posted.
    Share,
}

impl Flaw {
    /// Its name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unbalanced => "unbalanced",
            Self::LinesAlone => "lines-alone",
            Self::Orphan => "orphan",
            Self::NoRecord => "no-record",
            Self::Journey => "journey",
            Self::Decision => "decision",
            Self::Charge => "charge",
            Self::ChargeParts => "charge-parts",
            Self::Paid => "paid",
            Self::Refund => "refund",
            Self::Product => "product",
            Self::ProductUse => "product-use",
            Self::StoredValue => "stored-value",
            Self::Share => "share",
        }
    }

    /// What of it: `posting`, `journey` …, whose id stands beside it; and what is wrong.
    pub const fn says(self) -> (&'static str, &'static str) {
        match self {
            Self::Unbalanced => ("posting", "does not sum to zero in one currency"),
            Self::LinesAlone => ("posting", "has lines, and is not there itself"),
            Self::Orphan => ("posting", "has no lines, or is about nothing that is there"),
            Self::NoRecord => (
                "tap",
                "is there without the record that its gate signed of it",
            ),
            Self::Journey => ("journey", "holds or earned something else than its fare"),
            Self::Decision => ("decision", "moved something else than it says"),
            Self::Charge => (
                "charge",
                "has something else in flight or as debt than its state says",
            ),
            Self::ChargeParts => (
                "charge",
                "is of another amount than the postings it is made of",
            ),
            Self::Paid => (
                "charge",
                "was paid otherwise at its platform than the ledger has it",
            ),
            Self::Refund => (
                "refund",
                "set aside or gave back something else than its state says",
            ),
            Self::Product => (
                "product",
                "has something else prepaid than its price less what was used",
            ),
            Self::ProductUse => ("journey", "earned something else of a product than it used"),
            Self::StoredValue => (
                "account",
                "has stored value that is not what the ledger owes it",
            ),
            Self::Share => (
                "share",
                "differs from the revenue of its close, or from what is posted",
            ),
        }
    }

    /// All that one statement finds.
    const BY_STATEMENT: [(Self, &'static str); 13] = [
        (Self::Unbalanced, UNBALANCED),
        (Self::LinesAlone, LINES_ALONE),
        (Self::Orphan, ORPHAN),
        (Self::Journey, JOURNEY),
        (Self::Decision, DECISION),
        (Self::Charge, CHARGE),
        (Self::ChargeParts, CHARGE_PARTS),
        (Self::Paid, PAID),
        (Self::Refund, REFUND),
        (Self::Product, PRODUCT),
        (Self::ProductUse, PRODUCT_USE),
        (Self::StoredValue, STORED_VALUE),
        (Self::Share, SHARE),
    ];
}

const UNBALANCED: &str = "
    SELECT account, posting FROM posting_line GROUP BY account, posting
    HAVING sum(minor) <> 0 OR count(DISTINCT currency) <> 1 OR count(*) < 2";

const LINES_ALONE: &str = "
    SELECT DISTINCT account, posting FROM posting_line
    WHERE NOT EXISTS (SELECT 1 FROM posting WHERE posting.account = posting_line.account
                                              AND posting.posting = posting_line.posting)";

/// What tops stored value up or pays it out is looked at by its sums.
const ORPHAN: &str = "
    SELECT account, posting FROM posting
    WHERE NOT EXISTS (SELECT 1 FROM posting_line AS line WHERE line.account = posting.account
                                                         AND line.posting = posting.posting)
       OR (entry IS NOT NULL AND NOT EXISTS (SELECT 1 FROM journey
              WHERE journey.account = posting.account AND journey.entry = posting.entry))
       OR (product IS NOT NULL AND NOT EXISTS (SELECT 1 FROM product
              WHERE product.account = posting.account AND product.product = posting.product))
       OR (kind IN ('send', 'decline', 'settle', 'unexpected') AND NOT EXISTS (SELECT 1 FROM charge
              WHERE charge.account = posting.account AND charge.charge = posting.charge))
       OR (kind IN ('refund-ask', 'refund-refused') AND NOT EXISTS (SELECT 1 FROM charge_refund
              WHERE charge_refund.account = posting.account AND charge_refund.refund = posting.charge))
       OR (kind = 'share' AND NOT EXISTS (SELECT 1 FROM operator_share
              WHERE operator_share.account = posting.account AND operator_share.share = posting.charge))
       OR (kind IN ('hold', 'capture', 'void') AND entry IS NULL)
       OR (kind IN ('reverse', 'resolve') AND entry IS NULL AND conflict IS NULL)";

/// Taps are an account's and records a gate's, which may lie on different nodes: so they are looked up, page by page.
const TAPS: &str = "
    SELECT account, id, gate FROM tap WHERE (account, id) > ($1, $2) ORDER BY account, id LIMIT $3";
const RECORD: &str = "SELECT 1 FROM record WHERE gate = $1 AND id = $2";

const JOURNEY: &str = "
    WITH posted AS (
        SELECT posting.account, entry,
               sum(minor) FILTER (WHERE ledger = 'held') AS held,
               sum(minor) FILTER (WHERE ledger = 'fare-revenue') AS revenue
        FROM posting JOIN posting_line USING (account, posting)
        WHERE conflict IS NULL AND product IS NULL AND entry IS NOT NULL GROUP BY 1, 2)
    SELECT account, entry FROM journey LEFT JOIN posted USING (account, entry)
    WHERE coalesce(held, 0) <> CASE WHEN state = 'held' THEN fare_minor ELSE 0 END
       OR coalesce(revenue, 0) <> CASE
          WHEN state IN ('closed', 'no-exit') THEN coalesce(fare_minor, 0) ELSE 0 END";

/// One that was overtaken moved nothing.
const DECISION: &str = "
    WITH posted AS (
        SELECT conflict,
               sum(minor) FILTER (WHERE ledger = 'held') AS held,
               sum(minor) FILTER (WHERE ledger = 'fare-revenue') AS revenue
        FROM posting JOIN posting_line USING (account, posting)
        WHERE conflict IS NOT NULL GROUP BY 1)
    SELECT conflict_end.account, conflict_end.conflict FROM conflict_end
    LEFT JOIN conflict_overtaken USING (conflict) LEFT JOIN posted USING (conflict)
    WHERE coalesce(held, 0) <> 0
       OR coalesce(revenue, 0) <> CASE WHEN conflict_overtaken.at_ms IS NULL
          THEN coalesce(fare_minor - replaced_minor, 0) ELSE 0 END
    UNION ALL
    SELECT NULL, conflict FROM posted LEFT JOIN conflict_end USING (conflict) WHERE how IS NULL";

const CHARGE: &str = "
    WITH posted AS (
        SELECT posting.account, charge,
               sum(minor) FILTER (WHERE ledger = 'charging') AS flying,
               sum(minor) FILTER (WHERE ledger = 'debt') AS debt
        FROM posting JOIN posting_line USING (account, posting)
        WHERE charge IS NOT NULL GROUP BY 1, 2)
    SELECT account, charge FROM charge LEFT JOIN posted USING (account, charge)
    WHERE coalesce(flying, 0) <> CASE WHEN state IN ('sent', 'differs') THEN -minor ELSE 0 END
       OR coalesce(debt, 0) <> CASE WHEN state = 'debt' THEN -minor ELSE 0 END";

const CHARGE_PARTS: &str = "
    WITH made AS (
        SELECT charge_item.account, charge_item.charge, sum(minor) AS owed
        FROM charge_item JOIN posting_line
          ON posting_line.account = charge_item.account
         AND posting_line.posting = charge_item.posting AND ledger = 'rider'
        GROUP BY 1, 2)
    SELECT account, charge FROM charge LEFT JOIN made USING (account, charge)
    WHERE coalesce(owed, 0) <> -minor";

const PAID: &str = "
    WITH posted AS (
        SELECT posting.account, charge, currency, sum(minor) AS minor
        FROM posting JOIN posting_line USING (account, posting)
        WHERE kind IN ('settle', 'unexpected') AND ledger IN ('alipay', 'wechat', 'stored-value')
        GROUP BY 1, 2, 3),
    tried AS (
        SELECT account, charge, paid_currency AS currency, sum(paid_minor) AS paid
        FROM charge_try WHERE state = 'paid' GROUP BY 1, 2, 3)
    SELECT account, charge FROM posted LEFT JOIN tried USING (account, charge, currency)
    WHERE coalesce(paid, 0) <> -minor
    UNION
    SELECT account, charge FROM tried LEFT JOIN posted USING (account, charge, currency)
    WHERE coalesce(minor, 0) <> -paid";

/// One that was asked for before money was set aside has nothing there.
const REFUND: &str = "
    WITH posted AS (
        SELECT posting.account, charge AS refund,
               sum(minor) FILTER (WHERE ledger = 'refunds') AS aside,
               sum(minor) FILTER (WHERE ledger IN ('alipay', 'wechat', 'stored-value')) AS given
        FROM posting JOIN posting_line USING (account, posting)
        WHERE kind IN ('refund-ask', 'refund-refused', 'refund') GROUP BY 1, 2)
    SELECT account, refund FROM charge_refund LEFT JOIN posted USING (account, refund)
    WHERE (state = 'asked' AND coalesce(aside, minor) <> minor)
       OR (state <> 'asked' AND coalesce(aside, 0) <> 0)
       OR coalesce(given, 0) <> CASE WHEN state = 'done' THEN minor ELSE 0 END";

const PRODUCT: &str = "
    WITH posted AS (
        SELECT posting.account, product, sum(minor) AS prepaid
        FROM posting JOIN posting_line USING (account, posting)
        WHERE product IS NOT NULL AND ledger = 'prepaid' GROUP BY 1, 2),
    earned AS (
        SELECT account, product, sum(posted_minor) AS minor FROM product_use GROUP BY 1, 2)
    SELECT account, product FROM product LEFT JOIN posted USING (account, product)
    LEFT JOIN earned USING (account, product)
    WHERE coalesce(prepaid, 0) < 0
       OR (unsold_ms IS NOT NULL AND coalesce(prepaid, 0) <> 0)
       OR (lapsed_ms IS NULL AND unsold_ms IS NULL
           AND coalesce(prepaid, 0) <> price_minor - refunded_minor - coalesce(minor, 0))";

const PRODUCT_USE: &str = "
    WITH posted AS (
        SELECT posting.account, entry, product, sum(minor) AS minor
        FROM posting JOIN posting_line USING (account, posting)
        WHERE product IS NOT NULL AND entry IS NOT NULL AND ledger = 'fare-revenue'
        GROUP BY 1, 2, 3)
    SELECT account, entry FROM posted LEFT JOIN product_use USING (account, entry, product)
    WHERE minor <> coalesce(posted_minor, 0)
    UNION
    SELECT account, entry FROM product_use LEFT JOIN posted USING (account, entry, product)
    WHERE posted_minor <> coalesce(minor, 0)";

/// An order or a refund of which stored value has heard and the ledger not yet is no flaw.
const STORED_VALUE: &str = "
    WITH differs AS (
        SELECT account FROM (
            SELECT account, currency, minor AS owed, 0 AS there FROM posting_line
            WHERE ledger = 'stored-value'
            UNION ALL
            SELECT account, currency, 0, minor FROM stored_move) AS both_sides
        GROUP BY account, currency HAVING sum(owed) <> sum(there))
    SELECT DISTINCT account, account AS about FROM differs
    WHERE NOT EXISTS (SELECT 1 FROM charge_try WHERE charge_try.account = differs.account
                      AND charge_try.state = 'sent' AND charge_try.platform = 'stored-value')
      AND NOT EXISTS (SELECT 1 FROM charge_refund WHERE charge_refund.account = differs.account
                      AND charge_refund.state = 'asked' AND charge_refund.platform = 'stored-value')";

const SHARE: &str = "
    WITH posted AS (
        SELECT posting.account, charge AS share, sum(minor) AS got
        FROM posting JOIN posting_line USING (account, posting)
        WHERE kind = 'share' AND ledger = 'operator' GROUP BY 1, 2),
    alike AS (
        SELECT nth, currency FROM operator_share GROUP BY nth, currency
        HAVING sum(minor) <> max(revenue_minor) OR min(revenue_minor) <> max(revenue_minor))
    SELECT account, share FROM operator_share LEFT JOIN posted USING (account, share)
    WHERE coalesce(got, 0) <> minor
    UNION
    SELECT account, share FROM operator_share JOIN alike USING (nth, currency)";

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In which way.
    pub flaw: Flaw,
    /// Whose, masked; none for a decision about a gate.
    pub account: Option<String>,
    /// The id of what it is about, hexadecimal; of an account it is masked.
    pub about: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((what, wrong), about) = (self.flaw.says(), &self.about);
        match (&self.account, self.flaw) {
            (Some(account), Flaw::StoredValue) => write!(f, "account {account} {wrong}"),
            (Some(account), _) => write!(f, "{what} {about} of account {account} {wrong}"),
            (None, _) => write!(f, "{what} {about} {wrong}"),
        }
    }
}

/// A proof that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofRow {
    /// When, by the server's clock.
    pub made: UnixMs,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// Postings that there were.
    pub postings: u64,
    /// What did not fit, at most some of each kind.
    pub findings: u64,
    /// The sums by kind of account.
    pub sums: Vec<Sum>,
}

impl Tx<'_> {
    /// Looks at all of the books; answers what does not fit, at most some of each kind.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn prove(&self) -> Result<Vec<Finding>, StoreError> {
        let mut found = Vec::new();
        for (flaw, sql) in Flaw::BY_STATEMENT {
            let rows = self.rows(&format!("{sql} LIMIT $1"), &[&FOUND_MAX])?;
            for row in &rows {
                found.push(finding(flaw, row)?);
            }
        }
        found.extend(self.without_record()?);
        Ok(found)
    }

    fn without_record(&self) -> Result<Vec<Finding>, StoreError> {
        let mut found = Vec::new();
        let mut after: (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
        loop {
            let page = self.rows(TAPS, &[&after.0, &after.1, &PAGE])?;
            let Some(last) = page.last() else { break };
            after = (last.get(0)?, last.get(1)?);
            let key = |row: &Row| Ok(vec![row.get::<Value>(2)?, row.get::<Value>(1)?]);
            let keys = page
                .iter()
                .map(key)
                .collect::<Result<Vec<_>, StoreError>>()?;
            for (row, records) in page.iter().zip(self.each(RECORD, &keys)?) {
                if records.is_empty() {
                    found.push(finding(Flaw::NoRecord, row)?);
                }
            }
            if found.len() >= PAGE_FOUND_MAX {
                found.truncate(PAGE_FOUND_MAX);
                break;
            }
        }
        Ok(found)
    }

    /// Keeps that a proof was made; forgets those that are more than a year old.
    pub fn insert_proof(&self, proof: &ProofRow) -> Result<(), StoreError> {
        let old = UnixMs(proof.made.0.saturating_sub(KEPT_MS));
        self.run("DELETE FROM book_proof WHERE made_ms < $1", &[&old])?;
        let sums = serde_json::to_string(&proof.sums).map_err(|_| StoreError::Corrupt("sums"))?;
        let sql = "INSERT INTO book_proof (made_ms, took_ms, postings, findings, sums)
                   VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        self.run(
            sql,
            &[
                &proof.made,
                &proof.took_ms,
                &proof.postings,
                &proof.findings,
                &sums,
            ],
        )?;
        Ok(())
    }

    /// The newest proof.
    pub fn last_proof(&self) -> Result<Option<ProofRow>, StoreError> {
        let sql = "SELECT made_ms, took_ms, postings, findings, sums FROM book_proof
                   ORDER BY made_ms DESC LIMIT 1";
        let read = |row: Row| {
            let sums: String = row.get(4)?;
            Ok(ProofRow {
                made: row.get(0)?,
                took_ms: row.get(1)?,
                postings: row.get(2)?,
                findings: row.get(3)?,
                sums: serde_json::from_str(&sums).map_err(|_| StoreError::Corrupt("sums"))?,
            })
        };
        self.row(sql, &[])?.map(read).transpose()
    }
}

fn finding(flaw: Flaw, row: &Row) -> Result<Finding, StoreError> {
    let (account, about): (Option<AccountId>, Vec<u8>) = (row.get(0)?, row.get(1)?);
    Ok(Finding {
        flaw,
        account: account.map(|account| account.to_string()),
        about: match flaw {
            Flaw::StoredValue => account.map(|it| it.to_string()).unwrap_or_default(),
            Flaw::Unbalanced
            | Flaw::LinesAlone
            | Flaw::Orphan
            | Flaw::NoRecord
            | Flaw::Journey
            | Flaw::Decision
            | Flaw::Charge
            | Flaw::ChargeParts
            | Flaw::Paid
            | Flaw::Refund
            | Flaw::Product
            | Flaw::ProductUse
            | Flaw::Share => crate::ids::hex(&about),
        },
    })
}
