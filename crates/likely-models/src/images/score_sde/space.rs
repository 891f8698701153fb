//! Noise space by the probability flow, and the density of images.

use super::flow::{Flow, Noise, Trace};
use super::network::NoiseNetwork;
use likely_core::{EvalError, ImageShape, ImageSpace, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// Images with so many levels as real numbers in `[-1, 1]`: level `k` of `L` is the interval from `2k/L - 1` to `2(k + 1)/L - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels(pub(super) u16);

impl Levels {
    /// The place `part` of the way through the interval of a pixel in `[0, 1]`.
    pub(super) fn spread(self, pixel: f64, part: f64) -> f64 {
        let count = f64::from(self.0);
        2.0 * ((pixel * (count - 1.0)).round() + part) / count - 1.0
    }

    /// The pixel in `[0, 1]` in the middle of whose interval a number lies; between levels where it lies between middles.
    pub(super) fn pixel(self, number: f64) -> f64 {
        let count = f64::from(self.0);
        ((0.5 * (number + 1.0) * count - 0.5) / (count - 1.0)).clamp(0.0, 1.0)
    }

    /// Bits a dimension of an image of `dim` numbers with the log-density `log` in nats, of numbers in `[-1, 1]`.
    ///
    /// # Source
    /// Theis et al. 2016, arXiv 1511.01844, section 3.1: an average upper bound of minus the logarithm of the probability of
    /// the levels, where numbers are uniform in their intervals.
    pub(super) fn bits(self, log: f64, dim: usize) -> f64 {
        -log / (dim as f64 * std::f64::consts::LN_2) + libm::log2(0.5 * f64::from(self.0))
    }
}

/// Noise space: its points are carried to images by the probability flow, and images to its points by the same flow backwards.
///
/// An image enters in the middle of the intervals of its levels. Each point is followed by itself, with steps of its own.
#[derive(Debug, Clone)]
pub struct ImageScoreSde {
    pub(super) network: NoiseNetwork,
    pub(super) flow: Flow,
    pub(super) levels: Levels,
    pub(super) shape: ImageShape,
}

impl ImageScoreSde {
    fn each(
        &self,
        rows: ArrayView2<'_, f64>,
        carry: impl Fn(Vec<f64>) -> Result<Vec<f64>, EvalError>,
    ) -> Result<Array2<f64>, EvalError> {
        let (expected, found) = (self.shape.len(), rows.ncols());
        if expected != found {
            return Err(EvalError::Dimension { expected, found });
        }
        let mut carried = Array2::zeros(rows.raw_dim());
        for (row, mut to) in rows.rows().into_iter().zip(carried.rows_mut()) {
            to.assign(&Array1::from(carry(row.to_vec())?));
        }
        Ok(carried)
    }
}

impl ImageSpace for ImageScoreSde {
    fn dim(&self) -> usize {
        self.shape.len()
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let images = self.each(points, |x| self.flow.down(&self.network, x))?;
        Ok(images.mapv(|number| self.levels.pixel(number)))
    }

    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        self.each(images, |mut x| {
            for pixel in &mut x {
                *pixel = self.levels.spread(*pixel, 0.5);
            }
            self.flow.up(&self.network, x)
        })
    }

    /// The middles of the intervals of their levels, in `[-1, 1]`.
    fn signals(&self, images: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, EvalError> {
        Ok(Some(images.mapv(|pixel| self.levels.spread(pixel, 0.5))))
    }
}

/// Minus the log-density of images as numbers in `[-1, 1]`; there are no gradients.
pub(super) struct Likelihood {
    pub(super) network: Box<dyn Noise + Send + Sync>,
    pub(super) flow: Flow,
    pub(super) trace: Trace,
    pub(super) dim: usize,
}

impl Likelihood {
    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.dim, points.ncols());
        if expected == found { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

impl Potential for Likelihood {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(&points)?;
        points
            .rows()
            .into_iter()
            .map(|row| Ok(-self.flow.log_density(&*self.network, &row.to_vec(), &self.trace)?))
            .collect()
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let reason = "with potential = \"likelihood\" there are values and no gradients; \"score\" has gradients, \"prior\" has both";
        Err(EvalError::Model { reason: reason.to_owned() })
    }
}
