//! What belongs to an account: taps, passages, journeys, postings.

use super::chain::envelope;
use super::rows::optional;
use super::{StoreError, Tx};
use fare_protocol::{
    AccountId, ConflictId, Currency, GateId, JourneyId, Money, PassageOutcome, RecordBody,
    RecordId, SignedRecord, UnixMs,
};
use fare_rules::journey::{Charge, Evidence, Journey, Tap};
use fare_rules::ledger::Posting;
use rusqlite::{Row, named_params};
use std::fmt;

/// A journey as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JourneyRow {
    /// Its id, made with its entry.
    pub id: JourneyId,
    /// How far it has come.
    pub state: Journey,
}

/// What a posting is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Whose money moves.
    pub account: AccountId,
    /// The entry of the journey that it is for; none for an exit without one.
    pub entry: Option<RecordId>,
    /// The conflict whose decision made it; none for what journeys do by themselves.
    pub conflict: Option<ConflictId>,
}

/// Whom a conflict is about. As text an account is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A gate's chain.
    Gate(GateId),
    /// An account's taps.
    Account(AccountId),
}

impl Scope {
    /// As it stands in the database.
    pub(super) fn key(self) -> String {
        match self {
            Self::Gate(gate) => format!("gate:{gate}"),
            Self::Account(account) => format!("account:{}", account.to_hex()),
        }
    }

    pub(super) fn from_key(key: &str) -> Result<Self, StoreError> {
        let corrupt = StoreError::Corrupt("a conflict's scope");
        let scope = match key.split_once(':') {
            Some(("gate", id)) => id.parse().ok().map(Self::Gate),
            Some(("account", id)) => id.parse().ok().map(Self::Account),
            Some(_) | None => None,
        };
        scope.ok_or(corrupt)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(gate) => write!(f, "gate {gate}"),
            Self::Account(account) => write!(f, "account {account}"),
        }
    }
}

