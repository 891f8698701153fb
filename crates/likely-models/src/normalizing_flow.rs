//! A normalising flow of affine couplings in the plane.

use crate::learned;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Exact, Normalisation, Number};
use likely_networks::{Activation, Expected, Mlp, MlpShape, Problems, Weights};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub(crate) const ID: &str = "normalizing-flow";

pub(crate) const MODEL: Model = Model {
    id: ID,
    summary: "A Gaussian carried by 32 affine couplings, each with a network 1-64-64-2, and a swap of the coordinates after each.",
    source: "normalising flow of the authors' public code for arXiv 2510.26266, with the conventions of normflows",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    weights: PathBuf,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let stored = learned::read(&settings.weights, resources, &NormalizingFlow::expected())?;
    let network = learned::network(&settings.weights, &stored, NormalizingFlow::load)?;
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential: Box::new(Exact(network)), flow: None, resolved, facts })
}

/// Couplings of the flow.
pub(crate) const COUPLINGS: usize = 32;
/// Mean of the Gaussian.
pub(crate) const MEAN: &str = "base.mean";
/// Logarithms of its standard deviations.
pub(crate) const LOG_DEVIATION: &str = "base.log_deviation";

/// Where the tensors of a coupling are: `couplings.0.0.weight` and so on.
pub(crate) fn prefix(coupling: usize) -> String {
    format!("couplings.{coupling}")
}

/// `x = f_31(... f_0(z))` with `z` Gaussian and `f_k(a, b) = (b e^s(a) + t(a), a)`, `(t, s)` a network 1-64-64-2 with
/// `max(h, 0)`; the potential is exact by the inverse pass.
///
/// # Source
/// normflows: `AffineCouplingBlock` with the scale map `exp`, whose network gives the shift first and the logarithm of the
/// scale second, then `Permute` with `swap`; base `DiagGaussian`.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizingFlow {
    couplings: Vec<Mlp>,
    mean: [f64; 2],
    /// `1 / sigma^2`.
    precision: [f64; 2],
    /// `sum log sigma + log 2 pi`.
    constant: f64,
}

impl NormalizingFlow {
    /// The shape of the network of a coupling.
    pub(crate) fn shape() -> MlpShape {
        MlpShape::new(vec![1, 64, 64, 2], Activation::Relu).expect("layers of usual widths")
    }

    /// The tensors that a weights file holds.
    pub fn expected() -> Vec<Expected> {
        let mut expected = vec![Expected::new(MEAN, &[2]), Expected::new(LOG_DEVIATION, &[2])];
        expected.extend((0..COUPLINGS).flat_map(|k| Self::shape().expected(&prefix(k))));
        expected
    }

    /// The model with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names the tensors that are missing or have another shape.
    pub fn load(weights: &Weights) -> Result<Self, Problems> {
        let shape = Self::shape();
        let couplings = (0..COUPLINGS).map(|k| Mlp::load(weights, &prefix(k), &shape));
        let couplings = couplings.collect::<Result<_, _>>()?;
        let mean = learned::numbers(weights, MEAN)?;
        let logs: [f64; 2] = learned::numbers(weights, LOG_DEVIATION)?;
        let constant = logs[0] + logs[1] + libm::log(std::f64::consts::TAU);
        Ok(Self { couplings, mean, precision: logs.map(|log| libm::exp(-2.0 * log)), constant })
    }

    /// A point, from two standard normal numbers.
    pub fn sample(&self, normals: [f64; 2]) -> [f64; 2] {
        let mut x: [f64; 2] =
            std::array::from_fn(|j| self.mean[j] + normals[j] / libm::sqrt(self.precision[j]));
        let mut work = vec![0.0; self.couplings[0].workspace()];
        for coupling in &self.couplings {
            let mut y = [0.0; 2];
            coupling.value(&x[..1], &mut y, &mut work);
            x = [x[1] * libm::exp(y[1]) + y[0], x[0]];
        }
        x
    }

    /// Numbers that a coupling keeps between the inverse pass and the one back: those of its network, its second
    /// coordinate, and its scale.
    fn kept(&self) -> usize {
        self.couplings[0].workspace() + 2
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl NormalizingFlow {
    /// The potential of the Gaussian, with the scales on the way there.
    #[inline(always)]
    fn base<N: Number>(&self, [a, b]: [N; 2], scales: N) -> N {
        let (a, b) = (a.shifted(-self.mean[0]), b.shifted(-self.mean[1]));
        let quadratic = (a * a).scaled(self.precision[0]) + (b * b).scaled(self.precision[1]);
        quadratic.scaled(0.5) + scales.shifted(self.constant)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for NormalizingFlow {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn workspace(&self) -> usize {
        self.couplings.len() * self.kept()
    }

    fn multiplications(&self) -> usize {
        self.couplings.iter().map(Mlp::multiplications).sum()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let (mut a, mut b) = (x[0], x[1]);
        let mut scales = N::constant(0.0);
        for coupling in self.couplings.iter().rev() {
            (a, b) = (b, a);
            let mut y = [N::constant(0.0); 2];
            coupling.value(&[a], &mut y, work);
            b = (b - y[0]) * (-y[1]).exp();
            scales = scales + y[1];
        }
        self.base([a, b], scales)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let (mut a, mut b) = (x[0], x[1]);
        let mut scales = N::constant(0.0);
        let kept = self.kept();
        let blocks = work.chunks_exact_mut(kept);
        for (coupling, block) in self.couplings.iter().rev().zip(blocks) {
            (a, b) = (b, a);
            let (inner, outer) = block.split_at_mut(kept - 2);
            let mut y = [N::constant(0.0); 2];
            coupling.forward(&[a], &mut y, inner);
            let scale = (-y[1]).exp();
            b = (b - y[0]) * scale;
            scales = scales + y[1];
            outer.copy_from_slice(&[b, scale]);
        }
        let value = self.base([a, b], scales);
        let one = N::constant(1.0);
        let mut slope_a = a.shifted(-self.mean[0]).scaled(self.precision[0]);
        let mut slope_b = b.shifted(-self.mean[1]).scaled(self.precision[1]);
        let blocks = work[..self.couplings.len() * kept].chunks_exact_mut(kept).rev();
        for (coupling, block) in self.couplings.iter().zip(blocks) {
            let (inner, outer) = block.split_at_mut(kept - 2);
            let (b, scale) = (outer[0], outer[1]);
            let mut through = [N::constant(0.0)];
            coupling.backward(&[-(scale * slope_b), one - b * slope_b], &mut through, inner);
            (slope_a, slope_b) = (slope_b * scale, slope_a + through[0]);
        }
        (grad[0], grad[1]) = (slope_a, slope_b);
        value
    }
}
