//! How often somebody may ask, and that no request is taken twice. Both only remember what is recent,
//! and no more of it than fits.

use crate::api::problem::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fare_protocol::rider::SKEW_MS_MAX;
use fare_protocol::{AccountId, UnixMs};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Requests that one phone may make at once, and the time after which it may make another.
const PHONE: Rate = Rate {
    burst: 40,
    refill_ms: 500,
};

/// Enrolments from one address at once, and the time after which there may be another. Many phones
/// share the address of a mobile network.
const ADDRESS: Rate = Rate {
    burst: 60,
    refill_ms: 2_000,
};

/// Most phones or addresses remembered; when there are more, the full ones are forgotten first.
const REMEMBERED_MAX: usize = 100_000;

/// Most requests remembered against repetition. Above it nobody is let in until some are too old.
const REPLAYS_MAX: usize = 400_000;

/// A bucket's size and how fast it fills again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) refill_ms: i64,
}

/// Asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooOften {
    /// When it may be tried again.
    pub(crate) after_s: u32,
}

/// Buckets of phones and addresses.
#[derive(Debug, Default)]
pub(super) struct Limits {
    phones: Mutex<Buckets<AccountId>>,
    addresses: Mutex<Buckets<IpAddr>>,
}

/// For each key the moment at which its bucket will be full again.
#[derive(Debug)]
pub(crate) struct Buckets<K>(HashMap<K, i64>);

/// Signatures of requests taken lately.
#[derive(Debug, Default)]
pub(super) struct Replays(Mutex<Generations>);

/// What was seen in this span of time and the one before; older requests are too old anyway.
#[derive(Debug, Default)]
struct Generations {
    since: i64,
    now: HashSet<[u8; 64]>,
    before: HashSet<[u8; 64]>,
}

impl Limits {
    pub(super) fn phone(&self, account: AccountId, now: UnixMs) -> Result<(), TooOften> {
        lock(&self.phones).take(account, PHONE, now)
    }

    pub(super) fn address(&self, address: IpAddr, now: UnixMs) -> Result<(), TooOften> {
        lock(&self.addresses).take(network(address), ADDRESS, now)
    }
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    pub(crate) fn take(&mut self, key: K, rate: Rate, now: UnixMs) -> Result<(), TooOften> {
        let now = now.0;
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, full_at| *full_at > now);
            if self.0.len() >= REMEMBERED_MAX {
                return Err(TooOften { after_s: 60 });
            }
        }
        let full_at = self.0.entry(key).or_insert(now);
        let next = now.max(*full_at).saturating_add(rate.refill_ms);
        let room = rate.refill_ms.saturating_mul(i64::from(rate.burst));
        let over = next.saturating_sub(now).saturating_sub(room);
        if over > 0 {
            let after_s = u32::try_from(over / 1_000).unwrap_or(u32::MAX);
            return Err(TooOften {
                after_s: after_s.saturating_add(1),
            });
        }
        *full_at = next;
        Ok(())
    }
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl Replays {
    /// Whether this signature is seen for the first time; `None` when there is no room to tell.
    pub(super) fn is_new(&self, signature: &[u8; 64], now: UnixMs) -> Option<bool> {
        let mut seen = lock(&self.0);
        // A request is taken while its time is within the skew on either side of ours.
        if now.0.saturating_sub(seen.since) > SKEW_MS_MAX.saturating_mul(2) {
            let now_set = std::mem::take(&mut seen.now);
            let recent = now.0.saturating_sub(seen.since) <= SKEW_MS_MAX.saturating_mul(4);
            seen.before = if recent { now_set } else { HashSet::new() };
            seen.since = now.0;
        }
        if seen.before.contains(signature) || seen.now.contains(signature) {
            return Some(false);
        }
        if seen.now.len() >= REPLAYS_MAX {
            return None;
        }
        Some(seen.now.insert(*signature))
    }
}

/// An IPv6 subscriber has a whole network of addresses.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IntoResponse for TooOften {
    fn into_response(self) -> Response {
        let Self { after_s } = self;
        let detail = format!("asked too often; nothing was done, ask again in {after_s} s");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-often", detail);
        let mut response = problem.into_response();
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        refill_ms: 1_000,
    };

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let mut buckets = Buckets::default();
        let mut take = |at| buckets.take('a', RATE, UnixMs(at));
        for _ in 0..3 {
            take(10_000).unwrap();
        }
        assert_eq!(take(10_000), Err(TooOften { after_s: 2 }));
        assert!(take(10_999).is_err());
        take(11_000).unwrap();
        assert!(
            take(11_000).is_err(),
            "refused ones cost nothing, and one had filled"
        );
        assert!(buckets.take('b', RATE, UnixMs(11_000)).is_ok());
    }

    #[test]
    fn a_signature_is_new_once_for_as_long_as_its_time_is_taken() {
        let replays = Replays::default();
        let start = 1_000_000_000;
        for (ms, expected) in [(0, true), (0, false), (2 * SKEW_MS_MAX, false)] {
            assert_eq!(
                replays.is_new(&[1; 64], UnixMs(start + ms)),
                Some(expected),
                "{ms}"
            );
        }
        assert_eq!(replays.is_new(&[2; 64], UnixMs(start)), Some(true));
        let later = UnixMs(start + 10 * SKEW_MS_MAX);
        assert_eq!(
            replays.is_new(&[1; 64], later),
            Some(true),
            "forgotten long after"
        );
    }

    #[test]
    fn neighbours_in_one_ipv6_network_are_one() {
        let one: IpAddr = "2001:db8:1:2::1".parse().unwrap();
        let other: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
        assert_eq!(network(one), network(other));
        assert_ne!(network(one), network("2001:db8:1:3::1".parse().unwrap()));
    }
}
