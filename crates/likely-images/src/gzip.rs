//! Files that may be compressed by gzip, read without trusting what they say of their size.

use crate::ImagesError;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// No byte of a deflate stream stands for more bytes than this.
const LARGEST_RATIO: u64 = 1032;

/// A file that is open, decompressed while it is read if it begins like gzip.
pub(crate) struct Bytes {
    reader: Box<dyn Read>,
    /// No more bytes than these can come out.
    pub(crate) at_most: u64,
    /// Whether exactly `at_most` bytes come out: the file is not compressed.
    pub(crate) exact: bool,
}

/// Opens a regular file.
///
/// # Errors
/// [`ImagesError::Read`], and [`ImagesError::File`] where it is a folder or a device.
pub(crate) fn open(path: &Path) -> Result<Bytes, ImagesError> {
    let failed = |source| ImagesError::read(path, source);
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(ImagesError::file(path, "it is not a file"));
    }
    let length = about.len();
    let mut file = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    (&mut file).take(2).read_to_end(&mut start).map_err(failed)?;
    let compressed = start == [0x1f, 0x8b];
    let whole = BufReader::new(io::Cursor::new(start).chain(file));
    Ok(if compressed {
        Bytes {
            reader: Box::new(MultiGzDecoder::new(whole)),
            at_most: length.saturating_mul(LARGEST_RATIO),
            exact: false,
        }
    } else {
        Bytes { reader: Box::new(whole), at_most: length, exact: true }
    })
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}
