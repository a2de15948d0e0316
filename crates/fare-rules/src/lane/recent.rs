//! What was shown at this gate a moment ago: tells a repeat from a new tap.

use super::RECENT_TAPS_MAX;
use crate::Refusal;
use fare_protocol::{AccountId, CodeRef, Millis, UnixMs};

/// The last few taps. The oldest makes room for the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recent {
    seen: [Option<Seen>; RECENT_TAPS_MAX],
    grace: Millis,
}

/// One tap and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    shown: CodeRef,
    at: UnixMs,
    /// Nothing when the rider was admitted.
    pub(super) refusal: Option<Refusal>,
    /// Who went out, and when.
    left: Option<(AccountId, UnixMs)>,
}

impl Recent {
    pub(super) fn new(grace: Millis) -> Self {
        Self {
            seen: [None; RECENT_TAPS_MAX],
            grace,
        }
    }

    pub(super) fn push(&mut self, shown: CodeRef, at: UnixMs, refusal: Option<Refusal>) {
        self.seen.rotate_right(1);
        if let Some(newest) = self.seen.first_mut() {
            *newest = Some(Seen {
                shown,
                at,
                refusal,
                left: None,
            });
        }
    }

    /// The tap that showing this code now belongs to.
    pub(super) fn find(&self, shown: CodeRef, now: UnixMs) -> Option<Seen> {
        let same = |seen: &&Seen| seen.shown == shown && self.is_within(seen.at, now);
        self.seen.iter().flatten().find(same).copied()
    }

    /// What was admitted is refused after all. True when that is news.
    pub(super) fn refuse(&mut self, shown: CodeRef, refusal: Refusal) -> bool {
        match self.newest(shown) {
            Some(seen) => seen.refusal.replace(refusal) != Some(refusal),
            None => true,
        }
    }

    /// The rider went out.
    pub(super) fn leave(&mut self, shown: CodeRef, account: AccountId, now: UnixMs) {
        if let Some(seen) = self.newest(shown) {
            seen.left = Some((account, now));
        }
    }

    /// Whether this account went out less than the grace ago.
    pub(super) fn has_left(&self, account: AccountId, now: UnixMs) -> bool {
        let left = self.seen.iter().flatten().filter_map(|seen| seen.left);
        left.into_iter()
            .any(|(who, at)| who == account && self.is_within(at, now))
    }

    fn newest(&mut self, shown: CodeRef) -> Option<&mut Seen> {
        self.seen
            .iter_mut()
            .flatten()
            .find(|seen| seen.shown == shown)
    }

    /// Either way, so that a clock that is set back does not make a repeat a new tap.
    fn is_within(&self, at: UnixMs, now: UnixMs) -> bool {
        now.since(at).unsigned_abs() <= u64::from(self.grace.0)
    }
}
