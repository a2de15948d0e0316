//! Clearing: the revenue of a time, shared out among the operators of the lines that journeys used.
//!
//! A configured rule says whose each line is, and how much of a fare belongs to the line of entry; the rest
//! belongs to the line of exit. Each posting is shared out by itself, so that a reversal gives back to the
//! minor unit what its posting gave, also when the journey has another exit since, on another operator's line.
//! What the operators get is, to the minor unit, what the books say.
//!
//! A close's revenue is shared out once: each operator's part is posted to its own account in the ledger.

use crate::ids;
use crate::store::{CloseRow, Moved, Posted, ShareRow, StoreError, Tx};
use fare_protocol::{AccountId, Currency, LineId, Money, RecordId, UnixMs};
use fare_rules::ledger::{Posting, PostingError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Postings read at once.
const PAGE: u32 = 1_000;

/// The rule as it is written in TOML.
///
/// ```toml
/// entry_permille = 500            # of a fare, to the line of entry; the rest to the line of exit
/// [[operator]]
/// id = "mtr-1"                    # names the files
/// name = "Line 1 Company"
/// lines = ["1"]
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Thousandths of a fare that belong to the line of entry.
    pub entry_permille: u16,
    /// Whose lines are whose.
    pub operator: Vec<Operator>,
}

/// Who owns lines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// A short word: letters, digits, `-`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: Vec<LineId>,
}

/// Why revenue cannot be shared out.
#[derive(Debug, thiserror::Error)]
pub enum ClearingError {
    /// The rule cannot be read, or contradicts itself.
    #[error("the clearing rule: {0}")]
    Rule(String),
    /// A line is nobody's.
    #[error("line {line} has no operator, and journeys used it: name it in the clearing rule")]
    NobodysLine {
        /// Which.
        line: LineId,
    },
    /// A posting's lines are not known.
    #[error("the lines of a posting of {0} are not known; look at it: fareserver journeys show")]
    NoLine(String),
    /// A part cannot be posted.
    #[error("{0}")]
    Posting(#[from] PostingError),
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// One operator's part of one posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// When it was posted, by the server's clock.
    pub posted_ms: UnixMs,
    /// The posting: 32 hexadecimal digits.
    pub posting: String,
    /// Of which kind.
    pub kind: String,
    /// The line of entry; none for an exit without an entry.
    pub entry_line: Option<LineId>,
    /// The line of exit; none for an entry without an exit.
    pub exit_line: Option<LineId>,
    /// The revenue of the whole posting.
    pub revenue: Money,
    /// What of it is this operator's.
    pub share_minor: i64,
}

/// What one operator gets in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// In which currency.
    pub currency: Currency,
    /// Postings of which it has a part.
    pub items: u64,
    /// Its part, added up.
    pub share_minor: i64,
}

