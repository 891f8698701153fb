//! Pictures from a file of `numpy.save`.

use crate::picture::planes;
use crate::{ImageSet, ImagesError};
use likely_core::ImageShape;
use likely_numpy::{Header, Number, NumpyError};
use std::path::Path;

/// How the axes of an array stand for pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `(count, channels, height, width)`, or without channels.
    ChannelsFirst,
    /// `(count, height, width, channels)`.
    ChannelsLast,
}

/// Pictures of 256 levels; numbers in `[0, 1]` are brought to the nearest level, as writing a picture file would.
pub(crate) fn read(path: &Path) -> Result<ImageSet, ImagesError> {
    let failed = |source| ImagesError::read(path, source);
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ImagesError::file(path, "it is not a file"));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    parse(&bytes).map_err(|reason| ImagesError::file(path, reason))
}

/// Types of numbers that pictures are saved as.
const NUMBERS: [Number; 3] = [Number::Byte, Number::Single, Number::Double];

fn parse(bytes: &[u8]) -> Result<ImageSet, String> {
    let in_words = |error: NumpyError| error.to_string();
    let (header, data) = Header::split(bytes).map_err(in_words)?;
    header.check_rows().map_err(in_words)?;
    let number = header.number(&NUMBERS).map_err(in_words)?;
    header.check_length(number.width(), data.len() as u64).map_err(in_words)?;
    // With no axis of 0 none is longer than the file; the others are checked where the set is made.
    let axes: Vec<usize> = header.shape.iter().map(|axis| *axis as usize).collect();
    let (layout, shape) = layout(&axes).ok_or_else(|| {
        let needed = "(count, height, width), (count, channels, height, width) or (count, height, width, channels) with 1 or 3 \
                      channels, and not both of the last two at once";
        header.other_shape(needed).to_string()
    })?;
    let levels = if number == Number::Byte {
        data.to_vec()
    } else {
        let mut numbers = Vec::with_capacity(data.len() / number.width());
        number.decode(data, &mut numbers);
        rounded(&numbers, shape)?
    };
    let pixels = match layout {
        Layout::ChannelsFirst => levels,
        Layout::ChannelsLast if shape.channels == 1 || levels.is_empty() => levels,
        Layout::ChannelsLast => levels
            .chunks_exact(shape.len())
            .flat_map(|one| planes(one, shape.channels, shape).pixels)
            .collect(),
    };
    ImageSet::new(shape, pixels).map_err(|error| error.to_string())
}

fn layout(axes: &[usize]) -> Option<(Layout, ImageShape)> {
    let is_channels = |axis: usize| matches!(axis, 1 | 3);
    match *axes {
        [_, height, width] => Some((Layout::ChannelsFirst, ImageShape { channels: 1, height, width })),
        [_, channels, height, width] if is_channels(channels) && !is_channels(width) => {
            Some((Layout::ChannelsFirst, ImageShape { channels, height, width }))
        }
        [_, height, width, channels] if is_channels(channels) && !is_channels(height) => {
            Some((Layout::ChannelsLast, ImageShape { channels, height, width }))
        }
        _ => None,
    }
}

fn rounded(values: &[f64], shape: ImageShape) -> Result<Vec<u8>, String> {
    let level = |(index, value): (usize, &f64)| {
        if (0.0..=1.0).contains(value) {
            Ok((value * 255.0).round() as u8)
        } else {
            Err(format!(
                "picture {} has {value}; numbers of pictures are in [0, 1]",
                index / shape.len().max(1)
            ))
        }
    };
    values.iter().enumerate().map(level).collect()
}
