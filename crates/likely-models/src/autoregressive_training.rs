//! Maximum likelihood of the autoregressive model.

use crate::autoregressive::{Autoregressive, ID, LOG_DEVIATION, MEAN, PREFIX};
use crate::learned;
use crate::{BuildError, Config, Resolved, Trainable};
use likely_core::{Exact, Potential, Seed};
use likely_networks::Batch;
use likely_networks::candle::Tensor;
use likely_networks::training::{
    ByHand, HeldOut, Objective, Parameter, Parameters, Step, TrainingError, Variables,
};
use ndarray::ArrayView2;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

pub(crate) const TRAINABLE: Trainable =
    Trainable { id: ID, summary: "Maximum likelihood: the mean of -log p over the batch.", build };

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, points: ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    learned::check_dim(ID, 2, points)?;
    let config = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    Ok(Resolved { built: Box::new(Likelihood::new()), config })
}

struct Likelihood {
    /// What a step by hand works in.
    work: RefCell<Work>,
}

struct Work {
    network: Batch,
    /// First coordinates.
    inputs: Vec<f32>,
    /// Mean and logarithm of the deviation of the second ones, then the slopes of the loss in them.
    outputs: Vec<f32>,
    slopes: Vec<f32>,
}

impl Likelihood {
    fn new() -> Self {
        let network = Batch::new(&Autoregressive::shape());
        let work = Work { network, inputs: Vec::new(), outputs: Vec::new(), slopes: Vec::new() };
        Self { work: RefCell::new(work) }
    }
}

/// Parameters of the first coordinate, which come before those of the network.
const FIRST: usize = 2;

impl ByHand for Likelihood {
    fn gradient(
        &self,
        step: &mut Step<'_>,
        parameters: &Parameters,
        gradient: &mut [f32],
    ) -> Result<f64, TrainingError> {
        let mut work = self.work.borrow_mut();
        let Work { network, inputs, outputs, slopes } = &mut *work;
        let rows = step.rows();
        let share = 1.0 / rows as f32;
        inputs.clear();
        inputs.extend(step.batch.chunks_exact(2).map(|point| point[0]));
        outputs.resize(2 * rows, 0.0);
        slopes.resize(2 * rows, 0.0);
        network.set(&parameters.values()[FIRST..]);
        network.forward(inputs, outputs);
        let (mean, log) = (parameters.values()[0], parameters.values()[1]);
        let inverse = libm::expf(-log);
        let (mut loss, mut of_mean, mut of_log) = (0.0, 0.0, 0.0);
        let points = step.batch.chunks_exact(2).zip(outputs.chunks_exact(2));
        for ((point, output), slope) in points.zip(slopes.chunks_exact_mut(2)) {
            let first = (point[0] - mean) * inverse;
            let narrow = libm::expf(-output[1]);
            let second = (point[1] - output[0]) * narrow;
            loss += f64::from(0.5 * (first * first + second * second) + output[1]);
            of_mean -= first * inverse;
            of_log -= first * first;
            slope[0] = -second * narrow * share;
            slope[1] = (1.0 - second * second) * share;
        }
        gradient.fill(0.0);
        gradient[0] = of_mean * share;
        gradient[1] = of_log * share + 1.0;
        network.backward(slopes, &mut gradient[FIRST..]);
        Ok(loss / rows as f64 + f64::from(log) + std::f64::consts::TAU.ln())
    }
}

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

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
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
