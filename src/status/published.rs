//! What the daemon publishes of itself.

use fare_protocol::{GateId, LaneNo, LineId, Mode, StationId, TariffHash, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Upper bounds of the counted times from a frame to the open barrier, in ms.
pub const OPEN_BUCKETS_MS: [u32; 8] = [50, 100, 150, 200, 300, 500, 1_000, 2_000];

/// The daemon's own figures. Counters count since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// When it was published.
    pub at_ms: UnixMs,
    /// Seconds after which the next one is due.
    pub every_s: u32,
    /// Whose it is.
    pub gate: Identity,
    /// The mode it works in.
    pub mode: Mode,
    /// The lane's state.
    pub lane: String,
    /// Whether the fire alarm is on.
    pub fire: bool,
    /// The eyes; nothing at a gate without a camera.
    pub eyes: Option<Eyes>,
    /// The scanner; nothing at a gate without one.
    #[serde(default)]
    pub scanner: Option<Scanner>,
    /// Riders.
    pub taps: Taps,
    /// The barrier's board.
    pub barrier: Barrier,
    /// Whether lamps and buzzer obey; nothing at a gate without any.
    #[serde(default)]
    pub lamps_answer: Option<bool>,
    /// The settlement server; nothing at a gate that works alone.
    pub server: Option<Server>,
    /// The tariff that fares are quoted from.
    pub tariff: TariffInForce,
    /// The clock.
    pub clock: Clock,
    /// Diagnostic notes that were never written.
    pub notes_dropped: u64,
}

/// Which gate and program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The gate.
    pub id: GateId,
    /// Its station.
    pub station: StationId,
    /// Its line.
    pub line: LineId,
    /// Its lane.
    pub lane: LaneNo,
    /// The program's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// When it started.
    pub started_ms: UnixMs,
}

/// What the camera brings and what is read of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Eyes {
    /// Whether frames are coming.
    pub coming: bool,
    /// Frames that the source brought.
    pub frames: u64,
    /// Of those, frames that were looked at; the others were overtaken by newer ones.
    pub looked_at: u64,
    /// Of those, frames in which a code was read.
    pub read: u64,
    /// Frames a second in the time before this was published.
    pub frames_per_s: f64,
    /// Frames a second that were looked at.
    pub looked_per_s: f64,
    /// Codes that were held out and not read, by cause.
    pub unread: BTreeMap<String, u64>,
    /// Frames on which the decoder failed.
    pub panics: u64,
}

/// A scanner that reads codes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanner {
    /// Whether its device is open.
    pub answers: bool,
    /// Codes that it read.
    pub read: u64,
    /// Lines that were no code.
    pub dropped: u64,
}

/// What became of riders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taps {
    /// Admitted in.
    pub entries: u64,
    /// Admitted out.
    pub exits: u64,
    /// Let through by staff.
    #[serde(default)]
    pub let_through: u64,
    /// Refused, by the refusal's number.
    pub refused: BTreeMap<u16, u64>,
    /// Went through.
    pub passed: u64,
    /// Did not go through.
    pub annulled: u64,
    /// The gate cannot tell.
    pub unknown: u64,
    /// Went through a barrier that was not open for them.
    pub unasked: u64,
    /// Went through while the barrier was open for all.
    pub free: u64,
    /// The last tap, admitted or refused.
    pub last_tap_ms: Option<UnixMs>,
    /// The last passage.
    pub last_passage_ms: Option<UnixMs>,
    /// From the frame to the open barrier.
    pub open_times: OpenTimes,
    /// What the server said of pay codes.
    #[serde(default)]
    pub pay_codes: PayCodes,
}

/// What the server said of pay codes that were shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayCodes {
    /// That it would charge them.
    pub yes: u64,
    /// That it would not.
    pub no: u64,
    /// Nothing: it could not be reached.
    pub unreached: u64,
    /// From the question to the answer.
    pub times: OpenTimes,
}

/// How often the barrier was open within so long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTimes {
    /// For each of [`OPEN_BUCKETS_MS`], how often it took no longer; each includes the one before.
    pub within: [u64; OPEN_BUCKETS_MS.len()],
    /// How often it was measured.
    pub count: u64,
    /// All of it together, in ms.
    pub sum_ms: u64,
}

/// The barrier's board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barrier {
    /// Whether it answers.
    pub answers: bool,
    /// How often it did not obey a command.
    pub faults: u64,
}

/// The way to the settlement server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Whether the last attempts succeeded; nothing before the first one.
    pub online: Option<bool>,
    /// Since when that is so.
    pub since_ms: Option<UnixMs>,
    /// The last success.
    pub last_success_ms: Option<UnixMs>,
    /// What went wrong last.
    pub reason: Option<String>,
    /// When the gate's certificate ends.
    #[serde(default)]
    pub certificate_until_ms: Option<UnixMs>,
    /// Why it could not be renewed, when that was due.
    #[serde(default)]
    pub not_renewed: Option<String>,
    /// Why the server believes this gate no longer.
    #[serde(default)]
    pub revoked: Option<String>,
}

/// The tariff that fares are quoted from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffInForce {
    /// Its name.
    pub name: String,
    /// Its hash.
    pub hash: TariffHash,
}

/// The clock that stamps the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Bound of its error, either way.
    pub error_ms: u32,
    /// Where that bound comes from, in a few words.
    pub by: String,
}

impl Published {
    /// Whether the process that published it is still there.
    pub fn is_alive(&self) -> bool {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", self.gate.pid));
        name.is_ok_and(|name| name.starts_with("faregate"))
    }

    /// Whether the next one is long overdue at `now`: the daemon hangs, or its disk is full.
    pub fn is_overdue(&self, now: UnixMs) -> bool {
        now.since(self.at_ms) > i64::from(self.every_s).saturating_mul(3_000)
    }
}

impl Taps {
    /// All refused riders.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }
}

impl OpenTimes {
    /// Once more, after so long.
    pub fn add(&mut self, ms: u64) {
        for (within, bound) in self.within.iter_mut().zip(OPEN_BUCKETS_MS) {
            *within += u64::from(ms <= u64::from(bound));
        }
        self.count += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// The mean, in ms; nothing before the first one.
    pub fn mean_ms(&self) -> Option<u64> {
        self.sum_ms.checked_div(self.count)
    }
}
