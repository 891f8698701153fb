//! Convolutional networks evaluated in single precision, one image at a time, without a graph.
//!
//! An image is [`Planes`] of shape `(channels, height, width)`. A convolution cuts a few places' patches into a panel that the second
//! cache holds, and multiplies it with blocks of weights in registers. Every number is one sum over inputs in a fixed order, so
//! features of an image have the same bits whatever images are beside it, on any number of threads, and on any processor that has
//! fused multiply-add.

mod convolution;
mod depthwise;
mod group_norm;
mod layer;
mod padded;
mod pooling;
mod product;

pub use convolution::{Activation, Convolution, Footprint};
pub use depthwise::Depthwise;
pub use group_norm::GroupNormSilu;
pub use layer::{Layer, run};

/// Numbers behind the last one, so that whole vectors may be read from any place.
const SLACK: usize = 64;

/// An image inside a network: shape `(channels, height, width)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Planes {
    channels: usize,
    height: usize,
    width: usize,
    /// Channel by channel, row by row; [`SLACK`] zeros at the end.
    values: Vec<f32>,
}

impl Planes {
    /// Channels of zeros.
    pub fn zeros(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, values: vec![0.0; channels * height * width + SLACK] }
    }

    /// From numbers channel by channel, row by row; zeros where there are too few.
    pub fn from_numbers(numbers: impl Iterator<Item = f32>, [channels, height, width]: [usize; 3]) -> Self {
        let mut planes = Self::zeros(channels, height, width);
        planes.values_mut().iter_mut().zip(numbers).for_each(|(value, number)| *value = number);
        planes
    }

    /// Channels, height and width.
    pub fn shape(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    /// All numbers, channel by channel, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.channels * self.height * self.width]
    }

    /// All numbers, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.channels * self.height * self.width]
    }

    /// Whether no number is NaN or infinite.
    pub fn is_finite(&self) -> bool {
        // Whole vectors at a time, unlike a search that may stop anywhere.
        self.values().chunks(256).all(|some| some.iter().fold(true, |all, value| all & value.is_finite()))
    }

    /// The mean of each channel.
    pub fn means(&self) -> impl Iterator<Item = f64> {
        let places = self.height * self.width;
        self.values()
            .chunks_exact(places)
            .map(move |plane| plane.iter().copied().map(f64::from).sum::<f64>() / places as f64)
    }

    /// Adds a number to each channel.
    ///
    /// # Panics
    /// Where there are not as many numbers as channels.
    pub fn add_to_channels(&mut self, numbers: &[f32]) {
        assert_eq!(numbers.len(), self.channels, "a number a channel");
        let places = (self.height * self.width).max(1);
        for (plane, number) in self.values_mut().chunks_exact_mut(places).zip(numbers) {
            for value in plane {
                *value += number;
            }
        }
    }

    /// Adds planes of the same shape.
    ///
    /// # Panics
    /// Where they have another shape.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(self.shape(), other.shape(), "planes of one shape");
        self.values_mut().iter_mut().zip(other.values()).for_each(|(value, other)| *value += other);
    }

    /// Each pixel as a square of two by two pixels.
    ///
    /// # Source
    /// `torch.nn.functional.interpolate` with `mode = "nearest"` and `scale_factor = 2`.
    #[must_use]
    pub fn doubled(&self) -> Self {
        let mut doubled = Self::zeros(self.channels, 2 * self.height, 2 * self.width);
        let width = self.width.max(1);
        let rows = self.values().chunks_exact(width);
        for (row, two) in rows.zip(doubled.values_mut().chunks_exact_mut(4 * width)) {
            let (upper, lower) = two.split_at_mut(2 * width);
            upper.chunks_exact_mut(2).zip(row).for_each(|(pair, value)| pair.fill(*value));
            lower.copy_from_slice(upper);
        }
        doubled
    }

    /// Planes of one size, one after the other.
    ///
    /// # Panics
    /// Where they have different sizes, or there are none.
    #[must_use]
    pub fn together(parts: &[&Self]) -> Self {
        let (height, width) = (parts[0].height, parts[0].width);
        let channels = parts.iter().map(|part| part.channels).sum();
        let mut values = Vec::with_capacity(channels * height * width + SLACK);
        for part in parts {
            assert_eq!([part.height, part.width], [height, width], "branches of one size");
            values.extend_from_slice(part.values());
        }
        values.resize(channels * height * width + SLACK, 0.0);
        Self { channels, height, width, values }
    }
}
