//! A simulated serial QR scanner: what it reads comes out of a pty, as its settings say.

use crate::pty::{Line, PtyError};
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;
use tokio_serial::SerialStream;

/// How the scanner writes its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Before each code.
    pub prefix: Vec<u8>,
    /// After each code.
    pub suffix: Vec<u8>,
    /// Each code begins with `]Q1`: a QR code, by AIM's names.
    pub aim: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            suffix: b"\r\n".to_vec(),
            aim: false,
        }
    }
}

/// A scanner that is plugged in. Dropping it pulls the plug.
#[derive(Debug)]
pub struct Scanner {
    settings: Settings,
    ours: SerialStream,
    /// So that the pty lives while no gate has it open.
    _theirs: SerialStream,
    link: PathBuf,
}

impl Scanner {
    /// Plugs in a scanner whose serial line is reached through the symbolic link `link`. Needs a tokio
    /// runtime with I/O.
    ///
    /// # Errors
    /// When there is no pty to be had, or `link` cannot be made.
    pub fn plug_in(link: &Path, settings: Settings) -> Result<Self, PtyError> {
        let Line { ours, theirs } = Line::open(link)?;
        Ok(Self {
            settings,
            ours,
            _theirs: theirs,
            link: link.to_owned(),
        })
    }

    /// A code is held before it: it beeps and says what the code says.
    ///
    /// # Errors
    /// When the line is full because nobody reads it.
    pub async fn read(&mut self, code: &str) -> std::io::Result<()> {
        let Settings {
            prefix,
            suffix,
            aim,
        } = &self.settings;
        let aim: &[u8] = if *aim { b"]Q1" } else { b"" };
        let bytes = [prefix, aim, code.as_bytes(), suffix].concat();
        self.say(&bytes).await
    }

    /// Any bytes come over the line.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn say(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        AsyncWriteExt::write_all(&mut self.ours, bytes).await
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        // A link that is gone already is as good.
        let _ = std::fs::remove_file(&self.link);
    }
}
