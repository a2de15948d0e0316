//! The work that is recorded: a journal with taps one by one and at once, notes, acknowledgements,
//! forgetting, lulls in which the log is folded in, and one restart. What it answered goes to a list
//! outside, a line after each commit has returned.

use super::{ANSWERED, JOURNAL};
use anyhow::Context;
use ed25519_dalek::SigningKey;
use fare_protocol::wire::{Answer, AnswerOutcome};
use fare_protocol::{
    AccountId, CodeRef, Direction, GeoPoint, LaneNo, Location, Millis, Mode, Passage,
    PassageOutcome, PublicKey, RecordId, RiderClass, Signer, Stamp, UnixMs,
};
use fare_rules::{ConfirmationDraft, Draft, Note, PassageDraft, RULES_VERSION, Used};
use faregate::journal::{
    CommitRequest, GateIdentity, Journal, JournalHandle, OutboxFile, RawAnswer, Retention,
};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Between two taps.
const STEP_MS: u64 = 60_000;

/// Accepted records go after half an hour of taps, or 30 riders.
pub(super) const RETENTION: Retention = Retention {
    keep_ms: 30 * 60_000,
    size_max: 1 << 30,
};

/// Riders of one round; the first of them tap at once.
const ROUND: u64 = 16;
const AT_ONCE: u64 = 6;

/// Long enough for the journal to tidy, which it does after as many transactions as three rounds have.
const LULL: Duration = Duration::from_millis(1_200);
const LULL_EVERY: u64 = 3;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(super) fn public_key() -> PublicKey {
    Signer::public(&key())
}

pub(super) fn identity() -> anyhow::Result<GateIdentity> {
    Ok(GateIdentity {
        gate: "PGY-01".parse()?,
        location: Location {
            station: "PGY".parse()?,
            line: "1".parse()?,
            lane: LaneNo(1),
            point: GeoPoint::from_e7(399_248_000, 1_161_719_000).context("a point")?,
        },
        signer: Arc::new(key()),
    })
}

/// The time of rider `n`'s tap.
pub(super) fn stamp(n: u64) -> Stamp {
    Stamp {
        at: UnixMs(i64::try_from(n.saturating_mul(STEP_MS)).unwrap_or(i64::MAX)),
        error_ms: Millis(50),
    }
}

pub(super) fn id(n: u64) -> RecordId {
    RecordId(((u128::from(n) << 64) | 0x7000).to_be_bytes())
}

fn draft(n: u64) -> ConfirmationDraft {
    ConfirmationDraft {
        id: id(2 * n),
        direction: Direction::Entry,
        code_ref: CodeRef(u128::from(n).to_be_bytes()),
        account: AccountId(u128::from(n).to_be_bytes()),
        class: RiderClass::Adult,
        used: Used::Code {
            device_key: public_key(),
            counter: u32::try_from(n).unwrap_or(u32::MAX),
        },
        mode: Mode::Normal,
        fare_quoted: None,
        tariff: None,
        rules: RULES_VERSION,
        first_ride: None,
    }
}

/// Rider `n`'s tap.
pub(super) fn confirmation(n: u64) -> CommitRequest {
    CommitRequest {
        draft: Draft::Confirmation(draft(n)),
        stamp: stamp(n),
    }
}

fn passage(n: u64) -> CommitRequest {
    let confirmation = draft(n);
    CommitRequest {
        draft: Draft::Passage(PassageDraft {
            id: id(2 * n + 1),
            passage: Passage {
                confirmation: confirmation.id,
                outcome: PassageOutcome::Passed,
            },
            direction: confirmation.direction,
            account: Some(confirmation.account),
            confirmed_at: stamp(n).at,
        }),
        stamp: stamp(n),
    }
}

/// A journal at work, and the list outside.
struct Worker<'a> {
    folder: &'a Path,
    journal: JournalHandle,
    answered: File,
}

/// Works on a journal in `folder` until so many riders have gone through.
///
/// # Errors
/// When the journal fails.
pub fn work(folder: &Path, riders: u32) -> anyhow::Result<()> {
    let answered = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(ANSWERED))?;
    let mut worker = Worker {
        folder,
        journal: open(folder)?,
        answered,
    };
    let riders = u64::from(riders);
    let mut next = 1;
    while next <= riders {
        let until = riders.min(next + ROUND - 1);
        worker.round(next..=until)?;
        if (next..=until).contains(&(riders / 2)) {
            worker.journal.close()?;
            let Worker {
                answered, journal, ..
            } = worker;
            // The lock goes with the last handle.
            drop(journal);
            let journal = open(folder)?;
            worker = Worker {
                folder,
                journal,
                answered,
            };
        }
        next = until + 1;
    }
    worker.journal.close()?;
    Ok(())
}

fn open(folder: &Path) -> anyhow::Result<JournalHandle> {
    let path = folder.join(JOURNAL);
    Ok(Journal::open_keeping(&path, identity()?, RETENTION)?)
}

impl Worker<'_> {
    /// Some at once, the others one by one; then the server answers, and after some rounds nothing
    /// happens for a while.
    fn round(&self, riders: std::ops::RangeInclusive<u64>) -> anyhow::Result<()> {
        let first = *riders.start();
        thread::scope(|scope| {
            let at_once = riders.clone().take_while(|n| *n < first + AT_ONCE);
            let taps: Vec<_> = at_once
                .map(|n| scope.spawn(move || self.commit(confirmation(n))))
                .collect();
            taps.into_iter()
                .try_for_each(|tap| tap.join().map_err(|_| anyhow::anyhow!("a tap"))?)
        })?;
        for n in riders {
            if n >= first + AT_ONCE {
                self.commit(confirmation(n))?;
            }
            self.commit(passage(n))?;
            if n.is_multiple_of(5) {
                self.journal.note(Note::UnaskedPassage, stamp(n));
            }
        }
        self.acknowledge(2 * ROUND as usize)?;
        if (first / ROUND + 1).is_multiple_of(LULL_EVERY) {
            thread::sleep(LULL);
        }
        Ok(())
    }

    fn commit(&self, request: CommitRequest) -> anyhow::Result<()> {
        let committed = self.journal.commit_blocking(request)?;
        let record = committed.get().record();
        // One call, so that the list holds whole lines only.
        let line = format!("committed {} {}\n", record.seq, record.id.to_hex());
        Ok((&self.answered).write_all(line.as_bytes())?)
    }

    /// The server accepts the oldest records that wait. They may be forgotten from then on.
    fn acknowledge(&self, most: usize) -> anyhow::Result<()> {
        let waiting = self.journal.pending(None, most)?;
        let mut lines = String::new();
        let mut answers = Vec::new();
        for record in waiting {
            lines.push_str(&format!("may-go {}\n", record.seq));
            let outcome = AnswerOutcome::Accepted { voucher: None };
            let answer = Answer {
                id: record.id,
                outcome,
            };
            let json = serde_json::to_string(&answer)?;
            answers.push(RawAnswer { answer, json });
        }
        (&self.answered).write_all(lines.as_bytes())?;
        let mut outbox = OutboxFile::open(&self.folder.join(JOURNAL))?;
        outbox.acknowledge(&answers, stamp(0).at)?;
        Ok(())
    }
}
