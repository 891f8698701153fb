//! Layers with their tensors by name: what a weights file holds of them, how training begins, and their place on the graph.

use super::{GroupNorm, Window, conv_transpose2d, conv2d};
use crate::operand::Operand;
use crate::training::Parameter;
use crate::{Expected, initial};
use candle_core::{Error, Result as CandleResult, Tensor};
use likely_core::Seed;

/// A layer of a network of images, named and shaped as PyTorch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `nn.Linear`: weight `(outputs, inputs)`, bias `(outputs)`.
    Dense {
        /// Numbers that go in.
        inputs: usize,
        /// Numbers that come out.
        outputs: usize,
    },
    /// `nn.Conv2d`: weight `(outputs, inputs, side, side)`, bias `(outputs)`.
    Convolution {
        /// Channels that go in.
        inputs: usize,
        /// Channels that come out.
        outputs: usize,
        /// Height and width of the kernel.
        side: usize,
    },
    /// `nn.ConvTranspose2d`: weight `(inputs, outputs, side, side)`, bias `(outputs)`.
    ConvolutionTransposed {
        /// Channels that go in.
        inputs: usize,
        /// Channels that come out.
        outputs: usize,
        /// Height and width of the kernel.
        side: usize,
    },
    /// `nn.GroupNorm`: weight and bias `(channels)`.
    Norm {
        /// Channels.
        channels: usize,
    },
}

impl Layer {
    /// The tensors `<name>.weight` and `<name>.bias`.
    pub fn expected(self, name: &str) -> [Expected; 2] {
        let (weight, bias) = match self {
            Self::Dense { inputs, outputs } => (vec![outputs, inputs], outputs),
            Self::Convolution { inputs, outputs, side } => (vec![outputs, inputs, side, side], outputs),
            Self::ConvolutionTransposed { inputs, outputs, side } => {
                (vec![inputs, outputs, side, side], outputs)
            }
            Self::Norm { channels } => (vec![channels], channels),
        };
        [Expected::new(format!("{name}.weight"), &weight), Expected::new(format!("{name}.bias"), &[bias])]
    }

    /// The same tensors as training begins: those of a norm one and zero, all others uniform between `-1/sqrt(n)` and
    /// `1/sqrt(n)`, `n` as PyTorch counts the inputs, each drawn from a stream of its own.
    ///
    /// # Source
    /// `reset_parameters` of PyTorch's layers, with `_calculate_fan_in_and_fan_out`: of a transposed convolution it takes the
    /// outputs for inputs.
    pub fn initial(self, name: &str, seed: Seed) -> [Parameter; 2] {
        let inputs = match self {
            Self::Dense { inputs, .. } => inputs,
            Self::Convolution { inputs, side, .. } => inputs * side * side,
            Self::ConvolutionTransposed { outputs, side, .. } => outputs * side * side,
            Self::Norm { channels } => {
                let [weight, bias] = self.expected(name);
                return [(weight, 1.0), (bias, 0.0)].map(|(tensor, value)| Parameter {
                    name: tensor.name,
                    shape: tensor.shape,
                    initial: vec![value; channels],
                });
            }
        };
        self.expected(name).map(|tensor| {
            let count = tensor.shape.iter().product();
            let mut stream = seed.stream(&[("training", "initial"), ("parameter", &tensor.name)]);
            let initial = initial::uniform(inputs, count, &mut stream);
            Parameter { name: tensor.name, shape: tensor.shape, initial }
        })
    }
}

/// `x` plus one number a channel, `x` of shape `(channels, batch, height, width)`.
fn add_bias<X: Operand>(x: &X, bias: &Tensor) -> CandleResult<X> {
    x.plus(&bias.reshape((bias.elem_count(), 1, 1, 1))?)
}

/// [`conv2d`] with the weight and the bias of [`Layer::Convolution`].
///
/// # Errors
/// What `tensor` or candle says.
pub fn convolution<'a, X: Operand, E: From<Error>>(
    x: &X,
    name: &str,
    window: Window,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<X, E> {
    let weight = tensor(&format!("{name}.weight"))?;
    let y = x.mapped(|x| conv2d(x, weight, window))?;
    Ok(add_bias(&y, tensor(&format!("{name}.bias"))?)?)
}

/// [`conv_transpose2d`] with the weight and the bias of [`Layer::ConvolutionTransposed`], and no extra pixels.
///
/// # Errors
/// What `tensor` or candle says.
pub fn convolution_transposed<'a, X: Operand, E: From<Error>>(
    x: &X,
    name: &str,
    window: Window,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<X, E> {
    let weight = tensor(&format!("{name}.weight"))?;
    let y = x.mapped(|x| conv_transpose2d(x, weight, window, 0))?;
    Ok(add_bias(&y, tensor(&format!("{name}.bias"))?)?)
}

/// [`super::group_norm`] with the weight and the bias of [`Layer::Norm`].
///
/// # Errors
/// What `tensor` or candle says.
pub fn normalised<'a, X: Operand, E: From<Error>>(
    x: &X,
    name: &str,
    norm: GroupNorm,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<X, E> {
    Ok(x.normalised(tensor(&format!("{name}.weight"))?, tensor(&format!("{name}.bias"))?, norm)?)
}

/// `scale x + shift` with one number of both a channel, the first axis of `x`.
///
/// # Errors
/// What candle says.
pub fn affine<X: Operand>(x: &X, scale: &Tensor, shift: &Tensor) -> CandleResult<X> {
    let mut shape = vec![1; x.value().rank()];
    shape[0] = scale.elem_count();
    let [scale, shift] = [scale.reshape(shape.as_slice())?, shift.reshape(shape.as_slice())?];
    x.mapped(|x| x.broadcast_mul(&scale))?.plus(&shift)
}
