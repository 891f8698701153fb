//! Denoising: the squared error of the predicted noise, and a bound of the likelihood.

use super::bound::{PARTS, Probes};
use super::network::Network;
use super::schedule::NoiseSchedule;
use super::{DIM, ID, Trained};
use crate::images::unet::{PlanesUNet, layers, noise};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::Seed;
use likely_networks::candle::Tensor;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::ArrayView2;
use rand::Rng;
use serde::Deserialize;
use serde::de::Error as _;
use std::f64::consts::LN_2;

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

impl Objective for Denoising {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers(self.settings.width.get())
            .into_iter()
            .flat_map(|(name, layer)| layer.initial(&name, seed))
            .collect()
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let rows = step.rows();
        let device = step.device.clone();
        let drawn = step.normals(&[rows, DIM])?;
        let steps: Vec<usize> =
            (0..rows).map(|_| step.stream.random_range(0..self.schedule.steps())).collect();
        let column = |f: &dyn Fn(f64) -> f64| {
            let values: Vec<f32> = steps.iter().map(|k| f(self.schedule.kept()[*k]) as f32).collect();
            Tensor::from_vec(values, (rows, 1), &device)
        };
        let images = step.points()?.affine(2.0, -1.0)?;
        let noised = (images.broadcast_mul(&column(&f64::sqrt)?)?
            + drawn.broadcast_mul(&column(&|kept| (1.0 - kept).sqrt())?)?)?;
        let steps: Vec<f64> = steps.iter().map(|step| *step as f64).collect();
        let found = noise(&noised, &steps, self.settings.width.get(), |name: &str| variables.get(name))?;
        Ok((found - drawn)?.sqr()?.mean_all()?)
    }

    fn takes_devices(&self) -> bool {
        true
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let width = self.settings.width.get();
        let network = learned::trained(parameters, |weights| PlanesUNet::load(weights, width))?;
        let network = Network::Single(Box::new(network));
        let (mut losses, mut bounds) = (Vec::new(), Vec::new());
        for (i, image) in points.rows().into_iter().enumerate() {
            let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
            let image = image.mapv(|pixel| 2.0 * pixel - 1.0);
            let probes = Probes::draw(&self.schedule, &mut stream);
            let judged = probes
                .judge(&network, &self.schedule, image.view())
                .map_err(|error| TrainingError::Model { reason: error.to_string() })?;
            bounds.push(judged.minus_bound / (DIM as f64 * LN_2));
            let later = probes.steps.iter().zip(&judged.errors).skip(1);
            let total: f64 = later.map(|((_, count), error)| count * error / DIM as f64).sum();
            losses.push((judged.errors[0] / DIM as f64 + total) / self.schedule.steps() as f64);
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