/// One operator's statement; as JSON it is `OPERATOR.json`, its items are `OPERATOR.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Whose.
    pub operator: String,
    /// Its name.
    pub name: String,
    /// The first moment of its time.
    pub from_ms: UnixMs,
    /// The first moment after its time.
    pub until_ms: UnixMs,
    /// Thousandths of a fare that belong to the line of entry.
    pub entry_permille: u16,
    /// What it gets, by currency.
    pub totals: Vec<Total>,
    /// The revenue of all operators in that time, by currency: what all statements come to together.
    pub revenue: Vec<Money>,
    /// The parts, in the order of time.
    #[serde(skip)]
    pub items: Vec<Item>,
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ClearingError> {
        let rule: Self =
            toml::from_str(text).map_err(|err| ClearingError::Rule(err.to_string()))?;
        let bad = |what: String| Err(ClearingError::Rule(what));
        if rule.entry_permille > 1_000 {
            let got = rule.entry_permille;
            return bad(format!("`entry_permille` is {got}; write 0 to 1000"));
        }
        if rule.operator.is_empty() {
            return bad("there is no [[operator]]".to_owned());
        }
        let (mut ids, mut lines) = (Vec::new(), Vec::new());
        for operator in &rule.operator {
            let id = operator.id.as_str();
            let is_word = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
            if id.is_empty() || !id.bytes().all(is_word) {
                return bad(format!("{id:?} is no id; write letters, digits and -"));
            }
            if ids.contains(&id) {
                return bad(format!("two operators are called {id}"));
            }
            ids.push(id);
            for line in &operator.lines {
                if lines.contains(line) {
                    return bad(format!("line {line} is named twice"));
                }
                lines.push(*line);
            }
        }
        Ok(rule)
    }

    /// Its hash: SHA-256 of what it says, hexadecimal. Comments and spaces do not count.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        };
        part(&self.entry_permille.to_string());
        for operator in &self.operator {
            part(&operator.id);
            part(&operator.name);
            for line in &operator.lines {
                part(&line.to_string());
            }
            part("");
        }
        ids::hex(&hash.finalize())
    }

    fn owner(&self, line: LineId) -> Result<usize, ClearingError> {
        let owner = self
            .operator
            .iter()
            .position(|operator| operator.lines.contains(&line));
        owner.ok_or(ClearingError::NobodysLine { line })
    }
}

/// An amount in two: so many thousandths, rounded towards nothing, and the rest. The parts of the negative
/// are the negatives of the parts.
pub fn split(minor: i64, permille: u16) -> (i64, i64) {
    let part = i128::from(minor) * i128::from(permille.min(1_000)) / 1_000;
    // No larger than the amount, so it fits.
    let part = i64::try_from(part).unwrap_or(minor);
    (part, minor - part)
}

/// The statements of all operators for what was posted from `from` up to before `until`.
///
/// # Errors
/// When a line is nobody's: then nobody gets a statement.
pub fn statements(
    tx: &Tx<'_>,
    rule: &Rule,
    (from, until): (UnixMs, UnixMs),
) -> Result<Vec<Statement>, ClearingError> {
    let mut items: Vec<Vec<Item>> = vec![Vec::new(); rule.operator.len()];
    let mut revenue: BTreeMap<String, Money> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = tx.posted((from, until), after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        for posted in &page {
            let Some(earned) = earned(posted) else {
                continue;
            };
            let all = revenue.entry(earned.currency.to_string());
            let all = all.or_insert(Money::new(0, earned.currency));
            all.minor = all.minor.saturating_add(earned.minor);
            share(tx, rule, (posted, earned), &mut items)?;
        }
    }
    let revenue: Vec<Money> = revenue.into_values().collect();
    let operators = rule.operator.iter().zip(items);
    let statements = operators.map(|(operator, items)| Statement {
        operator: operator.id.clone(),
        name: operator.name.clone(),
        from_ms: from,
        until_ms: until,
        entry_permille: rule.entry_permille,
        totals: totals(&items),
        revenue: revenue.clone(),
        items,
    });
    Ok(statements.collect())
}

/// An operator's own account in the ledger: made of its id, so that the same operator always has the same.
pub fn account_of(operator: &str) -> AccountId {
    let hash = Sha256::new()
        .chain_update(b"faregate operator ")
        .chain_update(operator)
        .finalize();
    let mut account = [0; 16];
    account.copy_from_slice(&hash[..16]);
    AccountId(account)
}

/// Shares out a close, in the caller's transaction: what each operator gets of its revenue is posted. Nothing when
/// somebody else has meanwhile.
///
/// # Errors
/// When a line is nobody's, or the store fails: then nobody gets anything.
pub fn share_out(
    tx: &Tx<'_>,
    close: &CloseRow,
    (shared, rule): (&[Statement], &str),
    now: UnixMs,
) -> Result<Vec<ShareRow>, ClearingError> {
    let mut rows = Vec::new();
    if !tx.note_shared(close.nth, rule, now)? {
        return Ok(rows);
    }
    for statement in shared {
        for total in &statement.totals {
            let revenue = statement.revenue.iter();
            let mut revenue = revenue.filter(|all| all.currency == total.currency);
            let row = ShareRow {
                account: account_of(&statement.operator),
                nth: close.nth,
                operator: statement.operator.clone(),
                part: Money::new(total.share_minor, total.currency),
                revenue_minor: revenue.next().map_or(0, |all| all.minor),
                share: ids::new_id(now)?,
            };
            tx.insert_share(&row, &Posting::share(row.part)?, now)?;
            rows.push(row);
        }
    }
    Ok(rows)
}

