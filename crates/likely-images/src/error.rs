//! What can go wrong with pictures.

use std::path::{Path, PathBuf};

/// Why there are no pictures.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder does not hold what is needed.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, where in the file, and what would be right.
        reason: String,
    },
    /// Pictures do not fit together, or not to what is asked of them.
    #[error("{reason}")]
    Set {
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] likely_record::FolderError),
}

impl ImagesError {
    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn file(path: &Path, reason: impl Into<String>) -> Self {
        Self::File { path: path.to_path_buf(), reason: reason.into() }
    }

    pub(crate) fn set(reason: impl Into<String>) -> Self {
        Self::Set { reason: reason.into() }
    }
}
