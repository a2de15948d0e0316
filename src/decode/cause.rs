//! Why a code that was held before the camera could not be read.

use super::NothingRead;
use super::reader::{Picture, Sight};
use thiserror::Error;

/// What kept a code from being read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Unread {
    /// A code is there, and too much of it is lost.
    #[error("a QR code was seen, and too much of it is damaged or covered")]
    Damaged,
}

impl Unread {
    /// A short stable code for counters, logs and reports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
        }
    }
}

/// Why nothing was read in `picture`, in which the reader saw `sight`.
pub(super) fn of(_picture: Picture<'_>, sight: &Sight) -> NothingRead {
    if sight.unread.is_some() {
        NothingRead::Unread(Unread::Damaged)
    } else {
        NothingRead::Nothing
    }
}
