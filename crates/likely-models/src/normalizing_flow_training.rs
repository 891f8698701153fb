//! Maximum likelihood of the normalising flow.

use crate::learned;
use crate::normalizing_flow::{COUPLINGS, ID, LOG_DEVIATION, MEAN, NormalizingFlow, prefix};
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Exact, Potential, Seed};
use likely_networks::candle::Tensor;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::ArrayView2;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable = Trainable {
    id: ID,
    summary: "Maximum likelihood (the forward divergence of normflows): the mean of -log p over the batch.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 2, points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(Likelihood), config })
}

struct Likelihood;

impl Objective for Likelihood {
    /// The last layer of every coupling begins at zero, so the flow begins as the identity.
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let zero = |name: &str| Parameter { name: name.into(), shape: vec![2], initial: vec![0.0; 2] };
        let mut parameters = vec![zero(MEAN), zero(LOG_DEVIATION)];
        for coupling in 0..COUPLINGS {
            let mut network = NormalizingFlow::shape().initial(&prefix(coupling), seed);
            let last = network.len() - 2;
            network[last..].iter_mut().for_each(|tensor| tensor.initial.fill(0.0));
            parameters.extend(network);
        }
        parameters
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let points = step.points()?;
        let (mut a, mut b) = (points.narrow(1, 0, 1)?, points.narrow(1, 1, 1)?);
        let mut scales = a.zeros_like()?;
        let shape = NormalizingFlow::shape();
        for coupling in (0..COUPLINGS).rev() {
            (a, b) = (b, a);
            let outputs = shape.graph(&a, &prefix(coupling), |name| variables.get(name))?;
            let (shift, log_scale) = (outputs.narrow(1, 0, 1)?, outputs.narrow(1, 1, 1)?);
            b = ((b - shift)? * log_scale.neg()?.exp()?)?;
            scales = (scales + log_scale)?;
        }
        let base = Tensor::cat(&[&a, &b], 1)?;
        let log = variables.get(LOG_DEVIATION)?;
        let base = base.broadcast_sub(variables.get(MEAN)?)?.broadcast_mul(&log.neg()?.exp()?)?;
        let quadratic = (base.sqr()?.sum_all()? * (0.5 / step.rows() as f64))?;
        Ok((quadratic + scales.mean_all()?)?.add(&log.sum_all()?)?.affine(1.0, std::f64::consts::TAU.ln())?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let model = Exact(learned::trained(parameters, NormalizingFlow::load)?);
        learned::log_likelihood(&model as &dyn Potential, points)
    }

    fn architecture(&self) -> String {
        format!(
            "A Gaussian with trained mean and deviations, {COUPLINGS} affine couplings with networks 1-64-64-2 with ReLU, the coordinates swapped after each."
        )
    }

    fn loss_in_words(&self) -> String {
        "The mean of -log p over the batch; normflows, core.py, forward_kld.".into()
    }
}
