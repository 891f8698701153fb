//! The networks of the small autoencoder of grey images.

use likely_core::ImageShape;
use likely_networks::candle::{Error, Tensor};
use likely_networks::graph::linear;
use likely_networks::images::{
    Layer, Window, channels_first, convolution, convolution_transposed, rows_of, silu,
};
use likely_networks::{Activation, Expected, Operand};

pub(super) const LATENT: usize = 16;
pub(super) const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

/// Channels and window of each convolution of the encoder; the sides go 28, 14, 7, 4. The decoder goes the same way back.
const STAGES: [(usize, usize, Window); 3] = [
    (1, 16, Window { side: 4, stride: 2, padding: 1 }),
    (16, 32, Window { side: 4, stride: 2, padding: 1 }),
    (32, 64, Window { side: 3, stride: 2, padding: 1 }),
];
/// Channels, height and width between the convolutions and the layers.
const INNER: [usize; 3] = [64, 4, 4];

/// Names and layers, in the order of the encoder and then of the decoder.
pub(super) fn layers() -> Vec<(String, Layer)> {
    let flat = INNER.iter().product();
    let mut layers = Vec::new();
    for (k, (inputs, outputs, window)) in STAGES.into_iter().enumerate() {
        layers.push((format!("encoder.{k}"), Layer::Convolution { inputs, outputs, side: window.side }));
    }
    layers.push(("mean".into(), Layer::Dense { inputs: flat, outputs: LATENT }));
    layers.push(("log_variance".into(), Layer::Dense { inputs: flat, outputs: LATENT }));
    layers.push(("decoder.first".into(), Layer::Dense { inputs: LATENT, outputs: flat }));
    for (k, (outputs, inputs, window)) in STAGES.into_iter().enumerate().rev() {
        let layer = Layer::ConvolutionTransposed { inputs, outputs, side: window.side };
        layers.push((format!("decoder.{k}"), layer));
    }
    layers
}

pub(super) fn expected() -> Vec<Expected> {
    layers().into_iter().flat_map(|(name, layer)| layer.expected(&name)).collect()
}

/// Mean and logarithm of the variances of the latent points of images in `[0, 1]`, both `(batch, 16)`.
pub(super) fn encode<'a, E: From<Error>>(
    images: &Tensor,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<[Tensor; 2], E> {
    let mut x = channels_first(images, [SHAPE.channels, SHAPE.height, SHAPE.width])?;
    for (k, (_, _, window)) in STAGES.into_iter().enumerate() {
        x = silu(&convolution(&x, &format!("encoder.{k}"), window, tensor)?)?;
    }
    let x = rows_of(&x)?;
    Ok([linear(&x, "mean", tensor)?, linear(&x, "log_variance", tensor)?])
}

/// The images of latent points, shape `(batch, 784)`.
pub(super) fn decode<'a, X: Operand, E: From<Error>>(
    latent: &X,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<X, E> {
    let x = linear(latent, "decoder.first", tensor)?;
    let mut x = channels_first(&x, INNER)?;
    for (k, (_, _, window)) in STAGES.into_iter().enumerate().rev() {
        x = convolution_transposed(&x.silu()?, &format!("decoder.{k}"), window, tensor)?;
    }
    Ok(rows_of(&x)?.activated(Activation::Sigmoid)?)
}
