//! The conflict inbox: cases are raised, told about, and ended once; nothing in it is ever changed.

use super::chain::envelope;
use super::rows::optional;
use super::{Scope, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Currency, Money, RecordId, SignedRecord, UnixMs};
use fare_rules::conflict::{ConflictKind, Decision, Proposal};
use rusqlite::{Row, named_params};

/// What is told about a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened, for people.
    pub detail: String,
    /// The records that it is about: none, one or two, as their gates signed them.
    pub records: [Option<SignedRecord>; 2],
    /// What is proposed.
    pub proposal: Proposal,
}

/// One conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: ConflictId,
    /// Whom it is about.
    pub scope: Scope,
    /// Of which kind.
    pub kind: ConflictKind,
    /// What of theirs: a record id, a place in a chain, a hash; by kind.
    pub subject: String,
    /// Since when, by the server's clock.
    pub raised: UnixMs,
    /// What is known now.
    pub told: Told,
    /// How it ended.
    pub end: Option<End>,
}

/// The end of a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Later records made it fit.
    Cleared(UnixMs),
    /// A person decided.
    Resolved(Resolution),
}

/// A person's decision, as it was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// When.
    pub at: UnixMs,
    /// What was decided.
    pub decision: Decision,
    /// By whom.
    pub person: String,
    /// Why.
    pub reason: String,
    /// What moved, when the decision was to charge.
    pub charge: Option<Resolved>,
    /// When a late record made it void.
    pub overtaken: Option<UnixMs>,
}

/// What a decision to charge was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Who pays.
    pub account: AccountId,
    /// The entry whose journey it is about; none for an exit without one.
    pub entry: Option<RecordId>,
    /// The tap that it is about.
    pub tap: RecordId,
    /// What was paid before.
    pub replaced: Money,
    /// What is paid since.
    pub fare: Money,
}

const CASE: &str = "
    SELECT conflict.conflict, scope, kind, subject, raised_ms, detail, first, second, proposal,
           conflict_end.at_ms, how, person, reason, account, entry, tap, replaced_minor, fare_minor,
           currency, conflict_overtaken.at_ms
    FROM conflict
    JOIN conflict_told ON conflict_told.conflict = conflict.conflict
     AND line = (SELECT max(line) FROM conflict_told WHERE conflict_told.conflict = conflict.conflict)
    LEFT JOIN conflict_end ON conflict_end.conflict = conflict.conflict
    LEFT JOIN conflict_overtaken ON conflict_overtaken.conflict = conflict.conflict";

