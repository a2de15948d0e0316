//! How the gate is doing: what the daemon publishes, and what a second process makes of it.
//!
//! ```text
//! daemon ─▶ Published (a small file, swapped atomically) ─┐
//! journal::JournalView ─▶ Books ─────────────────────────┼─▶ Report ─▶ judge ─▶ screen | json | metrics
//! the computer: disk, temperature, clock ─────────────────┘
//! ```
//! The file holds only what nobody but the daemon knows; what stands in the journal is read from there,
//! so that a gate whose daemon does not run still says what waits in it.

mod file;
mod judge;
mod machine;
pub mod metrics;
mod published;
mod screen;

pub use file::{read, write};
pub use judge::Problem;
pub(crate) use judge::{machine_problems, mib};
pub use machine::{Disk, Machine, Warmest};
pub use published::{
    Barrier, Clock, Eyes, Identity, OPEN_BUCKETS_MS, OpenTimes, PayCodes, Published, Scanner,
    Server, Taps, TariffInForce,
};
pub use screen::{Paint, screen};

use crate::config::StatusConfig;
use crate::journal::{Books, JournalError, JournalView};
use crate::trial::{self, Standing};
use fare_protocol::UnixMs;
use serde::Serialize;

/// Everything that is known of a gate at one moment.
#[derive(Debug, Serialize)]
pub struct Report {
    /// When it was looked at.
    pub at_ms: UnixMs,
    /// What the daemon published last; nothing when there is no such file.
    pub daemon: Option<Published>,
    /// Whether the daemon that published it still runs.
    pub runs: bool,
    /// What stands in the journal; nothing when it cannot be read.
    pub journal: Option<Books>,
    /// Why it cannot be read.
    pub journal_error: Option<String>,
    /// How the gate stands with the server's configurations; nothing where none ever came.
    pub config: Option<Standing>,
    /// The computer.
    pub machine: Machine,
}

impl Report {
    /// Looks at the gate with these files.
    pub fn look(files: &StatusConfig, now: UnixMs) -> Self {
        let daemon = read(&files.file).ok();
        let runs = daemon.as_ref().is_some_and(Published::is_alive);
        let books = JournalView::open(&files.journal).and_then(|view| view.books());
        let (journal, journal_error) = match books {
            Ok(books) => (Some(books), None),
            // Before its first start a gate has none.
            Err(JournalError::NothingThere { .. }) => (None, None),
            Err(err) => (None, Some(err.to_string())),
        };
        Self {
            at_ms: now,
            daemon,
            runs,
            journal,
            journal_error,
            config: trial::look(&files.journal).map(Standing::from),
            machine: Machine::look(&files.journal),
        }
    }

    /// What somebody should look after, the most urgent first.
    pub fn problems(&self) -> Vec<Problem> {
        judge::problems(self)
    }
}

#[cfg(test)]
mod tests;
