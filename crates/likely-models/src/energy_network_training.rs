//! Contrastive divergence.

use crate::energy_network::{EnergyNetwork, ID, PREFIX};
use crate::learned;
use crate::numbers::positive;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Exact, Potential, Seed};
use likely_networks::Batch;
use likely_networks::candle::{Device, Tensor};
use likely_networks::training::{
    ByHand, HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables,
};
use ndarray::ArrayView2;
use rand::Rng;
use rand_distr::StandardNormal;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Contrastive divergence with Langevin steps from the data (Hinton, 2002), as in torchebm.",
    build,
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Settings {
    /// Langevin steps from the data.
    langevin_steps: u32,
    #[serde(deserialize_with = "positive")]
    step_size: f64,
    #[serde(deserialize_with = "positive")]
    noise_scale: f64,
    /// Weight of the squared energies.
    #[serde(deserialize_with = "positive")]
    square_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { langevin_steps: 10, step_size: 0.1, noise_scale: 0.1, square_weight: 0.001 }
    }
}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 2, points)?;
    let config = toml::Table::try_from(settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(ContrastiveDivergence::new(settings)), config })
}

/// `mean E(data) - mean E(samples) + w (mean E(data)^2 + mean E(samples)^2)`, the samples taken from the data by
/// `x - eta grad E(x) + c sqrt(2 eta) xi`.
struct ContrastiveDivergence {
    settings: Settings,
    /// What a step works in.
    work: RefCell<Work>,
}

struct Work {
    network: Batch,
    /// The data, then the samples.
    points: Vec<f32>,
    energies: Vec<f32>,
    slopes: Vec<f32>,
    grad: Vec<f32>,
}

impl ContrastiveDivergence {
    fn new(settings: Settings) -> Self {
        let network = Batch::new(&EnergyNetwork::shape());
        let work =
            Work { network, points: Vec::new(), energies: Vec::new(), slopes: Vec::new(), grad: Vec::new() };
        Self { settings, work: RefCell::new(work) }
    }
}

impl Work {
    /// Writes the data into the second half of the points and carries them along by the Langevin steps; the first half is the
    /// data. The network takes the parameters over.
    fn sample(&mut self, step: &mut Step<'_>, settings: &Settings, parameters: &[f32]) {
        let rows = step.rows();
        self.network.set(parameters);
        self.points.clear();
        self.points.extend_from_slice(step.batch);
        self.points.extend_from_slice(step.batch);
        self.energies.resize(2 * rows, 0.0);
        self.grad.resize(2 * rows, 0.0);
        self.slopes.clear();
        self.slopes.resize(2 * rows, 1.0);
        let drift = settings.step_size as f32;
        let kick = (settings.noise_scale * libm::sqrt(2.0 * settings.step_size)) as f32;
        let samples = &mut self.points[2 * rows..];
        for _ in 0..settings.langevin_steps {
            self.network.forward(samples, &mut self.energies[..rows]);
            self.network.backward_to_input(&self.slopes[..rows], &mut self.grad);
            for (x, slope) in samples.iter_mut().zip(&self.grad) {
                let normal: f32 = step.stream.sample(StandardNormal);
                *x = *x - drift * slope + kick * normal;
            }
        }
    }
}

impl ByHand for ContrastiveDivergence {
    fn gradient(
        &self,
        step: &mut Step<'_>,
        parameters: &Parameters,
        gradient: &mut [f32],
    ) -> Result<f64, TrainingError> {
        let mut work = self.work.borrow_mut();
        work.sample(step, &self.settings, parameters.values());
        let Work { network, points, energies, slopes, .. } = &mut *work;
        network.forward(points, energies);
        let rows = step.rows();
        let (share, weight) = (1.0 / rows as f32, self.settings.square_weight as f32);
        let (mut contrast, mut squares) = (0.0, 0.0);
        for (i, (energy, slope)) in energies.iter().zip(slopes.iter_mut()).enumerate() {
            let sign = if i < rows { 1.0 } else { -1.0 };
            contrast += f64::from(sign * energy);
            squares += f64::from(energy * energy);
            *slope = share * (sign + 2.0 * weight * energy);
        }
        gradient.fill(0.0);
        network.backward(slopes, gradient);
        Ok((contrast + self.settings.square_weight * squares) / rows as f64)
    }
}

impl Objective for ContrastiveDivergence {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        EnergyNetwork::shape().initial(PREFIX, seed)
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let mut work = self.work.borrow_mut();
        let frozen = variables.values()?;
        work.sample(step, &self.settings, &frozen);
        let all = Tensor::from_slice(&work.points, (2 * step.rows(), 2), &Device::Cpu)?;
        let energy = EnergyNetwork::shape().graph(&all, PREFIX, |name| variables.get(name))?;
        let of_data = energy.narrow(0, 0, step.rows())?;
        let of_samples = energy.narrow(0, step.rows(), step.rows())?;
        let squares = (of_data.sqr()?.mean_all()? + of_samples.sqr()?.mean_all()?)?;
        Ok(((of_data.mean_all()? - of_samples.mean_all()?)? + (squares * self.settings.square_weight)?)?)
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let model = Exact(learned::trained(parameters, EnergyNetwork::load)?);
        let values = learned::values(&model as &dyn Potential, points)?;
        Ok(vec![HeldOut { quantity: "potential", values }])
    }

    fn architecture(&self) -> String {
        "A network 2-128-128-1 with ReLU, whose output is the potential.".into()
    }

    fn loss_in_words(&self) -> String {
        let Settings { langevin_steps, step_size, noise_scale, square_weight } = self.settings;
        format!(
            "Contrastive divergence with {langevin_steps} Langevin steps of size {step_size} and noise scale {noise_scale} from the data, and {square_weight} times the squared energies; torchebm, losses/contrastive_divergence.py."
        )
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "The potential is the output of the network, so likelihoods have an unknown offset: only differences count.".into(),
            "Langevin steps so large, with noise scaled down, do not sample from the model: the potential is a contrast, not a density of the data.".into(),
        ]
    }
}
