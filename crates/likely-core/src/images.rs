//! Images as rows of numbers, the spaces whose points stand for images, and networks that see features in them.

use crate::{EvalError, SmoothMap};
use ndarray::{Array1, Array2, ArrayView2};
use std::fmt;

/// Channels, height and width of an image.
///
/// An image is one row of `channels * height * width` numbers in `[0, 1]`, channel by channel, each from its upper row down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
}

impl ImageShape {
    /// Numbers in an image.
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is no pixel.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// A space whose points stand for images: the latent space of a decoder, the noise space of a sampler, pixels themselves.
pub trait ImageSpace: Send + Sync {
    /// Coordinates of a point.
    fn dim(&self) -> usize;

    /// The shape of all its images.
    fn shape(&self) -> ImageShape;

    /// The images of points of shape `(batch, dim)`, shape `(batch, shape.len())`, in `[0, 1]`.
    ///
    /// # Errors
    /// [`EvalError`].
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError>;

    /// The points of images of shape `(batch, shape.len())`, shape `(batch, dim)`.
    ///
    /// # Errors
    /// [`EvalError`].
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError>;

    /// Images of shape `(batch, shape.len())` as the data that points of this space are noised from, shape `(batch, dim)`; `None`
    /// where its points are no noised images. `NoiseDiffusion` mixes them in.
    ///
    /// # Errors
    /// [`EvalError`].
    fn signals(&self, images: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, EvalError> {
        let _ = images;
        Ok(None)
    }

    /// Whether standard normal points of this space decode to samples of the model.
    fn generates(&self) -> bool {
        true
    }

    /// The map from points to the numbers of their images with its derivatives, where it is a network; nothing keeps these numbers in
    /// `[0, 1]` but the network itself.
    fn decoder(&self) -> Option<Box<dyn SmoothMap + '_>> {
        None
    }

    /// How likely the model says that images are, where it does.
    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        None
    }
}

/// A model that says how likely images are.
pub trait ImageLikelihood: Send + Sync {
    /// How the numbers come about, with the number of samples: `exact`, or `importance-weighted, 64 samples`.
    fn estimator(&self) -> String;

    /// Of images of shape `(batch, numbers of an image)`, each by itself, with the same random numbers for every image and call.
    ///
    /// # Errors
    /// [`EvalError`].
    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> Result<ImageLikelihoods, EvalError>;
}

/// What a model says of images, in nats, as densities of numbers in `[0, 1]`; shape `(batch,)` each.
///
/// A model of images with 256 levels gives probabilities; over the width of a level, 1/256, to the power of the numbers of an image
/// they are densities.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageLikelihoods {
    /// `log p(x)`, or an estimate of it.
    pub log_likelihood: Option<Array1<f64>>,
    /// A lower bound of `log p(x)`, or an estimate of one.
    pub bound: Option<Array1<f64>>,
}

/// A network that sees features in images.
pub trait FeatureNetwork: Send + Sync {
    /// The kebab-case name that numbers made with it carry, such as `fashion-classifier`; other weights, other name.
    fn id(&self) -> &str;

    /// Features of an image.
    fn dim(&self) -> usize;

    /// SHA-256 of the weights file, in hexadecimal.
    fn weights_sha256(&self) -> &str;

    /// The id of the way by which it brings images to its size, where it does.
    fn resize(&self) -> Option<&str> {
        None
    }

    /// The features of images of the given shape, shape `(batch, dim)`; what it does to their size is part of its name.
    ///
    /// # Errors
    /// [`EvalError`] where the network does not take this shape.
    fn features(&self, images: ArrayView2<'_, f64>, shape: ImageShape) -> Result<Array2<f64>, EvalError>;
}
