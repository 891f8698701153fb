//! Pictures from a file of `numpy.save`.

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
///
/// # Source
/// The format as numpy documents it (`numpy.lib.format`), versions 1.0 to 3.0.
pub(crate) fn read(path: &Path) -> Result<ImageSet, ImagesError> {
    let failed = |source| ImagesError::read(path, source);
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ImagesError::file(path, "it is not a file"));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    parse(&bytes).map_err(|reason| ImagesError::file(path, reason))
}

fn parse(bytes: &[u8]) -> Result<ImageSet, String> {
    let (header, data) = cut(bytes)?;
    let entry = |key: &str| {
        let quoted = format!("'{key}':");
        header
            .split_once(&quoted)
            .map(|(_, rest)| rest.trim_start())
            .ok_or(format!("its header has no {key}"))
    };
    let kind = entry("descr")?;
    let kind = kind.trim_start_matches('\'').split('\'').next().unwrap_or_default();
    let width = match kind {
        "|u1" | "<u1" | ">u1" => 1,
        "<f4" => 4,
        "<f8" => 8,
        _ => return Err(format!("its numbers are {kind}; save it as uint8, float32 or float64")),
    };
    if !entry("fortran_order")?.starts_with("False") {
        return Err("it is stored by columns; save numpy.ascontiguousarray of it".into());
    }
    let shape = entry("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (shape, _) = shape.ok_or("its header has no shape")?;
    let axes: Vec<usize> = shape
        .split(',')
        .map(str::trim)
        .filter(|axis| !axis.is_empty())
        .map(|axis| axis.parse().map_err(|_| format!("its shape is ({shape})")))
        .collect::<Result<_, _>>()?;
    // Compared before anything is allocated.
    let length = axes.iter().try_fold(width, |product: usize, axis| product.checked_mul(*axis));
    if length != Some(data.len()) {
        return Err(format!("its shape ({shape}) does not fit its {} bytes of numbers", data.len()));
    }
    let (layout, shape) = layout(&axes).ok_or_else(|| {
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

/// The text of the header, and the bytes after it.
fn cut(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let short = || "it ends inside its header".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it is not a file of numpy.save")?;
    let (header, data) = match rest {
        [1, _, a, b, rest @ ..] => rest.split_at_checked(usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, _, a, b, c, d, rest @ ..] => {
            rest.split_at_checked(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        [1..=3, ..] | [] => None,
        [version, ..] => return Err(format!("its version is {version}; 1, 2 and 3 are read")),
    }
    .ok_or_else(short)?;
    Ok((std::str::from_utf8(header).map_err(|_| "its header is not a text")?, data))
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