// `$1`, `$2` ... are numbers to PostgreSQL and names to SQLite, which numbers them as it meets them:
// in every statement they stand in ascending order, so that both mean the same.
impl Tx<'_> {
    /// Keeps what answers a confirmation, unless something has already: then that is answered.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn insert_passage(
        &self,
        gate: GateId,
        confirmation: RecordId,
        outcome: PassageOutcome,
    ) -> Result<Option<PassageOutcome>, StoreError> {
        let first = self.passage(gate, confirmation)?;
        if first.is_none() {
            let sql = "INSERT INTO passage (gate, confirmation, outcome) VALUES ($1, $2, $3)";
            let row = (gate.as_str(), confirmation.0, outcome_text(outcome)?);
            self.0.prepare_cached(sql)?.execute(row)?;
        }
        Ok(first)
    }

    /// What answered a confirmation, whether that has come or not.
    pub fn passage(
        &self,
        gate: GateId,
        confirmation: RecordId,
    ) -> Result<Option<PassageOutcome>, StoreError> {
        let sql = "SELECT outcome FROM passage WHERE gate = $1 AND confirmation = $2";
        let row = (gate.as_str(), confirmation.0);
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| row.get::<_, String>(0));
        optional(row)?.map(|text| outcome_read(&text)).transpose()
    }

    /// Adds a tap with the envelope of its confirmation, which came at `now`.
    pub fn insert_tap(&self, tap: &Tap, envelope: &[u8], now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, passage,
                                    has_place, evidence, unknown_ms)
                   VALUES (:account, :id, :at, :code, :gate, :envelope, :passage,
                           :place, :evidence, :unknown)";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":account": tap.account().0, ":id": tap.id.0, ":at": tap.at.0,
            ":code": tap.code_ref().0, ":gate": tap.gate.as_str(), ":envelope": envelope,
            ":passage": tap.passage.map(outcome_text).transpose()?, ":place": tap.has_place(),
            ":evidence": tap.evidence.map(evidence_text),
            ":unknown": tap.is_unknown().then_some(now.0),
        })?;
        Ok(())
    }

    /// Stores the passage or the evidence that `tap` has got at `now`.
    pub fn update_tap(&self, tap: &Tap, now: UnixMs) -> Result<(), StoreError> {
        let sql = "UPDATE tap SET passage = $1, has_place = $2, evidence = $3,
                          unknown_ms = coalesce(unknown_ms, $4)
                   WHERE account = $5 AND id = $6";
        let passage = tap.passage.map(outcome_text).transpose()?;
        let evidence = tap.evidence.map(evidence_text);
        let unknown = tap.is_unknown().then_some(now.0);
        let (account, id) = (tap.account().0, tap.id.0);
        let row = (passage, tap.has_place(), evidence, unknown, account, id);
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The account's taps just before and just after this one, whatever became of them.
    pub fn adjacent(&self, tap: &Tap) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let before = "SELECT envelope, passage, evidence FROM tap
                      WHERE account = $1 AND (at_ms, id) < ($2, $3)
                      ORDER BY at_ms DESC, id DESC LIMIT 1";
        let after = "SELECT envelope, passage, evidence FROM tap
                     WHERE account = $1 AND (at_ms, id) > ($2, $3)
                     ORDER BY at_ms, id LIMIT 1";
        Ok((self.tap_near(before, tap)?, self.tap_near(after, tap)?))
    }

    /// The unknown passages that the server learnt of before `learnt` and of which nothing tells:
    /// at most `most` taps.
    pub fn untold_since(&self, learnt: UnixMs, most: u32) -> Result<Vec<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence FROM tap
                   WHERE unknown_ms < $1 AND evidence IS NULL ORDER BY unknown_ms LIMIT $2";
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map((learnt.0, most), |row| Ok(read_tap(row)))?;
        rows.collect::<rusqlite::Result<Result<_, _>>>()?
    }

    /// The envelope of a tap's confirmation.
    pub fn tap_record(
        &self,
        account: AccountId,
        id: RecordId,
    ) -> Result<Option<SignedRecord>, StoreError> {
        let sql = "SELECT envelope FROM tap WHERE account = $1 AND id = $2";
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row((account.0, id.0), |row| row.get::<_, Vec<u8>>(0));
        optional(row)?.map(|bytes| envelope(&bytes)).transpose()
    }

    fn tap_near(&self, sql: &str, tap: &Tap) -> Result<Option<Tap>, StoreError> {
        let row = (tap.account().0, tap.at.0, tap.id.0);
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| Ok(read_tap(row)));
        optional(row)?.transpose()
    }

    /// The account's tap with this id.
    pub fn tap(&self, account: AccountId, id: RecordId) -> Result<Option<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence FROM tap WHERE account = $1 AND id = $2";
        let row = (account.0, id.0);
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| Ok(read_tap(row)));
        optional(row)?.transpose()
    }

    /// The nearest taps that have a place before and after this one.
    pub fn neighbours(&self, tap: &Tap) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let before = "SELECT envelope, passage, evidence FROM tap
                      WHERE account = $1 AND has_place = 1 AND (at_ms, id) < ($2, $3)
                      ORDER BY at_ms DESC, id DESC LIMIT 1";
        let after = "SELECT envelope, passage, evidence FROM tap
                     WHERE account = $1 AND has_place = 1 AND (at_ms, id) > ($2, $3)
                     ORDER BY at_ms, id LIMIT 1";
        Ok((self.tap_near(before, tap)?, self.tap_near(after, tap)?))
    }

    /// The account's first tap with the same code at another gate.
    pub fn same_code_elsewhere(&self, tap: &Tap) -> Result<Option<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence FROM tap
                   WHERE account = $1 AND code_ref = $2 AND gate <> $3
                   ORDER BY at_ms, id LIMIT 1";
        let row = (tap.account().0, tap.code_ref().0, tap.gate.as_str());
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| Ok(read_tap(row)));
        optional(row)?.transpose()
    }

    /// The journey of this entry.
    pub fn journey(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Option<JourneyRow>, StoreError> {
        let sql = "SELECT journey, state, exit, fare_minor, currency FROM journey
                   WHERE account = $1 AND entry = $2";
        let row = (account.0, entry.0);
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| Ok(read_journey(row)));
        optional(row)?.transpose()
    }

    /// The entry whose journey ends with this exit, and how far that has come.
    pub fn journey_of_exit(
        &self,
        account: AccountId,
        exit: RecordId,
    ) -> Result<Option<(RecordId, JourneyRow)>, StoreError> {
        let sql = "SELECT entry FROM journey WHERE account = $1 AND exit = $2";
        let row = (account.0, exit.0);
        let entry = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| row.get(0).map(RecordId));
        let Some(entry) = optional(entry)? else {
            return Ok(None);
        };
        let journey = self.journey(account, entry)?;
        Ok(journey.map(|journey| (entry, journey)))
    }

    /// Begins the journey of an entry whose passage is not known yet.
    pub fn insert_journey(&self, entry: &Tap, id: JourneyId) -> Result<(), StoreError> {
        let sql = "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms)
                   VALUES (:account, :entry, :journey, :state, :station, :line, :entered)";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":account": entry.account().0, ":entry": entry.id.0, ":journey": id.0,
            ":state": Journey::Tapped.code(), ":station": entry.station().as_str(),
            ":line": entry.confirmation.location.line.as_str(), ":entered": entry.at.0,
        })?;
        Ok(())
    }

    /// Stores how far a journey has come; `exit` is the tap that its state names.
    pub fn update_journey(
        &self,
        entry: &Tap,
        state: Journey,
        exit: Option<&Tap>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE journey SET state = :state, exit = :exit, exit_station = :station,
                          left_ms = :left, fare_minor = :fare, currency = :currency
                   WHERE account = :account AND entry = :entry";
        let exit = exit.filter(|exit| state.exit() == Some(exit.id));
        let fare = state.charge().map(|charge| charge.fare);
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":account": entry.account().0, ":entry": entry.id.0, ":state": state.code(),
            ":exit": exit.map(|exit| exit.id.0),
            ":station": exit.map(|exit| exit.station().as_str().to_owned()),
            ":left": exit.map(|exit| exit.at.0), ":fare": fare.map(|fare| fare.minor),
            ":currency": fare.map(|fare| fare.currency.as_str().to_owned()),
        })?;
        Ok(())
    }

    /// Books a posting. The database checks once more that it balances.
    pub fn post(
        &self,
        id: [u8; 16],
        about: About,
        posting: &Posting,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let lines = "INSERT INTO posting_line (account, posting, line, ledger, minor, currency)
                     VALUES ($1, $2, $3, $4, $5, $6)";
        let account = about.account.0;
        let mut statement = self.0.prepare_cached(lines)?;
        for (line, part) in (1_i64..).zip(posting.entries()) {
            let (minor, currency) = (part.amount.minor, part.amount.currency);
            let ledger = part.account.code();
            statement.execute((account, id, line, ledger, minor, currency.as_str()))?;
        }
        let sql = "INSERT INTO posting (account, posting, entry, conflict, kind, made_ms)
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let (entry, conflict) = (about.entry.map(|id| id.0), about.conflict.map(|id| id.0));
        let row = (account, id, entry, conflict, posting.kind().code(), now.0);
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }
}

