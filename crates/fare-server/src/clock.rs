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

/// A moment as RFC 3339 writes it, with its offset: `2026-11-29T08:30:00+08:00`.
///
/// # Errors
/// Says how to write one.
pub fn moment(text: &str) -> Result<UnixMs, String> {
    let bad = || format!("{text:?} is no moment; write it like 2026-11-29T08:30:00+08:00");
    let parsed: toml::value::Datetime = text.parse().map_err(|_| bad())?;
    let (Some(date), Some(time), Some(offset)) = (parsed.date, parsed.time, parsed.offset) else {
        return Err(bad());
    };
    let day = fare_rules::tariff::Day::of(date.year.into(), date.month, date.day);
    let day = day.ok_or_else(bad)?.0;
    let offset_min = match offset {
        toml::value::Offset::Z => 0,
        toml::value::Offset::Custom { minutes } => i64::from(minutes),
    };
    let minutes = (day * 24 + i64::from(time.hour)) * 60 + i64::from(time.minute) - offset_min;
    let seconds = minutes * 60 + i64::from(time.second.unwrap_or_default());
    Ok(UnixMs(seconds * 1_000))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn moments_are_read_with_their_offset() {
        let same = "2026-11-23T11:55:09Z";
        for text in [
            same,
            "2026-11-23T19:55:09+08:00",
            "2026-11-23T03:55:09-08:00",
        ] {
            assert_eq!(rfc3339(moment(text).unwrap()), same);
        }
        for text in [
            "2026-11-23",
            "11:55",
            "2026-02-30T11:55:09Z",
            "2026-11-23T11:55:09",
        ] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
