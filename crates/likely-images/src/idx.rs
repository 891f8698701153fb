//! The format of MNIST.

use crate::gzip::{self, Bytes};
use crate::{ImageSet, ImagesError};
use likely_core::ImageShape;
use std::io::Read;
use std::path::Path;

/// Grey pictures from an IDX file, with labels from another one; either may be compressed by gzip.
///
/// A file is two zero bytes, 8 for unsigned bytes, the number of axes (three for pictures: count, height, width; one for
/// labels), the length of each axis as a big-endian number of four bytes, and the numbers.
///
/// # Errors
/// [`ImagesError`] where a file cannot be read, is damaged, holds no pictures, or there are other labels than pictures.
///
/// # Source
/// The MNIST database of handwritten digits, section on file formats.
pub fn read_idx(images: &Path, labels: Option<&Path>) -> Result<ImageSet, ImagesError> {
    let ([count, height, width], pixels) = read::<3>(images, "pictures")?;
    if count == 0 {
        return Err(ImagesError::file(images, "it holds no picture"));
    }
    let set = ImageSet::new(ImageShape { channels: 1, height, width }, pixels)
        .map_err(|error| ImagesError::file(images, error.to_string()))?;
    match labels {
        None => Ok(set),
        Some(path) => {
            let ([_], labels) = read::<1>(path, "labels")?;
            set.with_labels(labels)
                .map_err(|error| ImagesError::file(path, format!("{error} of {}", images.display())))
        }
    }
}

/// The lengths of the axes, and the numbers.
fn read<const AXES: usize>(path: &Path, what: &str) -> Result<([usize; AXES], Vec<u8>), ImagesError> {
    let mut file = gzip::open(path)?;
    let wrong = |reason: String| ImagesError::file(path, reason);
    let magic = take(&mut file, path, 4)?;
    match magic[..] {
        [0, 0, 8, axes] if usize::from(axes) == AXES => {}
        [0, 0, 8, axes] => {
            let reason = format!("an IDX file of {what} has {AXES} axes, this one has {axes}");
            return Err(wrong(reason));
        }
        [0, 0, 9..=14, _] => return Err(wrong("its numbers are not unsigned bytes".to_owned())),
        _ => return Err(wrong("it is not an IDX file, which begins with the bytes 0, 0, 8".to_owned())),
    }
    let lengths = take(&mut file, path, 4 * AXES as u64)?;
    if lengths.len() < 4 * AXES {
        return Err(wrong("it ends inside its header".to_owned()));
    }
    let lengths: [usize; AXES] = std::array::from_fn(|axis| {
        let bytes = &lengths[4 * axis..4 * axis + 4];
        bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
    });
    let shown = lengths.map(|length| length.to_string()).join(" x ");
    // Compared with what the file can hold before anything is allocated.
    let expected = lengths
        .iter()
        .try_fold(1_u64, |product, length| product.checked_mul(*length as u64))
        .and_then(|numbers| numbers.checked_add(4 + 4 * AXES as u64))
        .filter(|total| *total <= file.at_most && (!file.exact || *total == file.at_most));
    let Some(expected) = expected else {
        let size = if file.exact { "" } else { "at most " };
        return Err(wrong(format!("it says {shown}, which does not fit its {size}{} bytes", file.at_most)));
    };
    let expected = expected - (4 + 4 * AXES as u64);
    let numbers = take(&mut file, path, expected.saturating_add(1))?;
    match (numbers.len() as u64).cmp(&expected) {
        std::cmp::Ordering::Less => {
            Err(wrong(format!("it says {shown} and ends after {} numbers", numbers.len())))
        }
        std::cmp::Ordering::Greater => Err(wrong(format!("it says {shown} and holds more than that"))),
        std::cmp::Ordering::Equal => Ok((lengths, numbers)),
    }
}

/// The next `count` bytes, or as many as there are.
fn take(file: &mut Bytes, path: &Path, count: u64) -> Result<Vec<u8>, ImagesError> {
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(|source| match source.kind() {
        std::io::ErrorKind::InvalidInput
        | std::io::ErrorKind::InvalidData
        | std::io::ErrorKind::UnexpectedEof => {
            ImagesError::file(path, format!("it is compressed by gzip and damaged: {source}"))
        }
        _ => ImagesError::read(path, source),
    })?;
    Ok(bytes)
}
