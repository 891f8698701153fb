//! The Gaussian of pixels: what images are to a model that knows their means and covariances and nothing else.

use super::prior::Prior;
use crate::{BuildError, Built, ChiSquareNorm, Config, Model, Resources};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par, Spec};
use likely_core::{EvalError, ImageLikelihood, ImageLikelihoods, ImageShape, ImageSpace, Potential};
use likely_images::{Part, Reading, open};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

const ID: &str = "image-gaussian";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "The Gaussian of pixels with the leading directions of the images' covariance and equal variance in all others, in coordinates in which it is standard normal.",
    source: "probabilistic principal components, Tipping and Bishop (1999), equations 7 and 8",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// A folder or file of images, as [`likely_images::open`] reads it; the training part is fitted.
    folder: PathBuf,
    /// Directions with a variance of their own.
    #[serde(default = "hundred")]
    components: NonZeroU32,
    #[serde(default)]
    potential: Law,
}

fn hundred() -> NonZeroU32 {
    NonZeroU32::new(100).expect("a hundred is not zero")
}

/// The potential in the whitened coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Law {
    /// That of the standard normal law.
    #[default]
    Gaussian,
    /// That of the squared norm alone.
    ChiSquare,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let fit = |reason: String| BuildError::Fit { model: ID, reason };
    let images = open(
        &resources.folder.join(&settings.folder),
        &Reading { part: Part::Training, ..Reading::default() },
    )
    .map_err(|error| fit(error.to_string()))?;
    let rows = images.rows();
    let space = ImageGaussian::fit(rows.view(), images.shape(), settings.components.get() as usize)
        .map_err(|error| fit(error.to_string()))?;
    let training = space.log_likelihood(rows.view()).map_err(|error| fit(error.to_string()))?;
    let facts = vec![
        ("images fitted", images.count().to_string()),
        ("share of the variance along the components", format!("{:.4}", space.explained)),
        ("standard deviation in every other direction", format!("{:.5}", space.rest)),
        (
            "mean log-likelihood of the fitted images, as densities of pixels in [0, 1]",
            format!("{:.2} nats", training.mean().unwrap_or(f64::NAN)),
        ),
    ];
    let potential: Box<dyn Potential> = match settings.potential {
        Law::Gaussian => Box::new(Prior::new(space.dim()).map_err(|error| fit(error.to_string()))?),
        Law::ChiSquare => {
            let dim = u32::try_from(space.dim()).ok().and_then(NonZeroU32::new);
            let dim = dim.ok_or_else(|| fit(format!("images of {} numbers are too large", space.dim())))?;
            Box::new(ChiSquareNorm::new(dim))
        }
    };
    Ok(Built { potential, flow: None, images: Some(Arc::new(space)), resolved, facts })
}

/// Why images have no Gaussian.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ImageGaussianError {
    /// Rows are no images of the shape.
    #[error("rows of {found} numbers are no images of shape {shape}, which have {}", shape.len())]
    Shape {
        /// The shape.
        shape: ImageShape,
        /// Numbers in a row.
        found: usize,
    },
    /// The images span too few directions.
    #[error("{}", too_few(*images, *dim, *components))]
    TooFew {
        /// Images.
        images: usize,
        /// Numbers of an image.
        dim: usize,
        /// Components asked for.
        components: usize,
    },
    /// There is no variance where some is needed.
    #[error("the images vary in no more than {found} directions; fit fewer components")]
    Flat {
        /// Directions with variance.
        found: usize,
    },
    /// A number is not finite.
    #[error("image {row} has a number that is not finite")]
    NotFinite {
        /// The first such image.
        row: usize,
    },
    /// The eigenvalues were not found.
    #[error("the eigenvectors of the covariance did not converge")]
    NoConvergence,
}

fn too_few(images: usize, dim: usize, components: usize) -> String {
    let count = if images == 1 { "1 image".to_owned() } else { format!("{images} images") };
    match images.saturating_sub(2).min(dim.saturating_sub(1)) {
        0 => format!("{count} of {dim} numbers: a Gaussian needs at least 3 images of 2 numbers"),
        most => format!(
            "{count} of {dim} numbers allow at most {most} components, not {components}; fit fewer, or more images"
        ),
    }
}

/// `x = m + C^{1/2} z` with `z` standard normal and `C = s^2 I + U (L - s^2) U^T`: `U` the leading eigenvectors of the
/// covariance of the images, `L` their variances, `s^2` the mean variance in all other directions.
///
/// The root is the symmetric one, so that it needs no basis of the directions that share a variance, and whitened
/// coordinates are those nearest to the pixels. Covariances are over `n`, as maximum likelihood has them.
#[derive(Debug, Clone)]
pub struct ImageGaussian {
    shape: ImageShape,
    mean: Array1<f64>,
    /// Orthonormal rows.
    directions: Array2<f64>,
    deviations: Array1<f64>,
    rest: f64,
    explained: f64,
}

