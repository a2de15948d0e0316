//! Reads what an upload needs at once.

use super::super::taps::JourneyRow;
use super::paid::PaidSpan;
use super::{Account, Batch, Chain, Kept, Moving};
use crate::store::chain::envelope;
use crate::store::journeys::read_entry_paid;
use crate::store::sql::{Bind, Row, Value};
use crate::store::taps::{outcome_read, read_journey, read_tap, read_tap_record};
use crate::store::{Scope, StoreError, Tx};
use fare_protocol::{
    AccountId, Confirmation, Direction, GateId, Millis, Record, RecordBody, RecordId, Seq, UnixMs,
    VerifiedRecord,
};
use fare_rules::journey::Place;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest stretch of a chain that is read at once, as a multiple of the records that came.
const STRETCH_MAX: u64 = 4;

/// Taps that are read before an account's first one of an upload, and after its last one.
const BEYOND: usize = 2;

/// Where a tap stands: before the account's first one of the upload, between that and the last, after it.
const BEFORE: i64 = -1;
const WITHIN: i64 = 0;
const AFTER: i64 = 1;

/// What is asked for.
struct Asked<'r> {
    gate: GateId,
    records: Vec<&'r Record>,
    confirmations: Vec<(&'r Record, Confirmation)>,
    /// Confirmations that passages name, and the upload's own.
    named: Vec<RecordId>,
}

