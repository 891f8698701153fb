//! Images from noise and noise from images, without randomness.

use super::DIM;
use super::bound::{PARTS, Probes};
use super::network::{Network, noise_together};
use super::schedule::NoiseSchedule;
use crate::images::unet::{PlanesUNet, Shifts, UNet};
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

    /// The moves between the halts, from the least noise up.
    fn moves(&self) -> Vec<Move> {
        let lower = |i: usize| if i == 0 { 1.0 } else { self.0[i - 1].kept };
        let halts = self.0.iter().enumerate();
        halts
            .map(|(i, halt)| {
                let stretch = (lower(i) / halt.kept).sqrt();
                let of_noise = (1.0 - lower(i)).sqrt() - stretch * (1.0 - halt.kept).sqrt();
                Move { step: halt.step, stretch, of_noise }
            })
            .collect()
    }
}

/// A step of DDIM: what point and noise are multiplied by on the way down.
#[derive(Debug, Clone, Copy)]
struct Move {
    step: usize,
    stretch: f64,
    of_noise: f64,
}

/// Noise space: its points are carried to images by DDIM with `eta = 0`, and images to its points by the same steps backwards.
///
/// From halt to halt, `a` and `a'` what is left of the variance of an image at the upper and the lower one:
/// `x' = sqrt(a'/a) x + (sqrt(1 - a') - sqrt(a'/a) sqrt(1 - a)) e(x, k)`, images in `[-1, 1]`. Backwards the noise is taken at the
/// lower point, `corrections` times again at the result, which solves the same equation for `x`. The network is evaluated in `f32`, on the
/// processor image by image.
///
/// # Source
/// Song et al. 2021, arXiv 2010.02502, equations 12 and 13.
#[derive(Debug, Clone)]
pub struct ImageDiffusion {
    network: Network,
    schedule: NoiseSchedule,
    last: Halt,
    moves: Vec<Move>,
    /// What each move adds to the channels of a network that is told so.
    shifts: Vec<Shifts>,
    corrections: usize,
}

impl ImageDiffusion {
    pub(super) fn new(network: Network, schedule: NoiseSchedule, steps: &Steps, corrections: usize) -> Self {
        let moves = steps.moves();
        let shifts = network.shifts(moves.iter().map(|part| part.step));
        Self { network, schedule, last: steps.last(), moves, shifts, corrections }
    }

    fn down(&self, network: &PlanesUNet, x: &mut [f64]) -> Result<(), EvalError> {
        for (Move { stretch, of_noise, .. }, shifts) in self.moves.iter().zip(&self.shifts).rev() {
            let noise = network.noise(x, shifts)?;
            for (x, noise) in x.iter_mut().zip(noise.values()) {
                *x = stretch * *x + of_noise * f64::from(*noise);
            }
        }
        Ok(())
    }

    fn up(&self, network: &PlanesUNet, x: &mut [f64]) -> Result<(), EvalError> {
        let mut lower = vec![0.0; x.len()];
        for (Move { stretch, of_noise, .. }, shifts) in self.moves.iter().zip(&self.shifts) {
            lower.copy_from_slice(x);
            for _ in 0..=self.corrections {
                let noise = network.noise(x, shifts)?;
                for ((x, lower), noise) in x.iter_mut().zip(&lower).zip(noise.values()) {
                    *x = (lower - of_noise * f64::from(*noise)) / stretch;
                }
            }
        }
        Ok(())
    }

    /// [`Self::down`] for many images in double precision.
    fn down_together(&self, network: &UNet, x: &Tensor) -> CandleResult<Tensor> {
        let mut x = x.clone();
        for Move { step, stretch, of_noise } in self.moves.iter().rev() {
            let noise = noise_together(network, &x, *step)?;
            x = ((x * *stretch)? + (noise * *of_noise)?)?;
        }
        Ok(x)
    }

    /// [`Self::up`] for many images in double precision.
    fn up_together(&self, network: &UNet, x: &Tensor) -> CandleResult<Tensor> {
        let mut x = x.clone();
        for Move { step, stretch, of_noise } in &self.moves {
            let lower = x.clone();
            for _ in 0..=self.corrections {
                let noise = noise_together(network, &x, *step)?;
                x = ((&lower - (noise * *of_noise)?)? / *stretch)?;
            }
        }
        Ok(x)
    }

