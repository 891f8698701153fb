//! Images from noise and noise from images, without randomness.

use super::DIM;
use super::bound::{PARTS, Probes};
use super::schedule::NoiseSchedule;
use crate::images::constants::in_blocks;
use crate::images::unet::UNet;
use likely_core::{EvalError, ImageLikelihood, ImageLikelihoods, ImageShape, ImageSpace, Seed};
use likely_networks::candle::{Result as CandleResult, Tensor};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

/// A step of the diffusion at which DDIM halts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Halt {
    /// Number of the step.
    pub(super) step: usize,
    /// The share of the variance of an image that is left after it.
    pub(super) kept: f64,
}

/// The halts of DDIM, from the least noise up to the level of the space.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps(Vec<Halt>);

impl Steps {
    /// The first `level` of `count` halts in equal distances, the last of which is the last step of the diffusion.
    pub(super) fn new(schedule: &NoiseSchedule, count: usize, level: usize) -> Self {
        let halt = |i: usize| {
            // The nearest whole number, ties up, less one.
            let step = (2 * i * schedule.steps() + count) / (2 * count) - 1;
            Halt { step, kept: schedule.kept()[step] }
        };
        Self((1..=level).map(halt).collect())
    }

    /// The halt at the level of the space.
    pub(super) fn last(&self) -> Halt {
        *self.0.last().expect("a level is at least 1")
    }

    /// Each halt with the share that is left at the one below, which is 1 below the first.
    fn with_lower(&self) -> impl DoubleEndedIterator<Item = (Halt, f64)> {
        self.0.iter().enumerate().map(|(i, halt)| (*halt, if i == 0 { 1.0 } else { self.0[i - 1].kept }))
    }
}

/// Noise space: its points are carried to images by DDIM with `eta = 0`, and images to its points by the same steps backwards.
///
/// From halt to halt, `a` and `a'` what is left of the variance of an image at the upper and the lower one:
/// `x' = sqrt(a'/a) x + (sqrt(1 - a') - sqrt(a'/a) sqrt(1 - a)) e(x, k)`, images in `[-1, 1]`. Backwards the noise is taken at the
/// lower point, `corrections` times again at the result, which solves the same equation for `x`. The network is evaluated in `f32`.
///
/// # Source
/// Song et al. 2021, arXiv 2010.02502, equations 12 and 13.
#[derive(Debug, Clone)]
pub struct ImageDiffusion {
    network: UNet,
    schedule: NoiseSchedule,
    steps: Steps,
    corrections: usize,
}

impl ImageDiffusion {
    pub(super) fn new(network: UNet, schedule: NoiseSchedule, steps: Steps, corrections: usize) -> Self {
        Self { network, schedule, steps, corrections }
    }

    /// What a step down multiplies point and noise by.
    fn factors(halt: Halt, lower: f64) -> (f64, f64) {
        let stretch = (lower / halt.kept).sqrt();
        (stretch, (1.0 - lower).sqrt() - stretch * (1.0 - halt.kept).sqrt())
    }

    fn down(&self, mut x: Tensor) -> CandleResult<Tensor> {
        for (halt, lower) in self.steps.with_lower().rev() {
            let (stretch, of_noise) = Self::factors(halt, lower);
            let noise = self.network.noise(&x, halt.step)?;
            x = ((x * stretch)? + (noise * of_noise)?)?;
        }
        Ok(x)
    }

    fn up(&self, mut x: Tensor) -> CandleResult<Tensor> {
        for (halt, lower) in self.steps.with_lower() {
            let (stretch, of_noise) = Self::factors(halt, lower);
            let mut above = x.clone();
            for _ in 0..=self.corrections {
                let noise = self.network.noise(&above, halt.step)?;
                above = ((&x - (noise * of_noise)?)? * (1.0 / stretch))?;
            }
            x = above;
        }
        Ok(x)
    }
}

impl ImageSpace for ImageDiffusion {
    fn dim(&self) -> usize {
        DIM
    }

    fn shape(&self) -> ImageShape {
        ImageShape { channels: 1, height: 28, width: 28 }
    }

    /// The images that noise is carried to, cut off at 0 and 1.
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        in_blocks(points, [DIM, DIM], |rows| {
            self.down(self.network.tensor(rows)?)?.affine(0.5, 0.5)?.clamp(0.0, 1.0)
        })
    }

    /// The noise that is carried to images, nearly.
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        in_blocks(images, [DIM, DIM], |rows| self.up(self.network.tensor(rows)?.affine(2.0, -1.0)?))
    }

    /// Pixels in `[-1, 1]`.
    fn signals(&self, images: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, EvalError> {
        Ok(Some(images.mapv(|pixel| 2.0 * pixel - 1.0)))
    }

    /// Not below the last step, where images are noised and no noise.
    fn generates(&self) -> bool {
        self.steps.last().step + 1 == self.schedule.steps()
    }

    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        Some(self)
    }
}

/// Root of the noise of all bounds: the same for all models and runs, so that they can be compared.
const NOISE: Seed = Seed::new(20_260_101);
/// Levels of a number of the images that the network learned from.
const LEVELS: f64 = 256.0;

impl ImageLikelihood for ImageDiffusion {
    fn estimator(&self) -> String {
        format!(
            "variational bound, one sample at the first step and in each of {PARTS} parts of the diffusion"
        )
    }

    /// The bound alone: a likelihood would take the exact probability flow.
    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> Result<ImageLikelihoods, EvalError> {
        let found = images.ncols();
        if found != DIM {
            return Err(EvalError::Dimension { expected: DIM, found });
        }
        let mut stream = NOISE.stream(&[("model", super::ID), ("purpose", "likelihood")]);
        let probes = Probes::draw(&self.schedule, &mut stream);
        let rows: Vec<_> = images.rows().into_iter().collect();
        let bounds = rows
            .into_par_iter()
            .map(|image| {
                let scaled = image.mapv(|x| 2.0 * x - 1.0);
                let judged = probes.judge(&self.network, &self.schedule, scaled.view())?;
                Ok(DIM as f64 * libm::log(LEVELS) - judged.minus_bound)
            })
            .collect::<CandleResult<Vec<f64>>>()
            .map_err(|error| EvalError::Model { reason: error.to_string() })?;
        Ok(ImageLikelihoods { log_likelihood: None, bound: Some(bounds.into()) })
    }
}
