//! The journal's thread: the only one that writes.

use super::notes::{self, NoteRow};
use super::queue::{Chore, CommitJob, Work};
use super::records::{self, Failure, Head};
use super::retention::{Retention, Step, Sweep};
use super::{
    CommitRequest, Committed, GateIdentity, JournalError, Shared, caches, configs, modes, outbox,
    revoked,
};
use fare_protocol::SignedRecord;
use fare_protocol::wire::Revocation;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

/// Transactions after which the next lull folds the write-ahead log into the file.
const FOLD_AFTER: u32 = 64;

/// Most steps of tidying in one lull; the next lull goes on.
const TIDY_STEPS_MAX: usize = 256;

/// What became of one record of a transaction that was committed.
type Outcome = Result<SignedRecord, String>;

/// Starts the thread.
pub(super) fn start(
    db: Connection,
    head: Head,
    identity: GateIdentity,
    retention: Retention,
    shared: Arc<Shared>,
) -> Result<JoinHandle<Result<(), JournalError>>, JournalError> {
    let path = shared.path.clone();
    let writer = Writer {
        db,
        head: Some(head),
        identity,
        retention,
        sweep: Sweep::default(),
        now_ms: i64::MIN,
        shared,
        unfolded: 0,
    };
    let thread = thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer.run());
    thread.map_err(|err| JournalError::File {
        path,
        source: Arc::new(err),
    })
}

struct Writer {
    db: Connection,
    /// Nothing after a failed transaction: then the disk knows.
    head: Option<Head>,
    identity: GateIdentity,
    retention: Retention,
    sweep: Sweep,
    /// The newest time that came with a request.
    now_ms: i64,
    shared: Arc<Shared>,
    unfolded: u32,
}

impl Drop for Writer {
    /// Also when the thread panics: nobody may wait for ever.
    fn drop(&mut self) {
        self.shared.queue.abandon();
    }
}

impl Writer {
    fn run(mut self) -> Result<(), JournalError> {
        while let Some(work) = self.shared.queue.next(self.unfolded >= FOLD_AFTER) {
            self.work(work);
        }
        self.fold("truncate")
    }

    fn work(&mut self, work: Work) {
        let Work {
            commits,
            notes,
            chore,
        } = work;
        if commits.is_empty() && notes.is_empty() && chore.is_none() {
            self.tidy();
            return;
        }
        if !commits.is_empty() || !notes.is_empty() {
            self.commit(commits, &notes);
        }
        if let Some(chore) = chore {
            self.chore(chore);
        }
    }

    /// In a lull: forgets what may go, gives room back, folds the log in; stops as soon as somebody
    /// waits.
    fn tidy(&mut self) {
        let mut forgotten = Step::default();
        for _ in 0..TIDY_STEPS_MAX {
            if !self.shared.queue.is_quiet() {
                break;
            }
            match self.sweep.step(&mut self.db, self.retention, self.now_ms) {
                Ok(step) => {
                    forgotten.records += step.records;
                    forgotten.notes += step.notes;
                    if step.done {
                        break;
                    }
                }
                Err(err) => {
                    tracing::warn!(%err, "journal not tidied, trying again later");
                    break;
                }
            }
        }
        if forgotten.notes > 0 {
            let evicted = forgotten.notes;
            tracing::warn!(
                evicted,
                "the journal is near its size limit, diagnostic notes evicted"
            );
        }
        if forgotten.records > 0 {
            tracing::info!(records = forgotten.records, "accepted records forgotten");
        }
        if self.shared.queue.is_quiet()
            && let Err(err) = self.sweep.forget_cached(&self.db, self.now_ms)
        {
            tracing::warn!(%err, "phones of long ago not forgotten, trying again later");
        }
        if let Err(err) = self.fold("passive") {
            tracing::warn!(%err, "write-ahead log not folded in, trying again later");
        }
    }

