//! Denoising: the squared error of the predicted noise, and a bound of the likelihood.

use super::schedule::NoiseSchedule;
use super::{DIM, ID, Trained};
use crate::images::unet::{UNet, layers, noise};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::Seed;
use likely_networks::candle::{DType, Device, Tensor};
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::{ArrayView1, ArrayView2};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::Deserialize;
use serde::de::Error as _;
use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "The mean squared error of the noise that is predicted in grey images of 28x28 at a step drawn for each (Ho et al., 2020).",
    build,
};

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Trained::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, DIM, points)?;
    let config = toml::Table::try_from(settings).map_err(toml::de::Error::custom)?;
    let schedule = settings.noise_schedule();
    Ok(Resolved { built: Box::new(Denoising { settings, schedule }), config })
}

struct Denoising {
    settings: Trained,
    schedule: NoiseSchedule,
}

/// Parts of the diffusion with one step each, at which a held-out image is judged.
const PARTS: usize = 20;

impl Objective for Denoising {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers(self.settings.width.get())
            .into_iter()
            .flat_map(|(name, layer)| layer.initial(&name, seed))
            .collect()
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let rows = step.rows();
        let drawn = step.normals(&[rows, DIM])?;
        let steps: Vec<usize> =
            (0..rows).map(|_| step.stream.random_range(0..self.schedule.steps())).collect();
        let column = |f: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = steps.iter().map(|k| f(self.schedule.kept()[*k]) as f32).collect();
            Tensor::from_vec(values, (rows, 1), &Device::Cpu)
        };
        let images = step.points()?.affine(2.0, -1.0)?;
        let noised = (images.broadcast_mul(&column(&f64::sqrt)?)?
            + drawn.broadcast_mul(&column(&|kept| (1.0 - kept).sqrt())?)?)?;
        let steps: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
        let found = noise(&noised, &steps, self.settings.width.get(), |name: &str| variables.get(name))?;
        Ok((found - drawn)?.sqr()?.mean_all()?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let width = self.settings.width.get();
        let network = learned::trained(parameters, |weights| UNet::load(weights, width, DType::F32))?;
        let (mut losses, mut bounds) = (Vec::new(), Vec::new());
        for (i, image) in points.rows().into_iter().enumerate() {
            let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
            let image = image.mapv(|pixel| 2.0 * pixel - 1.0);
            let last = self.schedule.steps() - 1;
            // The first step, and one drawn from each of equal parts of the others.
            let edges: Vec<usize> = (0..=PARTS).map(|part| 1 + part * last / PARTS).collect();
            let parts = edges.windows(2).filter(|edge| edge[0] < edge[1]);
            let drawn = parts.map(|edge| (stream.random_range(edge[0]..edge[1]), (edge[1] - edge[0]) as f64));
            let steps: Vec<(usize, f64)> = [(0, 1.0)].into_iter().chain(drawn).collect();
            let noises: Vec<f64> = (0..steps.len() * DIM).map(|_| stream.sample(StandardNormal)).collect();
            let noised: Vec<f64> = steps
                .iter()
                .zip(noises.chunks_exact(DIM))
                .flat_map(|((step, _), noise)| {
                    let kept = self.schedule.kept()[*step];
                    image.iter().zip(noise).map(move |(x, e)| kept.sqrt() * x + (1.0 - kept).sqrt() * e)
                })
                .collect();
            let noised =
                Tensor::from_vec(noised, (steps.len(), DIM), &Device::Cpu)?.to_dtype(network.dtype())?;
            let places: Vec<usize> = steps.iter().map(|(step, _)| *step).collect();
            let found: Vec<f64> =
                network.noise_at(&noised, &places)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
            let errors: Vec<f64> = found
                .chunks_exact(DIM)
                .zip(noises.chunks_exact(DIM))
                .map(|(found, noise)| found.iter().zip(noise).map(|(a, b)| (a - b) * (a - b)).sum())
                .collect();
            let of_first = self.first_level(&image.view(), &noises[..DIM], &found[..DIM]);
            let later = steps.iter().zip(&errors).skip(1);
            let bound: f64 =
                later.clone().map(|((step, count), error)| count * self.weight(*step) * error).sum();
            bounds.push((of_first + bound + self.divergence(&image.view())) / (DIM as f64 * LN_2));
            let total: f64 = later.map(|((_, count), error)| count * error / DIM as f64).sum();
            losses.push((errors[0] / DIM as f64 + total) / self.schedule.steps() as f64);
        }
        Ok(vec![
            HeldOut { quantity: "denoising-loss", values: losses },
            HeldOut { quantity: "bits-per-dimension-bound", values: bounds },
        ])
    }

    fn architecture(&self) -> String {
        let width = self.settings.width.get();
        format!(
            "A U-Net without attention: residual blocks of {width}, {} and {} channels at the sides 28, 14 and 7, group normalisation with 8 groups and SiLU, and an embedding of the step that enters every block.",
            2 * width,
            3 * width
        )
    }

    fn loss_in_words(&self) -> String {
        format!(
            "The mean squared error of the predicted noise, at one of {} steps drawn for each image; images are scaled to [-1, 1].",
            self.schedule.steps()
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![
            format!("The denoising loss is the mean over all steps, estimated by one step of each of {PARTS} parts."),
            "Bits per dimension: the variational bound of Ho et al. (2020) with the posterior variances, for images with 256 levels, estimated at the same steps.".into(),
            "No running mean of the weights is kept; the learning rate falls to 0 instead.".into(),
        ]
    }
}

impl Denoising {
    /// What a squared error of the noise at a step adds to the bound: `beta^2 / (2 s^2 (1 - beta) (1 - a))` with the variance
    /// `s^2 = beta (1 - a') / (1 - a)` of the posterior, which is `beta / (2 (1 - beta) (1 - a'))`.
    fn weight(&self, step: usize) -> f64 {
        let (beta, lower) = (self.schedule.variances()[step], self.schedule.kept()[step - 1]);
        beta / (2.0 * (1.0 - beta) * (1.0 - lower))
    }

    /// `KL(q(x_T | x_0), N(0, 1))` in nats.
    fn divergence(&self, image: &ArrayView1<'_, f64>) -> f64 {
        let kept = self.schedule.kept()[self.schedule.steps() - 1];
        let terms = image.iter().map(|x| kept * x * x + (1.0 - kept) - 1.0 - libm::log1p(-kept));
        0.5 * terms.sum::<f64>()
    }

    /// `-log p(x_0 | x_1)` in nats: a Gaussian with the variance of the first step, over the width of each of 256 levels.
    fn first_level(&self, image: &ArrayView1<'_, f64>, noise: &[f64], found: &[f64]) -> f64 {
        let beta = self.schedule.variances()[0];
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
}
