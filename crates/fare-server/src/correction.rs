//! One journey as staff look at it, and its correction: a decision like those about conflicts, so that it
//! is booked as a reversal and a new charge, and a late record that changes the journey overtakes it.

use crate::clock::rfc3339;
use crate::inbox::{CaseView, RecordView, Ruling, RulingError, resolve};
use crate::store::{
    Case, ChargeRow, JourneyView, PostingView, Scope, StoreError, Told, TryRow, Tx,
};
use fare_protocol::{AccountId, ConflictId, Direction, Money, RecordId, UnixMs, Voucher};
use fare_rules::conflict::{Circumstances, ConflictKind, Decision};
use fare_rules::ledger::PostingError;

/// What staff decide about a journey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The entry confirmation of the journey.
    pub entry: RecordId,
    /// What the account pays for it now; zero or more.
    pub fare: Money,
    /// Who decides, 1 to 80 characters.
    pub by: String,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// A journey with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The journey; its account is masked.
    pub journey: JourneyView,
    /// Where its missing exit is taken to have been, how surely, and why.
    pub completed: Option<String>,
    /// How its fare came about, as its exit voucher has it: what each step adds, and its sentence.
    pub steps: Vec<(Money, String)>,
    /// What its records say.
    pub records: Vec<String>,
    /// Its postings, the oldest first.
    pub postings: Vec<PostingView>,
    /// The charges that its money went into, each with what was sent to platforms for it.
    pub charges: Vec<(ChargeRow, Vec<TryRow>)>,
    /// Conflicts about it.
    pub cases: Vec<CaseView>,
}

/// Everything about one journey.
///
/// # Errors
/// When there is no such journey, or the store fails.
pub fn story(tx: &Tx<'_>, entry: RecordId) -> Result<Story, RulingError> {
    let found = tx.journey_view(entry)?;
    let (account, journey) = found.ok_or(RulingError::NoJourney(entry))?;
    let (mut records, mut cases) = (Vec::new(), Vec::new());
    for tap in std::iter::once(entry).chain(journey.exit) {
        let record = tx.tap_record(account, tap)?;
        records.extend(record.map(|record| RecordView::from(record).says));
        let about = tx.cases_about(Scope::Account(account), &tap.to_hex())?;
        cases.extend(about.into_iter().map(CaseView::from));
    }
    let postings = tx.postings_of(account, entry)?;
    let is_completed = journey.state == "no-exit" && journey.fare.is_some();
    let completed = if is_completed {
        tx.completed(account, entry)?
    } else {
        None
    };
    let charges = tx.charges_of(account, entry)?;
    Ok(Story {
        steps: steps(tx, account, &journey)?,
        completed: completed.map(|completed| completed.sentence(Direction::Exit)),
        journey,
        records,
        postings,
        charges,
        cases,
    })
}

/// The steps of the exit voucher that is about what is charged.
fn steps(
    tx: &Tx<'_>,
    account: AccountId,
    journey: &JourneyView,
) -> Result<Vec<(Money, String)>, StoreError> {
    let Some(exit) = journey.exit else {
        return Ok(Vec::new());
    };
    let kept = tx.last_exit_voucher(account, journey.entry)?;
    let tap = tx.tap(account, exit)?;
    let answered = match tap {
        Some(tap) => tx.answered_voucher(tap.gate, exit)?,
        None => None,
    };
    let vouchers = [kept, answered].into_iter().flatten();
    let mut exits = vouchers.filter_map(|bytes| match Voucher::parse(&bytes) {
        Ok((Voucher::Exit(voucher), _)) => Some(voucher),
        Ok((Voucher::Entry(_), _)) | Err(_) => None,
    });
    let fits = exits.find(|voucher| voucher.exit == exit && Some(voucher.fare) == journey.fare);
    let steps = fits.into_iter().flat_map(|voucher| {
        let currency = voucher.fare.currency;
        let steps = voucher.steps.into_iter();
        steps.map(move |step| (Money::new(step.minor, currency), step.text(currency)))
    });
    Ok(steps.collect())
}

/// Books a correction in the caller's transaction; answers it as a case of the inbox.
///
/// # Errors
/// When there is no such journey, its passage is not known yet, or the amount cannot be posted.
pub fn correct(tx: &Tx<'_>, correction: &Correction, now: UnixMs) -> Result<Case, RulingError> {
    let Correction {
        entry,
        fare,
        by,
        reason,
    } = correction;
    if fare.minor < 0 {
        return Err(PostingError::NegativeFare(*fare).into());
    }
    let found = tx.journey_view(*entry)?;
    let (account, _) = found.ok_or(RulingError::NoJourney(*entry))?;
    let kind = ConflictKind::Asked;
    let told = Told {
        detail: format!("{by} asked at {} for {fare} to be charged", rfc3339(now)),
        records: [tx.tap_record(account, *entry)?, None],
        proposal: kind.propose(&Circumstances::default()),
    };
    let id = ConflictId(crate::ids::new_id(now)?);
    let (scope, subject) = (Scope::Account(account), entry.to_hex());
    tx.raise(id, (scope, kind, &subject), &told, now)?;
    let ruling = Ruling {
        decision: Decision::Charge { fare: *fare },
        by: by.clone(),
        reason: reason.clone(),
    };
    resolve(tx, id, &ruling, now)
}
