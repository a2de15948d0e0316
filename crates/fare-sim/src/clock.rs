//! The only place in this program where clocks are read.

use fare_protocol::UnixMs;
use std::time::{Instant, SystemTime};

/// Now, by this machine's clock.
#[allow(clippy::disallowed_methods)]
pub fn now() -> UnixMs {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Now, by a clock that only goes forward, for lengths of time.
#[allow(clippy::disallowed_methods)]
pub fn monotonic() -> Instant {
    Instant::now()
}
