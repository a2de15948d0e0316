//! A gate's configuration from the server: the command that brings it, and the gate's record of what became
//! of it. The layout of the record stands in [`crate::record`].

use crate::cbor::{Reader, Writer};
use crate::{CommandId, FormatError, GateId, Millis, Problem, Reason};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Longest configuration, in bytes.
pub const CONFIG_LEN_MAX: usize = 64 * 1024;

/// How long a gate may take to show that it works with a new configuration, when nobody says otherwise.
pub const PROVE_DEFAULT: Millis = Millis(60_000);

/// Longest remark, in bytes of UTF-8.
pub const REMARK_LEN_MAX: usize = 160;

/// The server wants one gate to work by this configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCommand {
    /// Made by the server, in the order of their making; a gate takes none that is older than the last it took.
    pub id: CommandId,
    /// Which gate.
    pub gate: GateId,
    /// All of its `gate.toml`; at most [`CONFIG_LEN_MAX`] bytes.
    pub toml: String,
    /// Within what time after its start the gate must have shown that it works; otherwise it goes back.
    pub prove_ms: Millis,
    /// Why.
    pub reason: Reason,
}

/// What became of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigOutcome {
    /// The gate works by it.
    Live,
    /// The gate found faults in it and did not try it.
    Refused,
    /// The gate tried it, it did not prove itself, and the one before is in force again.
    RolledBack,
    /// Another took its place before it was tried, or somebody changed the gate's own file.
    SetAside,
}

/// SHA-256 of a configuration's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConfigHash(pub [u8; 32]);

/// A few words of a program's, on one line, at most [`REMARK_LEN_MAX`] bytes; more are cut off.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remark {
    len: u8,
    bytes: [u8; REMARK_LEN_MAX],
}

/// A gate's record of what became of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The command that brought it.
    pub command: CommandId,
    /// What became of it.
    pub outcome: ConfigOutcome,
    /// The configuration that is in force now.
    pub in_force: ConfigHash,
    /// Why, where it is not in force.
    pub why: Remark,
}

impl ConfigOutcome {
    /// Its name, for files and people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Refused => "refused",
            Self::RolledBack => "rolled-back",
            Self::SetAside => "set-aside",
        }
    }

    /// The outcome with this name.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [Self::Live, Self::Refused, Self::RolledBack, Self::SetAside];
        all.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The same in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Live => "in force",
            Self::Refused => "refused",
            Self::RolledBack => "tried and taken back",
            Self::SetAside => "set aside",
        }
    }

    fn wire(self) -> u64 {
        match self {
            Self::Live => 0,
            Self::Refused => 1,
            Self::RolledBack => 2,
            Self::SetAside => 3,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        match r.u8("outcome")? {
            0 => Ok(Self::Live),
            1 => Ok(Self::Refused),
            2 => Ok(Self::RolledBack),
            3 => Ok(Self::SetAside),
            _ => Err(r.error("outcome", Problem::OutOfRange)),
        }
    }
}

impl ConfigHash {
    /// Of a configuration's text.
    pub fn of(toml: &str) -> Self {
        Self(Sha256::digest(toml).into())
    }
}

impl Remark {
    /// These words on one line, as many as fit.
    pub fn cut(words: &str) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let mut line = String::new();
        for c in words.chars().map(plain) {
            if line.len().saturating_add(c.len_utf8()) > REMARK_LEN_MAX {
                break;
            }
            line.push(c);
        }
        let mut bytes = [0; REMARK_LEN_MAX];
        for (to, from) in bytes.iter_mut().zip(line.bytes()) {
            *to = from;
        }
        Self {
            len: u8::try_from(line.len()).unwrap_or_default(),
            bytes,
        }
    }

    /// What it says.
    pub fn as_str(&self) -> &str {
        // Only text gets in, so neither fallback is ever taken.
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl ConfigChange {
    pub(crate) const FIELDS: u64 = 4;

    pub(crate) fn write(&self, w: &mut Writer) {
        w.bytes(&self.command.0);
        w.uint(self.outcome.wire());
        w.bytes(&self.in_force.0);
        w.text(self.why.as_str());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, FormatError> {
        let command = CommandId(r.exact("command")?);
        let outcome = ConfigOutcome::read(r)?;
        let in_force = ConfigHash(r.exact("in force")?);
        let text = r.text("why", REMARK_LEN_MAX)?;
        let why = Remark::cut(text);
        if why.as_str() != text {
            let message = "a remark is one line".to_owned();
            return Err(r.error("why", Problem::Text(message)));
        }
        Ok(Self {
            command,
            outcome,
            in_force,
            why,
        })
    }
}

impl TryFrom<String> for ConfigHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = crate::ids::from_hex(&text);
        bytes.map(Self).ok_or("not 64 hexadecimal digits")
    }
}

impl From<ConfigHash> for String {
    fn from(hash: ConfigHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::ids::to_hex(&self.0))
    }
}

impl fmt::Debug for ConfigHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_one_line_however_much_there_is_to_say() {
        assert_eq!(Remark::cut("two\nlines").as_str(), "two lines");
        assert_eq!(Remark::cut("").as_str(), "");
        let long = "人".repeat(100);
        assert_eq!(Remark::cut(&long).as_str(), "人".repeat(53));
        let again = Remark::cut(Remark::cut(&long).as_str());
        assert_eq!(again, Remark::cut(&long));
    }
}
