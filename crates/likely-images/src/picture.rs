//! One picture from the bytes of a PNG or JPEG file.

use likely_core::ImageShape;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The longest side of a picture that is read.
const LONGEST_SIDE: usize = 1 << 14;
/// Neither format says more pixels with a byte than this; a header that promises more is damaged.
const LARGEST_RATIO: usize = 1032;

/// A picture of 256 levels, channel by channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) shape: ImageShape,
    pub(crate) pixels: Vec<u8>,
}

/// The picture in the bytes of a file, or what is wrong with them and what would be right.
pub(crate) fn decode(bytes: &[u8]) -> Result<Picture, String> {
    match bytes {
        [] => Err("it is empty".to_owned()),
        [0x89, b'P', b'N', b'G', ..] => decode_png(bytes),
        [0xff, 0xd8, ..] => decode_jpeg(bytes),
        _ => Err("it is no picture that is read here; PNG and JPEG are".to_owned()),
    }
}

/// Sides must be sensible, and the bytes enough for them.
fn check(width: usize, height: usize, channels: usize, bytes: usize) -> Result<(), String> {
    let allowed = 1..=LONGEST_SIDE;
    if !allowed.contains(&width) || !allowed.contains(&height) {
        return Err(format!("it is {height} x {width}; either side must be from 1 to {LONGEST_SIDE}"));
    }
    if width * height * channels / LARGEST_RATIO > bytes {
        return Err(format!("it says that it is {height} x {width}, for which {bytes} bytes are too few"));
    }
    Ok(())
}

fn decode_png(bytes: &[u8]) -> Result<Picture, String> {
    let damaged = |error: png::DecodingError| format!("it is a damaged PNG file: {error}");
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    // Palettes become colours, and one to four bits become eight.
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    if info.is_animated() {
        return Err("it is an animated PNG file; save one picture of it".to_owned());
    }
    if info.bit_depth == png::BitDepth::Sixteen {
        return Err("it has 16 bits a number; save it with 8".to_owned());
    }
    check(width, height, info.color_type.samples(), bytes.len())?;
    let mut pixels = vec![0; reader.output_buffer_size()];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    // The checksum of the file's end is part of the picture.
    reader.finish().map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let (channels, samples) = match frame.color_type {
        png::ColorType::Grayscale => (1, 1),
        png::ColorType::GrayscaleAlpha => (1, 2),
        png::ColorType::Rgb => (3, 3),
        png::ColorType::Rgba => (3, 4),
        png::ColorType::Indexed => return Err("its palette is missing".to_owned()),
    };
    if samples > channels && pixels.chunks_exact(samples).any(|pixel| pixel[channels] != u8::MAX) {
        return Err("it is transparent in places; save it on a background".to_owned());
    }
    Ok(planes(&pixels, samples, ImageShape { channels, height, width }))
}

fn decode_jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| format!("it is a damaged JPEG file: {error}");
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(LONGEST_SIDE)
        .set_max_height(LONGEST_SIDE);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or("it is a damaged JPEG file: it has no size")?;
    let channels = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => 1,
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => 3,
        found => {
            return Err(format!("its colours are {found:?}; save it in grey or in red, green and blue"));
        }
    };
    check(width, height, channels, bytes.len())?;
    let wanted = if channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(damaged)?;
    let shape = ImageShape { channels, height, width };
    if pixels.len() != shape.len() {
        return Err(format!("it is a damaged JPEG file: {} of {} numbers", pixels.len(), shape.len()));
    }
    Ok(planes(&pixels, channels, shape))
}

/// Numbers that stand pixel by pixel, of which each has `samples`, channel by channel.
pub(crate) fn planes(pixels: &[u8], samples: usize, shape: ImageShape) -> Picture {
    let plane = |channel: usize| pixels.chunks_exact(samples).map(move |pixel| pixel[channel]);
    Picture { shape, pixels: (0..shape.channels).flat_map(plane).collect() }
}

impl Picture {
    /// The picture in grey or in colour.
    ///
    /// # Source
    /// Grey is that of ITU-R 601-2 as Pillow rounds it, `(19595 r + 38470 g + 7471 b + 2^15) / 2^16`.
    pub(crate) fn with_channels(self, channels: usize) -> Self {
        let shape = ImageShape { channels, ..self.shape };
        let pixels = match (self.shape.channels, channels) {
            (1, 3) => self.pixels.repeat(3),
            (3, 1) => {
                let (red, rest) = self.pixels.split_at(shape.len());
                let (green, blue) = rest.split_at(shape.len());
                let grey = |((red, green), blue): ((&u8, &u8), &u8)| {
                    let sum =
                        19_595 * u32::from(*red) + 38_470 * u32::from(*green) + 7_471 * u32::from(*blue);
                    ((sum + (1 << 15)) >> 16) as u8
                };
                red.iter().zip(green).zip(blue).map(grey).collect()
            }
            _ => return self,
        };
        Self { shape, pixels }
    }
}
