//! The loop that fetches feeds: a long poll, again and again.

use super::client::Client;
use super::error::Failure;
use super::status::Reporter;
use super::{Announce, Backoff, Clock, body, let_through, pause};
use crate::clock::{ServerTime, since_boot};
use crate::journal::JournalHandle;
use fare_protocol::wire::{FEED_WAIT_MS_MAX, Feed, FeedChange};
use fare_protocol::{GateId, KeySet, Millis};
use fare_rules::clock::SinceBoot;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often one answer is asked for at once: a long poll does not tell when it was made.
const TIMED_EVERY_MS: i64 = 10 * 60_000;

/// Between two looks of a gate that the server believes no longer: nothing comes any more.
const REVOKED_PAUSE: Duration = Duration::from_secs(60);

pub(super) struct FeedLoop<'c> {
    pub(super) gate: GateId,
    pub(super) client: &'c Client,
    pub(super) journal: &'c JournalHandle,
    pub(super) server_keys: &'c KeySet,
    pub(super) backoff: Backoff,
    pub(super) clock: Clock,
    pub(super) announce: &'c Announce,
    pub(super) report: Reporter,
    /// When an answer last told the time well.
    pub(super) timed: Option<SinceBoot>,
}

impl FeedLoop<'_> {
    /// Asks from `cursor` on. Never returns.
    pub(super) async fn run(mut self, mut cursor: u64) {
        loop {
            match self.once(cursor).await {
                Ok(next) => {
                    self.report.succeeded();
                    if self.journal.revoked().borrow().is_some() {
                        tokio::time::sleep(REVOKED_PAUSE).await;
                    }
                    // A server that has no news and does not wait for any is not asked in a row.
                    if next == cursor {
                        pause(self.backoff, 0, None).await;
                    }
                    cursor = next;
                }
                Err(failure) => {
                    if failure.is_old_feed() {
                        cursor = 0;
                    }
                    let failures = self.report.failed(&failure);
                    pause(self.backoff, failures, failure.retry_after()).await;
                }
            }
        }
    }

    /// One feed; the cursor after it.
    pub(super) async fn once(&mut self, cursor: u64) -> Result<u64, Failure> {
        let asked = since_boot();
        let at_once = self
            .timed
            .is_none_or(|timed| asked.after(timed) > TIMED_EVERY_MS);
        let wait = Millis(if at_once { 0 } else { FEED_WAIT_MS_MAX });
        let envelope = self.client.feed(cursor, wait).await?;
        let heard = since_boot();
        let feed = Feed::open(&envelope, self.server_keys, (self.clock)()).map_err(|source| {
            Failure::NotBelieved {
                source,
                head: body::head(&envelope),
            }
        })?;
        if at_once {
            self.timed = Some(heard);
        }
        self.announce.server_time.send_replace(Some(ServerTime {
            as_of: feed.as_of_ms,
            asked,
            heard,
        }));
        left_out(&feed);
        let next = feed.cursor;
        let commands = let_through::commands(&feed, self.gate, heard);
        let applied = self.journal.apply_feed(feed).await?;
        if let Some(issuers) = applied.issuers {
            self.announce.issuers.send_replace(Some(issuers));
        }
        let_through::announce(&self.announce.let_through, commands, heard);
        if let Some(tariff) = applied.tariff {
            self.announce.tariff.send_replace(Some(tariff));
        }
        match applied.left_out {
            None => Ok(next),
            Some(err) => Err(err.into()),
        }
    }
}

/// Says what this program does not know of. Where riders are concerned it works on with what it knows.
fn left_out(feed: &Feed) {
    let mut unknown: BTreeMap<&str, u32> = BTreeMap::new();
    for change in &feed.changes {
        if let FeedChange::Unknown(change) = change {
            *unknown.entry(change.name()).or_default() += 1;
        }
    }
    for (change, count) in unknown {
        tracing::warn!(
            change,
            count,
            "the server tells of what this program does not know; left out, update the gate"
        );
    }
}
