//! The conflict inbox as people use it: what stands, what is proposed, and the one decision that ends
//! a conflict. What moves is [`fare_rules::conflict`]'s to say; it is booked here.

use crate::clock::rfc3339;
use crate::products::{self, ProductError, Wanted};
use crate::store::{About, Case, End, Resolution, Resolved, Scope, StoreError, Tx, is_unprintable};
use fare_protocol::wire::Envelope;
use fare_protocol::{
    AccountId, ConflictId, Direction, Money, PassageOutcome, RecordBody, RecordId, SignedRecord,
    UnixMs,
};
use fare_rules::conflict::{Decision, DecisionError, Proposal, adjust};
use fare_rules::journey::{Journey, Standing};
use fare_rules::ledger::{Posting, PostingError, PostingKind};
use serde::{Deserialize, Serialize};

/// Longest name of a person, in characters.
pub const PERSON_CHARS_MAX: usize = 80;

/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// A decision with who takes it and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What is decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// Who decides: a name that the office knows, 1 to 80 characters.
    pub by: String,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// Why a decision was not taken; then nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RulingError {
    /// There is no such conflict.
    #[error("there is no conflict {0}; `fareserver conflicts list` shows those that stand")]
    NoConflict(ConflictId),
    /// There is no such journey.
    #[error("there is no journey with the entry {0}; `fareserver journeys list` shows them")]
    NoJourney(RecordId),
    /// Records cleared it.
    #[error("conflict {id} cleared itself at {at}: there is nothing to decide any more")]
    Cleared {
        /// Which.
        id: ConflictId,
        /// When.
        at: String,
    },
    /// Somebody has decided otherwise.
    #[error("conflict {id} was decided by {person} at {at}; a conflict is decided once")]
    Decided {
        /// Which.
        id: ConflictId,
        /// By whom.
        person: String,
        /// When.
        at: String,
    },
    /// A field of the ruling is empty or too long.
    #[error("`{field}` has {got} characters, expected 1 to {most}")]
    Length {
        /// Which field.
        field: &'static str,
        /// Its length.
        got: usize,
        /// The greatest length.
        most: usize,
    },
    /// A field of the ruling cannot be kept as text.
    #[error("`{field}` has a control character; write letters and lines")]
    Control {
        /// Which field.
        field: &'static str,
    },
    /// The passage is not known yet, so money is held or may still move by itself.
    #[error(
        "the passage of this tap is not known yet; decide to charge once it is, or time is over"
    )]
    PassagePending,
    /// The decision does not fit the conflict.
    #[error("{0}")]
    Decision(#[from] DecisionError),
    /// An amount that cannot be posted.
    #[error("the fare: {0}")]
    Posting(#[from] PostingError),
    /// No new ids could be made.
    #[error("no randomness for new ids: {0}")]
    Ids(#[from] getrandom::Error),
    /// A use of a product that cannot be given back.
    #[error("a product: {0}")]
    Product(#[from] ProductError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Takes a person's decision about a conflict: ends it and books what follows, in the caller's
/// transaction. The very same ruling told again changes nothing. Answers the conflict as it is then.
///
/// # Errors
/// When it is not there, has ended otherwise, or cannot be decided like this.
pub fn resolve(
    tx: &Tx<'_>,
    id: ConflictId,
    ruling: &Ruling,
    now: UnixMs,
) -> Result<Case, RulingError> {
    let (person, reason) = (ruling.by.trim(), ruling.reason.trim());
    check_length("by", person, PERSON_CHARS_MAX)?;
    check_length("reason", reason, REASON_CHARS_MAX)?;
    let case = tx.conflict(id)?.ok_or(RulingError::NoConflict(id))?;
    match &case.end {
        None => {}
        Some(End::Cleared(at)) => {
            let at = rfc3339(*at);
            return Err(RulingError::Cleared { id, at });
        }
        Some(End::Resolved(done)) => {
            let told = (done.decision, done.person.as_str(), done.reason.as_str());
            if told == (ruling.decision, person, reason) {
                return Ok(case);
            }
            let (person, at) = (done.person.clone(), rfc3339(done.at));
            return Err(RulingError::Decided { id, person, at });
        }
    }
    let charge = match ruling.decision {
        Decision::Keep => None,
        Decision::Charge { fare } => Some(charged(tx, &case, fare)?),
    };
    tx.insert_resolution(
        id,
        &Resolution {
            at: now,
            decision: ruling.decision,
            person: person.to_owned(),
            reason: reason.to_owned(),
            charge,
            overtaken: None,
        },
    )?;
    if let Some(charge) = charge {
        book(tx, id, &charge, now)?;
    }
    tx.conflict(id)?.ok_or(RulingError::NoConflict(id))
}

fn check_length(field: &'static str, text: &str, most: usize) -> Result<(), RulingError> {
    let got = text.chars().count();
    if !(1..=most).contains(&got) {
        return Err(RulingError::Length { field, got, most });
    }
    if text.chars().any(is_unprintable) {
        return Err(RulingError::Control { field });
    }
    Ok(())
}

/// What a decision to charge is about: the journey that the conflict's tap belongs to, or the tap
/// alone, and what has been paid for it so far.
fn charged(tx: &Tx<'_>, case: &Case, fare: Money) -> Result<Resolved, RulingError> {
    let no_money = DecisionError::NoMoney(case.kind);
    let (Scope::Account(account), Ok(tap)) = (case.scope, case.subject.parse::<RecordId>()) else {
        return Err(no_money.into());
    };
    let about = tx.tap(account, tap)?.ok_or(no_money)?;
    let journey = match about.direction() {
        Direction::Entry => tx.journey(account, tap)?.map(|row| (tap, row.state)),
        Direction::Exit => {
            let found = tx.journey_of_exit(account, tap)?;
            found.map(|(entry, row)| (entry, row.state))
        }
    };
    let (entry, paid) = match journey {
        Some((entry, state)) => (Some(entry), paid_for(state)?),
        None if about.standing() == Standing::Pending => return Err(RulingError::PassagePending),
        None => (None, None),
    };
    let decided = match entry {
        Some(entry) => tx.in_force_for_entry(account, entry)?,
        None => tx.in_force_for_exit(account, tap)?,
    };
    let paid = decided.first().map(|(_, done)| done.fare).or(paid);
    let replaced = paid.unwrap_or(Money::zero(fare.currency));
    let fare = Decision::Charge { fare }.fare(case.kind, replaced)?;
    Ok(Resolved {
        account,
        entry,
        tap,
        replaced,
        fare,
    })
}

/// What a journey has cost so far by itself.
fn paid_for(state: Journey) -> Result<Option<Money>, RulingError> {
    match state {
        Journey::Held(_) | Journey::Tapped => Err(RulingError::PassagePending),
        Journey::Closed(charge) => Ok(Some(charge.fare)),
        Journey::NoExit(fare) => Ok(fare),
        Journey::Annulled | Journey::Open | Journey::Incomplete | Journey::Unpriced { .. } => {
            Ok(None)
        }
    }
}

fn book(tx: &Tx<'_>, id: ConflictId, charge: &Resolved, now: UnixMs) -> Result<(), RulingError> {
    let about = About {
        account: charge.account,
        entry: charge.entry,
        conflict: Some(id),
    };
    for posting in adjust(charge.account, charge.replaced, charge.fare)? {
        let id = crate::ids::new_id(now)?;
        tx.post(id, about, &posting, now)?;
        note_exit(tx, about, (id, &posting))?;
    }
    // What a person decides is money: products that the journey used are there again.
    if let Some(entry) = charge.entry
        && let Some(tap) = tx.tap(charge.account, entry)?
    {
        let none = Wanted::These(Vec::new());
        if !tx.uses_of(charge.account, entry)?.is_empty() {
            tx.note_price_again(charge.account, entry)?;
        }
        let journey = tx.journey(charge.account, entry)?;
        let exit = journey.and_then(|row| row.state.exit());
        let about = (tap.at, entry, exit);
        products::book(tx, charge.account, about, &none, false, now)?;
    }
    Ok(())
}

/// Notes for a posting that gives back what a journey earned which exit the journey has now: a late record may give it
/// another, on another operator's line.
///
/// # Errors
/// Those of the store.
pub(crate) fn note_exit(
    tx: &Tx<'_>,
    about: About,
    (id, posting): ([u8; 16], &Posting),
) -> Result<(), StoreError> {
    let Some(entry) = about
        .entry
        .filter(|_| posting.kind() == PostingKind::Reverse)
    else {
        return Ok(());
    };
    let journey = tx.journey(about.account, entry)?;
    let exit = journey.and_then(|row| row.state.exit());
    tx.note_exit(about.account, id, exit)
}

/// A conflict as people and programs read it; the account is masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseView {
    /// Its id.
    pub conflict: ConflictId,
    /// Of which kind: the names of [`fare_rules::conflict::ConflictKind`].
    pub kind: &'static str,
    /// Which gate or account, masked.
    pub about: String,
    /// What happened.
    pub detail: String,
    /// Since when, by the server's clock.
    pub raised_ms: UnixMs,
    /// What is proposed.
    pub proposal: Proposal,
    /// Why that is proposed.
    pub because: &'static str,
    /// The records that it is about, as their gates signed them: none, one or two.
    pub records: Vec<RecordView>,
    /// How it ended; nothing while it stands.
    pub end: Option<EndView>,
}

/// A signed record and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Its id.
    pub id: RecordId,
    /// What it says, for people.
    pub says: String,
    /// The record as its gate signed it.
    pub envelope: Envelope,
}

/// The end of a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum EndView {
    /// Later records made it fit.
    Cleared {
        /// When.
        at_ms: UnixMs,
    },
    /// A person decided.
    Resolved {
        /// When.
        at_ms: UnixMs,
        /// The ruling.
        #[serde(flatten)]
        ruling: Ruling,
        /// What had been paid before a decision to charge.
        replaced: Option<Money>,
        /// When a late record made it void.
        overtaken_ms: Option<UnixMs>,
    },
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let records = case.told.records.into_iter().flatten();
        Self {
            conflict: case.id,
            kind: case.kind.code(),
            about: case.scope.to_string(),
            detail: case.told.detail,
            raised_ms: case.raised,
            proposal: case.told.proposal,
            because: case.told.proposal.why.sentence(),
            records: records.map(RecordView::from).collect(),
            end: case.end.map(EndView::from),
        }
    }
}