impl Tx<'_> {
    /// The conflict with this id.
    ///
    /// # Errors
    /// Those of the database; so with everything here.
    pub fn conflict(&self, id: ConflictId) -> Result<Option<Case>, StoreError> {
        self.one_case("conflict.conflict = $1", [id.0])
    }

    /// Whether a conflict stands about this.
    pub fn stands(
        &self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM conflict WHERE scope = $1 AND kind = $2 AND subject = $3
                   AND NOT EXISTS (SELECT 1 FROM conflict_end
                                   WHERE conflict_end.conflict = conflict.conflict)";
        let row = (scope.key(), kind.code(), subject);
        Ok(self.0.prepare_cached(sql)?.exists(row)?)
    }

    /// Raises a conflict as `id`, unless it stands already: then it is told anew. What a person has
    /// decided about the very same records stays decided. Answers whether it is a new one.
    pub fn raise(
        &self,
        id: ConflictId,
        (scope, kind, subject): (Scope, ConflictKind, &str),
        told: &Told,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let which = "scope = $1 AND kind = $2 AND subject = $3 ORDER BY nth DESC LIMIT 1";
        let last = self.one_case(which, (scope.key(), kind.code(), subject))?;
        if let Some(last) = &last {
            let same = last.told == *told;
            match &last.end {
                None if same => return Ok(false),
                None => return self.tell_of(last.id, told, now).map(|()| false),
                Some(End::Resolved(done)) if same && done.overtaken.is_none() => return Ok(false),
                Some(End::Resolved(_) | End::Cleared(_)) => {}
            }
        }
        let sql = "INSERT INTO conflict (conflict, scope, kind, subject, nth, raised_ms)
                   SELECT $1, $2, $3, $4, count(*) + 1, $5 FROM conflict
                   WHERE scope = $2 AND kind = $3 AND subject = $4";
        let row = (id.0, scope.key(), kind.code(), subject, now.0);
        self.0.prepare_cached(sql)?.execute(row)?;
        self.tell_of(id, told, now)?;
        Ok(true)
    }

    fn tell_of(&self, id: ConflictId, told: &Told, now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict_told
                       (conflict, line, told_ms, detail, first, second, proposal)
                   SELECT $1, count(*) + 1, $2, $3, $4, $5, $6
                   FROM conflict_told WHERE conflict = $1";
        let proposal = serde_json::to_string(&told.proposal);
        let proposal = proposal.map_err(|_| StoreError::Corrupt("a proposal"))?;
        let [first, second] = &told.records;
        let bytes = |record: &Option<SignedRecord>| record.as_ref().map(|r| r.bytes().to_vec());
        let row = (
            id.0,
            now.0,
            &told.detail,
            bytes(first),
            bytes(second),
            proposal,
        );
        self.0.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// Ends a conflict that later records made fit; answers whether it stood.
    pub fn clear(
        &self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
        now: UnixMs,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO conflict_end (conflict, at_ms, how)
                   SELECT conflict, $1, 'cleared' FROM conflict
                   WHERE scope = $2 AND kind = $3 AND subject = $4
                     AND NOT EXISTS (SELECT 1 FROM conflict_end
                                     WHERE conflict_end.conflict = conflict.conflict)";
        let row = (now.0, scope.key(), kind.code(), subject);
        Ok(self.0.prepare_cached(sql)?.execute(row)? > 0)
    }

    /// Ends a conflict by a person's decision. The database refuses a second end.
    pub fn insert_resolution(&self, id: ConflictId, done: &Resolution) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict_end (conflict, at_ms, how, person, reason, account, entry,
                                             tap, replaced_minor, fare_minor, currency)
                   VALUES (:conflict, :at, :how, :person, :reason, :account, :entry,
                           :tap, :replaced, :fare, :currency)";
        let how = match done.decision {
            Decision::Keep => "keep",
            Decision::Charge { .. } => "charge",
        };
        let charge = done.charge;
        self.0.prepare_cached(sql)?.execute(named_params! {
            ":conflict": id.0, ":at": done.at.0, ":how": how, ":person": done.person,
            ":reason": done.reason, ":account": charge.map(|charge| charge.account.0),
            ":entry": charge.and_then(|charge| charge.entry).map(|entry| entry.0),
            ":tap": charge.map(|charge| charge.tap.0),
            ":replaced": charge.map(|charge| charge.replaced.minor),
            ":fare": charge.map(|charge| charge.fare.minor),
            ":currency": charge.map(|charge| charge.fare.currency.as_str().to_owned()),
        })?;
        Ok(())
    }

    /// Notes that a late record made a decision void.
    pub fn insert_overtaken(&self, id: ConflictId, now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict_overtaken (conflict, at_ms) VALUES ($1, $2)";
        self.0.prepare_cached(sql)?.execute((id.0, now.0))?;
        Ok(())
    }

    /// The decisions to charge for the journey of `entry` that are in force, newest first.
    pub fn in_force_for_entry(
        &self,
        account: AccountId,
        entry: RecordId,
    ) -> Result<Vec<(ConflictId, Resolved)>, StoreError> {
        self.in_force("account = $1 AND entry = $2", account, entry)
    }

    /// The same for a tap that is an exit without an entry.
    pub fn in_force_for_exit(
        &self,
        account: AccountId,
        tap: RecordId,
    ) -> Result<Vec<(ConflictId, Resolved)>, StoreError> {
        self.in_force("account = $1 AND tap = $2 AND entry IS NULL", account, tap)
    }

    fn in_force(
        &self,
        which: &str,
        account: AccountId,
        about: RecordId,
    ) -> Result<Vec<(ConflictId, Resolved)>, StoreError> {
        let sql = format!(
            "SELECT conflict, account, entry, tap, replaced_minor, fare_minor, currency
             FROM conflict_end WHERE {which} AND NOT EXISTS
                 (SELECT 1 FROM conflict_overtaken
                  WHERE conflict_overtaken.conflict = conflict_end.conflict)
             ORDER BY at_ms DESC, conflict DESC"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let mut rows = statement.query((account.0, about.0))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let id = ConflictId(row.get(0)?);
            found.extend(read_resolved(row, 1)?.map(|resolved| (id, resolved)));
        }
        Ok(found)
    }

    /// The newest `most` conflicts, newest first: those that stand, or all.
    pub fn conflicts(&self, all: bool, most: u32) -> Result<Vec<Case>, StoreError> {
        let which = if all { "TRUE" } else { "how IS NULL" };
        let sql = format!(
            "{CASE} WHERE {which} ORDER BY raised_ms DESC, scope, kind, subject, nth LIMIT $1"
        );
        let mut statement = self.0.prepare_cached(&sql)?;
        let mut rows = statement.query([most])?;
        let mut cases = Vec::new();
        while let Some(row) = rows.next()? {
            cases.push(read_case(row)?);
        }
        Ok(cases)
    }

    fn one_case(
        &self,
        which: &str,
        row: impl rusqlite::Params,
    ) -> Result<Option<Case>, StoreError> {
        let sql = format!("{CASE} WHERE {which}");
        let case = self
            .0
            .prepare_cached(&sql)?
            .query_row(row, |row| Ok(read_case(row)));
        optional(case)?.transpose()
    }
}

