//! What stands beside the journal about the clock: how good it is, for `faregate status`, and how far
//! off the battery clock is, for the next start.

use fare_protocol::{Millis, Stamp, UnixMs};
use fare_rules::clock::{RtcCheck, Source};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Longest file that is one, in bytes.
const LEN_MAX: u64 = 4_096;

/// One line of JSON in a file beside the journal, `.clock` behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockNote {
    /// The gate's time when it was written.
    pub at_ms: UnixMs,
    /// How far that could be off; the largest number when nothing was known.
    pub error_ms: Millis,
    /// What it stood on.
    pub source: Source,
    /// The last look at the battery clock while the time was known.
    pub rtc: Option<RtcCheck>,
}

impl ClockNote {
    /// Reads the note beside `journal`; nothing when there is none that can be read.
    pub fn read(journal: &Path) -> Option<Self> {
        let file = beside(journal);
        let len = std::fs::metadata(&file).ok()?.len();
        if len > LEN_MAX {
            return None;
        }
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Puts the note in the place of the one before.
    ///
    /// # Errors
    /// When the file cannot be written; then the one before stays.
    pub fn write(&self, journal: &Path) -> io::Result<()> {
        let (file, mut new) = (beside(journal), OsString::from(beside(journal)));
        new.push(".new");
        std::fs::write(&new, serde_json::to_vec(self)?)?;
        std::fs::rename(new, file)
    }

    /// The time that it told.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            at: self.at_ms,
            error_ms: self.error_ms,
        }
    }
}

fn beside(journal: &Path) -> PathBuf {
    let mut file = OsString::from(journal);
    file.push(".clock");
    PathBuf::from(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_is_read_back_and_nonsense_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let journal = dir.path().join("gate.journal");
        assert_eq!(ClockNote::read(&journal), None);
        let now = Stamp {
            at: UnixMs(1_796_000_000_000),
            error_ms: Millis(60),
        };
        let note = ClockNote {
            at_ms: now.at,
            error_ms: now.error_ms,
            source: Source::Both,
            rtc: Some(RtcCheck::new(now, UnixMs(1_796_000_003_000))),
        };
        note.write(&journal).unwrap();
        assert_eq!(ClockNote::read(&journal), Some(note));
        assert_eq!(note.stamp(), now);
        for nonsense in ["", "{}", "null", &"9".repeat(9_999)] {
            std::fs::write(dir.path().join("gate.journal.clock"), nonsense).unwrap();
            assert_eq!(ClockNote::read(&journal), None, "{nonsense}");
        }
    }
}
