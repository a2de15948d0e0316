//! The server's clock: the only place that reads the time of day.

use fare_protocol::UnixMs;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day by the system clock; 0 when that is set before 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the system clock"
)]
pub fn now() -> UnixMs {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMs(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// `at` as RFC 3339 writes it in UTC, to the second: `2026-11-23T11:55:09Z`.
pub fn rfc3339(at: UnixMs) -> String {
    at.to_rfc3339()
}
