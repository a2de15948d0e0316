//! With which configuration a start begins.

use super::keeper::Keeper;
use super::kept::{self, Kept};
use crate::config::{ConfigError, GateConfig};
use crate::journal::beside;
use fare_protocol::{ConfigHash, ConfigOutcome, UnixMs};
use std::fs::File;
use std::io;
use std::path::Path;

/// What a daemon begins with.
#[derive(Debug)]
pub struct Begun {
    /// Its configuration.
    pub config: GateConfig,
    /// What is kept of the server's. Nothing when that cannot be had: then only the gate's own counts, and
    /// none of the server's is taken.
    pub keeper: Option<Keeper>,
    /// What there is to say once there is a log.
    pub said: Vec<String>,
}

/// Decides with which configuration the daemon of the gate at `path` begins, and notes durably that one is
/// being tried.
///
/// # Errors
/// When the gate's own file cannot be read or has faults, and no configuration of the server's serves.
pub fn begin(path: &Path, now: UnixMs) -> Result<Begun, ConfigError> {
    let own = GateConfig::text_of(path)?;
    let journal = GateConfig::journal_in(path, &own)?;
    match hold(path, own.clone(), &journal) {
        Ok(keeper) => Beginning::new(keeper, now).go(),
        // Whatever it is, the gate works by its own file.
        Err(err) => Ok(Begun {
            config: GateConfig::parse(path, &own)?,
            keeper: None,
            said: vec![format!(
                "no configuration of the server's can be kept beside the journal: {err}"
            )],
        }),
    }
}

/// The text by which the gate at `path` works, or will after its next start. Changes nothing.
///
/// # Errors
/// When the gate's own file cannot be read, or what is kept may not.
pub fn in_force(path: &Path) -> Result<(String, Option<Kept>), ConfigError> {
    let own = GateConfig::text_of(path)?;
    let place = kept::place(&GateConfig::journal_in(path, &own)?);
    let kept = match kept::read(&place) {
        Ok(kept) => kept,
        // A start with it would find nothing there either.
        Err(err) if err.kind() == io::ErrorKind::InvalidData => None,
        Err(err) => return Err(ConfigError::unreadable(&place, &err)),
    };
    let still = |kept: &Kept| kept.own == Some(ConfigHash::of(&own));
    let live = kept.as_ref().filter(|kept| still(kept));
    let live = live.and_then(|kept| kept.live.as_ref());
    let text = live.map_or_else(|| own.clone(), |live| live.toml.clone());
    Ok((text, kept))
}

/// By which the gate at `path` works, checked.
///
/// # Errors
/// As [`begin`].
pub fn config_in_force(path: &Path) -> Result<GateConfig, ConfigError> {
    let own = GateConfig::text_of(path)?;
    let (text, _) = in_force(path)?;
    if text == own {
        return GateConfig::parse(path, &own);
    }
    GateConfig::served(path, &own, &text)
}

/// Takes hold of what is kept, as the only process that may change it.
fn hold(path: &Path, own: String, journal: &Path) -> io::Result<Keeper> {
    let place = kept::place(journal);
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(&place, ".lock"))?;
    lock.try_lock()?;
    let kept = match kept::read(&place) {
        Ok(kept) => kept.unwrap_or_default(),
        // Never half written: somebody else's doing. The gate's own file counts.
        Err(err) if err.kind() == io::ErrorKind::InvalidData => Kept::default(),
        Err(err) => return Err(err),
    };
    Ok(Keeper {
        path: place,
        text: own.clone(),
        own: (path.to_owned(), own),
        kept,
        _lock: lock,
    })
}

struct Beginning {
    keeper: Keeper,
    now: UnixMs,
    said: Vec<String>,
}

impl Beginning {
    fn new(keeper: Keeper, now: UnixMs) -> Self {
        Self {
            keeper,
            now,
            said: Vec::new(),
        }
    }

    fn go(mut self) -> Result<Begun, ConfigError> {
        self.set_aside();
        let config = match self.tried() {
            Some(config) => Ok(config),
            None => self.before(),
        }?;
        Ok(Begun {
            config,
            keeper: Some(self.keeper),
            said: self.said,
        })
    }

    /// Somebody at the gate has changed its own file since: that counts.
    fn set_aside(&mut self) {
        let kept = &self.keeper.kept;
        let own = Some(ConfigHash::of(&self.keeper.own.1));
        let newest = kept.trial.as_ref().map(|trial| trial.served.command);
        let newest = newest.or(kept.live.as_ref().map(|live| live.command));
        let Some(command) = newest.filter(|_| kept.own != own) else {
            return;
        };
        let why = "somebody has changed the gate's own file since".to_owned();
        self.said.push(format!(
            "the server's configuration {command} is set aside: {why}"
        ));
        let now = self.now;
        self.noted(|kept| {
            (kept.trial, kept.live) = (None, None);
            kept.end(command, ConfigOutcome::SetAside, why, now);
        });
    }

    /// The one that is to be tried now, unless it was tried before or does not pass any more.
    fn tried(&mut self) -> Option<GateConfig> {
        let trial = self.keeper.kept.trial.clone()?;
        let why = if trial.begun {
            "the gate ended before it had shown that it works with it".to_owned()
        } else {
            match self.checked(&trial.served.toml) {
                Ok(config) => {
                    // Without this note a gate that cannot live with it would try it for ever.
                    let noted = self.noted(|kept| {
                        kept.trial.iter_mut().for_each(|trial| trial.begun = true);
                    });
                    if noted {
                        self.keeper.text = trial.served.toml;
                        return Some(config);
                    }
                    return None;
                }
                Err(err) => err.to_string(),
            }
        };
        let command = trial.served.command;
        self.said.push(format!(
            "the server's configuration {command} is taken back: {why}"
        ));
        let now = self.now;
        self.noted(|kept| kept.take_back(why, now));
        None
    }

    /// The one that was in force before, or the gate's own.
    fn before(&mut self) -> Result<GateConfig, ConfigError> {
        let live = self.keeper.kept.live.as_ref();
        if let Some(toml) = live.map(|live| live.toml.clone()) {
            match self.checked(&toml) {
                Ok(config) => {
                    self.keeper.text = toml;
                    return Ok(config);
                }
                Err(err) => self.said.push(format!(
                    "the server's configuration does not pass any more, the gate's own is used: {err}"
                )),
            }
        }
        let (path, own) = &self.keeper.own;
        GateConfig::parse(path, own)
    }

    fn checked(&self, toml: &str) -> Result<GateConfig, ConfigError> {
        let (path, own) = &self.keeper.own;
        GateConfig::served(path, own, toml)
    }

    /// Changes what is kept; answers whether it is on the disk.
    fn noted(&mut self, change: impl FnOnce(&mut Kept)) -> bool {
        let noted = self.keeper.change(|kept, _| change(kept));
        if let Err(err) = &noted {
            let path = self.keeper.path.display();
            self.said.push(format!(
                "cannot write {path}: {err}; look at its free space"
            ));
        }
        noted.is_ok()
    }
}
