//! Denoising: the squared error of the predicted noise.

use super::denoiser::{BLOCKS, Denoiser, FIRST, FREQUENCIES, LAST, STEPS, STRETCH, block};
use super::denoiser::{frequencies, layers, log_kept};
use super::{FlowLikelihood, ID};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Potential, Seed};
use likely_networks::candle::{Device, Tensor};
use likely_networks::graph::linear;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use likely_networks::{Activation, initial};
use ndarray::ArrayView2;
use rand::Rng;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "The mean squared error of the noise that is predicted at a step drawn for each point (Ho et al., 2020).",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 2, points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(Denoising), config })
}

struct Denoising;

/// Runge-Kutta steps between two steps of the diffusion, for the likelihood of held-out points.
const PIECES: usize = 2;

impl Objective for Denoising {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        layers()
            .into_iter()
            .flat_map(|(name, inputs, outputs)| initial::parameters(&name, inputs, outputs, seed))
            .collect()
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let rows = step.rows();
        let noise = step.normals(&[rows, 2])?;
        let times: Vec<usize> = (0..rows).map(|_| step.stream.random_range(0..STEPS)).collect();
        let kept = log_kept();
        let column = |f: &dyn Fn(usize) -> f64| {
            let values: Vec<f32> = times.iter().map(|t| f(*t) as f32).collect();
            Tensor::from_vec(values, (rows, 1), &Device::Cpu)
        };
        let data_share = column(&|t| libm::exp(0.5 * kept[t]))?;
        let noise_share = column(&|t| libm::sqrt(-libm::expm1(kept[t])))?;
        let noised = (step.points()?.broadcast_mul(&data_share)? + noise.broadcast_mul(&noise_share)?)?;
        let places = Tensor::cat(&[(noised * STRETCH)?, column(&|t| t as f64)?], 1)?;
        let frequencies = Tensor::from_slice(&frequencies(), (1, 1, FREQUENCIES), &Device::Cpu)?;
        let angles = places.unsqueeze(2)?.broadcast_mul(&frequencies)?;
        let embedding = Tensor::cat(&[angles.sin()?, angles.cos()?], 2)?.flatten_from(1)?;
        let get = |name: &str| variables.get(name);
        let mut hidden = Activation::Gelu.graph(&linear(&embedding, FIRST, get)?)?;
        for k in 0..BLOCKS {
            let inner = linear(&hidden, &block(k), get)?;
            hidden = (hidden + Activation::Gelu.graph(&inner)?)?;
        }
        Ok((linear(&hidden, LAST, get)? - noise)?.sqr()?.mean_all()?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let network = learned::trained(parameters, Denoiser::load)?;
        let model = FlowLikelihood::new(network, PIECES);
        learned::log_likelihood(&model as &dyn Potential, points)
    }

    fn architecture(&self) -> String {
        "Sinusoidal embeddings of both coordinates (times 25) and the step, 128 numbers each; a layer 384-128, three residual blocks of 128 with GELU, a layer 128-2.".into()
    }

    fn loss_in_words(&self) -> String {
        "The mean squared error of the predicted noise, at one of 50 steps with variances from 1e-4 to 0.02 drawn for each point; tiny-diffusion, ddpm.py.".into()
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "The reference calls `loss.backward(loss)`, which multiplies every gradient by the loss; ours does not.".into(),
            "After the last step 60 % of the variance of the data are left: the likelihood is that of the flow from a standard normal, as samples are drawn.".into(),
        ]
    }
}
