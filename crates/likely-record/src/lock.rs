//! One writer a run folder.

use crate::FolderError;
use crate::atomic::read_limited;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The right to write to a run folder, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    // Closing the file gives the system's lock back, also when the program is killed.
    _file: File,
    // Where the file system has no locks, the file itself is the lock and must go.
    remove: Option<PathBuf>,
}

impl Lock {
    /// Takes the lock of `folder`, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, FolderError> {
        Self::take_with(folder, File::try_lock)
    }

    fn take_with(
        folder: &Path,
        try_lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, FolderError> {
        let path = folder.join(".lock");
        let failed = |source| FolderError::io("write", &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match try_lock(&file) {
            Ok(()) => {
                file.set_len(0).map_err(failed)?;
                file.write_all(holder().as_bytes()).map_err(failed)?;
                Ok(Self { _file: file, remove: None })
            }
            Err(TryLockError::WouldBlock) => Err(FolderError::Held {
                path: folder.to_owned(),
                holder: read_holder(&path),
                remedy: "stop it".to_owned(),
            }),
            // Some network file systems have no locks and say so with various errors.
            Err(TryLockError::Error(_)) => Self::create_exclusively(folder),
        }
    }

    fn create_exclusively(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(".lock-exclusive");
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(holder().as_bytes());
                let lock = Self { _file: file, remove: Some(path.clone()) };
                written.map_err(|source| FolderError::io("write", &path, source))?;
                Ok(lock)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(FolderError::Held {
                path: folder.to_owned(),
                holder: read_holder(&path),
                remedy: format!(
                    "delete {} if that program no longer runs (this file system has no locks)",
                    path.display()
                ),
            }),
            Err(error) => Err(FolderError::io("write", &path, error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.remove {
            // A lock that stays behind names its file when it is next in the way.
            let _ = fs::remove_file(path);
        }
    }
}

fn holder() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "an unnamed host" } else { host };
    format!("process {} on {host}\n", std::process::id())
}

fn read_holder(path: &Path) -> String {
    let text = read_limited(path, 4096).ok().map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "another process".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_locks_a_file_stands_in_and_says_how_to_remove_it() {
        let folder = tempfile::tempdir().unwrap();
        let none = |_: &File| Err(TryLockError::Error(io::Error::from(io::ErrorKind::Unsupported)));
        let first = Lock::take_with(folder.path(), none).unwrap();
        let message = Lock::take_with(folder.path(), none).unwrap_err().to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        assert!(message.contains("delete") && message.contains(".lock-exclusive"), "{message}");
        drop(first);
        Lock::take_with(folder.path(), none).unwrap();
    }
}
