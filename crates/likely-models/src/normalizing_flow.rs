//! A normalising flow of affine couplings in the plane.

use crate::learned;
use crate::weights_file::WeightsFile;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Dual, Exact, Normalisation, Number, Pieces};
use likely_networks::{Activation, Expected, Mlp, MlpShape, Problems, Weights};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

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
    weights: WeightsFile,
}

fn build(config: Config<'_>, resources: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let stored = learned::read(&settings.weights, resources, &NormalizingFlow::expected())?;
    let network = learned::network(&settings.weights, &stored, NormalizingFlow::load)?;
    let facts = vec![("weights-sha256", stored.sha256)];
    Ok(Built { potential: Box::new(Exact(network)), flow: None, images: None, resolved, facts })
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
/// A network of one number with `max(h, 0)` is linear in pieces. All of them are found when the model is built, so that an
/// evaluation looks up two lines in place of two matrix products.
///
/// # Source
/// normflows: `AffineCouplingBlock` with the scale map `exp`, whose network gives the shift first and the logarithm of the
/// scale second, then `Permute` with `swap`; base `DiagGaussian`.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizingFlow {
    couplings: Vec<Lines>,
    mean: [f64; 2],
    /// `1 / sigma^2`.
    precision: [f64; 2],
    /// `sum log sigma + log 2 pi`.
    constant: f64,
}

/// For each piece of the line a place in it, and value and slope there of the shift and of the logarithm of the scale.
type Lines = Pieces<5>;

/// The pieces of a network 1-...-2 with `max(h, 0)`.
///
/// Layer after layer, the numbers before the nonlinearity are linear between the breaks so far, and the next breaks are
/// where one of them is zero.
fn lines(network: &Mlp) -> Result<Lines, Problems> {
    let hidden = network.layers().len() - 1;
    let mut breaks: Vec<f64> = Vec::new();
    for depth in 1..=hidden {
        let mut more = Vec::new();
        for piece in 0..=breaks.len() {
            let (from, to) = ends(&breaks, piece);
            let middle = inside(from, to);
            for h in before_activation(network, middle, depth) {
                let root = middle - h.value / h.slope;
                if root > from && root < to {
                    more.push(root);
                }
            }
        }
        breaks.extend(more);
        breaks.sort_by(f64::total_cmp);
        breaks.dedup();
    }
    let values = (0..=breaks.len()).map(|piece| {
        let (from, to) = ends(&breaks, piece);
        let middle = inside(from, to);
        let y = before_activation(network, middle, hidden + 1);
        [middle, y[0].value, y[0].slope, y[1].value, y[1].slope]
    });
    let values = values.collect();
    Pieces::new(breaks, values).ok_or_else(|| Problems(vec!["a coupling has too large weights".into()]))
}

/// Where a piece begins and ends.
fn ends(breaks: &[f64], piece: usize) -> (f64, f64) {
    let from = if piece == 0 { f64::NEG_INFINITY } else { breaks[piece - 1] };
    (from, breaks.get(piece).copied().unwrap_or(f64::INFINITY))
}

/// A place between two others, of which one or both may be infinite.
fn inside(from: f64, to: f64) -> f64 {
    match (from.is_finite(), to.is_finite()) {
        (true, true) => 0.5 * (from + to),
        (true, false) => from + 1.0,
        (false, true) => to - 1.0,
        (false, false) => 0.0,
    }
}

/// What layer number `depth`, from 1, gives at `x` and its slope there, before the nonlinearity.
fn before_activation(network: &Mlp, x: f64, depth: usize) -> Vec<Dual<f64>> {
    let mut values = vec![Dual { value: x, slope: 1.0 }];
    for (k, layer) in network.layers()[..depth].iter().enumerate() {
        if k > 0 {
            for value in &mut values {
                *value = Activation::Relu.value(*value);
            }
        }
        let mut next = vec![Dual::constant(0.0); layer.outputs()];
        layer.forward(&values, &mut next);
        values = next;
    }
    values
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
        let couplings = (0..COUPLINGS).map(|k| lines(&Mlp::load(weights, &prefix(k), &shape)?));
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
        for coupling in &self.couplings {
            let Line { shift, log_scale, .. } = Line::at(coupling, x[0]);
            x = [x[1] * libm::exp(log_scale) + shift, x[0]];
        }
        x
    }
}

/// Shift and logarithm of the scale of a coupling, with their slopes.
struct Line<N> {
    shift: N,
    shift_slope: N,
    log_scale: N,
    log_scale_slope: N,
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<N: Number> Line<N> {
    #[inline(always)]
    fn at(lines: &Lines, a: N) -> Self {
        let [middle, shift, shift_slope, log_scale, log_scale_slope] = a.piece(lines);
        let from = a - middle;
        Self {
            shift: shift + shift_slope * from,
            shift_slope,
            log_scale: log_scale + log_scale_slope * from,
            log_scale_slope,
        }
    }
}

/// Numbers that a coupling keeps between the inverse pass and the one back: its second coordinate, its scale and both slopes.
const KEPT: usize = 4;

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
        self.couplings.len() * KEPT
    }

    fn multiplications(&self) -> usize {
        // About what a search for a piece, an exponential and the products cost.
        self.couplings.len() * 60
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], _: &mut [N]) -> N {
        let (mut a, mut b) = (x[0], x[1]);
        let mut scales = N::constant(0.0);
        for coupling in self.couplings.iter().rev() {
            (a, b) = (b, a);
            let line = Line::at(coupling, a);
            b = (b - line.shift) * (-line.log_scale).exp();
            scales = scales + line.log_scale;
        }
        self.base([a, b], scales)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let (mut a, mut b) = (x[0], x[1]);
        let mut scales = N::constant(0.0);
        let work = &mut work[..self.couplings.len() * KEPT];
        for (coupling, kept) in self.couplings.iter().rev().zip(work.chunks_exact_mut(KEPT)) {
            (a, b) = (b, a);
            let line = Line::at(coupling, a);
            let scale = (-line.log_scale).exp();
            b = (b - line.shift) * scale;
            scales = scales + line.log_scale;
            kept.copy_from_slice(&[b, scale, line.shift_slope, line.log_scale_slope]);
        }
        let value = self.base([a, b], scales);
        let one = N::constant(1.0);
        let mut slope_a = a.shifted(-self.mean[0]).scaled(self.precision[0]);
        let mut slope_b = b.shifted(-self.mean[1]).scaled(self.precision[1]);
        for kept in work.chunks_exact(KEPT).rev() {
            let (b, scale) = (kept[0], kept[1]);
            let of_b = scale * slope_b;
            let through = (one - b * slope_b) * kept[3] - of_b * kept[2];
            (slope_a, slope_b) = (of_b, slope_a + through);
        }
        (grad[0], grad[1]) = (slope_a, slope_b);
        value
    }
}
