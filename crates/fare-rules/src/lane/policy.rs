//! What a gate's configuration decides about its lane, and the limits that nothing configures.

use fare_protocol::{Direction, Millis};
use serde::{Deserialize, Serialize};

/// How long the lane waits for the journal before it tells the rider to try elsewhere. A commit
/// that comes back later opens nothing: whoever stands there by then may be somebody else.
pub const COMMIT_WAIT: Millis = Millis(3_000);

/// After the close command, how long a passage still counts: the beam, the board's counter and the
/// gate's reading of it lag behind the feet.
pub const SETTLE: Millis = Millis(500);

/// How much longer than `passage_timeout` the barrier may stay open because somebody is in it.
pub const OBSTRUCTED_EXTRA: Millis = Millis(10_000);

/// Between two attempts to commit a passage.
pub const RECORD_RETRY: Millis = Millis(250);

/// How long a barrier that did not open is left alone.
pub const FAULT_REST: Millis = Millis(5_000);

/// Between two attempts to open the barrier for free passage.
pub const REOPEN: Millis = Millis(500);

/// After a shutdown: when an open passage is annulled. The barrier is told to close [`SETTLE`]
/// before.
pub const SHUTDOWN_PASSAGE: Millis = Millis(1_500);

/// After a shutdown: when the lane is finished even if the journal has not answered. What is
/// missing then the journal records as unknown at its next start.
pub const SHUTDOWN_TOTAL: Millis = Millis(1_900);

/// Most shown codes that the lane remembers to tell a repeat from a new tap.
pub const RECENT_TAPS_MAX: usize = 8;

/// Which way a gate leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// In.
    Entry,
    /// Out.
    Exit,
    /// Either: out for an account with a known open journey, in for any other.
    Both,
}

impl Role {
    /// Whether such a gate leads this way.
    pub const fn leads(self, direction: Direction) -> bool {
        match (self, direction) {
            (Self::Entry, Direction::Exit) | (Self::Exit, Direction::Entry) => false,
            (Self::Entry, Direction::Entry) | (Self::Exit, Direction::Exit) | (Self::Both, _) => {
                true
            }
        }
    }
}

/// What happens to a rider at an exit whose entry is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitWithoutEntry {
    /// Refused, while the gate's cache is fresh enough to know.
    Refuse,
    /// Admitted; the server finds out.
    Admit,
}

/// What a gate does while its clock may be off by more than [`LanePolicy::clock_error_max`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockBeyond {
    /// The age of codes does not matter; confirmations say so.
    TimeExempt,
    /// Nobody is admitted.
    Refuse,
}

/// What happens to a rider with a pay code when the server does not answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WithoutServer {
    /// Refused.
    Refuse,
    /// Admitted, so many an hour at most.
    Admit {
        /// Riders within an hour of the first of them; counted anew when the gate starts.
        per_hour: u16,
    },
}

/// How this gate's lane treats pay codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayCodePolicy {
    /// For how long a rider waits for the server's answer.
    pub deadline: Millis,
    /// What happens after that.
    pub without_server: WithoutServer,
}

impl Default for PayCodePolicy {
    fn default() -> Self {
        Self {
            deadline: Millis(300),
            without_server: WithoutServer::Refuse,
        }
    }
}

/// Most steps of [`LanePolicy::alone`].
pub const ALONE_STEPS_MAX: usize = 4;

/// How strict this gate is while the server's news is old: who rides on one account at many gates, or should be refused
/// by now, is not known then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AloneStep {
    /// From this age of the news on.
    pub after: Millis,
    /// So many entries of one account since the news.
    pub entries: u16,
    /// The most that first rides since the news may cost together, in minor units of the tariff's currency; nothing where
    /// there is no limit.
    pub first_rides_minor: Option<i64>,
}

/// The time within which [`WithoutServer::Admit`] counts.
pub const HOUR: Millis = Millis(3_600_000);

/// How strict this gate's lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePolicy {
    /// Which way it leads.
    pub role: Role,
    /// For how long after its verdict the same shown code is still the same tap.
    pub grace: Millis,
    /// For how long the barrier stays open for a rider.
    pub passage_timeout: Millis,
    /// How far a phone's clock may be ahead, beyond the gate's own error.
    pub future_tolerance: Millis,
    /// An open journey older than this no longer blocks an entry.
    pub passback_window: Millis,
    /// What happens at an exit when no entry is known.
    pub exit_without_entry: ExitWithoutEntry,
    /// For how long what the server said last is fresh.
    pub cache_fresh: Millis,
    /// For how long a refusal is shown.
    pub refusal_shown: Millis,
    /// Up to this bound of the clock's error the times of codes are judged, by windows that are
    /// wider by the bound.
    pub clock_error_max: Millis,
    /// What happens beyond it.
    pub clock_beyond: ClockBeyond,
    /// How pay codes are treated.
    pub pay_codes: PayCodePolicy,
    /// How strict it is while the server's news is old, by its age, the lowest first; the last step that is reached counts,
    /// and without any there is no limit.
    pub alone: [Option<AloneStep>; ALONE_STEPS_MAX],
}
