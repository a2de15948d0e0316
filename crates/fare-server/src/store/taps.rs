//! What belongs to an account: taps, passages, journeys, postings.

use super::chain::envelope;
use super::sql::{Bind, Param, Row};
use super::{StoreError, Tx};
use fare_protocol::{
    AccountId, ConflictId, GateId, JourneyId, Money, PassageOutcome, RecordBody, RecordId,
    SignedRecord, UnixMs,
};
use fare_rules::journey::{Charge, Evidence, Journey, Tap};
use fare_rules::ledger::{Entry, Posting};
use std::fmt;

/// A journey as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JourneyRow {
    /// Its id, made with its entry.
    pub id: JourneyId,
    /// How far it has come.
    pub state: Journey,
    /// When it ends without an exit.
    pub due: UnixMs,
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

pub(super) const INSERT_PASSAGE: &str =
    "INSERT INTO passage (gate, confirmation, outcome) VALUES ($1, $2, $3)";

pub(super) const INSERT_TAP: &str = "
    INSERT INTO tap (account, id, at_ms, place, code_ref, gate, envelope, passage, has_place, evidence,
                     unknown_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

pub(super) const UPDATE_TAP: &str = "
    UPDATE tap SET passage = $1, has_place = $2, evidence = $3,
                   unknown_ms = coalesce(unknown_ms, $4)
    WHERE account = $5 AND id = $6";

pub(super) const SAME_CODE: &str = "
    SELECT envelope, passage, evidence, at_ms FROM tap WHERE account = $1 AND code_ref = $2 AND gate <> $3
    ORDER BY at_ms, place LIMIT 1";

pub(super) const JOURNEY: &str = "
    SELECT journey, state, exit, fare_minor, currency, due_ms FROM journey
    WHERE account = $1 AND entry = $2";

pub(super) const UPDATE_JOURNEY: &str = "
    UPDATE journey SET state = $1, exit = $2, exit_station = $3, left_ms = $4, fare_minor = $5,
                       currency = $6
    WHERE account = $7 AND entry = $8";

pub(super) const INSERT_LINE: &str = "
    INSERT INTO posting_line (account, posting, line, ledger, minor, currency)
    VALUES ($1, $2, $3, $4, $5, $6)";

pub(super) const INSERT_POSTING: &str = "
    INSERT INTO posting (account, posting, entry, conflict, kind, made_ms)
    VALUES ($1, $2, $3, $4, $5, $6)";

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
            let kept = self
                .batch
                .borrow_mut()
                .put_passage(gate, confirmation, outcome)?;
            if !kept {
                let outcome = outcome_text(outcome)?;
                self.run(INSERT_PASSAGE, &[&gate, &confirmation, &outcome])?;
            }
        }
        Ok(first)
    }

    /// What answered a confirmation, whether that has come or not.
    pub fn passage(
        &self,
        gate: GateId,
        confirmation: RecordId,
    ) -> Result<Option<PassageOutcome>, StoreError> {
        if let Some(known) = self.batch.borrow().passage(gate, confirmation) {
            return Ok(known);
        }
        let sql = "SELECT outcome FROM passage WHERE gate = $1 AND confirmation = $2";
        match self.row(sql, &[&gate, &confirmation])? {
            Some(row) => outcome_read(&row, 0),
            None => Ok(None),
        }
    }

    /// Adds a tap with its confirmation as it was signed, which came at `now`.
    pub fn insert_tap(
        &self,
        tap: &Tap,
        record: &SignedRecord,
        now: UnixMs,
    ) -> Result<(), StoreError> {
        let kept = self.batch.borrow_mut().put_tap(tap, record, now);
        if kept {
            return Ok(());
        }
        let envelope = record.bytes();
        let (account, code) = (tap.account(), tap.code_ref().0);
        let passage = tap.passage.map(outcome_text).transpose()?;
        let evidence = tap.evidence.map(evidence_text);
        let (has_place, unknown) = (tap.has_place(), tap.is_unknown().then_some(now));
        let (at, key) = (tap.place().at, tap.place().key());
        let place = key.as_slice();
        self.run(
            INSERT_TAP,
            &[
                &account, &tap.id, &at, &place, &code, &tap.gate, &envelope, &passage, &has_place,
                &evidence, &unknown,
            ],
        )?;
        Ok(())
    }

    /// Stores the passage or the evidence that `tap` has got at `now`.
    pub fn update_tap(&self, tap: &Tap, now: UnixMs) -> Result<(), StoreError> {
        let kept = self.batch.borrow_mut().change_tap(tap, now);
        if kept {
            return Ok(());
        }
        let passage = tap.passage.map(outcome_text).transpose()?;
        let evidence = tap.evidence.map(evidence_text);
        let (place, unknown) = (tap.has_place(), tap.is_unknown().then_some(now));
        self.run(
            UPDATE_TAP,
            &[
                &passage,
                &place,
                &evidence,
                &unknown,
                &tap.account(),
                &tap.id,
            ],
        )?;
        Ok(())
    }

    /// The account's taps just before and just after this one, whatever became of them.
    pub fn adjacent(&self, tap: &Tap) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let before = "SELECT envelope, passage, evidence, at_ms FROM tap
                      WHERE account = $1 AND (at_ms, place) < ($2, $3)
                      ORDER BY at_ms DESC, place DESC LIMIT 1";
        let after = "SELECT envelope, passage, evidence, at_ms FROM tap
                     WHERE account = $1 AND (at_ms, place) > ($2, $3)
                     ORDER BY at_ms, place LIMIT 1";
        self.both_sides(tap, false, [before, after])
    }

    /// The unknown passages that the server learnt of before `learnt` and of which nothing tells:
    /// at most `most` taps.
    pub fn untold_since(&self, learnt: UnixMs, most: u32) -> Result<Vec<Tap>, StoreError> {
        let sql = "SELECT envelope, passage, evidence, at_ms FROM tap
                   WHERE unknown_ms < $1 AND evidence IS NULL ORDER BY unknown_ms LIMIT $2";
        self.rows(sql, &[&learnt, &most])?
            .iter()
            .map(read_tap)
            .collect()
    }

    /// The envelope of a tap's confirmation.
    pub fn tap_record(
        &self,
        account: AccountId,
        id: RecordId,
    ) -> Result<Option<SignedRecord>, StoreError> {
        if let Some(known) = self.batch.borrow().tap_record(account, id) {
            return Ok(known);
        }
        let sql = "SELECT envelope FROM tap WHERE account = $1 AND id = $2";
        let row = self.row(sql, &[&account, &id])?;
        row.map(|row| envelope(&row, 0)).transpose()
    }

    /// The taps next to this one, before and after: what the batch knows of them, else what is stored.
    fn both_sides(
        &self,
        tap: &Tap,
        has_place: bool,
        [before, after]: [&str; 2],
    ) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let near = |is_after, sql| {
            let known = self.batch.borrow().near(tap, is_after, has_place);
            known.map_or_else(|| self.tap_near(sql, tap), Ok)
        };
        Ok((near(false, before)?, near(true, after)?))
    }

    fn tap_near(&self, sql: &str, tap: &Tap) -> Result<Option<Tap>, StoreError> {
        let (at, key) = (tap.place().at, tap.place().key());
        let row = self.row(sql, &[&tap.account(), &at, &key.as_slice()])?;
        row.as_ref().map(read_tap).transpose()
    }

    /// The account's tap with this id.
    pub fn tap(&self, account: AccountId, id: RecordId) -> Result<Option<Tap>, StoreError> {
        if let Some(known) = self.batch.borrow().tap(account, id) {
            return Ok(known);
        }
        let sql =
            "SELECT envelope, passage, evidence, at_ms FROM tap WHERE account = $1 AND id = $2";
        let row = self.row(sql, &[&account, &id])?;
        row.as_ref().map(read_tap).transpose()
    }

    /// The nearest taps that have a place before and after this one.
    pub fn neighbours(&self, tap: &Tap) -> Result<(Option<Tap>, Option<Tap>), StoreError> {
        let before = "SELECT envelope, passage, evidence, at_ms FROM tap
                      WHERE account = $1 AND has_place = 1 AND (at_ms, place) < ($2, $3)
                      ORDER BY at_ms DESC, place DESC LIMIT 1";
        let after = "SELECT envelope, passage, evidence, at_ms FROM tap
                     WHERE account = $1 AND has_place = 1 AND (at_ms, place) > ($2, $3)
                     ORDER BY at_ms, place LIMIT 1";
        self.both_sides(tap, true, [before, after])
    }

    /// The account's first tap with the same code at another gate.
    pub fn same_code_elsewhere(&self, tap: &Tap) -> Result<Option<Tap>, StoreError> {
        if let Some(known) = self.batch.borrow().same_code_elsewhere(tap) {
            return Ok(known);
        }
        let row = self.row(SAME_CODE, &[&tap.account(), &tap.code_ref().0, &tap.gate])?;
        row.as_ref().map(read_tap).transpose()
    }

    /// The journey of this entry.
    pub fn journey(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Option<JourneyRow>, StoreError> {
        if let Some(known) = self.batch.borrow().journey(account, entry) {
            return Ok(Some(known));
        }
        let row = self.row(JOURNEY, &[&account, &entry])?;
        row.as_ref().map(read_journey).transpose()
    }

    /// The entry whose journey ends with this exit, and how far that has come.
    pub fn journey_of_exit(
        &self,
        account: AccountId,
        exit: RecordId,
    ) -> Result<Option<(RecordId, JourneyRow)>, StoreError> {
        let sql = "SELECT entry FROM journey WHERE account = $1 AND exit = $2";
        let Some(row) = self.row(sql, &[&account, &exit])? else {
            return Ok(None);
        };
        let entry = row.get(0)?;
        let journey = self.journey(account, entry)?;
        Ok(journey.map(|journey| (entry, journey)))
    }

    /// Begins the journey of an entry whose passage is not known yet; it ends at `due` without an exit.
    pub fn insert_journey(
        &self,
        entry: &Tap,
        id: JourneyId,
        due: UnixMs,
    ) -> Result<(), StoreError> {
        let kept = self.batch.borrow_mut().put_journey(entry, id, due);
        if kept {
            return Ok(());
        }
        let sql = "INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, due_ms)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let (account, state) = (entry.account(), Journey::Tapped.code());
        let (station, line) = (entry.station(), entry.confirmation.location.line);
        self.run(
            sql,
            &[
                &account, &entry.id, &id, &state, &station, &line, &entry.at, &due,
            ],
        )?;
        Ok(())
    }

    /// Stores how far a journey has come; `exit` is the tap that its state names.
    pub fn update_journey(
        &self,
        entry: &Tap,
        state: Journey,
        exit: Option<&Tap>,
    ) -> Result<(), StoreError> {
        let kept = self.batch.borrow_mut().change_journey(entry, state, exit);
        if kept {
            return Ok(());
        }
        let exit = exit.filter(|exit| state.exit() == Some(exit.id));
        let fare = state.fare();
        let (id, left) = (exit.map(|exit| exit.id), exit.map(|exit| exit.at));
        let (station, account) = (exit.map(|exit| exit.station()), entry.account());
        let (minor, currency) = (fare.map(|fare| fare.minor), fare.map(|fare| fare.currency));
        let state = state.code();
        self.run(
            UPDATE_JOURNEY,
            &[
                &state, &id, &station, &left, &minor, &currency, &account, &entry.id,
            ],
        )?;
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
        let account = about.account;
        let line = |(line, part): (i64, &Entry)| {
            let Money { minor, currency } = part.amount;
            let ledger = part.account.code();
            vec![
                account.value(),
                id.value(),
                line.value(),
                ledger.value(),
                minor.value(),
                currency.value(),
            ]
        };
        let lines: Vec<_> = (1..).zip(posting.entries()).map(line).collect();
        let posting = vec![
            account.value(),
            id.value(),
            about.entry.value(),
            about.conflict.value(),
            posting.kind().code().value(),
            now.value(),
        ];
        let rest = self.batch.borrow_mut().put_posting(account, lines, posting);
        if let Some((lines, posting)) = rest {
            self.run_each(INSERT_LINE, &lines)?;
            self.run_each(INSERT_POSTING, &[posting])?;
        }
        Ok(())
    }
}

