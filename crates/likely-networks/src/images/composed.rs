//! The layers of images composed of candle's own operations, which run on any device and have backward passes.
//!
//! Tensors, arguments and results are those of the layers of the parent module, which take these where a tensor is not on the
//! processor. Sums are done in the precision of the tensors, so `f32` is a few roundings away from the layers of the processor,
//! which sum in `f64`.

use super::{GroupNorm, Window};
use candle_core::{Result, Tensor, bail};

/// What [`super::conv2d`] gives.
///
/// # Errors
/// What candle says, where the shapes do not fit.
pub fn conv2d(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    let (inputs, _, height, width) = x.dims4()?;
    window.check_weight(weight.dims(), None, Some(inputs))?;
    let Window { side, stride, padding } = window;
    let (down, across) = (window.places(height)?, window.places(width)?);
    let images = x.transpose(0, 1)?;
    // Pixels behind the last place. candle's backward pass takes as many behind the last column as below the last row.
    let rest = |pixels: usize| (pixels + 2 * padding - side) % stride;
    let y = if rest(height) == rest(width) {
        images.conv2d(weight, padding, stride, 1, 1)?
    } else {
        let seen = |places: usize| (places - 1) * stride + side;
        let padded = images.pad_with_zeros(2, padding, padding)?.narrow(2, 0, seen(down))?;
        let padded = padded.pad_with_zeros(3, padding, padding)?.narrow(3, 0, seen(across))?;
        padded.conv2d(weight, 0, stride, 1, 1)?
    };
    y.transpose(0, 1)?.contiguous()
}

/// What [`super::conv_transpose2d`] gives.
///
/// # Errors
/// What candle says, where the shapes do not fit.
pub fn conv_transpose2d(y: &Tensor, weight: &Tensor, window: Window, extra: usize) -> Result<Tensor> {
    let (inputs, _, height, width) = y.dims4()?;
    window.check_extra(extra)?;
    window.check_weight(weight.dims(), Some(inputs), None)?;
    window.pixels(height)?;
    window.pixels(width)?;
    let places = y.transpose(0, 1)?;
    let x = places.conv_transpose2d(weight, window.padding, extra, window.stride, 1)?;
    x.transpose(0, 1)?.contiguous()
}

/// What [`super::group_norm`] gives.
///
/// # Errors
/// What candle says, where the groups do not divide the channels.
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, norm: GroupNorm) -> Result<Tensor> {
    norm.check(x.dims(), weight.elem_count(), bias.elem_count())?;
    let (channels, batch, height, width) = x.dims4()?;
    let grouped = x.reshape((norm.groups, channels / norm.groups, batch, height * width))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim((1, 3))?)?;
    let variance = centred.sqr()?.mean_keepdim((1, 3))?;
    let scaled = centred.broadcast_div(&(variance + GroupNorm::EPSILON)?.sqrt()?)?;
    let per_channel = (channels, 1, 1, 1);
    let y = scaled
        .reshape((channels, batch, height, width))?
        .broadcast_mul(&weight.reshape(per_channel)?)?
        .broadcast_add(&bias.reshape(per_channel)?)?;
    if norm.silu { silu(&y) } else { Ok(y) }
}

/// What [`super::silu`] gives.
///
/// # Errors
/// What candle says.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    x.silu()
}

/// What [`super::upsample_nearest`] gives.
///
/// # Errors
/// What candle says.
pub fn upsample_nearest(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (channels, batch, height, width) = x.dims4()?;
    if factor == 0 {
        bail!("a pixel cannot become a square of side 0")
    }
    x.reshape((channels * batch, height, 1, width, 1))?
        .broadcast_as((channels * batch, height, factor, width, factor))?
        .reshape((channels, batch, height * factor, width * factor))
}

/// What [`super::average_pool`] gives.
///
/// # Errors
/// What candle says where `factor` does not divide height and width.
pub fn average_pool(x: &Tensor, factor: usize) -> Result<Tensor> {
    let (channels, batch, height, width) = x.dims4()?;
    if factor == 0 || !height.is_multiple_of(factor) || !width.is_multiple_of(factor) {
        bail!("{height}x{width} pixels cannot be cut into squares of side {factor}")
    }
    let (tall, wide) = (height / factor, width / factor);
    x.reshape((channels * batch, tall, factor, wide, factor))?
        .mean((2, 4))?
        .reshape((channels, batch, tall, wide))
}
