//! The networks of the authors' autoencoders of house numbers and of faces, which differ in their windows.

use crate::images::constants::Constants;
use likely_core::ImageShape;
use likely_networks::candle::{DType, Device, Error, Result as CandleResult, Tensor};
use likely_networks::graph::linear;
use likely_networks::images::{
    Layer, Window, affine, channels_first, conv2d, convolution_transposed, rows_of,
};
use likely_networks::{Activation, Expected, Operand, Problems, Weights};

pub(super) const LATENT: usize = 32;
/// Counters that PyTorch keeps beside the weights and evaluation does not need.
pub(super) const COUNTERS: &str = ".num_batches_tracked";

/// What differs between the two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Released {
    /// Pixels along a side of the images.
    side: usize,
    /// Windows of the convolutions, which leave 2 by 2 places.
    down: [Window; 4],
    /// Windows of the transposed convolutions, from one place to the image.
    up: [Window; 5],
}

const fn window(side: usize, stride: usize) -> Window {
    Window { side, stride, padding: 0 }
}

/// House numbers; the sides go 32, 16, 8, 4, 2 and 1, 2, 4, 8, 16, 32.
pub(super) const SVHN: Released = Released { side: 32, down: [window(2, 2); 4], up: [window(2, 2); 5] };

/// Faces; the sides go 64, 31, 14, 6, 2 and 1, 6, 14, 30, 62, 64.
pub(super) const CELEBA: Released = Released {
    side: 64,
    down: [window(4, 2); 4],
    up: [window(6, 2), window(4, 2), window(4, 2), window(4, 2), window(3, 1)],
};

/// Channels before and after each convolution.
const DOWN: [usize; 5] = [3, 32, 32, 64, 64];
/// Channels before and after each transposed convolution; the first come from a layer.
const UP: [usize; 6] = [256, 64, 64, 32, 32, 3];
/// Numbers of the layer between convolutions and heads.
const WIDTH: usize = 256;
/// What PyTorch adds to a variance.
const EPSILON: f64 = 1e-5;

/// Batch normalisations with their channels.
fn norms() -> Vec<(String, usize)> {
    let encoder =
        DOWN[1..].iter().chain([&WIDTH]).enumerate().map(|(k, n)| (format!("h_batch{}", k + 1), *n));
    let decoder = UP[..5].iter().enumerate().map(|(k, n)| (format!("g_batch{}", k + 1), *n));
    encoder.chain(decoder).collect()
}

impl Released {
    pub(super) fn shape(self) -> ImageShape {
        ImageShape { channels: 3, height: self.side, width: self.side }
    }

    pub(super) fn expected(self) -> Vec<Expected> {
        let mut expected = Vec::new();
        for (k, (channels, window)) in DOWN.windows(2).zip(self.down).enumerate() {
            let shape = [channels[1], channels[0], window.side, window.side];
            expected.push(Expected::new(format!("h_con{}.weight", k + 1), &shape));
        }
        let dense = |inputs, outputs| Layer::Dense { inputs, outputs };
        expected.extend(dense(WIDTH, WIDTH).expected("h_fc"));
        expected.extend(dense(WIDTH, LATENT).expected("h_mean"));
        expected.extend(dense(WIDTH, LATENT).expected("h_std"));
        expected.extend(dense(LATENT, WIDTH).expected("g_fc"));
        for (k, (channels, window)) in UP.windows(2).zip(self.up).enumerate() {
            let (inputs, outputs) = (channels[0], channels[1]);
            let layer = Layer::ConvolutionTransposed { inputs, outputs, side: window.side };
            expected.extend(layer.expected(&format!("g_tcon{}", k + 1)));
        }
        for (name, channels) in norms() {
            let parts = ["weight", "bias", "running_mean", "running_var"];
            expected.extend(parts.map(|part| Expected::new(format!("{name}.{part}"), &[channels])));
        }
        expected
    }

    /// Mean and logarithm of the variances of the latent points of images, both `(batch, 32)`.
    pub(super) fn encode<'a>(
        self,
        images: &Tensor,
        tensor: impl Fn(&str) -> CandleResult<&'a Tensor> + Copy,
    ) -> CandleResult<[Tensor; 2]> {
        let mut x = channels_first(images, [3, self.side, self.side])?;
        for (k, window) in (1..).zip(self.down) {
            x = conv2d(&x, tensor(&format!("h_con{k}.weight"))?, window)?;
            x = active(&x, &format!("h_batch{k}"), tensor)?;
        }
        let x = linear(&rows_of(&x)?, "h_fc", tensor)?;
        let x = active(&x.t()?, "h_batch5", tensor)?.t()?.contiguous()?;
        // The deviation is a sigmoid: twice its logarithm is -2 log(1 + e^(-x)).
        let log_variance =
            Activation::Softplus.graph(&linear(&x, "h_std", tensor)?.neg()?)?.affine(-2.0, 0.0)?;
        Ok([linear(&x, "h_mean", tensor)?, log_variance])
    }

    /// The images of latent points, shape `(batch, pixels)`, without anything that keeps them in `[0, 1]`.
    pub(super) fn decode<'a, X: Operand>(
        self,
        latent: &X,
        tensor: impl Fn(&str) -> CandleResult<&'a Tensor> + Copy,
    ) -> CandleResult<X> {
        let mut x = channels_first(&linear(latent, "g_fc", tensor)?, [WIDTH, 1, 1])?;
        for (k, window) in (1..).zip(self.up) {
            x = active(&x, &format!("g_batch{k}"), tensor)?;
            x = convolution_transposed(&x, &format!("g_tcon{k}"), window, tensor)?;
        }
        rows_of(&x)
    }
}

/// Adds `<norm>.scale` and `<norm>.shift`: a batch normalisation with fixed statistics is one multiplication and addition.
pub(super) fn fold(weights: &Weights, tensors: &mut Constants) -> Result<(), Problems> {
    for (name, channels) in norms() {
        let part = |part: &str| Ok::<_, Problems>(weights.get(&format!("{name}.{part}"))?.widened());
        let [weight, bias, mean, variance] =
            [part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?];
        if let Some(negative) = variance.iter().find(|v| **v < 0.0) {
            return Err(Problems(vec![format!("tensor `{name}.running_var` has the variance {negative}")]));
        }
        let scale: Vec<f64> = weight.iter().zip(&variance).map(|(w, v)| w / (v + EPSILON).sqrt()).collect();
        let shift: Vec<f64> = bias.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
        for (part, values) in [("scale", scale), ("shift", shift)] {
            let tensor = Tensor::from_vec(values, channels, &Device::Cpu)
                .and_then(|tensor| tensor.to_dtype(DType::F64))
                .map_err(|error| Problems(vec![format!("`{name}`: {error}")]))?;
            tensors.insert(format!("{name}.{part}"), tensor);
        }
    }
    Ok(())
}

/// A batch normalisation along the first axis, and ELU.
fn active<'a, X: Operand, E: From<Error>>(
    x: &X,
    name: &str,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E>,
) -> Result<X, E> {
    let (scale, shift) = (tensor(&format!("{name}.scale"))?, tensor(&format!("{name}.shift"))?);
    Ok(affine(x, scale, shift)?.activated(Activation::Elu)?)
}
