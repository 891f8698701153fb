//! Convolutional networks evaluated in single precision, one image at a time, without a graph.
//!
//! An image is [`Planes`] of shape `(channels, height, width)`. A convolution cuts a few places' patches into a panel that the second
//! cache holds, and multiplies it with blocks of weights in registers. Every number is one sum over inputs in a fixed order, so
//! features of an image have the same bits whatever images are beside it, on any number of threads, and on any processor that has
//! fused multiply-add.

mod convolution;
mod depthwise;
mod layer;
mod padded;
mod pooling;
mod product;

pub use convolution::{Activation, Convolution, Footprint};
pub use depthwise::Depthwise;
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

    /// Planes of one size, one after the other.
    fn together(parts: Vec<Self>) -> Self {
        let (height, width) = (parts[0].height, parts[0].width);
        let channels = parts.iter().map(|part| part.channels).sum();
        let mut values = Vec::with_capacity(channels * height * width + SLACK);
        for part in &parts {
            assert_eq!([part.height, part.width], [height, width], "branches of one size");
            values.extend_from_slice(part.values());
        }
        values.resize(channels * height * width + SLACK, 0.0);
        Self { channels, height, width, values }
    }
}
