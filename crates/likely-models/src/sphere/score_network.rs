//! The network that tells the score of diffused data on the sphere.

use crate::sphere::jet::Jet;
use crate::sphere::schedule::NoiseSchedule;
use crate::sphere::vectors::dot;
use likely_core::Number;
use likely_networks::{Dense, Expected, Problems, Weights};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// Waves of the embedding of the time.
const WAVES: usize = 4;
/// Numbers of the embedding of the time.
pub(crate) const TIMES: usize = 1 + 2 * WAVES;
/// Most units of a layer, and most layers.
const WIDEST: usize = 1024;
const DEEPEST: usize = 8;

/// Units of the hidden layers of a score network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct ScoreShape {
    hidden: Vec<usize>,
}

impl From<ScoreShape> for Vec<usize> {
    fn from(shape: ScoreShape) -> Self {
        shape.hidden
    }
}

impl TryFrom<Vec<usize>> for ScoreShape {
    type Error = String;

    fn try_from(hidden: Vec<usize>) -> Result<Self, String> {
        if !(1..=DEEPEST).contains(&hidden.len()) || hidden.iter().any(|h| !(1..=WIDEST).contains(h)) {
            return Err(format!(
                "{hidden:?} are no hidden layers; there must be 1 to {DEEPEST} of 1 to {WIDEST} units each"
            ));
        }
        Ok(Self { hidden })
    }
}

impl Default for ScoreShape {
    fn default() -> Self {
        Self { hidden: vec![64, 64, 64] }
    }
}

/// The names of the tensors of a layer: weight, gain in time, shift in time with its bias.
pub(crate) fn names(layer: usize) -> [String; 4] {
    ["weight", "gain", "shift.weight", "shift.bias"].map(|part| format!("layers.{layer}.{part}"))
}

impl ScoreShape {
    /// Inputs and outputs of every layer.
    pub(crate) fn layers(&self) -> Vec<(usize, usize)> {
        let widths: Vec<usize> = [3].into_iter().chain(self.hidden.iter().copied()).chain([3]).collect();
        widths.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// The tensors that a weights file holds.
    pub fn expected(&self) -> Vec<Expected> {
        let layers = self.layers().into_iter().enumerate();
        layers
            .flat_map(|(layer, (inputs, outputs))| {
                let [weight, gain, shift, bias] = names(layer);
                [
                    Expected::new(weight, &[outputs, inputs]),
                    Expected::new(gain, &[outputs, TIMES]),
                    Expected::new(shift, &[outputs, TIMES]),
                    Expected::new(bias, &[outputs]),
                ]
            })
            .collect()
    }
}

/// The embedding of a time: `s` in [-1, 1], linear in the logarithm of the noise, and `cos` and `sin` of `k pi s / 2`.
pub(crate) fn embedding(schedule: NoiseSchedule, log_noise: f64) -> [f64; TIMES] {
    let [low, high] = schedule.log_range();
    let s = 2.0 * (log_noise - low) / (high - low) - 1.0;
    std::array::from_fn(|i| match i {
        0 => s,
        odd if odd % 2 == 1 => libm::cos(FRAC_PI_2 * odd.div_ceil(2) as f64 * s),
        even => libm::sin(FRAC_PI_2 * (even / 2) as f64 * s),
    })
}

/// A layer `y = (1 + gain(t)) W x + shift(t)`.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    weight: Dense,
    gain: Dense,
    shift: Dense,
}

/// What a layer adds and multiplies by at one time.
#[derive(Debug, Clone, PartialEq)]
struct Conditions {
    gain: Vec<f64>,
    shift: Vec<f64>,
}

/// A network at one time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AtTime(Vec<Conditions>);

/// `n(x, t) = P(x) f(x, t)`, the score times the root of the noise: `f` has layers `(1 + gain(t)) W h + shift(t)` with a sine
/// between them, and `P` projects onto the tangent space.
///
/// Gains and shifts are linear in the embedding of the time, so that they are numbers at each of the times of a solver.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreNetwork {
    layers: Vec<Layer>,
    schedule: NoiseSchedule,
}

impl ScoreNetwork {
    /// The network with the given weights.
    ///
    /// # Errors
    /// [`Problems`] that names every tensor that is missing, has another shape or is not needed.
    pub fn load(weights: &Weights, shape: &ScoreShape, schedule: NoiseSchedule) -> Result<Self, Problems> {
        weights.check(&shape.expected())?;
        let dense = |name: &str, bias: Option<&str>| -> Result<Dense, Problems> {
            let tensor = weights.get(name)?;
            let bias = match bias {
                Some(bias) => weights.get(bias)?.widened(),
                None => vec![0.0; tensor.shape()[0]],
            };
            Dense::new(&tensor.widened(), &bias)
        };
        let layers = (0..shape.layers().len()).map(|layer| {
            let [weight, gain, shift, bias] = names(layer);
            Ok(Layer {
                weight: dense(&weight, None)?,
                gain: dense(&gain, None)?,
                shift: dense(&shift, Some(&bias))?,
            })
        });
        Ok(Self { layers: layers.collect::<Result<_, Problems>>()?, schedule })
    }

    /// The clock that the network was trained with.
    pub fn schedule(&self) -> NoiseSchedule {
        self.schedule
    }

    /// Multiplications of a pass forward.
    pub(crate) fn multiplications(&self) -> usize {
        self.layers.iter().map(|layer| layer.weight.multiplications()).sum()
    }

    /// Numbers of working space of [`ScoreNetwork::scaled_score`].
    pub(crate) fn workspace(&self) -> usize {
        2 * self.layers.iter().map(|layer| layer.weight.outputs()).max().unwrap_or(0)
    }

    /// The gains and shifts at one time.
    pub(crate) fn at(&self, log_noise: f64) -> AtTime {
        let time = embedding(self.schedule, log_noise);
        let of = |layer: &Layer| {
            let width = layer.weight.outputs();
            let (mut gain, mut shift) = (vec![0.0; width], vec![0.0; width]);
            layer.gain.forward(&time, &mut gain);
            layer.shift.forward(&time, &mut shift);
            for gain in &mut gain {
                *gain += 1.0;
            }
            Conditions { gain, shift }
        };
        AtTime(self.layers.iter().map(of).collect())
    }

    /// The score at `x` times the root of the noise, a tangent vector; `work` is of [`ScoreNetwork::workspace`].
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    pub(crate) fn scaled_score<N: Number, const C: usize>(
        &self,
        at: &AtTime,
        x: &[Jet<N, C>; 3],
        work: &mut [Jet<N, C>],
    ) -> [Jet<N, C>; 3] {
        let (mut input, mut output) = work.split_at_mut(work.len() / 2);
        let mut y = [Jet::constant(0.0); 3];
        let last = self.layers.len() - 1;
        for (k, (layer, Conditions { gain, shift })) in self.layers.iter().zip(&at.0).enumerate() {
            let width = layer.weight.outputs();
            let from: &[Jet<N, C>] = if k == 0 { x } else { input };
            let to: &mut [Jet<N, C>] = if k == last { &mut y } else { &mut output[..width] };
            layer.weight.forward(from, to);
            for (to, (gain, shift)) in to.iter_mut().zip(gain.iter().zip(shift)) {
                *to = to.scaled(*gain).shifted(*shift);
                if k < last {
                    *to = to.sin();
                }
            }
            (input, output) = (output, input);
        }
        let along = dot(y, *x);
        std::array::from_fn(|j| y[j] - along * x[j])
    }
}
