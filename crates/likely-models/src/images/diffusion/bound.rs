//! The variational bound of images, from the noise that is predicted at some steps of the diffusion.

use super::DIM;
use super::network::Network;
use super::schedule::NoiseSchedule;
use likely_core::EvalError;
use ndarray::{Array1, ArrayView1};
use rand::Rng;
use rand_distr::StandardNormal;
use std::f64::consts::FRAC_1_SQRT_2;

/// Parts of the diffusion with one step each, at which an image is judged.
pub(super) const PARTS: usize = 20;

/// The first step of a diffusion and one of each of equal parts of the others, with the noise that an image gets there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probes {
    /// Steps, and how many each stands for.
    pub(super) steps: Vec<(usize, f64)>,
    /// Of all steps, one image after the other.
    noises: Vec<f64>,
}

impl Probes {
    /// Draws them.
    pub(super) fn draw(schedule: &NoiseSchedule, stream: &mut impl Rng) -> Self {
        let last = schedule.steps() - 1;
        let edges: Vec<usize> = (0..=PARTS).map(|part| 1 + part * last / PARTS).collect();
        let parts = edges.windows(2).filter(|edge| edge[0] < edge[1]);
        let drawn = parts.map(|edge| (stream.random_range(edge[0]..edge[1]), (edge[1] - edge[0]) as f64));
        let steps: Vec<(usize, f64)> = [(0, 1.0)].into_iter().chain(drawn).collect();
        let noises = (0..steps.len() * DIM).map(|_| stream.sample(StandardNormal)).collect();
        Self { steps, noises }
    }

    /// What the network says of an image with numbers in `[-1, 1]`.
    pub(super) fn judge(
        &self,
        network: &Network,
        schedule: &NoiseSchedule,
        image: ArrayView1<'_, f64>,
    ) -> Result<Judged, EvalError> {
        let steps: Vec<usize> = self.steps.iter().map(|(step, _)| *step).collect();
        let noised: Vec<f64> = steps
            .iter()
            .zip(self.noises.chunks_exact(DIM))
            .flat_map(|(step, noise)| {
                let kept = schedule.kept()[*step];
                image.iter().zip(noise).map(move |(x, e)| kept.sqrt() * x + (1.0 - kept).sqrt() * e)
            })
            .collect();
        let found = network.noise(&noised, &steps)?;
        let errors: Array1<f64> = found
            .chunks_exact(DIM)
            .zip(self.noises.chunks_exact(DIM))
            .map(|(found, noise)| found.iter().zip(noise).map(|(a, b)| (a - b) * (a - b)).sum())
            .collect();
        let of_first = first_level(schedule, image, &self.noises[..DIM], &found[..DIM]);
        let later = self.steps.iter().zip(&errors).skip(1);
        let of_later: f64 = later.map(|((step, count), error)| count * weight(schedule, *step) * error).sum();
        Ok(Judged { minus_bound: of_first + of_later + divergence(schedule, image), errors })
    }
}

/// What a network says of one image.
pub(super) struct Judged {
    /// Minus the variational bound of the probability of the image among those with 256 levels, in nats.
    pub(super) minus_bound: f64,
    /// Squared errors of the predicted noise at each step.
    pub(super) errors: Array1<f64>,
}

/// What a squared error of the noise at a step adds to the bound: `beta^2 / (2 s^2 (1 - beta) (1 - a))` with the variance
/// `s^2 = beta (1 - a') / (1 - a)` of the posterior, which is `beta / (2 (1 - beta) (1 - a'))`.
fn weight(schedule: &NoiseSchedule, step: usize) -> f64 {
    let (beta, lower) = (schedule.variances()[step], schedule.kept()[step - 1]);
    beta / (2.0 * (1.0 - beta) * (1.0 - lower))
}

/// `KL(q(x_T | x_0), N(0, 1))` in nats.
fn divergence(schedule: &NoiseSchedule, image: ArrayView1<'_, f64>) -> f64 {
    let kept = schedule.kept()[schedule.steps() - 1];
    let terms = image.iter().map(|x| kept * x * x + (1.0 - kept) - 1.0 - libm::log1p(-kept));
    0.5 * terms.sum::<f64>()
}

/// `-log p(x_0 | x_1)` in nats: a Gaussian with the variance of the first step, over the width of each of 256 levels.
fn first_level(schedule: &NoiseSchedule, image: ArrayView1<'_, f64>, noise: &[f64], found: &[f64]) -> f64 {
    let beta = schedule.variances()[0];
    let deviation = beta.sqrt();
    let below = |x: f64| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
    let pixels = image.iter().zip(noise).zip(found);
    pixels
        .map(|((x, noise), found)| {
            let noised = (1.0 - beta).sqrt() * x + deviation * noise;
            let mean = (noised - deviation * found) / (1.0 - beta).sqrt();
            let half = 1.0 / 255.0;
            let upper = if *x > 0.999 { 1.0 } else { below((x + half - mean) / deviation) };
            let lower = if *x < -0.999 { 0.0 } else { below((x - half - mean) / deviation) };
            -libm::log((upper - lower).max(1e-12))
        })
        .sum()
}
