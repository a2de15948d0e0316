//! The journal: the gate's SQLite file, written by one thread, and the only maker of
//! [`Committed`] values.
//!
//! ```text
//! commit ──▶ queue ──▶ thread `journal`: one transaction for all who wait ──▶ fsync ──▶ answers
//! facts  ──▶ read-only connection, never behind a write
//! outbox ──▶ second read-only connection, for the courier
//! people ──▶ `beside` and `look`: a second process, or a copy of the file
//! ```
//! Records are hash-chained and signed on the thread, in the order in which they are committed.
//! Commits that wait go first, all in one transaction; after them one chore at a time (an
//! acknowledgement, a feed). Diagnostic notes ride along and never cause a failure.

mod beside;
mod books;
mod caches;
mod check;
mod configs;
mod error;
mod facts;
mod first_rides;
mod let_through;
mod look;
mod modes;
mod notes;
mod outbox;
mod probe;
mod queue;
mod records;
mod recover;
pub mod rehearsal;
mod retention;
mod revoked;
mod schema;
mod sound;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub use beside::OutboxFile;
pub use books::Books;
pub use caches::{Applied, Cached};
pub use error::JournalError;
pub use facts::Told;
pub use look::{Edge, Event, JournalView, Kept, Said, Sent};
pub use modes::{HowSet, SetModes};
pub use notes::GateNote;
pub use outbox::{Acknowledged, Counts, Quarantined, RawAnswer, Waiting};
pub use probe::{JournalProbe, ProbeSynced};
pub use recover::{Recovered, Unfinished};
pub use retention::Retention;
pub use sound::{Chain, SCHEMA_VERSION};

pub(crate) use schema::beside;

use crate::stages::Stages;
use caches::FeedUpdate;
use fare_protocol::wire::{Feed, Revocation};
use fare_protocol::{
    ConfigCommand, Direction, GateId, Location, ModeCommand, RecordId, Seq, SignedRecord, Signer,
    Stamp, UnixMs,
};
use fare_rules::{Draft, Note};
use queue::{Chore, CommitJob, Queue, Reply};
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use tokio::sync::{Notify, oneshot, watch};

/// Whose chain the journal holds, where that gate stands, and what signs for it.
#[derive(Clone)]
pub struct GateIdentity {
    /// The gate.
    pub gate: GateId,
    /// Stamped into every confirmation.
    pub location: Location,
    /// The gate's key.
    pub signer: Arc<dyn Signer>,
}

/// Something that is durable. Only the journal makes these, after the fsync: what takes one, as the
/// barrier does, cannot run before the record exists.
#[derive(Debug)]
pub struct Committed<T>(T);

impl<T> Committed<T> {
    /// What was committed.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was committed, for keeps.
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// What to record: the lane's draft, and when.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// Id and contents.
    pub draft: Draft,
    /// The gate's time.
    pub stamp: Stamp,
}

/// Opens journals.
#[derive(Debug)]
pub struct Journal;

impl Journal {
    /// Opens or makes the journal at `path`, checks it and starts its thread.
    ///
    /// # Errors
    /// When the file cannot be had, is in use, damaged, another gate's or a newer program's.
    pub fn open(path: &Path, identity: GateIdentity) -> Result<JournalHandle, JournalError> {
        Self::open_keeping(path, identity, Retention::default())
    }