fn read_case(row: &Row<'_>) -> Result<Case, StoreError> {
    let kind = ConflictKind::from_code(&row.get::<_, String>(2)?);
    let proposal = serde_json::from_str(&row.get::<_, String>(8)?);
    let record = |n: usize| {
        let bytes = row.get::<_, Option<Vec<u8>>>(n)?;
        bytes.map(|bytes| envelope(&bytes)).transpose()
    };
    Ok(Case {
        id: ConflictId(row.get(0)?),
        scope: Scope::from_key(&row.get::<_, String>(1)?)?,
        kind: kind.ok_or(StoreError::Corrupt("a conflict's kind"))?,
        subject: row.get(3)?,
        raised: UnixMs(row.get(4)?),
        told: Told {
            detail: row.get(5)?,
            records: [record(6)?, record(7)?],
            proposal: proposal.map_err(|_| StoreError::Corrupt("a proposal"))?,
        },
        end: read_end(row)?,
    })
}

fn read_end(row: &Row<'_>) -> Result<Option<End>, StoreError> {
    let Some(at) = row.get::<_, Option<i64>>(9)?.map(UnixMs) else {
        return Ok(None);
    };
    let charge = read_resolved(row, 13)?;
    let decision = match (row.get::<_, String>(10)?.as_str(), charge) {
        ("cleared", None) => return Ok(Some(End::Cleared(at))),
        ("keep", None) => Decision::Keep,
        ("charge", Some(charge)) => Decision::Charge { fare: charge.fare },
        (_, _) => return Err(StoreError::Corrupt("a decision")),
    };
    Ok(Some(End::Resolved(Resolution {
        at,
        decision,
        person: row.get(11)?,
        reason: row.get(12)?,
        charge,
        overtaken: row.get::<_, Option<i64>>(19)?.map(UnixMs),
    })))
}

/// Six columns from `at` on: account, entry, tap, replaced, fare, currency.
fn read_resolved(row: &Row<'_>, at: usize) -> Result<Option<Resolved>, StoreError> {
    let Some(account) = row.get::<_, Option<[u8; 16]>>(at)? else {
        return Ok(None);
    };
    let currency: Result<Currency, _> = row.get::<_, String>(at + 5)?.parse();
    let currency = currency.map_err(|_| StoreError::Corrupt("a currency"))?;
    let money = |n: usize| {
        row.get::<_, i64>(n)
            .map(|minor| Money::new(minor, currency))
    };
    Ok(Some(Resolved {
        account: AccountId(account),
        entry: row.get::<_, Option<[u8; 16]>>(at + 1)?.map(RecordId),
        tap: RecordId(row.get(at + 2)?),
        replaced: money(at + 3)?,
        fare: money(at + 4)?,
    }))
}