/// Which exit the journey had for a posting, out of all that moved revenue for it: what was given back says so itself, and
/// what it undid had the same. Nothing where the journey's exit of today is the one.
fn exit_then(moved: &[Moved], posting: [u8; 16]) -> Option<Option<RecordId>> {
    let mut exits: BTreeMap<[u8; 16], Option<RecordId>> = BTreeMap::new();
    let mut undone = Vec::new();
    for back in moved.iter().filter(|one| one.minor < 0) {
        let gave = |one: &&Moved| {
            one.minor == -back.minor
                && one.product == back.product
                && one.made <= back.made
                && !undone.contains(&one.posting)
        };
        let gave = moved.iter().rev().find(gave).map(|one| one.posting);
        undone.extend(gave);
        if let Some(exit) = back.exit {
            exits.insert(back.posting, exit);
            exits.extend(gave.map(|posting| (posting, exit)));
        }
    }
    exits.get(&posting).copied()
}

/// What a posting brought in; nothing when no revenue moved, and for what operators got of it.
fn earned(posted: &Posted) -> Option<Money> {
    if posted.kind == "share" {
        return None;
    }
    let lines = posted.lines.iter();
    let mut lines = lines.filter(|(ledger, _, _)| ledger == "fare-revenue");
    let (_, first, currency) = lines.next()?;
    let sum = lines.fold(*first, |sum, (_, minor, _)| sum.saturating_add(*minor));
    (sum != 0).then(|| Money::new(sum, *currency))
}

fn share(
    tx: &Tx<'_>,
    rule: &Rule,
    (posted, revenue): (&Posted, Money),
    items: &mut [Vec<Item>],
) -> Result<(), ClearingError> {
    let (made, account, posting) = posted.place;
    let lines = tx.lines_of(posted, |moved| exit_then(moved, posting))?;
    let parts = match (lines.entry, lines.exit) {
        (Some(entry), Some(exit)) => {
            let (first, rest) = split(revenue.minor, rule.entry_permille);
            let (entry, exit) = (rule.owner(entry)?, rule.owner(exit)?);
            if entry == exit {
                vec![(entry, revenue.minor)]
            } else {
                vec![(entry, first), (exit, rest)]
            }
        }
        (Some(only), None) | (None, Some(only)) => vec![(rule.owner(only)?, revenue.minor)],
        (None, None) => return Err(ClearingError::NoLine(account.to_string())),
    };
    for (owner, share_minor) in parts {
        if let Some(items) = items.get_mut(owner) {
            items.push(Item {
                posted_ms: made,
                posting: fare_protocol::JourneyId(posting).to_hex(),
                kind: posted.kind.clone(),
                entry_line: lines.entry,
                exit_line: lines.exit,
                revenue,
                share_minor,
            });
        }
    }
    Ok(())
}

fn totals(items: &[Item]) -> Vec<Total> {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for item in items {
        let currency = item.revenue.currency;
        let total = totals.entry(currency.to_string()).or_insert(Total {
            currency,
            items: 0,
            share_minor: 0,
        });
        total.items += 1;
        total.share_minor = total.share_minor.saturating_add(item.share_minor);
    }
    totals.into_values().collect()
}

