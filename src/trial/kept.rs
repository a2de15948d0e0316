//! What is kept of the server's configurations, in one file beside the journal.

use crate::config::GateConfig;
use crate::journal::beside;
use crate::swap::swap;
use fare_protocol::{
    CommandId, ConfigCommand, ConfigHash, ConfigOutcome, Millis, Reason, Remark, UnixMs,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The gate's user's alone, as the journal is.
const MODE: u32 = 0o600;

/// All that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The gate's own file when the newest of these was staged; another one sets them aside.
    pub own: Option<ConfigHash>,
    /// The server's configuration that is in force; nothing while the gate's own is.
    pub live: Option<Served>,
    /// One that is staged or being tried.
    pub trial: Option<Trial>,
    /// What became of the newest that came to an end.
    pub last: Option<Ended>,
}

/// A configuration that the server sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The command that brought it.
    pub command: CommandId,
    /// Its text.
    pub toml: String,
    /// Why the server wants it.
    pub reason: Reason,
    /// When it was staged, by the gate's clock; once it is in force, since when it is.
    pub since_ms: UnixMs,
}

/// One that is not in force yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What is tried.
    pub served: Served,
    /// How long it may take to show that it works.
    pub prove_ms: Millis,
    /// What must work with it.
    pub must: Parts,
    /// The program was started with it. Found so at a start, it has not proved itself.
    pub begun: bool,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The command that brought it.
    pub command: CommandId,
    /// What became of it.
    pub outcome: ConfigOutcome,
    /// Why, in full.
    pub why: String,
    /// When, by the gate's clock.
    pub at_ms: UnixMs,
}

/// How a gate stands with its configuration, without the text of any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// By what it works: `own`, its own file, or `server`.
    pub in_force: &'static str,
    /// Since when, and why, where it is the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<UnixMs>,
    /// Why the server wanted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Another that is `staged` or being `tried`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<&'static str>,
    /// What became of the newest that came to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Ended>,
}

/// Parts of a gate that can be seen to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Frames come and are looked at.
    pub frames: bool,
    /// The scanner is there.
    pub scanner: bool,
    /// The barrier's board answers.
    pub barrier: bool,
    /// The lamps obey.
    pub lamps: bool,
    /// The server is reached.
    pub server: bool,
}

impl Parts {
    /// What a gate with this configuration has.
    pub fn of(config: &GateConfig) -> Self {
        Self {
            frames: config.frames.is_some(),
            scanner: config.scanner.is_some(),
            barrier: true,
            lamps: config.lamps.is_some(),
            server: config.server.is_some(),
        }
    }

    /// What must work with a new configuration: what the gate had and saw working, and what is new to it.
    /// What did not work before need not.
    #[must_use]
    pub fn due(new: Self, old: Self, worked: Self) -> Self {
        let due = |new: bool, old: bool, worked: bool| new && (worked || !old);
        Self {
            frames: due(new.frames, old.frames, worked.frames),
            scanner: due(new.scanner, old.scanner, worked.scanner),
            barrier: due(new.barrier, old.barrier, worked.barrier),
            lamps: due(new.lamps, old.lamps, worked.lamps),
            server: due(new.server, old.server, worked.server),
        }
    }

    /// Either of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            frames: self.frames || other.frames,
            scanner: self.scanner || other.scanner,
            barrier: self.barrier || other.barrier,
            lamps: self.lamps || other.lamps,
            server: self.server || other.server,
        }
    }

    /// Those of these that are not among `there`, in words.
    pub fn missing(self, there: Self) -> Vec<&'static str> {
        let all = [
            (self.frames, there.frames, "no frames come from the camera"),
            (self.scanner, there.scanner, "the scanner is not there"),
            (
                self.barrier,
                there.barrier,
                "the barrier's board does not answer",
            ),
            (self.lamps, there.lamps, "the lamps do not obey"),
            (self.server, there.server, "the server is not reached"),
        ];
        let missing = all.into_iter().filter(|(wanted, is, _)| *wanted && !is);
        missing.map(|(_, _, words)| words).collect()
    }
}

impl Served {
    /// What a command brings, at `now`.
    pub fn of(command: &ConfigCommand, now: UnixMs) -> Self {
        Self {
            command: command.id,
            toml: command.toml.clone(),
            reason: command.reason,
            since_ms: now,
        }
    }
}

impl Ended {
    /// The same on one line, as a record has it.
    pub fn remark(&self) -> Remark {
        Remark::cut(&self.why)
    }
}

impl From<Kept> for Standing {
    fn from(kept: Kept) -> Self {
        let live = kept.live.as_ref();
        let begun = |trial: &Trial| if trial.begun { "tried" } else { "staged" };
        Self {
            in_force: live.map_or("own", |_| "server"),
            since_ms: live.map(|live| live.since_ms),
            reason: live.map(|live| live.reason),
            trial: kept.trial.as_ref().map(begun),
            last: kept.last,
        }
    }
}

impl Kept {
    /// The newest command that was taken up; older ones are not.
    pub fn newest(&self) -> Option<CommandId> {
        let live = self.live.as_ref().map(|live| live.command);
        let trial = self.trial.as_ref().map(|trial| trial.served.command);
        let last = self.last.as_ref().map(|last| last.command);
        live.max(trial).max(last)
    }

    /// That one has come to an end.
    pub(super) fn end(
        &mut self,
        command: CommandId,
        outcome: ConfigOutcome,
        why: String,
        at: UnixMs,
    ) {
        self.last = Some(Ended {
            command,
            outcome,
            why,
            at_ms: at,
        });
    }
}

/// Where it lies.
pub(super) fn place(journal: &Path) -> PathBuf {
    beside(journal, ".config.json")
}

/// What is kept beside this journal; nothing where there is none, or it cannot be read.
pub fn look(journal: &Path) -> Option<Kept> {
    read(&place(journal)).ok().flatten()
}

/// Forgets what is kept beside this journal: a gate that enrols anew begins with its own file.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn forget(journal: &Path) -> io::Result<()> {
    match fs::remove_file(place(journal)) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What is kept in this file; nothing when there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Kept>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

/// Whole or not at all, whenever power goes away.
pub(super) fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    swap(path, &serde_json::to_vec(kept)?, MODE)
}
