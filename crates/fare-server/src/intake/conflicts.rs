//! What intake finds and staff must look at: raised with the records that show it and a proposal, and
//! cleared when later records make it fit. A late record may also overtake a person's decision.

use super::{Intake, IntakeError};
use crate::inbox::note_exit;
use crate::store::{About, Resolved, Scope, Told};
use fare_protocol::{ConflictId, Money, RecordBody, Seq, SignedRecord, VerifiedRecord};
use fare_rules::conflict::{Circumstances, ConflictKind, adjust, clock_fault};
use fare_rules::journey::{Evidence, Tap};

/// Most records of one revoked gate that people are shown.
const LATE_MAX: u64 = 1_000;

/// A conflict that was found.
pub(super) struct Found {
    scope: Scope,
    kind: ConflictKind,
    subject: String,
    detail: String,
    records: [Option<SignedRecord>; 2],
    around: Circumstances,
}

impl Found {
    pub(super) fn new(scope: Scope, kind: ConflictKind, subject: String) -> Self {
        Self {
            scope,
            kind,
            subject,
            detail: String::new(),
            records: [None, None],
            around: Circumstances::default(),
        }
    }

    /// What happened, and the records that show it.
    pub(super) fn records(
        self,
        detail: String,
        first: Option<SignedRecord>,
        second: Option<SignedRecord>,
    ) -> Self {
        Self {
            detail,
            records: [first, second],
            ..self
        }
    }
}

impl Intake<'_> {
    pub(super) fn raise(&mut self, found: Found) -> Result<(), IntakeError> {
        let Found {
            scope,
            kind,
            subject,
            detail,
            records,
            around,
        } = found;
        let told = Told {
            detail,
            records,
            proposal: kind.propose(&around),
        };
        let id = ConflictId(self.new_id()?);
        if self
            .tx
            .raise(id, (scope, kind, &subject), &told, self.now)?
        {
            self.report.conflicts.push((kind, scope, told.detail));
        }
        Ok(())
    }

    /// Raises or clears a conflict about one tap, and the `other` one when there are two.
    pub(super) fn conflict(
        &mut self,
        tap: &Tap,
        kind: ConflictKind,
        detail: Option<String>,
        other: Option<&Tap>,
    ) -> Result<(), IntakeError> {
        let (scope, subject) = (Scope::Account(tap.account()), tap.id.to_hex());
        let Some(detail) = detail else {
            self.tx.clear(scope, kind, &subject, self.now)?;
            return Ok(());
        };
        let mut found = Found::new(scope, kind, subject);
        found.around = Circumstances {
            least: self.least(tap),
            told: None,
            expired: tap.evidence == Some(Evidence::Expired),
        };
        let first = self.tx.tap_record(tap.account(), tap.id)?;
        let second = match other {
            Some(other) => self.tx.tap_record(other.account(), other.id)?,
            None => None,
        };
        self.raise(found.records(detail, first, second))
    }

    /// Conflicts that a confirmation shows by itself.
    pub(super) fn look_at(&mut self, tap: &Tap) -> Result<(), IntakeError> {
        let (gate, station) = (self.gate, tap.station());
        let record = self.tx.tap_record(tap.account(), tap.id)?;
        if station != gate.station {
            let detail = format!(
                "registered at {}, its record says {station}; correct the gate's configuration \
                 or `fareserver gate add`",
                gate.station
            );
            let (scope, kind) = (Scope::Gate(gate.id), ConflictKind::WrongStation);
            if !self.tx.stands(scope, kind, station.as_str())? {
                let found = Found::new(scope, kind, station.to_string());
                self.raise(found.records(detail, record.clone(), None))?;
            }
        }
        // A picture may be shown again elsewhere when nobody went through: what matters is who did.
        let is_code = tap.confirmation.entry.is_none();
        if is_code && let Some(other) = self.tx.same_code_elsewhere(tap)? {
            let detail = format!("one code was shown at gates {} and {}", other.gate, gate.id);
            let (scope, code) = (Scope::Account(tap.account()), tap.code_ref().to_hex());
            let first = self.tx.tap_record(other.account(), other.id)?;
            let found = Found::new(scope, ConflictKind::SameCode, code);
            self.raise(found.records(detail, first, record))?;
        }
        Ok(())
    }

    /// A rider's record from a gate that is believed no longer is kept for people to look at. Whoever has taken
    /// the gate can make as many as they like, so only so many are.
    pub(super) fn came_late(
        &mut self,
        record: &VerifiedRecord,
        reason: &str,
    ) -> Result<(), IntakeError> {
        let RecordBody::Confirmation(_) = record.record().body else {
            return Ok(());
        };
        let (scope, kind) = (Scope::Gate(self.gate.id), ConflictKind::AfterRevocation);
        if self.tx.raised(scope, kind)? >= LATE_MAX {
            return Ok(());
        }
        let found = Found::new(scope, kind, record.record().id.to_hex());
        self.raise(found.records(reason.to_owned(), Some(record.signed().clone()), None))
    }

    /// A record whose time cannot be right: one conflict for each fault of a gate's clock.
    pub(super) fn look_at_clock(&mut self, record: &VerifiedRecord) -> Result<(), IntakeError> {
        let body = record.record();
        let before = Seq(body.seq.0.saturating_sub(1));
        let before = self.tx.record_at(self.gate.id, before)?;
        let stamp = before.as_ref().map(|before| before.record().stamp);
        let Some(fault) = clock_fault(body.stamp, stamp, self.now) else {
            return Ok(());
        };
        let (scope, kind) = (Scope::Gate(self.gate.id), ConflictKind::ClockOutOfBounds);
        if self.tx.stands(scope, kind, fault.code())? {
            return Ok(());
        }
        let detail = format!("record {}: {}", body.seq, fault.sentence());
        let found = Found::new(scope, kind, fault.code().to_owned());
        self.raise(found.records(detail, before, Some(record.signed().clone())))
    }

    /// Undoes decisions that `tap` has made void, and says so.
    pub(super) fn overtake(
        &mut self,
        tap: &Tap,
        decided: Vec<(ConflictId, Resolved)>,
    ) -> Result<(), IntakeError> {
        for (conflict, done) in decided {
            let about = About {
                account: done.account,
                entry: done.entry,
                conflict: Some(conflict),
            };
            for posting in adjust(done.account, done.fare, done.replaced)? {
                let id = self.new_id()?;
                self.tx.post(id, about, &posting, self.now)?;
                note_exit(self.tx, about, (id, &posting))?;
            }
            self.tx.insert_overtaken(conflict, self.now)?;
            let detail = format!(
                "decided: {} instead of {}; a late record changed the journey, so that is reversed",
                done.fare, done.replaced
            );
            let found = Found::new(
                Scope::Account(done.account),
                ConflictKind::Overtaken,
                done.tap.to_hex(),
            );
            let first = self.tx.tap_record(done.account, done.tap)?;
            let second = self.tx.tap_record(tap.account(), tap.id)?;
            self.raise(found.records(detail, first, second))?;
        }
        Ok(())
    }

    /// The least that a journey to or from elsewhere can cost here.
    fn least(&self, tap: &Tap) -> Option<Money> {
        let (tariff, here) = (self.settlement.tariff_at(tap.at), tap.station());
        let others = tariff.stations().filter(|there| there.id != here);
        let fares = others.filter_map(|there| tariff.quote(here, there.id, tap.class()).ok());
        fares.map(|quote| quote.fare).min_by_key(|fare| fare.minor)
    }
}
