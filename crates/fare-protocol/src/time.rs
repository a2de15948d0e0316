//! Time as it stands on the wire: Unix time in UTC, whole milliseconds.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

/// A length of time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u32);

/// A moment as a gate knows it: its clock's reading and how far that may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// What the gate's clock said.
    pub at: UnixMs,
    /// Bound of the clock's error, either way.
    pub error_ms: Millis,
}

impl UnixMs {
    /// The moment `span` later, staying at the ends of the range instead of wrapping.
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0 as i64))
    }

    /// The moment `span` earlier, staying at the ends of the range instead of wrapping.
    pub const fn before(self, span: Millis) -> Self {
        Self(self.0.saturating_sub(span.0 as i64))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As RFC 3339 writes it in UTC, to the second: `2026-11-23T11:55:09Z`.
    pub fn to_rfc3339(self) -> String {
        let seconds = self.0.div_euclid(1000);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Civil date from days, counted in years that begin in March so that a leap day comes last.
        let days = days.saturating_add(719_468);
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Millis {
    /// Both spans one after the other, staying at the end of the range instead of wrapping.
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Stamp {
    /// The earliest moment that it can be.
    pub const fn earliest(self) -> UnixMs {
        self.at.before(self.error_ms)
    }

    /// The latest moment that it can be.
    pub const fn latest(self) -> UnixMs {
        self.at.after(self.error_ms)
    }
}

impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_rfc_3339() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_434_909_999, "2026-11-23T11:55:09Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(UnixMs(ms).to_rfc3339(), text);
        }
    }
}