    /// Commits all of `jobs` in one transaction, then answers them.
    fn commit(&mut self, jobs: Vec<CommitJob>, notes: &[NoteRow]) {
        let (requests, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.request, job.reply)).unzip();
        let newest = requests.iter().map(|request| request.stamp.at.0).max();
        self.now_ms = self.now_ms.max(newest.unwrap_or(i64::MIN));
        let mut result = self.transaction(&requests, notes);
        if result.as_ref().is_err_and(is_full) && self.make_room() {
            result = self.transaction(&requests, &[]);
            self.shared.queue.count_dropped(notes.len());
        } else if result.is_err() {
            self.shared.queue.count_dropped(notes.len());
        }
        match result {
            Ok(outcomes) => {
                self.committed(!outcomes.is_empty());
                for ((reply, request), outcome) in replies.into_iter().zip(&requests).zip(outcomes)
                {
                    let rejected = |detail| self.rejected(request, detail);
                    reply(outcome.map(Committed).map_err(rejected));
                }
            }
            Err(err) => {
                let source = Arc::new(err);
                for reply in replies {
                    let path = self.shared.path.clone();
                    reply(Err(JournalError::CommitFailed {
                        path,
                        source: Arc::clone(&source),
                    }));
                }
            }
        }
    }

    fn transaction(
        &mut self,
        requests: &[CommitRequest],
        notes: &[NoteRow],
    ) -> rusqlite::Result<Vec<Outcome>> {
        let mut head = match self.head.take() {
            Some(head) => head,
            None => Head::read(&self.db)?,
        };
        let mut tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut outcomes = Vec::with_capacity(requests.len());
        for request in requests {
            // Each in a savepoint: one that contradicts leaves the others alone.
            let savepoint = tx.savepoint()?;
            match records::insert(&savepoint, head, &self.identity, request) {
                Ok(record) => {
                    savepoint.commit()?;
                    head = Head::after(&record);
                    outcomes.push(Ok(record));
                }
                Err(Failure::Contradiction(detail)) => outcomes.push(Err(detail)),
                Err(Failure::Sqlite(err)) => return Err(err),
            }
        }
        notes::insert(&tx, notes)?;
        tx.commit()?;
        self.head = Some(head);
        Ok(outcomes)
    }

    fn rejected(&self, request: &CommitRequest, detail: String) -> JournalError {
        JournalError::Rejected {
            path: self.shared.path.clone(),
            id: request.draft.id(),
            detail,
        }
    }

    /// Diagnosis gives way to money: evicts notes when the disk is full. False when there are none
    /// or even that failed.
    fn make_room(&mut self) -> bool {
        match notes::evict_oldest(&self.db) {
            Ok(evicted) => evicted > 0,
            Err(err) => {
                tracing::error!(%err, "disk full, and no diagnostic notes could be evicted");
                false
            }
        }
    }

    fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::Acknowledge { answers, at, reply } => {
                self.now_ms = self.now_ms.max(at.0);
                let result = outbox::acknowledge(&mut self.db, &answers, at);
                reply(self.chore_done("recording the server's answers", result));
            }
            Chore::Feed { update, reply } => {
                let (gate, key) = (self.identity.gate, self.identity.signer.public());
                let result = caches::apply(&mut self.db, (gate, &key), &update).and_then(|()| {
                    Ok((
                        modes::command(&self.db, gate)?,
                        configs::command(&self.db, gate)?,
                        revoked::read(&self.db, gate, &key)?,
                    ))
                });
                let result = result.map(|(command, config, revocation)| {
                    self.shared.commanded(command);
                    self.shared.configured(config);
                    self.revoked(revocation);
                });
                reply(self.chore_done("applying the feed", result));
            }
            // Touches no disk: a flash card would pay for each. A commit that hangs holds it up.
            Chore::Answer { reply } => reply(Ok(())),
            #[cfg(test)]
            Chore::Execute { sql, reply } => {
                let result = self.db.execute_batch(&sql);
                reply(self.chore_done("executing", result));
            }
        }
    }

    /// Nothing that the server has accepted is kept any more where it believes the gate no longer.
    fn revoked(&mut self, revocation: Option<Revocation>) {
        if revocation.is_some() {
            self.retention.keep_ms = 0;
        }
        self.shared.is_revoked(revocation);
    }

    fn chore_done<T>(
        &mut self,
        doing: &'static str,
        result: rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.unfolded = self.unfolded.saturating_add(1);
        result.map_err(|err| self.shared.sqlite(doing, err))
    }

    fn committed(&mut self, records: bool) {
        self.unfolded = self.unfolded.saturating_add(1);
        self.shared.transactions.fetch_add(1, Ordering::Relaxed);
        if records {
            self.shared.committed.notify_one();
        }
    }

    /// Moves the write-ahead log into the file, in a lull and at the end, so that no tap pays for it.
    fn fold(&mut self, how: &str) -> Result<(), JournalError> {
        self.unfolded = 0;
        let folded = self.db.pragma(None, "wal_checkpoint", how, |_| Ok(()));
        folded.map_err(|err| self.shared.sqlite("folding in the write-ahead log", err))
    }
}

fn is_full(err: &rusqlite::Error) -> bool {
    err.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
