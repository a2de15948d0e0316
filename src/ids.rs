//! Where new identifiers come from: the one place that uses randomness for them.

use fare_protocol::{RecordId, UnixMs};
use uuid::{NoContext, Timestamp, Uuid};

/// A new record id: a UUIDv7 (RFC 9562) whose time part is `now`.
pub fn new_record_id(now: UnixMs) -> RecordId {
    let ms = u64::try_from(now.0).unwrap_or(0);
    let nanos = u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    let time = Timestamp::from_unix(NoContext, ms / 1_000, nanos);
    RecordId(Uuid::new_v7(time).into_bytes())
}
