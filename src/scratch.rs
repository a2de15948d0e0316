//! A folder that goes away with its owner: for journals of replays and benchmarks.

use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A new folder below the system's temporary one; removed when dropped.
#[derive(Debug)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Makes `faregate-PURPOSE-RANDOM`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(purpose: &str) -> io::Result<Self> {
        Self::below(&std::env::temp_dir(), purpose)
    }

    /// The same below `parent`.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn below(parent: &Path, purpose: &str) -> io::Result<Self> {
        let name = format!("faregate-{purpose}-{}", Uuid::new_v4().simple());
        let path = parent.join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        // A folder that cannot be removed is the system's to clean up.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
