//! A Gaussian, and a Gaussian whose mean and width depend on it.

use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Exact, Normalisation, Number};
use likely_networks::{Activation, Expected, Mlp, MlpShape, Problems, Weights};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const ID: &str = "autoregressive";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A Gaussian first coordinate and a Gaussian second one, whose mean and width a network 1-64-64-64-2 tells from the first.",
    source: "autoregressive model of the authors' public code for arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    weights: WeightsFile,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let stored = learned::read(&settings.weights, resources, &Autoregressive::expected())?;
    let network = learned::network(&settings.weights, &stored, Autoregressive::load)?;
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential: Box::new(Exact(network)), flow: None, images: None, resolved, facts })
}

/// Where the tensors of the network are.
pub(crate) const PREFIX: &str = "second";
/// Mean of the first coordinate.
pub(crate) const MEAN: &str = "first.mean";
/// Logarithm of the standard deviation of the first coordinate.
pub(crate) const LOG_DEVIATION: &str = "first.log_deviation";

/// `p(x) = N(x_1; m, s^2) N(x_2; mu(x_1), sigma(x_1)^2)`, with `(mu, log sigma)` a network 1-64-64-64-2 with tanh.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoregressive {
    mean: f64,
    inverse: f64,
    /// `log s + log 2 pi`.
    constant: f64,
    network: Mlp,
}

impl Autoregressive {
    /// The shape of the network.
    pub(crate) fn shape() -> MlpShape {
        MlpShape::new(vec![1, 64, 64, 64, 2], Activation::Tanh).expect("layers of usual widths")
    }

    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        let mut expected = vec![Expected::new(MEAN, &[1]), Expected::new(LOG_DEVIATION, &[1])];
        expected.extend(Self::shape().expected(PREFIX));
        expected
    }

    /// The model with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names every tensor that is missing or has another shape.
    pub fn load(weights: &Weights) -> Result<Self, Problems> {
        let network = Mlp::load(weights, PREFIX, &Self::shape())?;
        let [mean] = learned::numbers(weights, MEAN)?;
        let [log_deviation] = learned::numbers(weights, LOG_DEVIATION)?;
        let constant = log_deviation + libm::log(std::f64::consts::TAU);
        Ok(Self { mean, inverse: libm::exp(-log_deviation), constant, network })
    }

    /// A point, from two standard normal numbers.
    pub fn sample(&self, normals: [f64; 2]) -> [f64; 2] {
        let first = self.mean + normals[0] / self.inverse;
        let (mut y, mut work) = ([0.0; 2], vec![0.0; self.network.workspace()]);
        self.network.value(&[first], &mut y, &mut work);
        [first, y[0] + libm::exp(y[1]) * normals[1]]
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Autoregressive {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn workspace(&self) -> usize {
        self.network.workspace()
    }

    fn multiplications(&self) -> usize {
        self.network.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0); 2];
        self.network.value(&x[..1], &mut y, work);
        let first = x[0].shifted(-self.mean).scaled(self.inverse);
        let second = (x[1] - y[0]) * (-y[1]).exp();
        (first * first + second * second).scaled(0.5) + y[1].shifted(self.constant)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0); 2];
        self.network.forward(&x[..1], &mut y, work);
        let first = x[0].shifted(-self.mean).scaled(self.inverse);
        let inverse = (-y[1]).exp();
        let second = (x[1] - y[0]) * inverse;
        let slope = second * inverse;
        let mut through = [N::constant(0.0)];
        self.network.backward(&[-slope, N::constant(1.0) - second * second], &mut through, work);
        grad[0] = first.scaled(self.inverse) + through[0];
        grad[1] = slope;
        (first * first + second * second).scaled(0.5) + y[1].shifted(self.constant)
    }
}
