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
