//! The two networks of an adversarial model of grey images.

use likely_core::ImageShape;
use likely_networks::candle::{Error, Tensor};
use likely_networks::graph::linear;
use likely_networks::images::{
    GroupNorm, Layer, Window, channels_first, convolution, convolution_transposed, normalised, rows_of, silu,
};
use likely_networks::{Activation, Expected, Operand};

/// Latent coordinates.
pub(super) const LATENT: usize = 32;
pub(super) const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };

/// Channels and window of each convolution of the discriminator; the sides go 28, 14, 7, 4. The generator goes the same way back.
const STAGES: [(usize, usize, Window); 3] = [
    (1, 24, Window { side: 4, stride: 2, padding: 1 }),
    (24, 48, Window { side: 4, stride: 2, padding: 1 }),
    (48, 96, Window { side: 3, stride: 2, padding: 1 }),
];
/// Channels, height and width between the convolutions and the layers.
const INNER: [usize; 3] = [96, 4, 4];
const NORM: GroupNorm = GroupNorm { groups: 8, silu: true };

/// Names and layers of both networks.
pub(super) fn layers() -> Vec<(String, Layer)> {
    let flat = INNER.iter().product();
    let mut layers = vec![("generator.first".to_owned(), Layer::Dense { inputs: LATENT, outputs: flat })];
    for (k, (outputs, inputs, window)) in STAGES.into_iter().enumerate().rev() {
        layers.push((format!("generator.norms.{k}"), Layer::Norm { channels: inputs }));
        let layer = Layer::ConvolutionTransposed { inputs, outputs, side: window.side };
        layers.push((format!("generator.{k}"), layer));
    }
    for (k, (inputs, outputs, window)) in STAGES.into_iter().enumerate() {
        layers
            .push((format!("discriminator.{k}"), Layer::Convolution { inputs, outputs, side: window.side }));
    }
    layers.push(("discriminator.last".to_owned(), Layer::Dense { inputs: flat, outputs: 1 }));
    layers
}

/// The tensors of both networks.
pub(super) fn expected() -> Vec<Expected> {
    layers().into_iter().flat_map(|(name, layer)| layer.expected(&name)).collect()
}

/// The images of latent points of shape `(batch, 32)`, shape `(batch, 784)`, in `(0, 1)`.
pub(super) fn generate<'a, X: Operand, E: From<Error>>(
    latent: &X,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<X, E> {
    let mut x = channels_first(&linear(latent, "generator.first", tensor)?, INNER)?;
    for (k, (_, _, window)) in STAGES.into_iter().enumerate().rev() {
        x = normalised(&x, &format!("generator.norms.{k}"), NORM, tensor)?;
        x = convolution_transposed(&x, &format!("generator.{k}"), window, tensor)?;
    }
    Ok(rows_of(&x)?.activated(Activation::Sigmoid)?)
}

/// How real images of shape `(batch, 784)` look, shape `(batch)`: larger for images of the data.
pub(super) fn discriminate<'a, E: From<Error>>(
    images: &Tensor,
    tensor: impl Fn(&str) -> Result<&'a Tensor, E> + Copy,
) -> Result<Tensor, E> {
    let mut x = channels_first(&images.affine(2.0, -1.0)?, [SHAPE.channels, SHAPE.height, SHAPE.width])?;
    for (k, (_, _, window)) in STAGES.into_iter().enumerate() {
        x = silu(&convolution(&x, &format!("discriminator.{k}"), window, tensor)?)?;
    }
    Ok(linear(&rows_of(&x)?, "discriminator.last", tensor)?.squeeze(1)?)
}
