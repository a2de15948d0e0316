//! What one upload works on, in memory: read at once before the first record is taken, written at once
//! when something else is asked of the database, at the latest with the commit.
//!
//! Without it each record costs some twenty statements. The methods of [`Tx`] look here first; what is not
//! known here is asked of the database, after what is pending was written. So what they answer is the
//! same with and without [`Tx::expect`]; only its cost is not.

mod load;
mod paid;

use super::sql::{Bind, Value};
use super::taps::{JourneyRow, evidence_text, outcome_text};
use super::{StoreError, Tx};
use fare_protocol::{
    AccountId, CodeRef, Currency, GateId, JourneyId, Money, PassageOutcome, RecordId, Seq,
    SignedRecord, UnixMs,
};
use fare_rules::Paid;
use fare_rules::journey::{Journey, Place, Tap};
use paid::PaidSpan;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

/// Rows for one statement.
type Rows = (&'static str, Vec<Vec<Value>>);

/// What is known and what is to be written.
#[derive(Default)]
pub(super) struct Batch {
    chain: Option<Chain>,
    passages: HashMap<(GateId, RecordId), Option<PassageOutcome>>,
    accounts: HashMap<AccountId, Account>,
    elsewhere: HashMap<(AccountId, CodeRef), Option<Tap>>,
    new_records: Vec<Vec<Value>>,
    new_passages: Vec<Vec<Value>>,
    new_taps: Vec<(AccountId, Place)>,
    told_taps: HashSet<(AccountId, Place)>,
    new_journeys: Vec<(AccountId, RecordId)>,
    moved_journeys: HashSet<(AccountId, RecordId)>,
    lines: Vec<Vec<Value>>,
    postings: Vec<Vec<Value>>,
}

/// A stretch of one gate's chain, all of it.
struct Chain {
    gate: GateId,
    first: Seq,
    last: Seq,
    /// Its newest record's place.
    end: Option<Seq>,
    at: HashMap<Seq, SignedRecord>,
    ids: HashMap<RecordId, Option<SignedRecord>>,
}

/// A stretch of one account's taps, all of them.
struct Account {
    /// Where it begins and ends; nothing when there are no taps beyond.
    from: Option<Place>,
    to: Option<Place>,
    taps: BTreeMap<Place, Kept>,
    places: HashMap<RecordId, Place>,
    /// Ids that no tap of the account has.
    absent: HashSet<RecordId>,
    journeys: HashMap<RecordId, Moving>,
    /// People have decided about the account.
    decided: bool,
    /// The account has, or had, products.
    products: bool,
    paid: Option<PaidSpan>,
    /// Kinds and subjects of the conflicts that stand.
    standing: HashSet<(String, String)>,
}

struct Kept {
    tap: Tap,
    record: SignedRecord,
    /// When the server learnt that its passage is unknown, if that was in this batch.
    unknown: Option<UnixMs>,
}

struct Moving {
    id: JourneyId,
    due: UnixMs,
    state: Journey,
    exit: Option<Tap>,
}

impl Account {
    /// The nearest tap on one side; the outer nothing says that the database must be asked.
    fn near(&self, place: Place, after: bool, has_place: bool) -> Option<Option<Tap>> {
        let wanted = |(_, kept): &(&Place, &Kept)| !has_place || kept.tap.has_place();
        let within = if after {
            self.from.is_none_or(|from| place >= from)
        } else {
            self.to.is_none_or(|to| place <= to)
        };
        if !within {
            return None;
        }
        let found = if after {
            let rest = (Bound::Excluded(place), Bound::Unbounded);
            self.taps.range(rest).find(wanted)
        } else {
            self.taps.range(..place).rev().find(wanted)
        };
        let all = if after { self.to } else { self.from };
        match found {
            Some((_, kept)) => Some(Some(kept.tap)),
            None => all.is_none().then_some(None),
        }
    }
}

// What is known. The outer nothing of each answer says that the database must be asked.
impl Batch {
    pub(super) fn record_at(&self, gate: GateId, seq: Seq) -> Option<Option<SignedRecord>> {
        let chain = self.chain.as_ref().filter(|chain| chain.gate == gate)?;
        let within = (chain.first..=chain.last).contains(&seq);
        within.then(|| chain.at.get(&seq).cloned())
    }

    pub(super) fn record(&self, gate: GateId, id: RecordId) -> Option<Option<SignedRecord>> {
        let chain = self.chain.as_ref().filter(|chain| chain.gate == gate)?;
        chain.ids.get(&id).cloned()
    }

    /// The nearest places below and above `seq`, where it is known that these are next to it or that there are none.
    pub(super) fn around(
        &self,
        gate: GateId,
        seq: Seq,
    ) -> (Option<Option<Seq>>, Option<Option<Seq>>) {
        let Some(chain) = self.chain.as_ref().filter(|chain| chain.gate == gate) else {
            return (None, None);
        };
        let below = seq.0.checked_sub(1).map(Seq);
        let below = below.filter(|below| chain.at.contains_key(below));
        let above = if chain.end <= Some(seq) {
            Some(None)
        } else {
            chain.at.contains_key(&seq.next()).then(|| Some(seq.next()))
        };
        (below.map(Some), above)
    }

    pub(super) fn passage(&self, gate: GateId, id: RecordId) -> Option<Option<PassageOutcome>> {
        self.passages.get(&(gate, id)).copied()
    }

    pub(super) fn tap(&self, account: AccountId, id: RecordId) -> Option<Option<Tap>> {
        self.kept(account, id).map(|kept| kept.map(|kept| kept.tap))
    }

    pub(super) fn tap_record(
        &self,
        account: AccountId,
        id: RecordId,
    ) -> Option<Option<SignedRecord>> {
        let kept = self.kept(account, id)?;
        Some(kept.map(|kept| kept.record.clone()))
    }

    fn kept(&self, account: AccountId, id: RecordId) -> Option<Option<&Kept>> {
        let account = self.accounts.get(&account)?;
        match account.places.get(&id) {
            Some(place) => account.taps.get(place).map(Some),
            None => account.absent.contains(&id).then_some(None),
        }
    }

    /// The nearest tap before or after this one: any, or one that has a place.
    pub(super) fn near(&self, tap: &Tap, after: bool, has_place: bool) -> Option<Option<Tap>> {
        let account = self.accounts.get(&tap.account())?;
        account.near(tap.place(), after, has_place)
    }

    pub(super) fn same_code_elsewhere(&self, tap: &Tap) -> Option<Option<Tap>> {
        let chain = self.chain.as_ref()?;
        let known = (tap.account(), tap.code_ref());
        let known = self.elsewhere.get(&known).copied();
        known.filter(|_| chain.gate == tap.gate)
    }

    pub(super) fn journey(&self, account: AccountId, entry: RecordId) -> Option<JourneyRow> {
        let journey = self.accounts.get(&account)?.journeys.get(&entry)?;
        Some(JourneyRow {
            id: journey.id,
            state: journey.state,
            due: journey.due,
        })
    }

    /// What journeys of the account cost that began in this span.
    pub(super) fn paid(
        &self,
        account: AccountId,
        span: (UnixMs, UnixMs),
        currency: Currency,
    ) -> Option<Vec<Paid>> {
        self.accounts.get(&account)?.paid(span, currency)
    }

    /// Whether it is known that the account paid for no journey which began after this one and before `until`.
    pub(super) fn paid_nothing_after(
        &self,
        account: AccountId,
        began: (UnixMs, RecordId),
        until: UnixMs,
    ) -> bool {
        let account = self.accounts.get(&account);
        account.is_some_and(|account| account.paid_nothing_after(began, until))
    }

    /// Whether it is known that nobody has decided anything about the account.
    pub(super) fn is_undecided(&self, account: AccountId) -> bool {
        let account = self.accounts.get(&account);
        account.is_some_and(|account| !account.decided)
    }

    /// Whether the account ever had a product.
    pub(super) fn has_products(&self, account: AccountId) -> Option<bool> {
        let account = self.accounts.get(&account);
        account.map(|account| account.products)
    }

    pub(super) fn note_products(&mut self, account: AccountId) {
        if let Some(account) = self.accounts.get_mut(&account) {
            account.products = true;
        }
    }

    /// Whether a conflict about an account stands.
    pub(super) fn stands(&self, account: AccountId, kind: &str, subject: &str) -> Option<bool> {
        let standing = &self.accounts.get(&account)?.standing;
        let about = |(k, s): &(String, String)| k == kind && s == subject;
        Some(standing.iter().any(about))
    }

    pub(super) fn note_standing(
        &mut self,
        account: AccountId,
        kind: &str,
        subject: &str,
        stands: bool,
    ) {
        if let Some(account) = self.accounts.get_mut(&account) {
            let about = (kind.to_owned(), subject.to_owned());
            if stands {
                account.standing.insert(about);
            } else {
                account.standing.remove(&about);
            }
        }
    }
}

// What is to be written. Each answers false when the caller must write it at once.
impl Batch {
    pub(super) fn note_record(&mut self, record: &SignedRecord) -> bool {
        let body = record.record();
        let Some(chain) = self.chain.as_mut().filter(|chain| chain.gate == body.gate) else {
            return false;
        };
        chain.end = chain.end.max(Some(body.seq));
        chain.at.insert(body.seq, record.clone());
        chain.ids.insert(body.id, Some(record.clone()));
        true
    }

    /// Once noted.
    pub(super) fn put_record(&mut self, record: &SignedRecord, answer: &str, now: UnixMs) -> bool {
        let body = record.record();
        if self
            .chain
            .as_ref()
            .is_none_or(|chain| chain.gate != body.gate)
        {
            return false;
        }
        self.new_records.push(vec![
            body.gate.value(),
            body.seq.value(),
            body.id.value(),
            record.hash().value(),
            record.bytes().value(),
            answer.value(),
            body.stamp.at.value(),
            now.value(),
        ]);
        true
    }

    pub(super) fn put_passage(
        &mut self,
        gate: GateId,
        id: RecordId,
        outcome: PassageOutcome,
    ) -> Result<bool, StoreError> {
        let Some(known) = self.passages.get_mut(&(gate, id)) else {
            return Ok(false);
        };
        *known = Some(outcome);
        let text = outcome_text(outcome)?;
        self.new_passages
            .push(vec![gate.value(), id.value(), text.value()]);
        Ok(true)
    }

    pub(super) fn put_tap(&mut self, tap: &Tap, record: &SignedRecord, now: UnixMs) -> bool {
        let Some(account) = self.accounts.get_mut(&tap.account()) else {
            return false;
        };
        let place = tap.place();
        let (from, to) = (account.from, account.to);
        if from.is_some_and(|from| place < from) || to.is_some_and(|to| place > to) {
            return false;
        }
        account.absent.remove(&tap.id);
        account.places.insert(tap.id, place);
        let kept = Kept {
            tap: *tap,
            record: record.clone(),
            unknown: tap.is_unknown().then_some(now),
        };
        account.taps.insert(place, kept);
        self.new_taps.push((tap.account(), place));
        true
    }

    pub(super) fn change_tap(&mut self, tap: &Tap, now: UnixMs) -> bool {
        let place = tap.place();
        let account = self.accounts.get_mut(&tap.account());
        let Some(kept) = account.and_then(|account| account.taps.get_mut(&place)) else {
            return false;
        };
        kept.tap = *tap;
        if tap.is_unknown() && kept.unknown.is_none() {
            kept.unknown = Some(now);
        }
        self.told_taps.insert((tap.account(), place));
        true
    }

    pub(super) fn put_journey(&mut self, entry: &Tap, id: JourneyId, due: UnixMs) -> bool {
        let place = entry.place();
        let Some(account) = self.accounts.get_mut(&entry.account()) else {
            return false;
        };
        if !account.taps.contains_key(&place) {
            return false;
        }
        let journey = Moving {
            id,
            due,
            state: Journey::Tapped,
            exit: None,
        };
        account.journeys.insert(entry.id, journey);
        self.new_journeys.push((entry.account(), entry.id));
        true
    }

    pub(super) fn change_journey(
        &mut self,
        entry: &Tap,
        state: Journey,
        exit: Option<&Tap>,
    ) -> bool {
        let Some(account) = self.accounts.get_mut(&entry.account()) else {
            return false;
        };
        account.note_paid(entry, state, exit);
        let Some(journey) = account.journeys.get_mut(&entry.id) else {
            return false;
        };
        if journey.state == state {
            return true;
        }
        // An exit that goes from one journey to another leaves the first one first: written at once.
        let at_once = journey.state.exit().is_some() && journey.state.exit() != state.exit();
        journey.state = state;
        journey.exit = exit.copied();
        if at_once {
            self.moved_journeys.remove(&(entry.account(), entry.id));
            return false;
        }
        self.moved_journeys.insert((entry.account(), entry.id));
        true
    }

    /// Gives back what it does not take.
    pub(super) fn put_posting(
        &mut self,
        account: AccountId,
        lines: Vec<Vec<Value>>,
        posting: Vec<Value>,
    ) -> Option<(Vec<Vec<Value>>, Vec<Value>)> {
        if !self.accounts.contains_key(&account) {
            return Some((lines, posting));
        }
        self.lines.extend(lines);
        self.postings.push(posting);
        None
    }

    /// All that is to be written, in an order that refers to nothing which is not there.
    fn take_pending(&mut self) -> Result<Vec<Rows>, StoreError> {
        let new_taps = std::mem::take(&mut self.new_taps);
        let mut told = std::mem::take(&mut self.told_taps);
        let mut taps = Vec::with_capacity(new_taps.len());
        for at in &new_taps {
            told.remove(at);
            taps.extend(self.kept_at(at).map(new_tap).transpose()?);
        }
        let told = told.iter().filter_map(|at| self.kept_at(at)).map(told_tap);
        let told = told.collect::<Result<Vec<_>, _>>()?;
        let new_journeys = std::mem::take(&mut self.new_journeys);
        let mut moved = std::mem::take(&mut self.moved_journeys);
        let mut journeys = Vec::with_capacity(new_journeys.len());
        for about in &new_journeys {
            moved.remove(about);
            journeys.extend(
                self.moving(about)
                    .map(|(entry, moving)| new_journey(entry, moving)),
            );
        }
        let moved = moved.iter().filter_map(|about| self.moving(about));
        let moved = moved
            .map(|(entry, moving)| moved_journey(entry, moving))
            .collect();
        Ok(vec![
            (
                super::chain::INSERT_RECORD,
                std::mem::take(&mut self.new_records),
            ),
            (
                super::taps::INSERT_PASSAGE,
                std::mem::take(&mut self.new_passages),
            ),
            (super::taps::INSERT_TAP, taps),
            (super::taps::UPDATE_TAP, told),
            (INSERT_JOURNEY, journeys),
            (super::taps::UPDATE_JOURNEY, moved),
            (super::taps::INSERT_LINE, std::mem::take(&mut self.lines)),
            (
                super::taps::INSERT_POSTING,
                std::mem::take(&mut self.postings),
            ),
        ])
    }

    fn kept_at(&self, (account, place): &(AccountId, Place)) -> Option<&Kept> {
        self.accounts.get(account)?.taps.get(place)
    }

    fn moving(&self, (account, entry): &(AccountId, RecordId)) -> Option<(&Tap, &Moving)> {
        let account = self.accounts.get(account)?;
        let tap = account.taps.get(account.places.get(entry)?)?;
        Some((&tap.tap, account.journeys.get(entry)?))
    }
}

const INSERT_JOURNEY: &str = "
    INSERT INTO journey (account, entry, journey, state, station, line, entered_ms, exit,
                         exit_station, left_ms, fare_minor, currency, due_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

fn new_tap(kept: &Kept) -> Result<Vec<Value>, StoreError> {
    let tap = &kept.tap;
    Ok(vec![
        tap.account().value(),
        tap.id.value(),
        tap.place().at.value(),
        tap.place().key().value(),
        tap.code_ref().0.value(),
        tap.gate.value(),
        kept.record.bytes().value(),
        tap.passage.map(outcome_text).transpose()?.value(),
        tap.has_place().value(),
        tap.evidence.map(evidence_text).value(),
        kept.unknown.value(),
    ])
}

fn told_tap(kept: &Kept) -> Result<Vec<Value>, StoreError> {
    let tap = &kept.tap;
    Ok(vec![
        tap.passage.map(outcome_text).transpose()?.value(),
        tap.has_place().value(),
        tap.evidence.map(evidence_text).value(),
        kept.unknown.value(),
        tap.account().value(),
        tap.id.value(),
    ])
}

/// State, exit, its station and time, fare and currency.
fn journey_values(moving: &Moving) -> [Value; 6] {
    let state = moving.state;
    let exit = moving.exit.filter(|exit| state.exit() == Some(exit.id));
    let fare: Option<Money> = state.fare();
    [
        state.code().value(),
        exit.map(|exit| exit.id).value(),
        exit.map(|exit| exit.station()).value(),
        exit.map(|exit| exit.at).value(),
        fare.map(|fare| fare.minor).value(),
        fare.map(|fare| fare.currency).value(),
    ]
}

fn new_journey(entry: &Tap, moving: &Moving) -> Vec<Value> {
    let [state, exit, station, left, minor, currency] = journey_values(moving);
    vec![
        entry.account().value(),
        entry.id.value(),
        moving.id.value(),
        state,
        entry.station().value(),
        entry.confirmation.location.line.value(),
        entry.at.value(),
        exit,
        station,
        left,
        minor,
        currency,
        moving.due.value(),
    ]
}

fn moved_journey(entry: &Tap, moving: &Moving) -> Vec<Value> {
    let mut values = journey_values(moving).to_vec();
    values.extend([entry.account().value(), entry.id.value()]);
    values
}

impl Tx<'_> {
    /// Writes what is pending. Whoever asks the database something does this first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn flush(&self) -> Result<(), StoreError> {
        let pending = self.batch.borrow_mut().take_pending()?;
        for (sql, rows) in pending {
            if !rows.is_empty() {
                let written = self.engine.borrow_mut().run_each(sql, &rows);
                self.watched(written)?;
            }
        }
        Ok(())
    }
}
