//! Pictures that are files of a folder.

use crate::picture::{Picture, decode};
use crate::source::{Gathered, extension};
use crate::{ImageSet, ImagesError, Reading};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Bytes of the largest file that is read.
const LARGEST_FILE: u64 = 1 << 28;
/// Files that are decoded before their pictures are put together.
const BLOCK: usize = 256;
/// Formats of pictures that are not read; a folder that holds one would lose it silently.
const OTHER_FORMATS: [&str; 8] = ["avif", "bmp", "gif", "heic", "ppm", "tif", "tiff", "webp"];

/// What a folder holds, hidden files left out, sorted by name.
pub(crate) struct Listing {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
}

impl Listing {
    pub(crate) fn of(path: &Path) -> Result<Self, ImagesError> {
        let failed = |source| ImagesError::read(path, source);
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            if entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
                continue;
            }
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
        files.sort();
        folders.sort();
        Ok(Self { files, folders })
    }

    /// The files that are pictures; notes and tables beside them are left out.
    fn pictures(&self) -> Result<Vec<PathBuf>, ImagesError> {
        if let Some(other) = self.files.iter().find(|file| OTHER_FORMATS.contains(&extension(file).as_str()))
        {
            return Err(ImagesError::file(other, "this format is not read; save it as PNG"));
        }
        let is_picture = |file: &&PathBuf| matches!(extension(file).as_str(), "png" | "jpg" | "jpeg");
        Ok(self.files.iter().filter(is_picture).cloned().collect())
    }
}

/// The pictures of a folder, or of the classes that are its sub-folders.
pub(crate) fn read(path: &Path, listing: Listing, reading: &Reading) -> Result<ImageSet, ImagesError> {
    let (files, labels) = files_of(path, &listing)?;
    let set = read_files(&files, reading)?;
    match labels {
        Some(labels) => set.with_labels(labels),
        None => Ok(set),
    }
}

/// The picture files of a folder; where they are in sub-folders, with the number of that for each.
fn files_of(path: &Path, listing: &Listing) -> Result<(Vec<PathBuf>, Option<Vec<u8>>), ImagesError> {
    let files = listing.pictures()?;
    if !files.is_empty() {
        if let Some(folder) = listing.folders.first() {
            let reason = format!(
                "it holds pictures and also the folder {}; sub-folders are classes and must hold all of them",
                folder.display()
            );
            return Err(ImagesError::file(path, reason));
        }
        return Ok((files, None));
    }
    if listing.folders.is_empty() {
        return Err(ImagesError::file(path, "it holds no PNG or JPEG file"));
    }
    if listing.folders.len() > 256 {
        let reason = format!("it has {} sub-folders; at most 256 classes are read", listing.folders.len());
        return Err(ImagesError::file(path, reason));
    }
    let (mut files, mut labels) = (Vec::new(), Vec::new());
    for (label, folder) in listing.folders.iter().enumerate() {
        let of_class = Listing::of(folder)?.pictures()?;
        if of_class.is_empty() {
            return Err(ImagesError::file(
                folder,
                "it holds no PNG or JPEG file; each sub-folder is a class",
            ));
        }
        labels.resize(labels.len() + of_class.len(), label as u8);
        files.extend(of_class);
    }
    Ok((files, Some(labels)))
}

/// The PNG and JPEG files of a folder, or of the classes that are its sub-folders, in the order in which [`crate::open`] reads them; none
/// where the path is another thing.
///
/// For sets whose pictures differ in size, or are too many to be held at once: each file may be opened by itself.
///
/// # Errors
/// [`ImagesError`] where the folder cannot be read, or holds no picture.
pub fn picture_files(path: &Path) -> Result<Option<Vec<PathBuf>>, ImagesError> {
    if !path.is_dir() {
        return Ok(None);
    }
    let listing = Listing::of(path)?;
    let other = |file: &PathBuf| {
        extension(file) == "parquet"
            || file.file_name().is_some_and(|name| name.to_string_lossy().contains("idx3-ubyte"))
    };
    if listing.files.iter().any(other) {
        return Ok(None);
    }
    Ok(Some(files_of(path, &listing)?.0))
}

/// The pictures of files, in their order.
pub(crate) fn read_files(files: &[PathBuf], reading: &Reading) -> Result<ImageSet, ImagesError> {
    let mut gathered = Gathered::new(reading);
    for block in files.chunks(BLOCK) {
        let pictures: Vec<_> = block.par_iter().map(|file| read_file(file)).collect();
        for (file, picture) in block.iter().zip(pictures) {
            gathered
                .push(picture?, || file.display().to_string())
                .map_err(|reason| ImagesError::file(file, reason))?;
        }
    }
    gathered.finish()
}

fn read_file(file: &Path) -> Result<Picture, ImagesError> {
    let failed = |source| ImagesError::read(file, source);
    let about = std::fs::metadata(file).map_err(failed)?;
    if !about.is_file() || about.len() > LARGEST_FILE {
        let reason = format!("it is not a file of at most {LARGEST_FILE} bytes");
        return Err(ImagesError::file(file, reason));
    }
    let bytes = std::fs::read(file).map_err(failed)?;
    decode(&bytes).map_err(|reason| ImagesError::file(file, reason))
}
