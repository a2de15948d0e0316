//! The pictures that manifests list.

use crate::frame::Frame;
use crate::frame::picture::{self, PictureError};
use crate::replay::expect::{Entry, ExpectError, Manifest, Reading};
use fare_protocol::UnixMs;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why pictures cannot be measured.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The manifest cannot be read, or one of its lines is wrong.
    #[error(transparent)]
    Manifest(#[from] ExpectError),
    /// A line names a picture that cannot be read.
    #[error("{manifest}:{line}: {file}: {why}")]
    Picture {
        /// The manifest.
        manifest: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The picture as the manifest names it.
        file: String,
        /// What is wrong with it.
        why: PictureError,
    },
    /// A line does not say what is in its picture.
    #[error(
        "{manifest}:{line}: {file}: nothing says what is in it; expected a column `expected` with a \
         JSON list of texts"
    )]
    Unstated {
        /// The manifest.
        manifest: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The picture as the manifest names it.
        file: String,
    },
    /// There is nothing to measure.
    #[error("{manifest}: no picture is listed below the first line")]
    Empty {
        /// The manifest.
        manifest: PathBuf,
    },
}

/// One picture to be measured, not read yet.
#[derive(Debug)]
pub(super) struct Listed {
    manifest: PathBuf,
    line: usize,
    path: PathBuf,
    pub(super) file: String,
    pub(super) set: String,
    pub(super) reading: Reading,
}

/// All pictures of the manifests. That each is there is checked now and not minutes later.
pub(super) fn list(manifests: &[PathBuf]) -> Result<Vec<Listed>, ManifestError> {
    let mut all = Vec::new();
    for manifest in manifests {
        let before = all.len();
        for entry in Manifest::read(manifest)?.entries() {
            all.push(listed(manifest, entry)?);
        }
        if all.len() == before {
            return Err(ManifestError::Empty {
                manifest: manifest.clone(),
            });
        }
    }
    Ok(all)
}

/// `entry` with its path, which counts from the manifest's folder. Pictures of no named set are the
/// set of their manifest.
fn listed(manifest: &Path, entry: &Entry) -> Result<Listed, ManifestError> {
    let set = match entry.set.as_str() {
        "" => manifest.display().to_string(),
        set => set.to_owned(),
    };
    let listed = Listed {
        manifest: manifest.to_owned(),
        line: entry.line,
        path: manifest.with_file_name(&entry.file),
        file: entry.file.clone(),
        set,
        reading: entry.expectation.reading.clone(),
    };
    if listed.reading == Reading::Unstated {
        return Err(ManifestError::Unstated {
            manifest: listed.manifest,
            line: listed.line,
            file: listed.file,
        });
    }
    match std::fs::metadata(&listed.path) {
        Ok(_) => Ok(listed),
        Err(error) => Err(listed.unreadable(PictureError::Read(error))),
    }
}

impl Listed {
    /// The picture as a frame.
    pub(super) fn read(&self) -> Result<Frame, ManifestError> {
        picture::read(&self.path, UnixMs::default()).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, why: PictureError) -> ManifestError {
        ManifestError::Picture {
            manifest: self.manifest.clone(),
            line: self.line,
            file: self.file.clone(),
            why,
        }
    }
}
