//! The running daemon's hand on what is kept: one step at a time, each on the disk before the next.

use super::kept::{self, Kept, Parts, Served, Trial};
use crate::config::{ConfigError, GateConfig};
use fare_protocol::{ConfigChange, ConfigCommand, ConfigHash, ConfigOutcome, UnixMs};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// What is kept, and the right to change it: one process has it.
#[derive(Debug)]
pub struct Keeper {
    pub(super) path: PathBuf,
    /// The gate's own file, and what it says.
    pub(super) own: (PathBuf, String),
    pub(super) kept: Kept,
    /// What this process works by.
    pub(super) text: String,
    pub(super) _lock: File,
}

impl Keeper {
    /// What is kept.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// What is being tried by this process.
    pub fn on_trial(&self) -> Option<&Trial> {
        self.kept.trial.as_ref().filter(|trial| trial.begun)
    }

    /// Whether a command is newer than all that were taken up.
    pub fn is_new(&self, command: &ConfigCommand) -> bool {
        Some(command.id) > self.kept.newest()
    }

    /// Whether this is what the gate works by already.
    pub fn is_in_force(&self, command: &ConfigCommand) -> bool {
        self.kept.trial.is_none() && command.toml == self.text
    }

    /// Checks what a command brings. Reads the files that it names.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check(&self, command: &ConfigCommand) -> Result<GateConfig, ConfigError> {
        let (path, own) = &self.own;
        GateConfig::served(path, own, &command.toml)
    }

    /// Stages it: from now on the next start tries it. What was staged before is not tried any more.
    ///
    /// # Errors
    /// When it could not be written; then nothing is changed. So with everything here.
    pub fn stage(&mut self, command: &ConfigCommand, must: Parts, now: UnixMs) -> io::Result<()> {
        let trial = Trial {
            served: Served::of(command, now),
            prove_ms: command.prove_ms,
            must,
            begun: false,
        };
        self.change(|kept, own| {
            if let Some(before) = kept.trial.take() {
                let why = "a newer one came before it was tried".to_owned();
                kept.end(before.served.command, ConfigOutcome::SetAside, why, now);
            }
            kept.own = Some(own);
            kept.trial = Some(trial);
        })
    }

    /// It came to an end without being tried, or is what the gate works by already.
    pub fn ended(
        &mut self,
        command: &ConfigCommand,
        outcome: ConfigOutcome,
        why: String,
        now: UnixMs,
    ) -> io::Result<()> {
        let served = Served::of(command, now);
        self.change(|kept, own| {
            if outcome == ConfigOutcome::Live {
                (kept.own, kept.live) = (Some(own), Some(served));
            }
            kept.end(command.id, outcome, why, now);
        })
    }

    /// What is tried has shown that it works, and is in force.
    pub fn proved(&mut self, now: UnixMs) -> io::Result<()> {
        self.change(|kept, _| {
            if let Some(trial) = kept.trial.take() {
                let command = trial.served.command;
                kept.live = Some(Served {
                    since_ms: now,
                    ..trial.served
                });
                kept.end(command, ConfigOutcome::Live, String::new(), now);
            }
        })
    }

    /// What is tried did not show it: the next start is with the one before.
    pub fn take_back(&mut self, why: String, now: UnixMs) -> io::Result<()> {
        self.change(|kept, _| kept.take_back(why, now))
    }

    /// The daemon was told to stop before the trial came to its end: it begins anew at the next start.
    pub fn stopped(&mut self) -> io::Result<()> {
        if self.on_trial().is_none() {
            return Ok(());
        }
        self.change(|kept, _| {
            if let Some(trial) = &mut kept.trial {
                trial.begun = false;
            }
        })
    }

    /// What became of the newest that came to an end, as the gate records it.
    pub fn last_change(&self) -> Option<ConfigChange> {
        let last = self.kept.last.as_ref()?;
        let live = self.kept.live.as_ref();
        let in_force = live.map_or(&self.own.1, |live| &live.toml);
        Some(ConfigChange {
            command: last.command,
            outcome: last.outcome,
            in_force: ConfigHash::of(in_force),
            why: last.remark(),
        })
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Kept, ConfigHash)) -> io::Result<()> {
        let mut kept = self.kept.clone();
        change(&mut kept, ConfigHash::of(&self.own.1));
        kept::write(&self.path, &kept)?;
        self.kept = kept;
        Ok(())
    }
}

impl Kept {
    pub(super) fn take_back(&mut self, why: String, now: UnixMs) {
        if let Some(trial) = self.trial.take() {
            self.end(trial.served.command, ConfigOutcome::RolledBack, why, now);
        }
    }
}