    /// The same, with a say in what is kept.
    ///
    /// # Errors
    /// As there.
    pub fn open_keeping(
        path: &Path,
        identity: GateIdentity,
        retention: Retention,
    ) -> Result<JournalHandle, JournalError> {
        let lock = schema::lock(path)?;
        let mut writing = schema::open_writer(path)?;
        schema::migrate(path, &mut writing)?;
        check::whole(path, &writing)?;
        let head = check::head(path, &writing, &identity)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            queue: Queue::default(),
            committed: Notify::new(),
            transactions: AtomicU64::new(0),
            command: watch::Sender::new(None),
            config: watch::Sender::new(None),
            revoked: watch::Sender::new(None),
        });
        let facts = schema::open_reader(path)?;
        match modes::command(&facts, identity.gate) {
            Ok(command) => shared.commanded(command),
            // The server's data never keep a gate from starting.
            Err(err) => tracing::warn!(%err, "a command about modes is unreadable, left out"),
        }
        match configs::command(&facts, identity.gate) {
            Ok(command) => shared.configured(command),
            Err(err) => tracing::warn!(%err, "a configuration is unreadable, left out"),
        }
        let key = identity.signer.public();
        let revocation = revoked::read(&facts, identity.gate, &key);
        let revocation = revocation.map_err(|err| schema::at_open(path, err))?;
        let keep_ms = revocation.map_or(retention.keep_ms, |_| 0);
        let retention = Retention {
            keep_ms,
            ..retention
        };
        shared.is_revoked(revocation);
        let outbox = schema::open_reader(path)?;
        let thread = writer::start(writing, head, identity, retention, Arc::clone(&shared))?;
        Ok(JournalHandle(Arc::new(Inner {
            shared,
            facts: Mutex::new(facts),
            outbox: Mutex::new(outbox),
            thread: Mutex::new(Some(thread)),
            _lock: lock,
        })))
    }
}

/// The way to the journal; clones share it. When the last one goes, everything that waits is
/// committed and the thread ends, as with [`JournalHandle::close`].
#[derive(Clone)]
pub struct JournalHandle(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    facts: Mutex<Connection>,
    outbox: Mutex<Connection>,
    thread: Mutex<Option<JoinHandle<Result<(), JournalError>>>>,
    _lock: File,
}

/// What the handles and the thread have in common.
struct Shared {
    path: PathBuf,
    queue: Queue,
    committed: Notify,
    transactions: AtomicU64,
    /// The server's newest command to this gate.
    command: watch::Sender<Option<ModeCommand>>,
    /// The server's newest configuration for this gate.
    config: watch::Sender<Option<Arc<ConfigCommand>>>,
    /// That the server believes this gate no longer.
    revoked: watch::Sender<Option<Revocation>>,
}

impl JournalHandle {
    /// Makes a record durable; many at once share one fsync. Dropping the future does not take the
    /// request back.
    ///
    /// # Errors
    /// Nothing was recorded; an opening that waits for it must not happen.
    pub async fn commit(
        &self,
        request: CommitRequest,
    ) -> Result<Committed<SignedRecord>, JournalError> {
        self.answer(|reply| self.0.shared.queue.commit(CommitJob { request, reply }))
            .await
    }

    /// [`JournalHandle::commit`] for threads that may block.
    ///
    /// # Errors
    /// As there.
    pub fn commit_blocking(
        &self,
        request: CommitRequest,
    ) -> Result<Committed<SignedRecord>, JournalError> {
        self.answer_blocking(|reply| self.0.shared.queue.commit(CommitJob { request, reply }))
    }

