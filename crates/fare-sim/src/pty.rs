//! Serial lines of simulated devices: ptys, found through symbolic links.

use std::io;
use std::path::{Path, PathBuf};
use tokio_serial::{SerialPort, SerialStream};

/// Why a simulated device has no serial line.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    /// The kernel gave no pty.
    #[error("cannot open a pty: {0}; check that /dev/pts is mounted")]
    Pty(#[from] tokio_serial::Error),
    /// The pty's path could not be found out.
    #[error("the pty has no path; check that /dev/pts is mounted")]
    NoPath,
    /// The link cannot be made.
    #[error("cannot make the link {path}: {source}; check its folder", path = path.display())]
    Link {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A pty of which nobody but the device holds an end yet.
pub(crate) struct Line {
    /// The device's end.
    pub(crate) ours: SerialStream,
    /// The gate's end, to be held until the gate has it: a pty that nobody holds reports an end.
    pub(crate) theirs: SerialStream,
}

impl Line {
    /// Opens a pty and points `link` at it, in one step for whoever opens the link meanwhile.
    pub(crate) fn open(link: &Path) -> Result<Self, PtyError> {
        let (ours, theirs) = SerialStream::pair()?;
        let path = theirs.name().ok_or(PtyError::NoPath)?;
        let failed = |source| PtyError::Link {
            path: link.to_owned(),
            source,
        };
        let mut new = link.as_os_str().to_owned();
        new.push(".new");
        // Left behind by a device that was killed, if it is there at all.
        let _ = std::fs::remove_file(&new);
        std::os::unix::fs::symlink(path, &new).map_err(failed)?;
        std::fs::rename(&new, link).map_err(failed)?;
        Ok(Self { ours, theirs })
    }
}
