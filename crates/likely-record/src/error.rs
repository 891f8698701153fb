//! What can go wrong with files of results.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file of results could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refused.
    #[error("cannot {action} {}: {source}; {hint}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What to do about it.
        hint: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another program writes to the folder.
    #[error("{} is held by {holder}; wait for it to finish, or {remedy}", path.display())]
    Held {
        /// The run folder.
        path: PathBuf,
        /// Process and host that hold it, as far as they are known.
        holder: String,
        /// What else can be done.
        remedy: String,
    },
    /// A name that ends up in a path is not a plain name.
    #[error("{what} `{value}` cannot name a file: {expected}")]
    Name {
        /// What it names.
        what: &'static str,
        /// The name.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The file was written by a newer program.
    #[error(
        "{} has format {found} and this program reads up to {known}; use a newer version of likely",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// The file does not hold what it should.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder has no plan.
    #[error("{} is not a run folder: it has no plan.json; give a folder under results/runs", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// The folder belongs to a run of something else.
    #[error(
        "{} holds the run {found}, not {wanted}; move it away or choose another results folder",
        path.display()
    )]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// Identity of the run that was asked for.
        wanted: String,
        /// Identity of the run that is there.
        found: String,
    },
    /// A cell was to be written that the plan does not have.
    #[error("cell {hash} is not in the plan of {}", path.display())]
    NotPlanned {
        /// Hash of the cell.
        hash: String,
        /// The folder.
        path: PathBuf,
    },
    /// Something was to be written that the file could not give back.
    #[error("{} cannot be written: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What is wrong with the content.
        reason: String,
    },
    /// A finished result would be replaced by a different one.
    #[error(
        "{} is there already with other content, and results are never overwritten; move the run folder away to start over",
        path.display()
    )]
    Overwrite {
        /// The file.
        path: PathBuf,
    },
}

impl FolderError {
    /// Wraps an error of the system with advice that fits its kind.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space and run the same command again; finished cells are kept"
            }
            io::ErrorKind::PermissionDenied => "allow writing there, or name another folder with --results",
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is read-only; name another folder with --results"
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file stands where a folder should be; name another folder with --results"
            }
            io::ErrorKind::NotFound => "check the path, or name another folder with --results",
            _ => "check the disk and run the same command again; finished cells are kept",
        };
        Self::Io { action, path: path.to_owned(), hint, source }
    }
}