fn outcome_text(outcome: PassageOutcome) -> Result<String, StoreError> {
    serde_json::to_string(&outcome).map_err(|_| StoreError::Corrupt("a passage"))
}

fn outcome_read(text: &str) -> Result<PassageOutcome, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("a passage"))
}

fn evidence_text(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Passed => "passed",
        Evidence::Annulled => "annulled",
        Evidence::Expired => "expired",
    }
}

fn evidence_read(text: &str) -> Result<Evidence, StoreError> {
    let all = [Evidence::Passed, Evidence::Annulled, Evidence::Expired];
    let found = all.into_iter().find(|e| evidence_text(*e) == text);
    found.ok_or(StoreError::Corrupt("evidence"))
}

fn read_tap(row: &Row<'_>) -> Result<Tap, StoreError> {
    let record = envelope(&row.get::<_, Vec<u8>>(0)?)?;
    let record = record.record();
    let RecordBody::Confirmation(confirmation) = record.body else {
        return Err(StoreError::Corrupt("a tap without a confirmation"));
    };
    let passage = row.get::<_, Option<String>>(1)?;
    let passage = passage.map(|text| outcome_read(&text)).transpose()?;
    let evidence = row.get::<_, Option<String>>(2)?;
    let evidence = evidence.map(|text| evidence_read(&text)).transpose()?;
    Ok(Tap {
        passage,
        evidence,
        ..Tap::new(record, confirmation)
    })
}

fn read_journey(row: &Row<'_>) -> Result<JourneyRow, StoreError> {
    let id = JourneyId(row.get(0)?);
    let exit = row.get::<_, Option<[u8; 16]>>(2)?.map(RecordId);
    let fare = match (
        row.get::<_, Option<i64>>(3)?,
        row.get::<_, Option<String>>(4)?,
    ) {
        (Some(minor), Some(currency)) => {
            let currency = currency.parse::<Currency>();
            Some(Money::new(
                minor,
                currency.map_err(|_| StoreError::Corrupt("a currency"))?,
            ))
        }
        (_, _) => None,
    };
    let state = match (row.get::<_, String>(1)?.as_str(), exit, fare) {
        ("tapped", None, None) => Journey::Tapped,
        ("annulled", None, None) => Journey::Annulled,
        ("open", None, None) => Journey::Open,
        ("incomplete", None, None) => Journey::Incomplete,
        ("unpriced", Some(exit), None) => Journey::Unpriced { exit },
        ("held", Some(exit), Some(fare)) => Journey::Held(Charge { exit, fare }),
        ("closed", Some(exit), Some(fare)) => Journey::Closed(Charge { exit, fare }),
        (_, _, _) => return Err(StoreError::Corrupt("a journey's state")),
    };
    Ok(JourneyRow { id, state })
}
