//! The evidence bound as an objective.

use super::bound::{SAMPLES, log_likelihood_and_bound, noise};
use super::network::LOG_SCALE;
use super::{Architecture, ID, ImageVae, small};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::Seed;
use likely_networks::candle::Tensor;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::{ArrayView2, Axis};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Minus the evidence bound of grey images of 28x28, one sample a point and the divergence from the prior in closed form (Kingma and Welling, 2014).",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, small::SHAPE.len(), points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(EvidenceBound), config })
}

struct EvidenceBound;

impl Objective for EvidenceBound {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> =
            small::layers().into_iter().flat_map(|(name, layer)| layer.initial(&name, seed)).collect();
        // A fifth of the range of a pixel: at 1 the images would hardly count in the first steps.
        parameters.push(Parameter { name: LOG_SCALE.into(), shape: vec![1], initial: vec![0.2_f32.ln()] });
        parameters
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let tensor = |name: &str| variables.get(name);
        let images = step.points()?;
        let pixels = small::SHAPE.len() as f64;
        let [mean, log_variance] = small::encode(&images, tensor)?;
        let noise = step.normals(&[step.rows(), small::LATENT])?;
        let z = (&mean + (&log_variance * 0.5)?.exp()?.mul(&noise)?)?;
        let decoded = small::decode(&z, tensor)?;
        let log_scale = variables.get(LOG_SCALE)?;
        let gaps = (images - decoded)?.broadcast_mul(&log_scale.neg()?.exp()?)?.sqr()?.sum_all()?;
        let of_latent =
            ((mean.sqr()? + log_variance.exp()?)? - log_variance)?.affine(1.0, -1.0)?.sum_all()?;
        let of_batch = ((gaps + of_latent)? * (0.5 / step.rows() as f64))?;
        let constant = 0.5 * pixels * std::f64::consts::TAU.ln();
        Ok((of_batch + (log_scale.sum_all()? * pixels)?)?.affine(1.0, constant)?)
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
        let vae = learned::trained(parameters, |weights| ImageVae::load(weights, Architecture::Small))?;
        let (mut likelihoods, mut bounds) = (Vec::new(), Vec::new());
        for (i, image) in points.axis_chunks_iter(Axis(0), 1).enumerate() {
            let mut stream = seed.stream(&[("held-out", ID), ("point", &i.to_string())]);
            let noise = noise(&mut stream, SAMPLES, small::LATENT)?;
            let [likelihood, bound] = log_likelihood_and_bound(&vae, &vae.tensor(image)?, &noise)?;
            likelihoods.push(likelihood);
            bounds.push(bound);
        }
        Ok(vec![
            HeldOut { quantity: "log-likelihood", values: likelihoods },
            HeldOut { quantity: "evidence-bound", values: bounds },
        ])
    }

    fn architecture(&self) -> String {
        "Encoder of three convolutions 1-16-32-64 with stride 2 and SiLU and heads 1024-16 for mean and logarithm of the variances; decoder of a layer 16-1024 and three transposed convolutions 64-32-16-1, a sigmoid at the end; one scale for all pixels.".into()
    }

    fn loss_in_words(&self) -> String {
        "The mean over the batch of KL(q(z|x), p(z)) - log p(x|z) with one sample z a point, in nats; p(x|z) is Gaussian with a learned scale, as in the authors' image autoencoders.".into()
    }

    fn notes(&self) -> Vec<String> {
        vec![
            format!("The likelihood is an importance estimate with {SAMPLES} samples of the encoder a point: too low on average."),
            "Likelihood and bound are of densities of pixels as real numbers in [0, 1]; the data have 256 levels and no noise was added to them.".into(),
        ]
    }
}
