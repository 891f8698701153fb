//! Layers for networks of images on candle's graph.
//!
//! A batch of images is a tensor of shape `(channels, batch, height, width)`: a convolution is then one matrix product whose
//! result needs no transposition, and channels are concatenated by copying. All layers take `f32` and `f64`: on the
//! processor by operations of our own, elsewhere by those of candle ([`composed`]).

pub mod composed;
mod convolution;
mod group_norm;
mod layer;
mod real;
mod resampling;
mod silu;

pub use convolution::{Window, conv_transpose2d, conv2d};
pub use group_norm::{GroupNorm, group_norm};
pub use layer::{Layer, affine, convolution, convolution_transposed, normalised};
pub(crate) use real::{Real, numbers, refused};
pub use resampling::{average_pool, upsample_nearest};
pub use silu::silu;

use crate::operand::Operand;
use candle_core::Result;

/// Images of shape `(batch, channels * height * width)`, channel by channel, as `(channels, batch, height, width)`.
///
/// # Errors
/// What candle says where the rows have another length.
pub fn channels_first<X: Operand>(rows: &X, [channels, height, width]: [usize; 3]) -> Result<X> {
    rows.mapped(|rows| {
        let batch = rows.dim(0)?;
        let images = rows.reshape((batch, channels, height, width))?;
        if channels == 1 {
            images.reshape((1, batch, height, width))
        } else {
            images.transpose(0, 1)?.contiguous()
        }
    })
}

/// The inverse of [`channels_first`]: shape `(batch, channels * height * width)`.
///
/// # Errors
/// What candle says where there are not four axes.
pub fn rows_of<X: Operand>(images: &X) -> Result<X> {
    images.mapped(|images| {
        let (channels, batch, height, width) = images.dims4()?;
        images.transpose(0, 1)?.contiguous()?.reshape((batch, channels * height * width))
    })
}
