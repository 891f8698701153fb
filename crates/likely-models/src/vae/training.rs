//! The evidence bound by one sample a point.

use super::ID;
use super::network::{DECODER, ENCODER, LOG_SCALE, MEAN_HEAD, VARIANCE_HEAD, Vae};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::Seed;
use likely_networks::candle::Tensor;
use likely_networks::graph::linear;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use likely_networks::{Activation, initial};
use ndarray::ArrayView2;
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Minus the evidence bound by one sample a point, as a mean over the batch (Kingma and Welling, 2014).",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 3, points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(EvidenceBound), config })
}

struct EvidenceBound;

/// Importance samples for the likelihood of a held-out point.
const SAMPLES: usize = 1000;

impl Objective for EvidenceBound {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vae::layers()
            .into_iter()
            .flat_map(|(name, inputs, outputs)| initial::parameters(name, inputs, outputs, seed))
            .collect();
        parameters.extend(Vae::decoder_shape().initial(DECODER, seed));
        parameters.push(Parameter { name: LOG_SCALE.into(), shape: vec![1], initial: vec![0.0] });
        parameters
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let get = |name: &str| variables.get(name);
        let points = step.points()?;
        let features = Activation::Elu.graph(&linear(&points, ENCODER, get)?)?;
        let mean = linear(&features, MEAN_HEAD, get)?;
        let variance = Activation::Sigmoid.graph(&linear(&features, VARIANCE_HEAD, get)?)?;
        let noise = step.normals(&[step.rows(), 2])?;
        let latent = (&mean + variance.sqrt()?.mul(&noise)?)?;
        let decoded = Vae::decoder_shape().graph(&latent, DECODER, get)?;
        let log_scale = get(LOG_SCALE)?;
        let residual = (points - decoded)?.broadcast_mul(&log_scale.neg()?.exp()?)?;
        let rows = 1.0 / step.rows() as f64;
        // log q - log p(z): the constants of both normal densities cancel.
        let latent_part = ((latent.sqr()? - noise.sqr()?)? - variance.log()?)?.sum_all()?;
        let whole = ((latent_part + residual.sqr()?.sum_all()?)? * (0.5 * rows))?;
        Ok((whole + (log_scale.sum_all()? * 3.0)?)?.affine(1.0, 1.5 * std::f64::consts::TAU.ln())?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        seed: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let vae = learned::trained(parameters, Vae::load)?;
        if points.ncols() != 3 {
            let reason = format!("points have {} coordinates where 3 are needed", points.ncols());
            return Err(TrainingError::Model { reason });
        }
        let both: Vec<(f64, f64)> = (0..points.nrows())
            .into_par_iter()
            .map(|i| {
                let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
                let noise: Vec<[f64; 2]> =
                    (0..SAMPLES).map(|_| [(); 2].map(|()| stream.sample(StandardNormal))).collect();
                vae.log_likelihood(std::array::from_fn(|j| points[[i, j]]), &noise)
            })
            .collect();
        let (likelihoods, bounds) = both.into_iter().unzip();
        Ok(vec![
            HeldOut { quantity: "log-likelihood", values: likelihoods },
            HeldOut { quantity: "evidence-bound", values: bounds },
        ])
    }

    fn architecture(&self) -> String {
        "Encoder 3-100 with heads 100-2 for mean and, through a sigmoid, variance; decoder 2-100-3; ELU; one scale for all coordinates.".into()
    }

    fn loss_in_words(&self) -> String {
        "The mean over the batch of log q(z|x) - log p(z) - log p(x|z) with one sample z a point.".into()
    }

    fn notes(&self) -> Vec<String> {
        vec![format!(
            "The likelihood is an importance estimate with {SAMPLES} samples of the encoder a point: a little too low on average."
        )]
    }
}
