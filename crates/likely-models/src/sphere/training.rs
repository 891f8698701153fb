//! Denoising score matching on the sphere with the heat kernel.

use crate::sphere::brownian::BrownianMotion;
use crate::sphere::coordinates::Coordinates;
use crate::sphere::diffusion::{DEFAULT_STEPS, ID, SphereDiffusion};
use crate::sphere::schedule::NoiseSchedule;
use crate::sphere::score_network::{ScoreNetwork, ScoreShape, TIMES, embedding, names};
use crate::sphere::vectors::normalised;
use crate::{BuildError, Config, Resolved, Trainable, learned};
use likely_core::Seed;
use likely_networks::candle::{Device, Tensor};
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::ArrayView2;
use rand::Rng;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Denoising score matching with the heat kernel of the sphere, at noise levels uniform in their logarithm.",
    build,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    #[serde(default)]
    hidden: ScoreShape,
    #[serde(default)]
    noise: NoiseSchedule,
    /// Largest initial weight of the first layer: the frequencies that the sines begin with.
    #[serde(default = "default_frequency", deserialize_with = "crate::numbers::positive")]
    frequency: f64,
}

const fn default_frequency() -> f64 {
    6.0
}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 3, points)?;
    if let Some(row) = points.rows().into_iter().position(|x| {
        let squared = x.dot(&x);
        (squared - 1.0).abs() > 1e-6 || squared.is_nan()
    }) {
        let norm = points.row(row).dot(&points.row(row)).sqrt();
        let reason = format!("training point {row} has norm {norm}, and on the unit sphere it is 1");
        return Err(BuildError::Fit { model: ID, reason });
    }
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(Denoising(settings)), config })
}

/// `E |n(X_s, s) - sqrt(s) grad log p_s(X_s | X_0)|^2` over data `X_0`, noise `s` uniform in its logarithm and `X_s` after
/// Brownian motion of time `s`: the loss that bounds the negative log-likelihood up to a constant, for `ds = s d log s`.
struct Denoising(Settings);

/// Noised points with what the network sees and should say, row after row.
struct Batch {
    points: Vec<f32>,
    times: Vec<f32>,
    targets: Vec<f32>,
}

impl Denoising {
    /// Noise levels are spread evenly over the batch, so that its loss varies less.
    fn batch(&self, step: &mut Step<'_>) -> Result<Batch, TrainingError> {
        let [low, high] = self.0.noise.log_range();
        let rows = step.rows();
        let offset: f64 = step.stream.random();
        let (mut points, mut times, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let batch = step.batch;
        for (i, row) in batch.chunks_exact(3).enumerate() {
            let from = normalised([row[0], row[1], row[2]].map(f64::from));
            let log_noise = low + (high - low) * ((i as f64 + offset) / rows as f64);
            let noise = libm::exp(log_noise);
            let motion = BrownianMotion::new(noise)
                .map_err(|error| TrainingError::Model { reason: error.to_string() })?;
            let to = motion.sample(from, &mut step.stream);
            let (_, score) = motion.kernel().log_density_and_score(to, from);
            points.extend(to.map(|x| x as f32));
            times.extend(embedding(self.0.noise, log_noise).map(|x| x as f32));
            targets.extend(score.map(|s| (noise.sqrt() * s) as f32));
        }
        Ok(Batch { points, times, targets })
    }
}

impl Objective for Denoising {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let layers = self.0.hidden.layers();
        let last = layers.len() - 1;
        let mut parameters = Vec::new();
        for (layer, (inputs, outputs)) in layers.into_iter().enumerate() {
            let [weight, gain, shift, bias] = names(layer);
            // The variance of a sine of a normal number is about a half: these weights keep that of the layer below.
            let bound = match layer {
                0 => self.0.frequency,
                _ => (6.0 / inputs as f64).sqrt(),
            };
            // The last layer begins at zero, and with it the score: the uniform law.
            let bounds = if layer == last { [0.0; 4] } else { [bound, 0.0, 1.0, std::f64::consts::PI] };
            let shapes = [vec![outputs, inputs], vec![outputs, TIMES], vec![outputs, TIMES], vec![outputs]];
            for ((name, shape), bound) in [weight, gain, shift, bias].into_iter().zip(shapes).zip(bounds) {
                let mut stream = seed.stream(&[("training", "initial"), ("parameter", &name)]);
                let count = shape.iter().product();
                let draw = |_| (bound * (2.0 * stream.random::<f64>() - 1.0)) as f32;
                parameters.push(Parameter { name, shape, initial: (0..count).map(draw).collect() });
            }
        }
        parameters
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let rows = step.rows();
        let Batch { points, times, targets } = self.batch(step)?;
        let x = Tensor::from_vec(points, (rows, 3), &Device::Cpu)?;
        let times = Tensor::from_vec(times, (rows, TIMES), &Device::Cpu)?;
        let targets = Tensor::from_vec(targets, (rows, 3), &Device::Cpu)?;
        let layers = self.0.hidden.layers().len();
        let mut h = x.clone();
        for layer in 0..layers {
            let [weight, gain, shift, bias] = names(layer);
            let gain = (times.matmul(&variables.get(&gain)?.t()?)? + 1.0)?;
            let shift = times.matmul(&variables.get(&shift)?.t()?)?.broadcast_add(variables.get(&bias)?)?;
            h = ((h.matmul(&variables.get(&weight)?.t()?)? * gain)? + shift)?;
            if layer + 1 < layers {
                h = h.sin()?;
            }
        }
        let along = (&h * &x)?.sum_keepdim(1)?;
        let tangent = (h - x.broadcast_mul(&along)?)?;
        Ok((tangent - targets)?.sqr()?.sum(1)?.mean_all()?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let load = |weights: &_| ScoreNetwork::load(weights, &self.0.hidden, self.0.noise);
        let network = learned::trained(parameters, load)?;
        let first = self.0.noise.first_time();
        let model = SphereDiffusion::new(network, first, usize::from(DEFAULT_STEPS), Coordinates::Embedded);
        learned::log_likelihood(&model, points)
    }

    fn architecture(&self) -> String {
        let hidden: Vec<usize> = self.0.hidden.clone().into();
        format!(
            "Layers (1 + gain(t)) W h + shift(t) with sines between them, hidden {hidden:?}, gains and shifts linear in {TIMES} \
             functions of the logarithm of the noise; projected onto the tangent space."
        )
    }

    fn loss_in_words(&self) -> String {
        "The squared distance of the scaled score to that of the heat kernel, at noise levels uniform in their logarithm \
         (De Bortoli et al. 2022, section 3.2)."
            .into()
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "The log-likelihood is with respect to the area measure of the unit sphere, where the uniform law has -2.531.".into(),
            "The released code draws times uniformly and averages weights; here noise is uniform in its logarithm.".into(),
        ]
    }
}