impl Statement {
    /// Its items as CSV with a line of names: RFC 4180, times as RFC 3339 in UTC, money in minor units.
    pub fn csv(&self) -> String {
        let names = "posted,posting,kind,entry_line,exit_line,revenue_minor,share_minor,currency";
        let mut csv = format!("{names}\r\n");
        for item in &self.items {
            let line = |line: Option<LineId>| line.map(|line| line.to_string()).unwrap_or_default();
            let (entry, exit) = (line(item.entry_line), line(item.exit_line));
            let (at, revenue) = (item.posted_ms.to_rfc3339(), item.revenue);
            // Writing to a string cannot fail.
            let _ = write!(
                csv,
                "{at},{},{},{entry},{exit},{},{},{}\r\n",
                item.posting, item.kind, revenue.minor, item.share_minor, revenue.currency
            );
        }
        csv
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_minor_unit_is_lost_and_a_reversal_gives_back_what_was_given(
            minor in -1_000_000_000_000_i64..1_000_000_000_000, permille in 0_u16..=1_000,
        ) {
            let (first, rest) = split(minor, permille);
            prop_assert_eq!(first + rest, minor);
            prop_assert_eq!(split(-minor, permille), (-first, -rest));
            prop_assert!(first.abs() <= minor.abs() && rest.abs() <= minor.abs());
            let exact = minor as f64 * f64::from(permille) / 1_000.0;
            prop_assert!((first as f64 - exact).abs() < 1.001);
        }
    }

    #[test]
    fn what_was_given_back_and_what_it_undid_have_the_exit_of_then() {
        let moved = |n: u8, made: i64, minor: i64, exit: Option<Option<u8>>| Moved {
            posting: [n; 16],
            made: UnixMs(made),
            minor,
            product: None,
            exit: exit.map(|exit| exit.map(|exit| RecordId([exit; 16]))),
        };
        // Captured by exit 7, given back when exit 8 came, captured again; a correction by staff, which 9 overtook.
        let all = [
            moved(1, 10, 600, None),
            moved(2, 10, -600, Some(Some(7))),
            moved(3, 10, 500, None),
            moved(4, 20, -500, Some(Some(8))),
            moved(5, 20, 300, None),
            moved(6, 30, -300, Some(Some(8))),
            moved(7, 30, 500, None),
            moved(8, 30, -500, Some(Some(8))),
            moved(9, 30, 400, None),
        ];
        let exits = all.map(|one| exit_then(&all, one.posting).map(|exit| exit.unwrap().0[0]));
        let seven = Some(7);
        let eight = Some(8);
        assert_eq!(
            exits,
            [seven, seven, eight, eight, eight, eight, eight, eight, None]
        );
        // A maximum fare was the entry's line's alone.
        let maximum = [moved(1, 10, 900, None), moved(2, 20, -900, Some(None))];
        assert_eq!(exit_then(&maximum, [1; 16]), Some(None));
        // Before exits were noted, the one of today is taken.
        let old = [moved(1, 10, 900, None), moved(2, 20, -900, None)];
        assert_eq!(exit_then(&old, [2; 16]), None);
    }

    #[test]
    fn a_rule_that_contradicts_itself_is_refused() {
        let good =
            "entry_permille = 500\n[[operator]]\nid = \"a\"\nname = \"A\"\nlines = [\"1\"]\n";
        assert_eq!(Rule::parse(good).unwrap().operator.len(), 1);
        let twice = format!("{good}[[operator]]\nid = \"b\"\nname = \"B\"\nlines = [\"1\"]\n");
        for (text, said) in [
            ("entry_permille = 1001\noperator = []", "0 to 1000"),
            ("entry_permille = 1\noperator = []", "no [[operator]]"),
            (twice.as_str(), "line 1 is named twice"),
            (
                &good.repeat(2).replacen("entry_permille = 500\n", "", 1),
                "entry_permille",
            ),
            (&good.replace("\"a\"", "\"../a\""), "is no id"),
            (&good.replace("name", "nom"), "unknown field"),
        ] {
            let refused = Rule::parse(text).unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
