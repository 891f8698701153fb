//! Pictures side by side, and picture files.

use crate::{ImageSet, ImagesError};
use likely_core::ImageShape;
use likely_record::write_atomic;
use std::path::Path;

/// The longest side of a grid.
const LONGEST_SIDE: usize = 1 << 16;

/// How pictures are put side by side, on white.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Pictures in a row; the last row may have fewer.
    pub columns: usize,
    /// White pixels between pictures.
    pub gap: usize,
    /// Each pixel becomes a square with this many pixels a side.
    pub enlarge: usize,
}

impl Grid {
    /// All pictures of a set in one, row after row.
    ///
    /// # Errors
    /// [`ImagesError::Set`] where there is no picture or no column, or a side of the grid is longer than 65536 pixels.
    pub fn of(&self, set: &ImageSet) -> Result<ImageSet, ImagesError> {
        let one = set.shape();
        if set.count() == 0 || self.columns == 0 || self.enlarge == 0 {
            return Err(ImagesError::set(
                "a grid needs pictures, columns and pixels that are enlarged at least once",
            ));
        }
        let columns = self.columns.min(set.count());
        let rows = set.count().div_ceil(columns);
        let side = |count: usize, length: usize| {
            let pictures = length.checked_mul(self.enlarge)?.checked_mul(count)?;
            pictures.checked_add(self.gap.checked_mul(count - 1)?).filter(|side| *side <= LONGEST_SIDE)
        };
        let (Some(height), Some(width)) = (side(rows, one.height), side(columns, one.width)) else {
            return Err(ImagesError::set(format!(
                "a grid of {rows} x {columns} pictures of {} x {}, each pixel enlarged {} times, has a side of more than \
                 {LONGEST_SIDE} pixels; show fewer",
                one.height, one.width, self.enlarge
            )));
        };
        let whole = ImageShape { channels: one.channels, height, width };
        let mut pixels = vec![u8::MAX; whole.len()];
        for (index, picture) in set.pictures().enumerate() {
            let top = index / columns * (one.height * self.enlarge + self.gap);
            let left = index % columns * (one.width * self.enlarge + self.gap);
            for (line, source) in picture.chunks_exact(one.width).enumerate() {
                let (channel, y) = (line / one.height, line % one.height);
                for repeat in 0..self.enlarge {
                    let start = (channel * height + top + y * self.enlarge + repeat) * width + left;
                    let target = &mut pixels[start..start + one.width * self.enlarge];
                    for (square, pixel) in target.chunks_exact_mut(self.enlarge).zip(source) {
                        square.fill(*pixel);
                    }
                }
            }
        }
        ImageSet::new(whole, pixels)
    }
}

/// The bytes of a PNG file with the one picture of a set; the same picture always gives the same bytes.
///
/// # Errors
/// [`ImagesError::Set`] where there is not exactly one picture, or it has neither 1 nor 3 channels.
pub fn encode_png(set: &ImageSet) -> Result<Vec<u8>, ImagesError> {
    let shape = set.shape();
    let colours = match (set.count(), shape.channels) {
        (1, 1) => png::ColorType::Grayscale,
        (1, 3) => png::ColorType::Rgb,
        (count, channels) => {
            return Err(ImagesError::set(format!(
                "a PNG file holds one picture in 1 or 3 channels, not {count} in {channels}; put several into a grid"
            )));
        }
    };
    let refused =
        |error: png::EncodingError| ImagesError::set(format!("the picture cannot be written: {error}"));
    let side = |length: usize| {
        u32::try_from(length)
            .map_err(|_| ImagesError::set(format!("a picture of {shape} is too large for PNG")))
    };
    let plane = shape.height * shape.width;
    let pixels: Vec<u8> = (0..plane)
        .flat_map(|pixel| (0..shape.channels).map(move |channel| channel * plane + pixel))
        .map(|place| set.pixels()[place])
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(shape.width)?, side(shape.height)?);
    encoder.set_color(colours);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(refused)?;
    writer.write_image_data(&pixels).map_err(refused)?;
    writer.finish().map_err(refused)?;
    Ok(bytes)
}

/// Writes the one picture of a set to a PNG file, which appears whole or not at all.
///
/// # Errors
/// As [`encode_png`], and [`ImagesError::Write`].
pub fn write_png(path: &Path, set: &ImageSet) -> Result<(), ImagesError> {
    Ok(write_atomic(path, &encode_png(set)?)?)
}
