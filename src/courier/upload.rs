//! The loop that uploads: the oldest batch, again and again, until nothing waits.

use super::client::Client;
use super::error::Failure;
use super::status::Reporter;
use super::{Backoff, body, pause};
use crate::journal::{JournalHandle, RawAnswer, Waiting};
use fare_protocol::wire::{Answer, Envelope, UPLOAD_RECORDS_MAX, UploadRecord, UploadRequest};
use fare_protocol::{Seq, UnixMs};
use serde::Deserialize;
use std::collections::HashSet;

/// Longest answer to one record, in bytes of JSON.
const ANSWER_LEN_MAX: usize = 8 * 1024;

pub(super) struct Upload<'c> {
    pub(super) client: &'c Client,
    pub(super) journal: &'c JournalHandle,
    pub(super) batch_max: usize,
    pub(super) backoff: Backoff,
    pub(super) clock: fn() -> UnixMs,
    pub(super) report: Reporter,
}

/// The server's answers before each is looked at: one that cannot be read spoils no other.
#[derive(Deserialize)]
struct Answers {
    answers: Vec<serde_json::Value>,
}

impl Upload<'_> {
    /// Never returns. A batch that fails is halved, so that one record alone cannot hold up the rest:
    /// once it fails on its own it is passed over until everything behind it had its turn.
    pub(super) async fn run(mut self) {
        let most = self.batch_max.clamp(1, UPLOAD_RECORDS_MAX);
        let mut batch_max = most;
        let mut passed_over = None;
        loop {
            let mut first = None;
            let result = self.batch(passed_over, batch_max, &mut first).await;
            self.count();
            match (result, passed_over) {
                (Ok(0), None) => self.journal.committed().await,
                (Ok(0), Some(_)) => passed_over = None,
                (Ok(_), _) => {
                    self.report.succeeded();
                    batch_max = batch_max.saturating_mul(2).min(most);
                }
                (Err(failure), _) => {
                    if batch_max == 1 && failure.may_be_the_record() {
                        passed_over = first;
                    }
                    batch_max = (batch_max / 2).max(1);
                    let failures = self.report.failed(&failure);
                    pause(self.backoff, failures, failure.retry_after()).await;
                }
            }
        }
    }

    /// Uploads the oldest records behind `after`, at most `max`; says how many, and which is first.
    async fn batch(
        &self,
        after: Option<Seq>,
        max: usize,
        first: &mut Option<Seq>,
    ) -> Result<usize, Failure> {
        let waiting = self.journal.pending(after, max)?;
        *first = waiting.first().map(|record| record.seq);
        if waiting.is_empty() {
            return Ok(0);
        }
        let sent: HashSet<_> = waiting.iter().map(|record| record.id).collect();
        let request = UploadRequest {
            records: waiting.into_iter().map(upload).collect(),
        };
        let answers = read(&self.client.upload(&request).await?)?;
        let ours: Vec<_> = answers
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
            0 => Ok(sent.len()),
            unanswered => Err(Failure::Unanswered(unanswered)),
        }
    }

    fn count(&self) {
        match self.journal.counts() {
            Ok(counts) => self.report.pending(counts.pending),
            Err(err) => tracing::warn!(%err, "outbox not counted"),
        }
    }
}

fn upload(record: Waiting) -> UploadRecord {
    UploadRecord {
        id: record.id,
        envelope: Envelope(record.envelope),
    }
}

/// The answers that can be understood.
fn read(body: &[u8]) -> Result<Vec<RawAnswer>, Failure> {
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