    /// `of` each number of rows, each row carried, on all threads; they must have as many numbers as there are pixels.
    fn carried(
        rows: ArrayView2<'_, f64>,
        of: impl Fn(f64) -> f64,
        carry: impl Fn(&mut [f64]) -> Result<(), EvalError> + Send + Sync,
    ) -> Result<Array2<f64>, EvalError> {
        if rows.ncols() != DIM {
            return Err(EvalError::Dimension { expected: DIM, found: rows.ncols() });
        }
        let mut numbers: Vec<f64> = rows.iter().map(|x| of(*x)).collect();
        numbers.par_chunks_exact_mut(DIM).try_for_each(carry)?;
        Ok(Array2::from_shape_vec(rows.dim(), numbers).expect("as many numbers as before"))
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
        let images = match &self.network {
            Network::Single(network) => Self::carried(points, |x| x, |x| self.down(network, x))?,
            Network::Together(network) => {
                network.in_blocks(points, DIM, |x| self.down_together(network, x))?
            }
        };
        // `clamp` keeps NaN.
        Ok(images.mapv_into(|x| (0.5 * x + 0.5).clamp(0.0, 1.0)))
    }

    /// The noise that is carried to images, nearly.
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let scale = |pixel: f64| 2.0 * pixel - 1.0;
        match &self.network {
            Network::Single(network) => Self::carried(images, scale, |x| self.up(network, x)),
            Network::Together(network) => {
                network.in_blocks(images.mapv(scale).view(), DIM, |x| self.up_together(network, x))
            }
        }
    }

    /// Pixels in `[-1, 1]`.
    fn signals(&self, images: ArrayView2<'_, f64>) -> Result<Option<Array2<f64>>, EvalError> {
        Ok(Some(images.mapv(|pixel| 2.0 * pixel - 1.0)))
    }

    /// Not below the last step, where images are noised and no noise.
    fn generates(&self) -> bool {
        self.last.step + 1 == self.schedule.steps()
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
            .collect::<Result<Vec<f64>, EvalError>>()?;
        Ok(ImageLikelihoods { log_likelihood: None, bound: Some(bounds.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoiseCurve;
    use crate::images::unet::layers;
    use likely_networks::Weights;
    use likely_networks::candle::DType;
    use rand::Rng;

    /// What a GPU is given, here on the processor: the same steps with many images together.
    #[test]
    fn images_carried_together_are_those_carried_one_by_one() {
        let mut weights = Weights::new();
        for parameter in layers(8).into_iter().flat_map(|(name, layer)| layer.initial(&name, Seed::new(3))) {
            weights.insert(parameter.name, &parameter.shape, parameter.initial).unwrap();
        }
        let schedule = NoiseSchedule::new(NoiseCurve::Linear, 1000);
        let steps = Steps::new(&schedule, 20, 8);
        let space = |network| ImageDiffusion::new(network, schedule.clone(), &steps, 1);
        let single = space(Network::Single(Box::new(PlanesUNet::load(&weights, 8).unwrap())));
        let together = space(Network::Together(UNet::load(&weights, 8, DType::F32).unwrap()));
        let mut stream = Seed::new(4).stream(&[("test", "together")]);
        // More images than go together.
        let images = Array2::from_shape_simple_fn((19, DIM), || stream.random::<f64>());
        let close = |found: &Array2<f64>, wanted: &Array2<f64>| {
            assert_eq!(found.dim(), wanted.dim());
            found.iter().zip(wanted).fold(0.0_f64, |top, (a, b)| top.max((a - b).abs()))
        };
        let [one, many] = [&single, &together].map(|space| space.encode(images.view()).unwrap());
        assert!(close(&many, &one) < 1e-5, "{:e}", close(&many, &one));
        let back = [&single, &together].map(|space| space.decode(one.view()).unwrap());
        assert!(close(&back[1], &back[0]) < 1e-5, "{:e}", close(&back[1], &back[0]));
        let bounds = [&single, &together]
            .map(|space| space.likelihoods(images.slice(ndarray::s![..2, ..])).unwrap().bound.unwrap());
        for (many, one) in bounds[1].iter().zip(&bounds[0]) {
            assert!((many - one).abs() < 1e-5 * one.abs(), "{many} {one}");
        }
        let empty = Array2::zeros((0, DIM));
        assert_eq!(together.decode(empty.view()).unwrap().dim(), (0, DIM));
        assert!(together.encode(Array2::zeros((1, 7)).view()).is_err());
    }
}