pub(super) fn outcome_text(outcome: PassageOutcome) -> Result<String, StoreError> {
    serde_json::to_string(&outcome).map_err(|_| StoreError::Corrupt("a passage"))
}

/// The passage in column `n`, where there may be none.
pub(super) fn outcome_read(row: &Row, n: usize) -> Result<Option<PassageOutcome>, StoreError> {
    let corrupt = || StoreError::Corrupt("a passage");
    match row.peek(n) {
        Param::Null => Ok(None),
        Param::Text(text) => serde_json::from_str(text).map_err(|_| corrupt()),
        Param::Int(_) | Param::Bytes(_) => Err(corrupt()),
    }
}

pub(super) fn evidence_text(evidence: Evidence) -> &'static str {
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

/// A tap of its envelope, passage, evidence and the time of its place.
pub(super) fn read_tap(row: &Row) -> Result<Tap, StoreError> {
    Ok(read_tap_record(row)?.0)
}

/// With its confirmation as it was signed.
pub(super) fn read_tap_record(row: &Row) -> Result<(Tap, SignedRecord), StoreError> {
    let signed = envelope(row, 0)?;
    let record = signed.record();
    let RecordBody::Confirmation(confirmation) = record.body else {
        return Err(StoreError::Corrupt("a tap without a confirmation"));
    };
    let evidence = row.get::<Option<String>>(2)?;
    let evidence = evidence.map(|text| evidence_read(&text)).transpose()?;
    let tap = Tap::new(record, confirmation);
    let placed: UnixMs = row.get(3)?;
    let follows = confirmation.entry.map(|_| placed);
    let tap = Tap {
        passage: outcome_read(row, 1)?,
        evidence,
        follows,
        ..tap
    };
    Ok((tap, signed))
}

pub(super) fn read_journey(row: &Row) -> Result<JourneyRow, StoreError> {
    let (id, exit) = (row.get(0)?, row.get(2)?);
    let fare = match (row.get(3)?, row.get(4)?) {
        (Some(minor), Some(currency)) => Some(Money::new(minor, currency)),
        (_, _) => None,
    };
    let state = match (row.get::<String>(1)?.as_str(), exit, fare) {
        ("tapped", None, None) => Journey::Tapped,
        ("annulled", None, None) => Journey::Annulled,
        ("open", None, None) => Journey::Open,
        ("incomplete", None, None) => Journey::Incomplete,
        ("unpriced", Some(exit), None) => Journey::Unpriced { exit },
        ("held", Some(exit), Some(fare)) => Journey::Held(Charge { exit, fare }),
        ("closed", Some(exit), Some(fare)) => Journey::Closed(Charge { exit, fare }),
        ("no-exit", None, fare) => Journey::NoExit(fare),
        (_, _, _) => return Err(StoreError::Corrupt("a journey's state")),
    };
    let due = row.get(5)?;
    Ok(JourneyRow { id, state, due })
}
