//! Steps of equal length along a flow, with or without noise, and what they do around one training point.

use crate::sampler::{Generated, SampleError, StepObserver};
use crate::velocity_error::VelocityError;
use likely_core::{Evaluations, Flow, HullBound, SamplePrediction};
use ndarray::{Array2, Zip};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Most numbers that are drawn at once: 800 MB.
const LARGEST: usize = 100_000_000;
/// How far a factor may lie below zero and still be one of rounding.
const ROUNDING: f64 = 1e-9;

/// The strength `eps_t = size * b(t)^power` of the noise in `dX = (v + eps_t s) dt + sqrt(2 eps_t) dW`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Diffusion {
    pub(crate) size: f64,
    pub(crate) power: f64,
}

/// A run of equal steps from time 0 to `end`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stepping<'a> {
    pub(crate) steps: u32,
    pub(crate) samples: u32,
    pub(crate) end: f64,
    pub(crate) error: Option<&'a VelocityError>,
    pub(crate) diffusion: Option<Diffusion>,
}

/// What one step does where all weight is on one training point `x_i`: `x <- factor x + pull x_i + noise`.
///
/// With `v = a' m + (b'/b) (x - a m)` and `s = (a m - x) / b^2`, the factor is `1 + h b'/b - h eps_t / b^2`, the pull
/// `h (a' - a b'/b) + h eps_t a / b^2`, and the variance of the noise `2 eps_t h`.
struct OnePointStep {
    factor: f64,
    pull: f64,
    variance: f64,
}

impl Stepping<'_> {
    fn step_length(&self) -> f64 {
        self.end / f64::from(self.steps)
    }

    /// Time at the start of step `step`, from 0.
    fn time(&self, step: u32) -> f64 {
        self.end * f64::from(step) / f64::from(self.steps)
    }

    fn strength(&self, noise_scale: f64) -> f64 {
        self.diffusion.map_or(0.0, |diffusion| diffusion.size * noise_scale.powf(diffusion.power))
    }

    fn one_point(&self, flow: &dyn Flow, step: u32) -> OnePointStep {
        let (h, at) = (self.step_length(), flow.scales(self.time(step)));
        let rate = at.noise_rate / at.noise;
        let strength = self.strength(at.noise);
        let attraction = strength / (at.noise * at.noise);
        OnePointStep {
            factor: 1.0 + h * (rate - attraction),
            pull: h * (at.data_rate - at.data * rate + attraction * at.data),
            variance: 2.0 * strength * h,
        }
    }

    /// What theory says: the recursions of the mean, of the variance and of the distance to the hull over the steps.
    ///
    /// Around one training point the steps are affine, so mean and variance follow exactly. The weights of the posterior
    /// mean `m` are positive, so `m` is in the hull `H`, and where factor and pull are not negative,
    /// `dist(x_{k+1}, c_{k+1} H) <= factor * dist(x_k, c_k H) + h d` with `c_{k+1} = factor c_k + pull`.
    fn predict(&self, flow: &dyn Flow) -> Result<SamplePrediction, SampleError> {
        let velocity_error = self.error.map_or(0.0, |error| error.size.get());
        let added = self.step_length() * velocity_error;
        let mut data_scale = 0.0;
        let mut variance = flow.noise_scale(0.0).powi(2);
        let mut hull = Some(HullBound { start_factor: 1.0, error_term: 0.0, hull_scale: 1.0 });
        for step in 0..self.steps {
            let one = self.one_point(flow, step);
            if self.diffusion.is_some() && one.factor.abs() > 1.0 + ROUNDING {
                return Err(SampleError::Unstable {
                    step: step + 1,
                    time: self.time(step),
                    factor: one.factor,
                });
            }
            data_scale = one.factor * data_scale + one.pull;
            variance = one.factor * one.factor * variance + one.variance;
            let convex = one.factor >= -ROUNDING && one.pull >= -ROUNDING && one.variance <= 0.0;
            hull = hull.filter(|_| convex).map(|bound| HullBound {
                start_factor: one.factor.max(0.0) * bound.start_factor,
                error_term: one.factor.max(0.0) * bound.error_term + added,
                hull_scale: one.factor * bound.hull_scale + one.pull,
            });
        }
        let residual_variance = (velocity_error <= 0.0).then_some(variance);
        Ok(SamplePrediction { data_scale, residual_variance, hull, velocity_error })
    }

    /// Follows `flow` from Gaussian noise.
    pub(crate) fn run(
        &self,
        flow: &dyn Flow,
        rng: &mut ChaCha8Rng,
        observe: StepObserver<'_>,
    ) -> Result<Generated, SampleError> {
        let dim = flow.dim();
        if (self.samples as usize).checked_mul(dim).is_none_or(|numbers| numbers > LARGEST) {
            return Err(SampleError::TooMany { samples: self.samples, dim, largest: LARGEST });
        }
        let prediction = self.predict(flow)?;
        let h = self.step_length();
        let spread = flow.noise_scale(0.0);
        let gaussian = |scale: f64, rng: &mut ChaCha8Rng| {
            Array2::from_shape_simple_fn((self.samples as usize, dim), || {
                let number: f64 = StandardNormal.sample(rng);
                scale * number
            })
        };
        let starts = gaussian(spread, rng);
        let anchor = self.error.map(|error| error.anchor(flow.training_points(), rng));
        let mut samples = starts.clone();
        let mut evaluations = Evaluations::default();
        for step in 0..self.steps {
            let time = self.time(step);
            let mut drift = flow.velocity(time, samples.view())?;
            evaluations.gradients += u64::from(self.samples);
            if let (Some(error), Some(anchor)) = (self.error, &anchor) {
                error.add(anchor, samples.view(), &mut drift, rng);
            }
            let strength = self.strength(flow.noise_scale(time));
            if strength > 0.0 {
                drift.scaled_add(strength, &flow.score(time, samples.view())?);
                evaluations.gradients += u64::from(self.samples);
            }
            Zip::from(&mut samples).and(&drift).for_each(|x, &v| *x += h * v);
            if strength > 0.0 {
                samples += &gaussian((2.0 * strength * h).sqrt(), rng);
            }
            if samples.iter().any(|x| !x.is_finite()) {
                return Err(SampleError::NotFinite { step: step + 1 });
            }
            if observe(step + 1).is_break() {
                return Err(SampleError::Interrupted);
            }
        }
        Ok(Generated { samples, starts, evaluations, prediction })
    }
}