    /// The modes that are set.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn modes(&self) -> Result<SetModes, JournalError> {
        let modes = modes::read(&lock(&self.0.facts));
        modes.map_err(|err| self.0.shared.sqlite("reading the modes", err))
    }

    /// The server's newest command to this gate, carried out or not; changes as feeds bring others.
    pub fn commands(&self) -> watch::Receiver<Option<ModeCommand>> {
        self.0.shared.command.subscribe()
    }

    /// The server's newest configuration for this gate, taken or not; changes as feeds bring others.
    pub fn configurations(&self) -> watch::Receiver<Option<Arc<ConfigCommand>>> {
        self.0.shared.config.subscribe()
    }

    /// Whether, since when and why the server believes this gate no longer; changes as a feed says so.
    pub fn revoked(&self) -> watch::Receiver<Option<Revocation>> {
        self.0.shared.revoked.subscribe()
    }

    /// Keeps a diagnostic note, some time soon. Never waits: when too many wait already it is
    /// dropped and counted.
    pub fn note(&self, note: Note, stamp: Stamp) {
        self.0.shared.queue.note(notes::row(&note, stamp));
    }

    /// The same for a refusal, with the direction and what the stages up to it took.
    pub fn note_refused(
        &self,
        note: &Note,
        side: Option<Direction>,
        stages: &Stages,
        stamp: Stamp,
    ) {
        let row = notes::refused_row(note, side, stages, stamp);
        self.0.shared.queue.note(row);
    }

    /// The same for a note of the gate's own.
    pub fn note_gate(&self, note: &GateNote, stamp: Stamp) {
        self.0.shared.queue.note(notes::gate_row(note, stamp));
    }

    /// Writes a passage of unknown outcome for every confirmation that has none: power went away
    /// between opening and passage. To be called once, before the lane starts. `passage_id` makes
    /// the ids of those passages.
    ///
    /// # Errors
    /// When one cannot be read or committed.
    pub fn recover(
        &self,
        now: Stamp,
        mut passage_id: impl FnMut() -> RecordId,
    ) -> Result<Vec<Recovered>, JournalError> {
        let unfinished = recover::unfinished(&lock(&self.0.outbox));
        let unfinished = unfinished.map_err(|err| self.0.shared.sqlite("reading recovery", err))?;
        let finish = |confirmation| {
            let id = passage_id();
            let request = CommitRequest {
                draft: recover::passage(id, confirmation),
                stamp: now,
            };
            let passage = self.commit_blocking(request)?;
            Ok(Recovered {
                confirmation,
                passage,
            })
        };
        unfinished.into_iter().map(finish).collect()
    }

    /// The oldest records that the server has not answered yet, of those behind `after`: at most
    /// `limit`, in chain order.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn pending(&self, after: Option<Seq>, limit: usize) -> Result<Vec<Waiting>, JournalError> {
        let pending = outbox::pending(&lock(&self.0.outbox), after, limit);
        pending.map_err(|err| self.0.shared.sqlite("reading the outbox", err))
    }

    /// Returns once something was committed since the last return. For one waiter: the courier.
    pub async fn committed(&self) {
        self.0.shared.committed.notified().await;
    }

    /// Takes the server's answers into the journal in one transaction: accepted records leave the
    /// outbox, refused ones go to quarantine, answers to unknown ids are counted and left out.
    ///
    /// # Errors
    /// When the transaction fails; then every record still waits.
    pub async fn acknowledge(
        &self,
        answers: Vec<RawAnswer>,
        at: UnixMs,
    ) -> Result<Acknowledged, JournalError> {
        let chore = |reply| {
            self.0
                .shared
                .queue
                .chore(Chore::Acknowledge { answers, at, reply })
        };
        self.answer(chore).await
    }

    /// Takes a verified feed into the caches, in one transaction. A tariff that this program cannot
    /// use is left out and named; the last good one stays.
    ///
    /// # Errors
    /// [`JournalError::BadFeed`] when the whole feed is older than what is here already; otherwise
    /// the transaction failed. Either way everything is as it was.
    pub async fn apply_feed(&self, feed: Feed) -> Result<Applied, JournalError> {
        let cursor = caches::cursor(&lock(&self.0.outbox));
        let cursor = cursor.map_err(|err| self.0.shared.sqlite("reading the caches", err))?;
        let (update, applied) = FeedUpdate::check(&self.0.shared.path, feed, cursor)?;
        let update = Box::new(update);
        self.answer(|reply| self.0.shared.queue.chore(Chore::Feed { update, reply }))
            .await?;
        Ok(applied)
    }

    /// Returns when the thread has done what waited before this, and so is not stuck in it.
    ///
    /// # Errors
    /// When the thread is gone.
    pub async fn answers(&self) -> Result<(), JournalError> {
        self.answer(|reply| self.0.shared.queue.chore(Chore::Answer { reply }))
            .await
    }

    /// What the last good feeds left here.
    ///
    /// # Errors
    /// When SQLite cannot read. Parts that this program cannot read any more are absent.
    pub fn cached(&self) -> Result<Cached, JournalError> {
        let cached = caches::cached(&lock(&self.0.outbox));
        cached.map_err(|err| self.0.shared.sqlite("reading the caches", err))
    }

    /// The stamp of the newest record, by which time must not go back.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn last_stamp(&self) -> Result<Option<Stamp>, JournalError> {
        let last = records::last_stamp(&lock(&self.0.outbox));
        last.map_err(|err| self.0.shared.sqlite("reading the newest record", err))
    }

    /// Counts for the status display.
    ///
    /// # Errors
    /// When SQLite cannot read.
    pub fn counts(&self) -> Result<Counts, JournalError> {
        let counts = outbox::counts(&lock(&self.0.outbox));
        let counts = counts.map_err(|err| self.0.shared.sqlite("counting", err))?;
        Ok(Counts {
            notes_dropped: self.0.shared.queue.notes_dropped(),
            transactions: self.0.shared.transactions.load(Ordering::Relaxed),
            ..counts
        })
    }

    /// Diagnostic notes that were never written, since the start.
    pub fn notes_dropped(&self) -> u64 {
        self.0.shared.queue.notes_dropped()
    }

    /// Commits everything that waits, folds the write-ahead log into the file and ends the thread.
    /// Requests of other handles are answered with [`JournalError::Closed`] from now on.
    ///
    /// # Errors
    /// When the log could not be folded in; the records are safe in it.
    pub fn close(&self) -> Result<(), JournalError> {
        self.0.close()
    }

    async fn answer<T>(
        &self,
        submit: impl FnOnce(Reply<T>) -> Result<(), queue::Refused>,
    ) -> Result<T, JournalError>
    where
        T: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        // The asker may have gone: what was asked for is done all the same.
        let reply: Reply<T> = Box::new(move |result| drop(sender.send(result)));
        submit(reply).map_err(|refused| self.0.shared.refused(refused))?;
        receiver
            .await
            .unwrap_or_else(|_| Err(self.0.shared.closed()))
    }

    fn answer_blocking<T>(
        &self,
        submit: impl FnOnce(Reply<T>) -> Result<(), queue::Refused>,
    ) -> Result<T, JournalError>
    where
        T: Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        let reply: Reply<T> = Box::new(move |result| drop(sender.send(result)));
        submit(reply).map_err(|refused| self.0.shared.refused(refused))?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(self.0.shared.closed()))
    }
}

