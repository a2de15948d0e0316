//! The loop that fetches feeds: a long poll, again and again.

use super::client::Client;
use super::error::Failure;
use super::status::Reporter;
use super::{Announce, Backoff, body, pause};
use crate::journal::JournalHandle;
use fare_protocol::wire::Feed;
use fare_protocol::{KeySet, UnixMs};

pub(super) struct FeedLoop<'c> {
    pub(super) client: &'c Client,
    pub(super) journal: &'c JournalHandle,
    pub(super) server_keys: &'c KeySet,
    pub(super) backoff: Backoff,
    pub(super) clock: fn() -> UnixMs,
    pub(super) announce: &'c Announce,
    pub(super) report: Reporter,
}

impl FeedLoop<'_> {
    /// Asks from `cursor` on. Never returns.
    pub(super) async fn run(mut self, mut cursor: u64) {
        loop {
            match self.once(cursor).await {
                Ok(next) => {
                    self.report.succeeded();
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
    pub(super) async fn once(&self, cursor: u64) -> Result<u64, Failure> {
        let envelope = self.client.feed(cursor).await?;
        let feed = Feed::open(&envelope, self.server_keys, (self.clock)()).map_err(|source| {
            Failure::NotBelieved {
                source,
                head: body::head(&envelope),
            }
        })?;
        let next = feed.cursor;
        let applied = self.journal.apply_feed(feed).await?;
        if let Some(issuers) = applied.issuers {
            self.announce.issuers.send_replace(Some(issuers));
        }
        if let Some(tariff) = applied.tariff {
            self.announce.tariff.send_replace(Some(tariff));
        }
        match applied.left_out {
            None => Ok(next),
            Some(err) => Err(err.into()),
        }
    }
}
