//! A network whose output is the potential.

use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Exact, Normalisation, Number};
use likely_networks::{Activation, Expected, Mlp, MlpShape, Problems, Weights};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const ID: &str = "energy-network";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "An energy-based model: a network 2-128-128-1 whose output is the potential, up to an unknown constant.",
    source: "energy-based model of the authors' public code for arXiv 2510.26266",
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
    let stored = learned::read(&settings.weights, resources, &EnergyNetwork::expected())?;
    let network = learned::network(&settings.weights, &stored, EnergyNetwork::load)?;
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential: Box::new(Exact(network)), flow: None, images: None, resolved, facts })
}

/// Where the tensors of the network are: `network.0.weight` and so on.
pub(crate) const PREFIX: &str = "network";

/// `S(x) = f(x)`, `f` a network 2-128-128-1 with `max(z, 0)` between its layers.
///
/// The constant in `S` is unknown, and training fixes only differences of it. `S` is linear in pieces, so its second
/// derivatives are zero almost everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct EnergyNetwork {
    network: Mlp,
}

impl EnergyNetwork {
    /// The shape of the network.
    pub(crate) fn shape() -> MlpShape {
        MlpShape::new(vec![2, 128, 128, 1], Activation::Relu).expect("layers of usual widths")
    }

    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        Self::shape().expected(PREFIX)
    }

    /// The model with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names every tensor that is missing or has another shape.
    pub fn load(weights: &Weights) -> Result<Self, Problems> {
        Ok(Self { network: Mlp::load(weights, PREFIX, &Self::shape())? })
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for EnergyNetwork {
    fn dim(&self) -> usize {
        self.network.inputs()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        self.network.workspace()
    }

    fn multiplications(&self) -> usize {
        self.network.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.network.value(x, &mut y, work);
        y[0]
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.network.forward(x, &mut y, work);
        self.network.backward(&[N::constant(1.0)], grad, work);
        y[0]
    }
}
