//! The loop that uploads: the oldest batch, again and again, until nothing waits.

use super::client::Client;
use super::error::Failure;
use super::status::Reporter;
use super::{Backoff, Clock, body, pause};
use crate::journal::{JournalHandle, RawAnswer, Waiting};
use fare_protocol::Seq;
use fare_protocol::wire::{Answer, Envelope, UPLOAD_RECORDS_MAX, UploadRecord, UploadRequest};
use serde::Deserialize;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::timeout;

/// Longest answer to one record, in bytes of JSON.
const ANSWER_LEN_MAX: usize = 8 * 1024;

/// How long an empty outbox is believed to be empty while nothing is committed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub(super) struct Upload<'c> {
    pub(super) client: &'c Client,
    pub(super) journal: &'c JournalHandle,
    pub(super) backoff: Backoff,
    pub(super) clock: Clock,
    pub(super) report: Reporter,
    pub(super) batch: Batch,
}

/// Which records go next. A batch that fails is halved, so that one record cannot hold up the rest:
/// once it fails on its own it is passed over until everything behind it had its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    most: usize,
    max: usize,
    after: Option<Seq>,
}

/// The server's answers before each is looked at: one that cannot be read spoils no other.
#[derive(Deserialize)]
struct Answers {
    answers: Vec<serde_json::Value>,
}

impl Batch {
    /// At most `most` records at once, from the oldest on.
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, UPLOAD_RECORDS_MAX);
        Self {
            most,
            max: most,
            after: None,
        }
    }

    fn succeeded(&mut self) {
        self.max = self.max.saturating_mul(2).min(self.most);
    }

    /// `sent` records from `first` on were not all answered.
    fn failed(&mut self, first: Seq, sent: usize, failure: &Failure) {
        // Smaller batches would only be more requests for a server that has too many.
        if failure.is_busy_server() {
            return;
        }
        self.max = (sent / 2).max(1);
        if sent == 1 && failure.may_be_the_record() {
            self.after = Some(first);
        }
    }
}

impl Upload<'_> {
    /// Never returns.
    pub(super) async fn run(mut self) {
        loop {
            if let Err(failure) = self.turn().await {
                let failures = self.report.failed(&failure);
                pause(self.backoff, failures, failure.retry_after()).await;
            }
        }
    }

    /// Uploads the next batch, or waits until there is one.
    pub(super) async fn turn(&mut self) -> Result<(), Failure> {
        let waiting = self.journal.pending(self.batch.after, self.batch.max)?;
        self.count();
        let Some(first) = waiting.first().map(|record| record.seq) else {
            if self.batch.after.take().is_none() {
                // Not for ever: somebody may have taken a record out of quarantine by hand.
                let _tapped = timeout(LOOK_AGAIN, self.journal.committed()).await;
            }
            return Ok(());
        };
        let sent = waiting.len();
        let result = self.send(waiting).await;
        match &result {
            Ok(()) => {
                self.batch.succeeded();
                self.report.succeeded();
            }
            Err(failure) => self.batch.failed(first, sent, failure),
        }
        result
    }

    /// Sends these records and marks those that the server answers.
    async fn send(&self, waiting: Vec<Waiting>) -> Result<(), Failure> {
        let sent: HashSet<_> = waiting.iter().map(|record| record.id).collect();
        let request = UploadRequest {
            records: waiting.into_iter().map(upload).collect(),
        };
        let answers = read(&self.client.upload(&request).await?)?;
        let ours = answers
            .into_iter()
            .filter(|raw| sent.contains(&raw.answer.id))
            .collect();
        let done = self.journal.acknowledge(ours, (self.clock)()).await?;
        if done.quarantined > 0 {
            tracing::error!(
                records = done.quarantined,
                "the server refused records for good"
            );
        }
        match sent.len().saturating_sub(done.accepted + done.quarantined) {
            0 => Ok(()),
            unanswered => Err(Failure::Unanswered(unanswered)),
        }
    }

    /// Once a round: with millions of records it takes its time.
    fn count(&self) {
        match self.journal.counts() {
            Ok(counts) => self.report.pending(counts.pending),
            Err(err) => tracing::warn!(%err, "outbox not counted"),
        }
    }
}

pub(super) fn upload(record: Waiting) -> UploadRecord {
    UploadRecord {
        id: record.id,
        envelope: Envelope(record.envelope),
    }
}

/// The answers that can be understood.
pub(super) fn read(body: &[u8]) -> Result<Vec<RawAnswer>, Failure> {
    let answers: Answers = serde_json::from_slice(body).map_err(|err| Failure::Nonsense {
        detail: err.to_string(),
        head: body::head(body),
    })?;
    let understood = |value: serde_json::Value| {
        let json = value.to_string();
        let answer = Answer::deserialize(value).ok()?;
        (json.len() <= ANSWER_LEN_MAX).then_some(RawAnswer { answer, json })
    };
    Ok(answers.answers.into_iter().filter_map(understood).collect())
}
