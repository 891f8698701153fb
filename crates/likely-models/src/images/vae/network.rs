//! An autoencoder of images with its weights, as a space of images.

use super::released::{self, CELEBA, Released, SVHN};
use super::small;
use crate::images::constants::Constants;
use crate::images::decoder::{Decoder, Decodes};
use crate::learned;
use likely_core::{EvalError, ImageLikelihood, ImageShape, ImageSpace, SmoothMap};
use likely_networks::candle::{DType, Device, Result as CandleResult, Tensor};
use likely_networks::{Expected, Operand, Problems, Weights};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Logarithm of the standard deviation of a pixel around its decoded value.
pub(super) const LOG_SCALE: &str = "log_scale";

/// Which networks encode and decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Grey images of 28 by 28 pixels, 16 latent coordinates: three convolutions and three transposed ones with SiLU, a
    /// sigmoid at the end.
    #[default]
    Small,
    /// Images of 32 by 32 pixels with three colours, 32 latent coordinates, as in the authors' public code.
    Svhn,
    /// Images of 64 by 64 pixels with three colours, 32 latent coordinates, as in the authors' public code.
    Celeba,
}

impl Architecture {
    /// The networks of the authors' code; none for one of ours.
    pub(super) fn released(self) -> Option<Released> {
        match self {
            Self::Small => None,
            Self::Svhn => Some(SVHN),
            Self::Celeba => Some(CELEBA),
        }
    }

    /// Latent coordinates.
    pub fn latent(self) -> usize {
        self.released().map_or(small::LATENT, |_| released::LATENT)
    }

    /// The shape of the images.
    pub fn shape(self) -> ImageShape {
        self.released().map_or(small::SHAPE, Released::shape)
    }

    /// The tensors that a weights file holds.
    pub fn expected(self) -> Vec<Expected> {
        let mut expected = self.released().map_or_else(small::expected, Released::expected);
        expected.push(Expected::new(LOG_SCALE, &[1]));
        expected
    }
}

/// `q(z | x) = N(mu(x), diag v(x))` and `p(x | z) = N(g(z), s^2)` with `z` standard normal; one scale `s` for all pixels.
///
/// Evaluated in `f64`.
///
/// # Source
/// `VAE_svhn.py` and `VAE_celeba.py` of the authors' public code (`FrederikMR/vae_interpolation`), whose image autoencoders all have this form.
#[derive(Debug, Clone)]
pub struct ImageVae {
    architecture: Architecture,
    tensors: Constants,
    log_scale: f64,
}

impl ImageVae {
    /// The model with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(weights: &Weights, architecture: Architecture) -> Result<Self, Problems> {
        weights.check(&architecture.expected())?;
        let mut tensors = Constants::new(weights, DType::F64)?;
        if architecture.released().is_some() {
            released::fold(weights, &mut tensors)?;
        }
        let [log_scale] = learned::numbers(weights, LOG_SCALE)?;
        Ok(Self { architecture, tensors, log_scale })
    }

    /// The same model on a device.
    ///
    /// # Errors
    /// What candle says.
    pub fn on(self, device: &Device) -> CandleResult<Self> {
        Ok(Self { tensors: self.tensors.on(device)?, ..self })
    }

    /// Which networks these are.
    pub fn architecture(&self) -> Architecture {
        self.architecture
    }

    /// Standard deviation of a pixel around its decoded value.
    pub fn scale(&self) -> f64 {
        libm::exp(self.log_scale)
    }

    pub(super) fn log_scale(&self) -> f64 {
        self.log_scale
    }

    /// Mean and logarithm of the variances of the latent points of images on the graph, both `(batch, latent)`.
    pub(super) fn encoded(&self, images: &Tensor) -> CandleResult<[Tensor; 2]> {
        let tensor = |name: &str| self.tensors.get(name);
        match self.architecture.released() {
            None => small::encode(images, tensor),
            Some(networks) => networks.encode(images, tensor),
        }
    }

    /// The images of latent points on the graph, shape `(batch, pixels)`; those of some architectures leave `[0, 1]`.
    pub(super) fn decoded<X: Operand>(&self, latent: &X) -> CandleResult<X> {
        let tensor = |name: &str| self.tensors.get(name);
        match self.architecture.released() {
            None => small::decode(latent, tensor),
            Some(networks) => networks.decode(latent, tensor),
        }
    }

    /// Rows as a tensor of the precision of the networks.
    pub(super) fn tensor(&self, rows: ArrayView2<'_, f64>) -> CandleResult<Tensor> {
        self.tensors.tensor(rows)
    }
}

impl Decodes for ImageVae {
    fn sizes(&self) -> [usize; 2] {
        [self.architecture.latent(), self.architecture.shape().len()]
    }

    fn device(&self) -> &Device {
        self.tensors.device()
    }

    fn images<X: Operand>(&self, points: &X) -> CandleResult<X> {
        self.decoded(points)
    }
}

impl ImageSpace for ImageVae {
    fn dim(&self) -> usize {
        self.architecture.latent()
    }

    fn shape(&self) -> ImageShape {
        self.architecture.shape()
    }

    /// The means of the decoder, cut off at 0 and 1.
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let columns = [self.dim(), self.shape().len()];
        self.tensors.in_blocks(points, columns, |rows| self.decoded(rows)?.clamp(0.0, 1.0))
    }

    /// The means of the encoder.
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let columns = [self.shape().len(), self.dim()];
        self.tensors.in_blocks(images, columns, |rows| {
            let [mean, _] = self.encoded(rows)?;
            Ok(mean)
        })
    }

    /// The means of the decoder, of which those of some architectures leave `[0, 1]`.
    fn decoder(&self) -> Option<Box<dyn SmoothMap + '_>> {
        Some(Box::new(Decoder(self)))
    }

    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        Some(self)
    }
}
