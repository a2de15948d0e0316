//! What waits for the journal's thread, with a limit on each kind.

use super::caches::FeedUpdate;
use super::notes::NoteRow;
use super::outbox::{Acknowledged, RawAnswer};
use super::{CommitRequest, Committed, JournalError, lock};
use fare_protocol::{SignedRecord, UnixMs};
use fare_rules::Draft;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most commits that may wait. A lane has one or two under way.
const COMMITS_MAX: usize = 1_024;

/// Most chores that may wait. The courier's two loops have one each.
const CHORES_MAX: usize = 16;

/// Most notes that may wait.
const NOTES_MAX: usize = 512;

/// How long notes wait for a commit to ride along with, and after how long without work the thread
/// tidies up.
const LULL: Duration = Duration::from_secs(1);

/// Takes the result to whoever asked.
pub(super) type Reply<T> = Box<dyn FnOnce(Result<T, JournalError>) + Send>;

/// A record to commit.
pub(super) struct CommitJob {
    pub(super) request: CommitRequest,
    pub(super) reply: Reply<Committed<SignedRecord>>,
}

/// Work that may wait for the taps before it.
pub(super) enum Chore {
    /// The server answered.
    Acknowledge {
        answers: Vec<RawAnswer>,
        at: UnixMs,
        reply: Reply<Acknowledged>,
    },
    /// The server has news.
    Feed {
        update: Box<FeedUpdate>,
        reply: Reply<()>,
    },
    /// Somebody wants to know whether the thread moves.
    Answer { reply: Reply<()> },
    /// Whatever a test wants to do to the connection.
    #[cfg(test)]
    Execute { sql: String, reply: Reply<()> },
}

/// What the thread does next, in this order. Nothing at all means a lull.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commits: Vec<CommitJob>,
    pub(super) notes: Vec<NoteRow>,
    pub(super) chore: Option<Chore>,
}

/// Why a request may not wait here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The journal is closed.
    Closed,
    /// This many wait already.
    Full(usize),
}

/// The queue itself.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

#[derive(Default)]
struct Waiting {
    commits: Vec<CommitJob>,
    notes: Vec<NoteRow>,
    notes_dropped: u64,
    chores: VecDeque<Chore>,
    closed: bool,
}

impl Queue {
    pub(super) fn commit(&self, job: CommitJob) -> Result<(), Refused> {
        let mut waiting = lock(&self.waiting);
        waiting.room(waiting.commits.len(), COMMITS_MAX)?;
        waiting.commits.push(job);
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn chore(&self, chore: Chore) -> Result<(), Refused> {
        let mut waiting = lock(&self.waiting);
        waiting.room(waiting.chores.len(), CHORES_MAX)?;
        waiting.chores.push_back(chore);
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn note(&self, note: NoteRow) {
        let mut waiting = lock(&self.waiting);
        if waiting.room(waiting.notes.len(), NOTES_MAX).is_err() {
            waiting.notes_dropped = waiting.notes_dropped.saturating_add(1);
            return;
        }
        waiting.notes.push(note);
        if waiting.notes.len() == 1 {
            self.arrived.notify_one();
        }
    }

    pub(super) fn count_dropped(&self, notes: usize) {
        let mut waiting = lock(&self.waiting);
        let notes = u64::try_from(notes).unwrap_or(u64::MAX);
        waiting.notes_dropped = waiting.notes_dropped.saturating_add(notes);
    }

    pub(super) fn notes_dropped(&self) -> u64 {
        lock(&self.waiting).notes_dropped
    }

    /// Lets nothing in any more; what waits is still done.
    pub(super) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.arrived.notify_one();
    }

    /// Throws away what waits: whoever waits for an answer learns that there will be none.
    pub(super) fn abandon(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        waiting.commits.clear();
        waiting.notes.clear();
        waiting.chores.clear();
    }

    /// Whether nobody waits for anything that cannot wait longer.
    pub(super) fn is_quiet(&self) -> bool {
        !lock(&self.waiting).urgent()
    }

    /// Waits for work; nothing once the queue is closed and empty. `tidy` says that the thread has
    /// something to do in a lull.
    pub(super) fn next(&self, tidy: bool) -> Option<Work> {
        let mut waiting = lock(&self.waiting);
        while !waiting.urgent() {
            if waiting.notes.is_empty() && !tidy {
                waiting = self
                    .arrived
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (after, in_lull) = self.lull(waiting);
            waiting = after;
            if in_lull {
                return Some(waiting.take());
            }
        }
        let done = waiting.closed && waiting.is_empty();
        (!done).then(|| waiting.take())
    }

    /// Waits for something urgent, but not for long; true when nothing came.
    fn lull<'q>(&'q self, waiting: MutexGuard<'q, Waiting>) -> (MutexGuard<'q, Waiting>, bool) {
        let waited = self
            .arrived
            .wait_timeout_while(waiting, LULL, |waiting| !waiting.urgent());
        let (waiting, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (waiting, timeout.timed_out())
    }
}

impl Waiting {
    fn room(&self, waiting: usize, max: usize) -> Result<(), Refused> {
        if self.closed {
            Err(Refused::Closed)
        } else if waiting >= max {
            Err(Refused::Full(waiting))
        } else {
            Ok(())
        }
    }

    fn urgent(&self) -> bool {
        self.closed || !self.commits.is_empty() || !self.chores.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.commits.is_empty() && self.notes.is_empty() && self.chores.is_empty()
    }

    /// Everything that waits; but notes do not ride with a confirmation, behind which somebody
    /// stands at a closed barrier. They ride with its passage, or go in a lull.
    fn take(&mut self) -> Work {
        let hurried = |job: &CommitJob| {
            matches!(
                job.request.draft,
                Draft::Confirmation(_) | Draft::LetThrough(_)
            )
        };
        let hold_notes = !self.closed && self.commits.iter().any(hurried);
        Work {
            commits: std::mem::take(&mut self.commits),
            notes: if hold_notes {
                Vec::new()
            } else {
                std::mem::take(&mut self.notes)
            },
            chore: self.chores.pop_front(),
        }
    }
}
