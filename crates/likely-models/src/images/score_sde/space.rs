//! Noise space by the probability flow, and the density of images.

use super::flow::{Flow, NoiseTrace, Trace};
use super::network::NoiseNetwork;
use crate::images::unet::PlanesUNet;
use likely_core::{
    EvalError, ImageLikelihood, ImageLikelihoods, ImageShape, ImageSpace, Normalisation, Potential, Symmetry,
    ValueGrad,
};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

/// Images with so many levels as real numbers in `[-1, 1]`: level `k` of `L` is the interval from `2k/L - 1` to `2(k + 1)/L - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels(pub(super) u16);

impl Levels {
    /// The place `part` of the way through the interval of a pixel in `[0, 1]`.
    pub(super) fn spread(self, pixel: f64, part: f64) -> f64 {
        let count = f64::from(self.0);
        2.0 * ((pixel * (count - 1.0)).round() + part) / count - 1.0
    }

    /// The number in whose interval a pixel in `[0, 1]` lies: in the middle for a level, between middles for others. What
    /// [`Self::pixel`] undoes.
    pub(super) fn between(self, pixel: f64) -> f64 {
        let count = f64::from(self.0);
        2.0 * (pixel * (count - 1.0) + 0.5) / count - 1.0
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
/// An image enters in the middle of the intervals of its levels. Each point is followed by itself, with steps of its own, by a network in
/// `f32`; several threads share the points. The likelihood of images is that of the flow in `f64`.
#[derive(Debug, Clone)]
pub struct ImageScoreSde {
    pub(super) network: PlanesUNet,
    pub(super) flow: Flow,
    pub(super) levels: Levels,
    pub(super) shape: ImageShape,
    pub(super) density: Density<NoiseNetwork>,
}

impl ImageScoreSde {
    fn each(
        &self,
        rows: ArrayView2<'_, f64>,
        carry: impl Fn(Vec<f64>) -> Result<Vec<f64>, EvalError> + Send + Sync,
    ) -> Result<Array2<f64>, EvalError> {
        let (expected, found) = (self.shape.len(), rows.ncols());
        if expected != found {
            return Err(EvalError::Dimension { expected, found });
        }
        let numbers: Vec<Vec<f64>> = rows.rows().into_iter().map(|row| row.to_vec()).collect();
        let carried = numbers.into_par_iter().map(carry).collect::<Result<Vec<_>, _>>()?;
        Ok(Array2::from_shape_vec(rows.dim(), carried.concat()).expect("as many numbers as before"))
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

    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        Some(self)
    }
}

impl ImageLikelihood for ImageScoreSde {
    fn estimator(&self) -> String {
        let trace = match &self.density.trace {
            Trace::Exact => "exact trace".to_owned(),
            Trace::Probes(probes) => format!("trace by {} random directions", probes.nrows()),
        };
        format!("probability flow, {trace}, tolerance {:e}", self.density.flow.tolerance)
    }

    /// `log p` of the numbers that stand for images, between the middles of their levels, in `[0, 1]`.
    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> Result<ImageLikelihoods, EvalError> {
        let (expected, found) = (self.shape.len(), images.ncols());
        if expected != found {
            return Err(EvalError::Dimension { expected, found });
        }
        // Half of a number in [-1, 1] is one in an interval of length 1.
        let stretch = expected as f64 * std::f64::consts::LN_2;
        let logs = self.density.logs(images.mapv(|pixel| self.levels.between(pixel)).view())?;
        Ok(ImageLikelihoods { log_likelihood: Some(logs + stretch), bound: None })
    }
}

/// The log-density of images as numbers in `[-1, 1]`.
#[derive(Debug, Clone)]
pub(super) struct Density<N> {
    pub(super) network: N,
    pub(super) flow: Flow,
    pub(super) trace: Trace,
}

impl<N: NoiseTrace> Density<N> {
    /// Of each row by itself, on all threads.
    fn logs(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let rows: Vec<Vec<f64>> = points.rows().into_iter().map(|row| row.to_vec()).collect();
        let logs = rows.into_par_iter().map(|row| self.flow.log_density(&self.network, &row, &self.trace));
        Ok(logs.collect::<Result<Vec<_>, _>>()?.into())
    }
}

/// Minus the log-density of images as numbers in `[-1, 1]`; there are no gradients.
pub(super) struct Likelihood {
    pub(super) density: Density<NoiseNetwork>,
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
        Ok(-self.density.logs(points)?)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let reason = "with potential = \"likelihood\" there are values and no gradients; \"score\" has gradients, \"prior\" has both";
        Err(EvalError::Model { reason: reason.to_owned() })
    }
}