impl Tx<'_> {
    /// Says what will be taken now: records of one gate, whose chain ends at `end`. What they need is read at once, and
    /// what they change written at once. `reach` is how far after a journey others may look back at what it cost, if any do.
    ///
    /// # Errors
    /// Those of the database.
    pub fn expect(
        &self,
        (gate, end): (GateId, Option<Seq>),
        records: &[&VerifiedRecord],
        reach: Option<Millis>,
    ) -> Result<(), StoreError> {
        let records: Vec<_> = records.iter().map(|record| record.record()).collect();
        let asked = Asked::of(gate, records);
        let Some(chain) = self.load_chain(&asked, end)? else {
            return Ok(());
        };
        let mut batch = Batch {
            passages: self.load_passages(&asked)?,
            ..Batch::default()
        };
        let spans = asked.spans(&chain);
        batch.accounts = self.load_accounts(&spans)?;
        self.load_absent(&asked, &mut batch)?;
        self.load_elsewhere(&asked, &mut batch)?;
        self.load_journeys(&mut batch)?;
        if let Some(reach) = reach {
            self.load_paid(&asked, &spans, reach, &mut batch)?;
        }
        batch.chain = Some(chain);
        self.flush()?;
        *self.batch.borrow_mut() = batch;
        Ok(())
    }

    fn load_chain(&self, asked: &Asked<'_>, end: Option<Seq>) -> Result<Option<Chain>, StoreError> {
        let seqs = || asked.records.iter().map(|record| record.seq);
        let (Some(first), Some(last)) = (seqs().min(), seqs().max()) else {
            return Ok(None);
        };
        let (first, last) = (Seq(first.0.saturating_sub(1)), last.next());
        let most = STRETCH_MAX * asked.records.len() as u64 + STRETCH_MAX;
        if last.0 - first.0 > most {
            return Ok(None);
        }
        let stretch = "SELECT envelope FROM record WHERE gate = $1 AND seq >= $2 AND seq <= $3";
        let mut at = HashMap::new();
        for row in self.rows(stretch, &[&asked.gate, &first, &last])? {
            let record = envelope(&row, 0)?;
            at.insert(record.record().seq, record);
        }
        let known = "SELECT envelope FROM record WHERE gate = $1 AND id = $2";
        let own = asked.records.iter().map(|record| record.id);
        let ids: BTreeSet<_> = own.chain(asked.named.iter().copied()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let found = self.each(known, &asked.by_gate(&ids))?;
        let found = ids.into_iter().zip(found);
        let found = found.map(|(id, rows)| {
            let record = rows.first().map(|row| envelope(row, 0));
            Ok((id, record.transpose()?))
        });
        let ids = found.collect::<Result<_, StoreError>>()?;
        let gate = asked.gate;
        Ok(Some(Chain {
            gate,
            first,
            last,
            end,
            at,
            ids,
        }))
    }

    fn load_passages(
        &self,
        asked: &Asked<'_>,
    ) -> Result<HashMap<(GateId, RecordId), Option<fare_protocol::PassageOutcome>>, StoreError>
    {
        let sql = "SELECT outcome FROM passage WHERE gate = $1 AND confirmation = $2";
        let found = self.each(sql, &asked.by_gate(&asked.named))?;
        let found = asked.named.iter().zip(found);
        let found = found.map(|(id, rows)| {
            let outcome = rows.first().map(|row| outcome_read(row, 0));
            Ok(((asked.gate, *id), outcome.transpose()?.flatten()))
        });
        found.collect()
    }

    /// The taps of each account from the first to the last moment, and some beyond.
    fn load_accounts(
        &self,
        spans: &BTreeMap<AccountId, (UnixMs, UnixMs)>,
    ) -> Result<HashMap<AccountId, Account>, StoreError> {
        let stretch = format!(
            "SELECT a.* FROM (SELECT envelope, passage, evidence, at_ms, {BEFORE} AS side FROM tap
                              WHERE account = $1 AND at_ms < $2
                              ORDER BY at_ms DESC, place DESC LIMIT {BEYOND}) AS a
             UNION ALL SELECT envelope, passage, evidence, at_ms, {WITHIN} FROM tap
                       WHERE account = $1 AND at_ms >= $2 AND at_ms <= $3
             UNION ALL SELECT c.* FROM (SELECT envelope, passage, evidence, at_ms, {AFTER} AS side FROM tap
                                        WHERE account = $1 AND at_ms > $3
                                        ORDER BY at_ms, place LIMIT {BEYOND}) AS c"
        );
        let beside = "SELECT (SELECT count(*) FROM (SELECT 1 FROM conflict_end WHERE account = $1 LIMIT 1) AS a),
                             (SELECT count(*) FROM (SELECT 1 FROM product WHERE account = $1 LIMIT 1) AS b)";
        let standing = "SELECT kind, subject FROM conflict WHERE scope = $1 AND NOT EXISTS
                        (SELECT 1 FROM conflict_end WHERE conflict_end.conflict = conflict.conflict)";
        let keys = |key: fn(&AccountId, &(UnixMs, UnixMs)) -> Vec<Value>| -> Vec<_> {
            spans
                .iter()
                .map(|(account, span)| key(account, span))
                .collect()
        };
        let whole = keys(|account, span| vec![account.value(), span.0.value(), span.1.value()]);
        let alone = keys(|account, _| vec![account.value()]);
        let scopes = keys(|account, _| vec![Scope::Account(*account).key().value()]);
        let mut stretch = self.each(&stretch, &whole)?.into_iter();
        let mut beside = self.each(beside, &alone)?.into_iter();
        let mut standing = self.each(standing, &scopes)?.into_iter();
        let mut accounts = HashMap::new();
        for account in spans.keys() {
            let next = |rows: &mut std::vec::IntoIter<Vec<Row>>| rows.next().unwrap_or_default();
            let mut account_of = Account::of(&next(&mut stretch))?;
            for row in next(&mut beside) {
                account_of.decided = row.get::<i64>(0)? > 0;
                account_of.products = row.get::<i64>(1)? > 0;
            }
            for row in next(&mut standing) {
                account_of.standing.insert((row.get(0)?, row.get(1)?));
            }
            accounts.insert(*account, account_of);
        }
        Ok(accounts)
    }

    /// Which of the confirmations' ids no tap of their accounts has.
    fn load_absent(&self, asked: &Asked<'_>, batch: &mut Batch) -> Result<(), StoreError> {
        let sql = "SELECT at_ms FROM tap WHERE account = $1 AND id = $2";
        let ids = asked.confirmations.iter();
        let ids: Vec<_> = ids
            .map(|(record, said)| vec![said.account.value(), record.id.value()])
            .collect();
        let found = self.each(sql, &ids)?;
        for ((record, said), rows) in asked.confirmations.iter().zip(found) {
            let account = batch.accounts.get_mut(&said.account);
            if let Some(account) = account.filter(|_| rows.is_empty()) {
                account.absent.insert(record.id);
            }
        }
        Ok(())
    }

    fn load_elsewhere(&self, asked: &Asked<'_>, batch: &mut Batch) -> Result<(), StoreError> {
        let codes = asked.confirmations.iter().map(|(_, said)| {
            vec![
                said.account.value(),
                said.code_ref.0.value(),
                asked.gate.value(),
            ]
        });
        let codes: Vec<_> = codes.collect();
        let found = self.each(crate::store::taps::SAME_CODE, &codes)?;
        for ((_, said), rows) in asked.confirmations.iter().zip(found) {
            let tap = rows.first().map(read_tap).transpose()?;
            batch.elsewhere.insert((said.account, said.code_ref), tap);
        }
        Ok(())
    }

    /// What accounts paid in the time at which the prices of journeys look that end now, and after it.
    fn load_paid(
        &self,
        asked: &Asked<'_>,
        spans: &BTreeMap<AccountId, (UnixMs, UnixMs)>,
        reach: Millis,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        let leaving = asked
            .confirmations
            .iter()
            .filter(|(_, said)| said.direction == Direction::Exit);
        let leaving: BTreeSet<_> = leaving.map(|(_, said)| said.account).collect();
        let mut spans_of = Vec::new();
        for account in leaving {
            let (Some((first, last)), Some(known)) =
                (spans.get(&account), batch.accounts.get(&account))
            else {
                continue;
            };
            // The entry of a journey that ends now is among the taps that are known.
            let begun = known.taps.values().map(|kept| kept.tap.at).min();
            let first = begun.map_or(*first, |begun| begun.min(*first));
            spans_of.push((account, (first.before(reach), last.after(reach))));
        }
        let asked: Vec<_> = spans_of
            .iter()
            .map(|(account, span)| vec![account.value(), span.0.value(), span.1.value()])
            .collect();
        let found = self.each(crate::store::journeys::PAID_BY_ENTRY, &asked)?;
        for ((account, span), rows) in spans_of.into_iter().zip(found) {
            let paid = rows.iter().map(read_entry_paid).collect::<Result<_, _>>()?;
            if let Some(account) = batch.accounts.get_mut(&account) {
                account.paid = Some(PaidSpan { span, paid });
            }
        }
        Ok(())
    }

    /// The journeys of all entries that are known by now.
    fn load_journeys(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let entries: Vec<(AccountId, RecordId)> = batch
            .accounts
            .iter()
            .flat_map(|(account, of)| of.taps.values().map(|kept| (*account, kept.tap)))
            .filter(|(_, tap)| tap.direction() == Direction::Entry)
            .map(|(account, tap)| (account, tap.id))
            .collect();
        let keys = entries.iter();
        let keys: Vec<_> = keys
            .map(|(account, entry)| vec![account.value(), entry.value()])
            .collect();
        let found = self.each(crate::store::taps::JOURNEY, &keys)?;
        for ((account, entry), rows) in entries.iter().zip(found) {
            let Some(row) = rows.first().map(read_journey).transpose()? else {
                continue;
            };
            let Some(account) = batch.accounts.get_mut(account) else {
                continue;
            };
            let exit = row.state.exit().and_then(|exit| {
                let place = account.places.get(&exit)?;
                account.taps.get(place).map(|kept| kept.tap)
            });
            let JourneyRow { id, state, due } = row;
            let moving = Moving {
                id,
                due,
                state,
                exit,
            };
            account.journeys.insert(*entry, moving);
        }
        Ok(())
    }
}

