//! The conflict inbox: cases are raised, told about, and ended once; nothing in it is ever changed.

use super::chain::optional_envelope;
use super::sql::{Bind, Row};
use super::{Scope, StoreError, Tx};
use fare_protocol::{AccountId, ConflictId, Money, RecordId, SignedRecord, UnixMs};
use fare_rules::conflict::{ConflictKind, Decision, Proposal};

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
        self.one_case("conflict.conflict = $1", &[&id])
    }

    /// Whether a conflict stands about this.
    pub fn stands(
        &self,
        scope: Scope,
        kind: ConflictKind,
        subject: &str,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.known_to_stand(scope, kind, subject) {
            return Ok(known);
        }
        let sql = "SELECT 1 FROM conflict WHERE scope = $1 AND kind = $2 AND subject = $3
                   AND NOT EXISTS (SELECT 1 FROM conflict_end
                                   WHERE conflict_end.conflict = conflict.conflict)";
        self.exists(sql, &[&scope.key(), &kind.code(), &subject])
    }

    /// How many conflicts of this kind were ever raised about one thing.
    ///
    /// # Errors
    /// Those of the database.
    pub fn raised(&self, scope: Scope, kind: ConflictKind) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM conflict WHERE scope = $1 AND kind = $2";
        self.only(sql, &[&scope.key(), &kind.code()])?.get(0)
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
        let last = self.one_case(which, &[&scope.key(), &kind.code(), &subject])?;
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
        self.run(sql, &[&id, &scope.key(), &kind.code(), &subject, &now])?;
        self.tell_of(id, told, now)?;
        self.note_standing(scope, kind, subject, true);
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
        let (first, second) = (
            first.as_ref().map(SignedRecord::bytes),
            second.as_ref().map(SignedRecord::bytes),
        );
        self.run(sql, &[&id, &now, &told.detail, &first, &second, &proposal])?;
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
        if self.known_to_stand(scope, kind, subject) == Some(false) {
            return Ok(false);
        }
        let sql = "INSERT INTO conflict_end (conflict, at_ms, how)
                   SELECT conflict, $1, 'cleared' FROM conflict
                   WHERE scope = $2 AND kind = $3 AND subject = $4
                     AND NOT EXISTS (SELECT 1 FROM conflict_end
                                     WHERE conflict_end.conflict = conflict.conflict)";
        let stood = self.run(sql, &[&now, &scope.key(), &kind.code(), &subject])? > 0;
        self.note_standing(scope, kind, subject, false);
        Ok(stood)
    }

    fn known_to_stand(&self, scope: Scope, kind: ConflictKind, subject: &str) -> Option<bool> {
        match scope {
            Scope::Account(account) => self.batch.borrow().stands(account, kind.code(), subject),
            Scope::Gate(_) => None,
        }
    }

    fn note_standing(&self, scope: Scope, kind: ConflictKind, subject: &str, stands: bool) {
        if let Scope::Account(account) = scope {
            let mut batch = self.batch.borrow_mut();
            batch.note_standing(account, kind.code(), subject, stands);
        }
    }

    /// Ends a conflict by a person's decision. The database refuses a second end.
    pub fn insert_resolution(&self, id: ConflictId, done: &Resolution) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict_end (conflict, at_ms, how, person, reason, account, entry,
                                             tap, replaced_minor, fare_minor, currency)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let how = match done.decision {
            Decision::Keep => "keep",
            Decision::Charge { .. } => "charge",
        };
        let charge = done.charge;
        let account = charge.map(|charge| charge.account);
        let entry = charge.and_then(|charge| charge.entry);
        let tap = charge.map(|charge| charge.tap);
        let replaced = charge.map(|charge| charge.replaced.minor);
        let fare = charge.map(|charge| charge.fare.minor);
        let currency = charge.map(|charge| charge.fare.currency);
        self.run(
            sql,
            &[
                &id,
                &done.at,
                &how,
                &done.person,
                &done.reason,
                &account,
                &entry,
                &tap,
                &replaced,
                &fare,
                &currency,
            ],
        )?;
        Ok(())
    }

    /// Notes that a late record made a decision void.
    pub fn insert_overtaken(&self, id: ConflictId, now: UnixMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO conflict_overtaken (conflict, at_ms) VALUES ($1, $2)";
        self.run(sql, &[&id, &now])?;
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
        if self.batch.borrow().is_undecided(account) {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT conflict, account, entry, tap, replaced_minor, fare_minor, currency
             FROM conflict_end WHERE {which} AND NOT EXISTS
                 (SELECT 1 FROM conflict_overtaken
                  WHERE conflict_overtaken.conflict = conflict_end.conflict)
             ORDER BY at_ms DESC, conflict DESC"
        );
        let mut found = Vec::new();
        for row in self.rows(&sql, &[&account, &about])? {
            let id = row.get(0)?;
            found.extend(read_resolved(&row, 1)?.map(|resolved| (id, resolved)));
        }
        Ok(found)
    }

    /// The newest `most` conflicts, newest first: those that stand, or all.
    pub fn conflicts(&self, all: bool, most: u32) -> Result<Vec<Case>, StoreError> {
        self.conflicts_before(all, most, None)
    }

    /// The same, of those that come after `before` in that order.
    pub fn conflicts_before(
        &self,
        all: bool,
        most: u32,
        before: Option<ConflictId>,
    ) -> Result<Vec<Case>, StoreError> {
        let which = if all { "TRUE" } else { "how IS NULL" };
        let order = "ORDER BY raised_ms DESC, scope, kind, subject, nth";
        let rows = match before {
            None => self.rows(&format!("{CASE} WHERE {which} {order} LIMIT $1"), &[&most]),
            Some(before) => {
                let sql = format!(
                    "{CASE} WHERE {which} AND EXISTS (
                         SELECT 1 FROM conflict AS b WHERE b.conflict = $1
                         AND (conflict.raised_ms < b.raised_ms OR conflict.raised_ms = b.raised_ms
                              AND (conflict.scope, conflict.kind, conflict.subject, conflict.nth)
                                > (b.scope, b.kind, b.subject, b.nth)))
                     {order} LIMIT $2"
                );
                self.rows(&sql, &[&before, &most])
            }
        };
        rows?.iter().map(read_case).collect()
    }

    /// All conflicts about this subject, the oldest first.
    pub fn cases_about(&self, scope: Scope, subject: &str) -> Result<Vec<Case>, StoreError> {
        let sql = format!("{CASE} WHERE scope = $1 AND subject = $2 ORDER BY raised_ms, kind, nth");
        let rows = self.rows(&sql, &[&scope.key(), &subject])?;
        rows.iter().map(read_case).collect()
    }

    fn one_case(&self, which: &str, values: &[&dyn Bind]) -> Result<Option<Case>, StoreError> {
        let row = self.row(&format!("{CASE} WHERE {which}"), values)?;
        row.as_ref().map(read_case).transpose()
    }
}