impl From<End> for EndView {
    fn from(end: End) -> Self {
        match end {
            End::Cleared(at_ms) => Self::Cleared { at_ms },
            End::Resolved(done) => Self::Resolved {
                at_ms: done.at,
                ruling: Ruling {
                    decision: done.decision,
                    by: done.person,
                    reason: done.reason,
                },
                replaced: done.charge.map(|charge| charge.replaced),
                overtaken_ms: done.overtaken,
            },
        }
    }
}

impl From<SignedRecord> for RecordView {
    fn from(record: SignedRecord) -> Self {
        let body = record.record();
        let said = match body.body {
            RecordBody::Confirmation(confirmation) => {
                said_of_tap(confirmation.direction, confirmation.account)
            }
            RecordBody::Passage(passage) => {
                let outcome = match passage.outcome {
                    PassageOutcome::Passed => "passed",
                    PassageOutcome::Annulled(_) => "annulled",
                    PassageOutcome::Unknown => "unknown",
                };
                format!("passage of {}: {outcome}", passage.confirmation)
            }
            RecordBody::LetThrough(said) => {
                let (direction, by) = (said.direction, said.by.code());
                format!("{direction} let through by {by}: {}", said.reason)
            }
            RecordBody::Config(said) => {
                format!("configuration {}: {}", said.command, said.outcome.words())
            }
            RecordBody::ModeChange(change) => {
                format!(
                    "mode {} by {}: {}",
                    change.modes,
                    change.source.code(),
                    change.reason
                )
            }
        };
        let (gate, seq, at) = (body.gate, body.seq, rfc3339(body.stamp.at));
        let error = body.stamp.error_ms;
        Self {
            id: body.id,
            says: format!("gate {gate}, record {seq}, {at} (within {error}): {said}"),
            envelope: Envelope(record.bytes().to_vec()),
        }
    }
}

fn said_of_tap(direction: Direction, account: AccountId) -> String {
    format!("{direction} of account {account}")
}
