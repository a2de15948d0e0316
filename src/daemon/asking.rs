//! Questions to the server about pay codes, each a task of its own: the lane never waits for one.
//!
//! A question is asked with one id however often it is sent. Whoever was admitted before the answer came must
//! still be charged, so the question is repeated for a while, until the server has the code: it is nowhere but
//! in this process's memory.

use crate::clock::Stopwatch;
use crate::courier::Asker;
use fare_protocol::RecordId;
use fare_protocol::wire::{PayCodeAnswer, PayCodeAsk};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Most questions under way; who comes then gets no answer.
const QUESTIONS_MAX: usize = 64;

/// How long the server may take at most. The rider waits much shorter: the answer may still be of use.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Between two attempts to have the server learn a code.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// How long a code is kept for that.
const LEARN_MAX: Duration = Duration::from_secs(600);

/// What came of a question.
#[derive(Debug)]
pub(super) struct Heard {
    /// The confirmation that is to be.
    pub(super) id: RecordId,
    /// What the server says; nothing when it cannot be reached.
    pub(super) answer: Option<PayCodeAnswer>,
    /// How long that took.
    pub(super) took: Duration,
}

/// The questions of one gate.
pub(super) struct Questions {
    asker: Option<Asker>,
    room: Arc<Semaphore>,
    heard: mpsc::Sender<Heard>,
    answers: mpsc::Receiver<Heard>,
    /// The newest one, and whether the server must learn of it.
    newest: Option<(RecordId, Arc<AtomicBool>)>,
}

impl Questions {
    /// Asked through `asker`; without one there is no answer to anything.
    pub(super) fn new(asker: Option<Asker>) -> Self {
        let (heard, answers) = mpsc::channel(QUESTIONS_MAX);
        Self {
            asker,
            room: Arc::new(Semaphore::new(QUESTIONS_MAX)),
            heard,
            answers,
            newest: None,
        }
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> Heard {
        match self.answers.recv().await {
            Some(heard) => heard,
            // This holds a sender itself.
            None => std::future::pending().await,
        }
    }

    /// Asks; the answer comes from [`Self::next`].
    pub(super) fn ask(&mut self, ask: PayCodeAsk) {
        let permit = Arc::clone(&self.room).try_acquire_owned().ok();
        let (Some(asker), Some(permit)) = (self.asker.clone(), permit) else {
            tracing::warn!(tap = %ask.id, "nobody to ask about a pay code, or too many questions");
            // A line that is full of answers ends in the deadline.
            let _full = self.heard.try_send(Heard::nothing(ask.id, Duration::ZERO));
            return;
        };
        let must_learn = Arc::new(AtomicBool::new(false));
        self.newest = Some((ask.id, Arc::clone(&must_learn)));
        let heard = self.heard.clone();
        tokio::spawn(async move {
            carry(&asker, &ask, &must_learn, &heard).await;
            drop(permit);
        });
    }

    /// The rider of this question was admitted without an answer: the server must learn the code.
    pub(super) fn insist(&self, id: RecordId) {
        if let Some((newest, must_learn)) = &self.newest
            && *newest == id
        {
            must_learn.store(true, Ordering::Relaxed);
        }
    }
}

impl Heard {
    fn nothing(id: RecordId, took: Duration) -> Self {
        Self {
            id,
            answer: None,
            took,
        }
    }
}

async fn carry(
    asker: &Asker,
    ask: &PayCodeAsk,
    must_learn: &AtomicBool,
    heard: &mpsc::Sender<Heard>,
) {
    let (since, mut is_first) = (Stopwatch::start(), true);
    loop {
        let why = match tokio::time::timeout(ANSWER_MAX, asker.ask(ask)).await {
            Ok(Ok(answer)) => {
                let heard_now = Heard {
                    id: ask.id,
                    answer: Some(answer),
                    took: since.elapsed(),
                };
                // The loop only goes away when the daemon stops.
                let _gone = heard.send(heard_now).await;
                return;
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", ANSWER_MAX.as_secs()),
        };
        if std::mem::replace(&mut is_first, false) {
            tracing::warn!(tap = %ask.id, why, "no answer about a pay code");
            let _gone = heard.send(Heard::nothing(ask.id, since.elapsed())).await;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
        if !must_learn.load(Ordering::Relaxed) {
            return;
        }
        if since.elapsed() > LEARN_MAX {
            tracing::error!(
                tap = %ask.id, why,
                "the server did not learn the pay code of a rider who was admitted without it; \
                 the fare stays owed until the same code is shown again"
            );
            return;
        }
    }
}