fn read_case(row: &Row) -> Result<Case, StoreError> {
    let kind = ConflictKind::from_code(&row.get::<String>(2)?);
    let proposal = serde_json::from_str(&row.get::<String>(8)?);
    Ok(Case {
        id: row.get(0)?,
        scope: Scope::from_key(&row.get::<String>(1)?)?,
        kind: kind.ok_or(StoreError::Corrupt("a conflict's kind"))?,
        subject: row.get(3)?,
        raised: row.get(4)?,
        told: Told {
            detail: row.get(5)?,
            records: [optional_envelope(row, 6)?, optional_envelope(row, 7)?],
            proposal: proposal.map_err(|_| StoreError::Corrupt("a proposal"))?,
        },
        end: read_end(row)?,
    })
}

fn read_end(row: &Row) -> Result<Option<End>, StoreError> {
    let Some(at) = row.get::<Option<UnixMs>>(9)? else {
        return Ok(None);
    };
    let charge = read_resolved(row, 13)?;
    let decision = match (row.get::<String>(10)?.as_str(), charge) {
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
        overtaken: row.get(19)?,
    })))
}

/// Six columns from `at` on: account, entry, tap, replaced, fare, currency.
fn read_resolved(row: &Row, at: usize) -> Result<Option<Resolved>, StoreError> {
    let Some(account) = row.get::<Option<AccountId>>(at)? else {
        return Ok(None);
    };
    let currency = row.get(at + 5)?;
    Ok(Some(Resolved {
        account,
        entry: row.get(at + 1)?,
        tap: row.get(at + 2)?,
        replaced: Money::new(row.get(at + 3)?, currency),
        fare: Money::new(row.get(at + 4)?, currency),
    }))
}
