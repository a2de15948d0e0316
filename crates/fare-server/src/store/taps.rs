//! What belongs to an account: taps, passages, journeys, postings; and conflicts.

use super::chain::envelope;
use super::rows::optional;
use super::{StoreError, Tx};
use fare_protocol::{
    AccountId, Currency, GateId, JourneyId, Money, PassageOutcome, RecordBody, RecordId, UnixMs,
};
use fare_rules::journey::{Charge, ConflictKind, Journey, Tap};
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
    fn key(self) -> String {
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

    /// Adds a tap with the envelope of its confirmation.
    pub fn insert_tap(&self, tap: &Tap, envelope: &[u8]) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO tap (account, id, at_ms, code_ref, gate, envelope, passage, has_place)
                   VALUES (:account, :id, :at, :code, :gate, :envelope, :passage, :place)";
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":account": tap.account().0, ":id": tap.id.0, ":at": tap.at.0,
            ":code": tap.code_ref().0, ":gate": tap.gate.as_str(), ":envelope": envelope,
            ":passage": tap.passage.map(outcome_text).transpose()?, ":place": tap.has_place(),
        })?;
        Ok(())
    }

    /// Stores the passage that `tap` has got.
    pub fn update_tap(&self, tap: &Tap) -> Result<(), StoreError> {
        let sql = "UPDATE tap SET passage = $1, has_place = $2 WHERE account = $3 AND id = $4";
        let passage = tap.passage.map(outcome_text).transpose()?;
        let row = (passage, tap.has_place(), tap.account().0, tap.id.0);
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// The account's tap with this id.
    pub fn tap(&self, account: AccountId, id: RecordId) -> Result<Option<Tap>, StoreError> {
        let sql = "SELECT envelope, passage FROM tap WHERE account = $1 AND id = $2";
        let row = (account.0, id.0);
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| Ok(read_tap(row)));
        optional(row)?.transpose()
    }

    /// The nearest taps that have a place before and after this one.
    pub fn neighbours(&self, tap: &Tap) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let before = "SELECT envelope, passage FROM tap
                      WHERE account = $1 AND has_place = 1 AND (at_ms, id) < ($2, $3)
                      ORDER BY at_ms DESC, id DESC LIMIT 1";
        let after = "SELECT envelope, passage FROM tap
                     WHERE account = $1 AND has_place = 1 AND (at_ms, id) > ($2, $3)
                     ORDER BY at_ms, id LIMIT 1";
        let nearest = |sql| {
            let row = (tap.account().0, tap.at.0, tap.id.0);
            let row = self
                .0
                .prepare_cached(sql)?
                .query_row(row, |row| Ok(read_tap(row)));
            optional(row)?.transpose()
        };
        Ok((nearest(before)?, nearest(after)?))
    }

    /// Another gate at which the account showed the same code.
    pub fn same_code_elsewhere(&self, tap: &Tap) -> Result<Option<GateId>, StoreError> {
        let sql = "SELECT gate FROM tap WHERE account = $1 AND code_ref = $2 AND gate <> $3
                   ORDER BY at_ms, id LIMIT 1";
        let row = (tap.account().0, tap.code_ref().0, tap.gate.as_str());
        let row = self
            .0
            .prepare_cached(sql)?
            .query_row(row, |row| row.get::<_, String>(0));
        let gate = optional(row)?;
        gate.map(|id| id.parse().map_err(|_| StoreError::Corrupt("a gate's id")))
            .transpose()
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

    /// Books a posting about the journey of `entry`. The database checks once more that it
    /// balances.
    pub fn post(
        &self,
        id: [u8; 16],
        entry: &Tap,
        posting: &Posting,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let lines = "INSERT INTO posting_line (account, posting, line, ledger, minor, currency)
                     VALUES ($1, $2, $3, $4, $5, $6)";
        let account = entry.account().0;
        let mut statement = self.0.prepare_cached(lines)?;
        for (line, part) in (1_i64..).zip(posting.entries()) {
            let (minor, currency) = (part.amount.minor, part.amount.currency);
            let ledger = part.account.code();
            statement.execute((account, id, line, ledger, minor, currency.as_str()))?;
        }
        let sql = "INSERT INTO posting (account, posting, entry, kind, made_ms)
                   VALUES ($1, $2, $3, $4, $5)";
        let row = (account, id, entry.id.0, posting.kind().code(), now.0);
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Raises a conflict, or tells it anew; answers whether it did not stand before.
    pub fn raise(
        &self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
        detail: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let stands = "SELECT 1 FROM conflict WHERE scope = $1 AND kind = $2 AND subject = $3
                      AND cleared_ms IS NULL";
        let mut stands = self.0.prepare_cached(stands)?;
        let stood = stands.exists((scope.key(), kind.code(), subject))?;
        let sql = "INSERT INTO conflict (scope, kind, subject, detail, raised_ms)
                   VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (scope, kind, subject) DO UPDATE SET detail = $4, cleared_ms = NULL";
        let row = (scope.key(), kind.code(), subject, detail, now.0);
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(!stood)
    }

    /// Clears a conflict; answers whether it stood.
    pub fn clear(
        &self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE conflict SET cleared_ms = $1
                   WHERE scope = $2 AND kind = $3 AND subject = $4 AND cleared_ms IS NULL";
        let row = (now.0, scope.key(), kind.code(), subject);
        Ok(self.0.prepare_cached(sql)?.execute(row)? > 0)
    }
}

fn outcome_text(outcome: PassageOutcome) -> Result<String, StoreError> {
    serde_json::to_string(&outcome).map_err(|_| StoreError::Corrupt("a passage"))
}

fn outcome_read(text: &str) -> Result<PassageOutcome, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("a passage"))
}

fn read_tap(row: &Row<'_>) -> Result<Tap, StoreError> {
    let record = envelope(&row.get::<_, Vec<u8>>(0)?)?;
    let record = record.record();
    let RecordBody::Confirmation(confirmation) = record.body else {
        return Err(StoreError::Corrupt("a tap without a confirmation"));
    };
    let passage = row.get::<_, Option<String>>(1)?;
    let passage = passage.map(|text| outcome_read(&text)).transpose()?;
    Ok(Tap {
        passage,
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
