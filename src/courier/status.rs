//! How the courier is doing, for the status display.

use super::Clock;
use super::error::{Failure, Kind};
use super::renewal::CertificateStanding;
use fare_protocol::UnixMs;
use tokio::sync::watch;

/// How one of the two loops is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Nothing was tried yet.
    #[default]
    Untried,
    /// The last attempt succeeded.
    Online {
        /// The first success of this run of successes.
        since: UnixMs,
        /// The last one.
        last: UnixMs,
    },
    /// The last attempt failed.
    Offline {
        /// The first failure of this run of failures.
        since: UnixMs,
        /// The last success before it, since the start.
        last_success: Option<UnixMs>,
        /// What went wrong last.
        reason: String,
    },
}

/// How the courier is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CourierStatus {
    /// The loop that uploads records.
    pub upload: Link,
    /// The loop that fetches feeds.
    pub feed: Link,
    /// Records that wait for the server.
    pub pending: u64,
    /// How the gate's certificate is doing; nothing before it was looked at.
    pub certificate: Option<CertificateStanding>,
}

/// Which loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Upload,
    Feed,
}

/// Keeps one loop's link up to date and logs its changes.
pub(super) struct Reporter {
    which: Which,
    status: watch::Sender<CourierStatus>,
    clock: Clock,
    logged: Option<Kind>,
    failures: u32,
}

impl CourierStatus {
    /// Whether the server is there: neither loop's last attempt failed, and one succeeded.
    pub fn is_online(&self) -> bool {
        let online = |link: &Link| matches!(link, Link::Online { .. });
        let offline = |link: &Link| matches!(link, Link::Offline { .. });
        (online(&self.upload) || online(&self.feed))
            && !offline(&self.upload)
            && !offline(&self.feed)
    }
}

impl Link {
    fn succeeded(&mut self, now: UnixMs) {
        let since = match self {
            Self::Online { since, .. } => *since,
            Self::Untried | Self::Offline { .. } => now,
        };
        *self = Self::Online { since, last: now };
    }

    fn failed(&mut self, now: UnixMs, reason: String) {
        let (since, last_success) = match self {
            Self::Untried => (now, None),
            Self::Online { last, .. } => (now, Some(*last)),
            Self::Offline {
                since,
                last_success,
                ..
            } => (*since, *last_success),
        };
        *self = Self::Offline {
            since,
            last_success,
            reason,
        };
    }
}

impl Reporter {
    pub(super) fn new(which: Which, status: watch::Sender<CourierStatus>, clock: Clock) -> Self {
        Self {
            which,
            status,
            clock,
            logged: None,
            failures: 0,
        }
    }

    /// An attempt succeeded.
    pub(super) fn succeeded(&mut self) {
        if self.logged.take().is_some() {
            tracing::info!(failures = self.failures, "{} works again", self.name());
        }
        self.failures = 0;
        self.update(|link, now| link.succeeded(now));
    }

    /// An attempt failed; says how many in a row, this one included.
    pub(super) fn failed(&mut self, failure: &Failure) -> u32 {
        let kind = failure.kind();
        if self.logged != Some(kind) {
            tracing::warn!(%failure, "{} fails, trying again", self.name());
            self.logged = Some(kind);
        }
        self.failures = self.failures.saturating_add(1);
        self.update(|link, now| link.failed(now, failure.to_string()));
        self.failures
    }

    /// How many records wait.
    pub(super) fn pending(&self, pending: u64) {
        self.status.send_if_modified(|status| {
            let changed = status.pending != pending;
            status.pending = pending;
            changed
        });
    }

    fn update(&self, change: impl FnOnce(&mut Link, UnixMs)) {
        let now = (self.clock)();
        self.status.send_modify(|status| {
            let link = match self.which {
                Which::Upload => &mut status.upload,
                Which::Feed => &mut status.feed,
            };
            change(link, now);
        });
    }

    fn name(&self) -> &'static str {
        match self.which {
            Which::Upload => "uploading records",
            Which::Feed => "fetching the feed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_knows_since_when() {
        let mut link = Link::default();
        link.failed(UnixMs(1), "a".to_owned());
        link.failed(UnixMs(2), "b".to_owned());
        let offline = |since, last_success, reason: &str| Link::Offline {
            since: UnixMs(since),
            last_success,
            reason: reason.to_owned(),
        };
        assert_eq!(link, offline(1, None, "b"));
        link.succeeded(UnixMs(3));
        link.succeeded(UnixMs(4));
        assert_eq!(
            link,
            Link::Online {
                since: UnixMs(3),
                last: UnixMs(4)
            }
        );
        link.failed(UnixMs(5), "c".to_owned());
        link.failed(UnixMs(6), "c".to_owned());
        assert_eq!(link, offline(5, Some(UnixMs(4)), "c"));
    }
}