impl<'r> Asked<'r> {
    fn of(gate: GateId, records: Vec<&'r Record>) -> Self {
        let mut named = BTreeSet::new();
        let mut confirmations = Vec::new();
        for record in &records {
            match record.body {
                RecordBody::Confirmation(confirmation) => {
                    named.insert(record.id);
                    confirmations.push((*record, confirmation));
                }
                RecordBody::Passage(passage) => {
                    named.insert(passage.confirmation);
                }
                RecordBody::ModeChange(_) | RecordBody::LetThrough(_) | RecordBody::Config(_) => {}
            }
        }
        Self {
            gate,
            records,
            confirmations,
            named: named.into_iter().collect(),
        }
    }

    fn by_gate(&self, ids: &[RecordId]) -> Vec<Vec<Value>> {
        ids.iter()
            .map(|id| vec![self.gate.value(), id.value()])
            .collect()
    }

    /// Each account's first and last moment: of the upload's confirmations, and of those in the chain that
    /// its passages name.
    fn spans(&self, chain: &Chain) -> BTreeMap<AccountId, (UnixMs, UnixMs)> {
        let mut spans = BTreeMap::new();
        let mut note = |account: AccountId, at: UnixMs| {
            let span = spans.entry(account).or_insert((at, at));
            *span = (span.0.min(at), span.1.max(at));
        };
        for (record, said) in &self.confirmations {
            note(said.account, record.stamp.at);
        }
        for id in &self.named {
            let Some(Some(record)) = chain.ids.get(id) else {
                continue;
            };
            if let RecordBody::Confirmation(said) = record.record().body {
                note(said.account, record.record().stamp.at);
            }
        }
        spans
    }
}

impl Account {
    /// Of its taps before, within and after the time of an upload.
    fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let mut account = Self {
            from: None,
            to: None,
            taps: BTreeMap::new(),
            places: HashMap::new(),
            absent: Default::default(),
            journeys: HashMap::new(),
            decided: false,
            products: false,
            paid: None,
            standing: Default::default(),
        };
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for row in rows {
            let (tap, record) = read_tap_record(row)?;
            let place = tap.place();
            match row.get(4)? {
                BEFORE => before.push(place),
                AFTER => after.push(place),
                _within => {}
            }
            account.places.insert(tap.id, place);
            let unknown = None;
            account.taps.insert(
                place,
                Kept {
                    tap,
                    record,
                    unknown,
                },
            );
        }
        // Fewer than were asked for are all that there are.
        let all = |places: &[Place]| places.len() < BEYOND;
        account.from = before.iter().min().copied().filter(|_| !all(&before));
        account.to = after.iter().max().copied().filter(|_| !all(&after));
        Ok(account)
    }
}
