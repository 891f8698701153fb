//! Maximum likelihood of the autoregressive model.

use crate::autoregressive::{Autoregressive, ID, LOG_DEVIATION, MEAN, PREFIX};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Exact, Potential, Seed};
use likely_networks::candle::Tensor;
use likely_networks::training::{HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables};
use ndarray::ArrayView2;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const TRAINABLE: Trainable =
    Trainable { id: ID, summary: "Maximum likelihood: the mean of -log p over the batch.", build };

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
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let zero = |name: &str| Parameter { name: name.into(), shape: vec![1], initial: vec![0.0] };
        let mut parameters = vec![zero(MEAN), zero(LOG_DEVIATION)];
        parameters.extend(Autoregressive::shape().initial(PREFIX, seed));
        parameters
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let points = step.points()?;
        let (first, second) = (points.narrow(1, 0, 1)?, points.narrow(1, 1, 1)?);
        let (mean, log) = (variables.get(MEAN)?, variables.get(LOG_DEVIATION)?);
        let outputs = Autoregressive::shape().graph(&first, PREFIX, |name| variables.get(name))?;
        let (mu, log_sigma) = (outputs.narrow(1, 0, 1)?, outputs.narrow(1, 1, 1)?);
        let of_first = first.broadcast_sub(mean)?.broadcast_mul(&log.neg()?.exp()?)?;
        let of_second = ((second - mu)? * log_sigma.neg()?.exp()?)?;
        let squares = ((of_first.sqr()? + of_second.sqr()?)? * 0.5)?;
        let each = (squares + log_sigma)?.broadcast_add(log)?;
        Ok(each.mean_all()?.affine(1.0, std::f64::consts::TAU.ln())?)
    }

    fn held_out(
        &self,
        parameters: &Parameters,
        points: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        let model = Exact(learned::trained(parameters, Autoregressive::load)?);
        learned::log_likelihood(&model as &dyn Potential, points)
    }

    fn architecture(&self) -> String {
        "A Gaussian x_1 with two parameters; x_2 Gaussian with mean and logarithm of the deviation from a network 1-64-64-64-2 with tanh.".into()
    }

    fn loss_in_words(&self) -> String {
        "The mean of -log p over the batch.".into()
    }

    fn notes(&self) -> Vec<String> {
        vec!["The data are uniform in x_1, the model is Gaussian there: that gap to the entropy of the data stays.".into()]
    }
}
