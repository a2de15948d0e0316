//! The gate's configuration: one TOML file, read raw, then checked into types that cannot be wrong.
//!
//! `raw` is what was typed; [`GateConfig`] is what it means. Checking reads the key, tariff and
//! certificate files that the configuration names and touches no device.

mod alone;
mod barrier;
mod check;
mod own;
mod pay_codes;
mod problem;
mod raw;
mod scanner;
mod signals;

pub use barrier::{BarrierConfig, BoardConfig};
pub use pay_codes::PayCodesConfig;
pub use problem::{ConfigError, Problem};
pub use raw::Parity;
pub use scanner::{ScannerConfig, ScannerKind, SerialLine};

use crate::display::DisplayConfig;
use crate::frame::FrameRate;
use crate::journal::{GateIdentity, Retention};
use crate::signals::{LampsConfig, VoiceConfig};
use ed25519_dalek::SigningKey;
use fare_protocol::wire::TariffText;
use fare_protocol::{GateId, KeySet, Location, Millis, Signer};
use fare_rules::clock::Ppm;
use fare_rules::{LanePolicy, Tariff};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How messages name a configuration that the server sent.
const SERVED: &str = "server's gate.toml";

/// A checked configuration.
#[derive(Debug)]
pub struct GateConfig {
    /// This gate.
    pub gate: GateId,
    /// Where it stands.
    pub location: Location,
    /// The gate's own key.
    pub signing_key: Arc<SigningKey>,
    /// The issuers believed until the server's feed says otherwise.
    pub issuers: KeySet,
    /// The servers believed.
    pub servers: KeySet,
    /// The tariff shown until the server's feed says otherwise.
    pub tariff: Tariff,
    /// The same as text.
    pub tariff_text: TariffText,
    /// How the lane decides.
    pub policy: LanePolicy,
    /// What the gate's time is made from.
    pub clock: ClockConfig,
    /// Where frames come from, unless a scanner reads all codes.
    pub frames: Option<FramesConfig>,
    /// A scanner beside the camera or in its place; there is at least one of both.
    pub scanner: Option<ScannerConfig>,
    /// The board that moves the barrier.
    pub barrier: BarrierConfig,
    /// Where the journal lies.
    pub journal: PathBuf,
    /// What the journal keeps of what the server has accepted.
    pub retention: Retention,
    /// The settlement server, unless the gate works alone.
    pub server: Option<ServerConfig>,
    /// Codes of payment platforms, unless none is taken.
    pub pay_codes: Option<PayCodesConfig>,
    /// Lamps and buzzer, unless there are none.
    pub lamps: Option<LampsConfig>,
    /// The voice, unless there is none.
    pub voice: Option<VoiceConfig>,
    /// The lane's screen, unless it has none.
    pub display: Option<DisplayConfig>,
    /// Where the gate says how it is doing.
    pub status: StatusConfig,
}

/// What the gate's time is made from. How much error the lane bears is [`LanePolicy`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockConfig {
    /// Bound of the system clock's error where something keeps it that the kernel does not know of;
    /// otherwise the kernel is asked.
    pub system_error: Option<Millis>,
    /// How far this box's own counter may drift.
    pub drift: Ppm,
}

/// Where a gate says how it is doing, and where others find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusConfig {
    /// What `faregate status` reads.
    pub file: PathBuf,
    /// What a metrics collector reads; nothing when there is none.
    pub metrics: Option<PathBuf>,
    /// How often both are written.
    pub every: Duration,
    /// The gate's journal.
    pub journal: PathBuf,
    /// Whether there is a server to be online with.
    pub has_server: bool,
}

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum FramesConfig {
    /// A camera by its V4L2 number (`/dev/videoN`).
    Camera {
        /// N.
        device: u32,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Frames a second.
        fps: u32,
    },
    /// A Y4M stream, from a file or a named pipe; its own rate is used.
    Y4m {
        /// The file or pipe.
        path: PathBuf,
    },
    /// A folder of pictures, shown at a rate.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Frames a second.
        rate: FrameRate,
    },
}

/// The settlement server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Its address, `https://host:port`.
    pub url: String,
    /// PEM file of the authority that signed the server's certificate.
    pub ca: PathBuf,
    /// PEM file of this gate's certificate.
    pub certificate: PathBuf,
    /// PEM file of that certificate's key.
    pub private_key: PathBuf,
    /// Shortest wait before a new attempt.
    pub backoff_min: Millis,
    /// Longest wait before a new attempt.
    pub backoff_max: Millis,
}

impl GateConfig {
    /// Whose journal this gate keeps.
    pub fn identity(&self) -> GateIdentity {
        GateIdentity {
            gate: self.gate,
            location: self.location,
            signer: Arc::clone(&self.signing_key) as Arc<dyn Signer>,
        }
    }

    /// Where the gate with the configuration at `path` keeps its journal. Reads no other file: who
    /// looks at a log need not be allowed to read keys.
    ///
    /// # Errors
    /// When the file cannot be read or is not made as configurations are.
    pub fn journal_of(path: &Path) -> Result<PathBuf, ConfigError> {
        Ok(Self::status_of(path)?.journal)
    }

    /// The text at `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text_of(path: &Path) -> Result<String, ConfigError> {
        text(path)
    }

    /// As [`GateConfig::journal_of`], of a text that stands at `path`.
    ///
    /// # Errors
    /// When it is not made as configurations are.
    pub fn journal_in(path: &Path, text: &str) -> Result<PathBuf, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok(folder.join(raw(path, text)?.journal.path.get_ref()))
    }

    /// Where that gate says how it is doing; the same goes for it.
    ///
    /// # Errors
    /// As there.
    pub fn status_of(path: &Path) -> Result<StatusConfig, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let raw = raw(path, &text(path)?)?;
        let journal = folder.join(raw.journal.path.get_ref());
        Ok(check::status(
            &raw.status,
            folder,
            journal,
            raw.server.is_some(),
        ))
    }

    /// Reads and checks `path` and the files it names. Relative paths start at its folder.
    ///
    /// # Errors
    /// All that is wrong, each with file, line, column and what to write instead.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &text(path)?)
    }

    /// Checks a configuration that the server sent, as if it stood in the place of the gate's own text at
    /// `path`: as [`GateConfig::load`] does, and that it leaves the gate's own alone.
    ///
    /// # Errors
    /// All that is wrong, with line and column of the server's text.
    pub fn served(path: &Path, own: &str, text: &str) -> Result<Self, ConfigError> {
        let place = Path::new(SERVED);
        let named = |err: ConfigError| ConfigError {
            file: place.to_owned(),
            ..err
        };
        let (own, served) = (raw(path, own)?, raw(place, text)?);
        let taken = own::changed(&own, &served, text);
        let checked = check::check(path, text, served).map_err(named);
        if taken.is_empty() {
            return checked;
        }
        let mut problems = taken;
        problems.extend(checked.err().into_iter().flat_map(|err| err.problems));
        problems.sort_by_key(|problem| (problem.line, problem.column));
        let file = place.to_owned();
        Err(ConfigError { file, problems })
    }

    /// Checks `text` and the files it names as if it stood at `path`.
    ///
    /// # Errors
    /// As [`GateConfig::load`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        check::check(path, text, raw(path, text)?)
    }
}

fn text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|err| ConfigError::unreadable(path, &err))
}

/// What `text` says, unchecked.
fn raw(path: &Path, text: &str) -> Result<raw::RawGate, ConfigError> {
    toml::from_str(text).map_err(|err| ConfigError::toml(path, text, &err))
}

#[cfg(test)]
pub(crate) mod tests;
