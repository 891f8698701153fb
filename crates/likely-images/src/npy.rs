//! Pictures from a file of `numpy.save`.

use crate::NumpyFile;
use crate::picture::planes;
use crate::{ImageSet, ImagesError};
use likely_core::ImageShape;
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

fn parse(bytes: &[u8]) -> Result<ImageSet, String> {
    let file = NumpyFile::new(bytes)?;
    let (kind, shape, data) = (file.kind, file.shape, file.data);
    let width = match kind {
        "|u1" | "<u1" | ">u1" => 1,
        "<f4" => 4,
        "<f8" => 8,
        _ => return Err(format!("its numbers are {kind}; save it as uint8, float32 or float64")),
    };
    file.check_length(width)?;
    let (layout, shape) = layout(&file.axes).ok_or_else(|| {
        format!(
            "its shape is ({shape}); pictures are (count, height, width), (count, channels, height, width) or \
             (count, height, width, channels) with 1 or 3 channels, and not both of the last two at once"
        )
    })?;
    let levels = match width {
        1 => data.to_vec(),
        4 => rounded(
            data.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            shape,
        )?,
        _ => rounded(
            data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().expect("chunks of eight are cut"))),
            shape,
        )?,
    };
    let pixels = match layout {
        Layout::ChannelsFirst => levels,
        Layout::ChannelsLast if shape.channels == 1 || shape.is_empty() => levels,
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

fn rounded(values: impl Iterator<Item = f64>, shape: ImageShape) -> Result<Vec<u8>, String> {
    let level = |(index, value): (usize, f64)| {
        if (0.0..=1.0).contains(&value) {
            Ok((value * 255.0).round() as u8)
        } else {
            Err(format!(
                "picture {} has {value}; numbers of pictures are in [0, 1]",
                index / shape.len().max(1)
            ))
        }
    };
    values.enumerate().map(level).collect()
}