impl ImageGaussian {
    /// Fits images of shape `(images, shape.len())`, with `components` directions that have a variance of their own.
    ///
    /// # Errors
    /// [`ImageGaussianError`] where the images are too few, do not vary enough, or are not finite.
    pub fn fit(
        images: ArrayView2<'_, f64>,
        shape: ImageShape,
        components: usize,
    ) -> Result<Self, ImageGaussianError> {
        let (count, dim) = images.dim();
        if dim != shape.len() || dim == 0 {
            return Err(ImageGaussianError::Shape { shape, found: dim });
        }
        if let Some(row) = images.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
            return Err(ImageGaussianError::NotFinite { row });
        }
        if components >= dim || components + 1 >= count {
            return Err(ImageGaussianError::TooFew { images: count, dim, components });
        }
        let mean = images.mean_axis(Axis(0)).expect("there is at least one image");
        let centred = &images - &mean;
        let covariance = centred.t().dot(&centred) / count as f64;
        let (variances, vectors) = eigen(&covariance)?;
        let total: f64 = variances.iter().map(|v| v.max(0.0)).sum();
        let leading: f64 = variances[..components].iter().sum();
        let rest = (total - leading) / (dim - components) as f64;
        let least = f64::EPSILON * dim as f64 * variances[0].max(0.0);
        // Rounding leaves variances of this size where there is none.
        if rest <= least {
            return Err(ImageGaussianError::Flat { found: variances.iter().filter(|v| **v > least).count() });
        }
        let deviations = variances[..components].iter().map(|v| v.sqrt()).collect();
        let directions = vectors.slice_move(ndarray::s![..components, ..]);
        Ok(Self { shape, mean, directions, deviations, rest: rest.sqrt(), explained: leading / total })
    }

    /// `log p(x)` of images as densities of pixels, shape `(images, shape.len())`, in nats.
    ///
    /// # Errors
    /// [`EvalError`] where rows have another length.
    pub fn log_likelihood(&self, images: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let dim = self.dim() as f64;
        let log_root: f64 = self.deviations.iter().map(|d| libm::log(*d)).sum::<f64>()
            + (dim - self.deviations.len() as f64) * libm::log(self.rest);
        let points = self.encode(images)?;
        let constant = 0.5 * dim * libm::log(std::f64::consts::TAU) + log_root;
        Ok(points.rows().into_iter().map(|z| -0.5 * z.dot(&z) - constant).collect())
    }

    /// `x -> rest x + U^T (factors U x)` for each row.
    fn stretch(&self, rows: &Array2<f64>, rest: f64, factors: &Array1<f64>) -> Array2<f64> {
        let along = rows.dot(&self.directions.t()) * factors;
        rows * rest + along.dot(&self.directions)
    }

    fn check(&self, rows: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.dim(), rows.ncols());
        if found == expected { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

impl ImageSpace for ImageGaussian {
    fn dim(&self) -> usize {
        self.mean.len()
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    /// `m + C^{1/2} z`, what lies outside `[0, 1]` brought to its edge.
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        self.check(&points)?;
        let factors = &self.deviations - self.rest;
        let mut images = self.stretch(&points.to_owned(), self.rest, &factors) + &self.mean;
        images.mapv_inplace(|x| x.clamp(0.0, 1.0));
        Ok(images)
    }

    /// `C^{-1/2} (x - m)`.
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        self.check(&images)?;
        let factors = self.deviations.mapv(|d| 1.0 / d - 1.0 / self.rest);
        Ok(self.stretch(&(&images - &self.mean), 1.0 / self.rest, &factors))
    }

    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        Some(self)
    }
}

impl ImageLikelihood for ImageGaussian {
    fn estimator(&self) -> String {
        "exact".to_owned()
    }

    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> Result<ImageLikelihoods, EvalError> {
        Ok(ImageLikelihoods { log_likelihood: Some(self.log_likelihood(images)?), bound: None })
    }
}

/// Eigenvalues from the largest, and eigenvectors as rows.
fn eigen(covariance: &Array2<f64>) -> Result<(Vec<f64>, Array2<f64>), ImageGaussianError> {
    let dim = covariance.nrows();
    let matrix = Mat::from_fn(dim, dim, |i, j| covariance[[i, j]]);
    let (mut values, mut vectors) = (Diag::<f64>::zeros(dim), Mat::<f64>::zeros(dim, dim));
    // One thread, so that the bytes do not depend on how many there are.
    let par = Par::Seq;
    let scratch = self_adjoint_evd_scratch::<f64>(dim, ComputeEigenvectors::Yes, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(matrix.as_ref(), values.as_mut(), Some(vectors.as_mut()), par, stack, Spec::default())
        .map_err(|_| ImageGaussianError::NoConvergence)?;
    let value = |k: usize| values.column_vector()[k];
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    let rows = Array2::from_shape_fn((dim, dim), |(row, i)| vectors[(i, order[row])]);
    Ok((order.into_iter().map(value).collect(), rows))
}
