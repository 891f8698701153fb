//! Pictures of a cell as PNG files: grids of equally large images.

use crate::name::check_id;
use crate::sha256_hex;
use serde::{Deserialize, Serialize};

/// Most pixels of a picture.
const MOST_PIXELS: u64 = 1 << 27;

/// What a cell says of a picture of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PictureRecord {
    /// Id, which figures use and which names the file; no two pictures of a cell share one.
    pub id: String,
    /// What sets it apart from pictures of this id of other cells.
    pub label: String,
    /// Labels of the rows of images, from the top.
    pub rows: Vec<String>,
    /// Labels of the columns of images, from the left.
    pub columns: Vec<String>,
    /// 1 for grey, 3 for red, green and blue.
    pub channels: u32,
    /// Pixels of an image from top to bottom.
    pub height: u32,
    /// Pixels of an image from left to right.
    pub width: u32,
    /// SHA-256 of its file.
    pub sha256: String,
}

impl PictureRecord {
    /// Pixels of the whole picture from left to right, and from top to bottom.
    ///
    /// # Errors
    /// [`PictureError`] where the id cannot name a file, or there are no pixels, too many, or neither one nor three channels.
    pub fn size(&self) -> Result<[u32; 2], PictureError> {
        check_id("the picture", &self.id).map_err(|error| PictureError::Name(error.to_string()))?;
        if !matches!(self.channels, 1 | 3) {
            return Err(PictureError::Channels(self.channels));
        }
        let [rows, columns] =
            [&self.rows, &self.columns].map(|all| u32::try_from(all.len()).unwrap_or(u32::MAX));
        let empty = [rows, columns, self.height, self.width].contains(&0);
        let sides = columns.checked_mul(self.width).zip(rows.checked_mul(self.height));
        match sides {
            Some((wide, high)) if !empty && u64::from(wide) * u64::from(high) <= MOST_PIXELS => {
                Ok([wide, high])
            }
            _ => Err(PictureError::Size {
                rows: self.rows.len(),
                columns: self.columns.len(),
                height: self.height,
                width: self.width,
            }),
        }
    }

    /// Bytes of the pixels of the whole picture.
    fn bytes(&self) -> Result<usize, PictureError> {
        let [wide, high] = self.size()?;
        Ok(wide as usize * high as usize * self.channels as usize)
    }
}

/// Why something is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The id cannot name a file.
    #[error("{0}")]
    Name(String),
    /// Neither grey nor red, green and blue.
    #[error("an image has {0} channels; 1 is grey, 3 are red, green and blue")]
    Channels(u32),
    /// There is no pixel, or there are too many.
    #[error(
        "{rows} x {columns} images of {height} x {width} pixels are no picture: each number must be at least 1 and the pixels together at most {MOST_PIXELS}"
    )]
    Size {
        /// Rows of images.
        rows: usize,
        /// Images in a row.
        columns: usize,
        /// Pixels of an image from top to bottom.
        height: u32,
        /// Pixels of an image from left to right.
        width: u32,
    },
    /// There are not as many numbers as pixels and channels ask for.
    #[error("the picture has {found} numbers where {expected} are needed")]
    Pixels {
        /// Numbers needed.
        expected: usize,
        /// Numbers found.
        found: usize,
    },
    /// The file is not the PNG file that the cell describes.
    #[error("it is not the PNG file that the cell describes: {0}")]
    Png(String),
}

/// A picture with its pixels and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureFile {
    record: PictureRecord,
    pixels: Vec<u8>,
    png: Vec<u8>,
}

impl PictureFile {
    /// Encodes `pixels`: rows of pixels of the whole picture from the top, the channels of a pixel side by side.
    ///
    /// The SHA-256 of `record` is replaced by that of the file; the same pixels give the same file.
    ///
    /// # Errors
    /// [`PictureError`] where the record describes no picture or one of another size.
    pub fn new(mut record: PictureRecord, pixels: Vec<u8>) -> Result<Self, PictureError> {
        let [wide, high] = record.size()?;
        let (expected, found) = (record.bytes()?, pixels.len());
        if found != expected {
            return Err(PictureError::Pixels { expected, found });
        }
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, wide, high);
        encoder.set_color(colour(record.channels));
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_filter(png::FilterType::Paeth);
        encoder.set_compression(png::Compression::Default);
        let failed = |error: png::EncodingError| PictureError::Png(error.to_string());
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&pixels).map_err(failed)?;
        writer.finish().map_err(failed)?;
        record.sha256 = sha256_hex(&png);
        Ok(Self { record, pixels, png })
    }

    /// Decodes a file that `record` describes; nothing is allocated before the file's header agrees with the record.
    ///
    /// # Errors
    /// [`PictureError`] where the file is another one, damaged, or no PNG.
    pub fn from_png(record: PictureRecord, png: Vec<u8>) -> Result<Self, PictureError> {
        if sha256_hex(&png) != record.sha256 {
            return Err(PictureError::Png("its SHA-256 differs from the one that the cell names".to_owned()));
        }
        let [wide, high] = record.size()?;
        let bytes = record.bytes()?;
        let failed = |error: png::DecodingError| PictureError::Png(error.to_string());
        let decoder =
            png::Decoder::new_with_limits(png.as_slice(), png::Limits { bytes: 2 * bytes + (1 << 20) });
        let mut reader = decoder.read_info().map_err(failed)?;
        let info = reader.info();
        let found = (info.width, info.height, info.color_type, info.bit_depth);
        let expected = (wide, high, colour(record.channels), png::BitDepth::Eight);
        if found != expected || reader.output_buffer_size() != bytes {
            return Err(PictureError::Png(format!("it is {found:?} where {expected:?} is needed")));
        }
        let mut pixels = vec![0; bytes];
        reader.next_frame(&mut pixels).map_err(failed)?;
        Ok(Self { record, pixels, png })
    }

    /// What a cell says of it.
    pub fn record(&self) -> &PictureRecord {
        &self.record
    }

    /// The bytes of its file.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// One image, row by row from its top, the channels of a pixel side by side; `None` where there is none.
    pub fn image(&self, row: usize, column: usize) -> Option<Vec<u8>> {
        let PictureRecord { rows, columns, channels, height, width, .. } = &self.record;
        let [channels, height, width] = [*channels, *height, *width].map(|n| n as usize);
        if row >= rows.len() || column >= columns.len() {
            return None;
        }
        let stride = columns.len() * width * channels;
        let lines = (0..height).map(|line| (row * height + line) * stride + column * width * channels);
        Some(lines.flat_map(|start| &self.pixels[start..start + width * channels]).copied().collect())
    }
}

fn colour(channels: u32) -> png::ColorType {
    if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb }
}