impl Inner {
    fn close(&self) -> Result<(), JournalError> {
        self.shared.queue.close();
        match lock(&self.thread).take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(self.shared.closed()),
            None => Ok(()),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(err) = self.close() {
            tracing::warn!(%err, "journal not closed cleanly");
        }
    }
}

impl Shared {
    /// Tells those who wait for commands, when this one is another.
    fn commanded(&self, command: Option<ModeCommand>) {
        self.command.send_if_modified(|known| {
            let is_new = *known != command;
            *known = command;
            is_new
        });
    }

    fn configured(&self, command: Option<ConfigCommand>) {
        self.config.send_if_modified(|known| {
            let is_new = known.as_deref() != command.as_ref();
            if is_new {
                *known = command.map(Arc::new);
            }
            is_new
        });
    }

    fn is_revoked(&self, revocation: Option<Revocation>) {
        self.revoked.send_if_modified(|known| {
            let is_new = *known != revocation;
            *known = revocation;
            is_new
        });
    }

    fn sqlite(&self, doing: &'static str, err: rusqlite::Error) -> JournalError {
        JournalError::Sqlite {
            path: self.path.clone(),
            doing,
            source: Arc::new(err),
        }
    }

    fn closed(&self) -> JournalError {
        JournalError::Closed {
            path: self.path.clone(),
        }
    }

    fn refused(&self, refused: queue::Refused) -> JournalError {
        match refused {
            queue::Refused::Closed => self.closed(),
            queue::Refused::Full(waiting) => JournalError::Busy {
                path: self.path.clone(),
                waiting,
            },
        }
    }
}

/// The value behind a mutex. A thread that panicked with it held left no half-written state: what
/// we keep behind mutexes is either a connection or a list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The kebab-case word that JSON has for a plain enum.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
