//! Files that appear whole or not at all, and reading with a limit.

use crate::{FORMAT, FolderError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Names of temporary files start with this; a run folder that is resumed sweeps what a kill left of them.
pub(crate) const TEMPORARY_PREFIX: &str = ".writing-";

/// Writes a file so that it appears whole or not at all, also after a kill or a power cut.
///
/// The bytes go to a temporary file in the same folder, which is synced and renamed; then the folder is synced.
///
/// # Errors
/// [`FolderError::Io`], with nothing left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_atomic_with(path, |file| {
        file.write_all(bytes)?;
        // A full disk may show only here.
        file.sync_all()
    })
}

fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<(), FolderError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |source| FolderError::io("write", path, source);
    let mut temporary =
        tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(folder).map_err(failed)?;
    fill(temporary.as_file_mut()).map_err(failed)?;
    make_readable(temporary.as_file()).map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    // Not every file system can sync a folder; the content is safe either way.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Temporary files are private to their owner; results are for the group and others to read, as far as shares allow.
#[cfg(unix)]
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// Why a file gave no value.
pub(crate) enum ReadProblem {
    /// It is not there.
    Missing,
    /// It is there and cannot be used.
    Unusable(FolderError),
}

/// The bytes of a regular file of at most `limit` bytes; a larger one is damaged and not read.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, ReadProblem> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => ReadProblem::Missing,
        _ => ReadProblem::Unusable(FolderError::io("read", path, source)),
    };
    let damaged =
        |reason: String| ReadProblem::Unusable(FolderError::Damaged { path: path.to_owned(), reason });
    let length = {
        let about = fs::metadata(path).map_err(failed)?;
        if !about.is_file() {
            return Err(damaged("it is not a regular file".to_owned()));
        }
        about.len()
    };
    if length > limit {
        return Err(damaged(format!(
            "it has {length} bytes, more than the {limit} that such a file can have"
        )));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(damaged(format!("it grew beyond {limit} bytes while it was read")));
    }
    Ok(bytes)
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// Reads a JSON file that carries a `format`; the format is looked at first, so that a newer file is refused by name.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<T, ReadProblem> {
    let bytes = read_limited(path, limit)?;
    let damaged = |error: serde_json::Error| {
        ReadProblem::Unusable(FolderError::Damaged { path: path.to_owned(), reason: error.to_string() })
    };
    let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > FORMAT {
        return Err(ReadProblem::Unusable(FolderError::Newer {
            path: path.to_owned(),
            found: format,
            known: FORMAT,
        }));
    }
    serde_json::from_slice(&bytes).map_err(damaged)
}

/// Refuses a file of a newer format; whatever else is wrong with it is for others to find.
pub(crate) fn refuse_newer(path: &Path, limit: u64) -> Result<(), FolderError> {
    match read_json::<FormatOnly>(path, limit) {
        Err(ReadProblem::Unusable(error @ FolderError::Newer { .. })) => Err(error),
        _ => Ok(()),
    }
}

/// Pretty JSON with a newline at the end, after checking that reading it gives the same value back.
///
/// JSON has no NaN and no infinity: a value with one of them would come back without it.
pub(crate) fn to_json<T>(path: &Path, value: &T) -> Result<Vec<u8>, FolderError>
where
    T: serde::Serialize + DeserializeOwned + PartialEq,
{
    let unwritable = |reason: String| FolderError::Unwritable { path: path.to_owned(), reason };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| unwritable(error.to_string()))?;
    bytes.push(b'\n');
    match serde_json::from_slice::<T>(&bytes) {
        Ok(back) if back == *value => Ok(bytes),
        _ => Err(unwritable("it holds a number that is not finite".to_owned())),
    }
}

/// Moves a file that cannot be used out of the way, to the first free name `<stem>.damaged-<n>`.
pub(crate) fn move_aside(path: &Path) -> Result<PathBuf, FolderError> {
    for n in 1_u32..=9999 {
        let aside = path.with_extension(format!("damaged-{n}"));
        if !aside.exists() {
            fs::rename(path, &aside).map_err(|source| FolderError::io("move aside", path, source))?;
            return Ok(aside);
        }
    }
    Err(FolderError::Damaged { path: path.to_owned(), reason: "it was damaged 9999 times".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_leaves_nothing_behind_and_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell.json");
        fs::write(&path, "before").unwrap();
        // The device that is always full stands in for the disk.
        let full = |_: &mut File| OpenOptions::new().write(true).open("/dev/full")?.write_all(b"after");
        let message = write_atomic_with(&path, full).unwrap_err().to_string();
        assert!(message.contains("cell.json") && message.contains("free some space"), "{message}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_of_gigabytes_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell.json");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let Err(ReadProblem::Unusable(error)) = read_limited(&path, 1 << 20) else { panic!("it was read") };
        assert!(error.to_string().contains("1099511627776 bytes"), "{error}");
    }

    #[test]
    fn damaged_files_are_kept_under_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.json");
        for n in 1..=3 {
            fs::write(&path, n.to_string()).unwrap();
            assert!(move_aside(&path).unwrap().ends_with(format!("abc.damaged-{n}")));
        }
        assert_eq!(fs::read_to_string(folder.path().join("abc.damaged-2")).unwrap(), "2");
    }
}
