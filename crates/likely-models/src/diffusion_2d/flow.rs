//! Likelihood by the probability flow, and the score at one step.

use super::denoiser::{Denoiser, STEPS, log_kept};
use crate::sphere::jet::{FIRST, Jet, SECOND};
use likely_core::lanes::{LANES, Work, vectorised};
use likely_core::{EvalError, Lanes, Normalisation, Number, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// The flow at one time: `dx/dt = (d log a / dt / 2) (x - e(x, t) / sqrt(1 - a))`, `a` the share of the variance that is left.
#[derive(Debug, Clone)]
struct Moment {
    /// `d log a / dt / 2`.
    half_rate: f64,
    /// `1 / sqrt(1 - a)`.
    inverse_root: f64,
    /// What the time adds to the first layer.
    at_step: Vec<f64>,
}

/// Minus the logarithm of the density that the probability flow makes of a standard normal at the last step.
///
/// `log p(x_0) = log N(x_T; 0, I) + int div f dt` with the exact divergence, by classical Runge-Kutta steps; points count as
/// points of step 0, and between steps the logarithm of `a` is linear. The gradient is that of the steps themselves: the
/// variational equation is solved by the same steps. The published 50 steps leave 60 % of the variance of the data, so the
/// standard normal is not where noised data end: this is the density of the model's own samples.
#[derive(Debug, Clone)]
pub struct FlowLikelihood {
    network: Denoiser,
    /// Beginning, middle and end of each Runge-Kutta step.
    moments: Vec<[Moment; 3]>,
    /// Length of a Runge-Kutta step.
    length: f64,
}

impl FlowLikelihood {
    /// The density with `pieces` Runge-Kutta steps between two steps of the diffusion.
    pub fn new(network: Denoiser, pieces: usize) -> Self {
        let kept = log_kept();
        let length = 1.0 / pieces as f64;
        let moment = |step: usize, within: f64| {
            let rate = kept[step + 1] - kept[step];
            Moment {
                half_rate: 0.5 * rate,
                inverse_root: 1.0 / libm::sqrt(-libm::expm1(kept[step] + rate * within)),
                at_step: network.at_step(step as f64 + within),
            }
        };
        let steps = (0..STEPS - 1).flat_map(|step| (0..pieces).map(move |piece| (step, piece)));
        let moments = steps
            .map(|(step, piece)| [0.0, 0.5, 1.0].map(|part| moment(step, (piece as f64 + part) * length)))
            .collect();
        Self { network, moments, length }
    }
}

/// Numbers that are carried without gradient: the point and the integral of the divergence.
const PLAIN: usize = 3;
/// With gradient also the derivative of the point in the first point, by rows, and the gradient of the integral.
const WITH_GRADIENT: usize = 9;

/// A block of points.
struct Block<'a, const GRAD: bool> {
    flow: &'a FlowLikelihood,
    rows: &'a [f64],
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl FlowLikelihood {
    /// The rates of change of what is carried.
    #[inline(always)]
    fn rates<const C: usize, const J: usize>(
        &self,
        moment: &Moment,
        state: &[Lanes; C],
        work: &mut [Jet<Lanes, J>],
    ) -> [Lanes; C] {
        let x = [0, 1].map(|j| Jet::<Lanes, J>::parameter(state[j], j));
        let noise = self.network.noise(x, &moment.at_step, work);
        let mut rates = [Lanes::constant(0.0); C];
        let by_root = -moment.half_rate * moment.inverse_root;
        for j in 0..2 {
            rates[j] = state[j].scaled(moment.half_rate) + noise[j].0[0].scaled(by_root);
        }
        let divergence = noise[0].0[1] + noise[1].0[2];
        rates[2] = divergence.scaled(by_root).shifted(2.0 * moment.half_rate);
        if C == WITH_GRADIENT {
            for i in 0..2 {
                for j in 0..2 {
                    let through = noise[i].0[1] * state[3 + j] + noise[i].0[2] * state[5 + j];
                    rates[3 + 2 * i + j] =
                        state[3 + 2 * i + j].scaled(moment.half_rate) + through.scaled(by_root);
                }
            }
            let of_divergence = [noise[0].0[3] + noise[1].0[4], noise[0].0[4] + noise[1].0[5]];
            for j in 0..2 {
                let along = of_divergence[0] * state[3 + j] + of_divergence[1] * state[5 + j];
                rates[7 + j] = along.scaled(by_root);
            }
        }
        rates
    }

    /// What is carried, at the last step.
    #[inline(always)]
    fn carry<const C: usize, const J: usize>(&self, mut state: [Lanes; C]) -> [Lanes; C] {
        let mut work = vec![Jet::<Lanes, J>::constant(0.0); Denoiser::WORKSPACE];
        let h = self.length;
        let moved = |state: &[Lanes; C], rates: &[Lanes; C], by: f64| -> [Lanes; C] {
            std::array::from_fn(|k| state[k] + rates[k].scaled(by))
        };
        for [begin, middle, end] in &self.moments {
            let a = self.rates(begin, &state, &mut work);
            let b = self.rates(middle, &moved(&state, &a, 0.5 * h), &mut work);
            let c = self.rates(middle, &moved(&state, &b, 0.5 * h), &mut work);
            let d = self.rates(end, &moved(&state, &c, h), &mut work);
            state = std::array::from_fn(|k| {
                state[k] + ((a[k] + d[k]) + (b[k] + c[k]).scaled(2.0)).scaled(h / 6.0)
            });
        }
        state
    }
}

impl<const GRAD: bool> Work for Block<'_, GRAD> {
    /// Value and gradient of each lane.
    type Output = [Lanes; 3];

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> [Lanes; 3] {
        let count = self.rows.len() / 2;
        let coordinate =
            |j: usize| Lanes(std::array::from_fn(|l| self.rows[2 * if l < count { l } else { 0 } + j]));
        let (zero, one) = (Lanes::constant(0.0), Lanes::constant(1.0));
        let (x, y) = (coordinate(0), coordinate(1));
        let potential = |x: Lanes, y: Lanes, integral: Lanes| {
            (x * x + y * y).scaled(0.5).shifted(libm::log(TAU)) - integral
        };
        if GRAD {
            let start = [x, y, zero, one, zero, zero, one, zero, zero];
            let [x, y, integral, xx, xy, yx, yy, gx, gy] = self.flow.carry::<WITH_GRADIENT, SECOND>(start);
            [potential(x, y, integral), x * xx + y * yx - gx, x * xy + y * yy - gy]
        } else {
            let [x, y, integral] = self.flow.carry::<PLAIN, FIRST>([x, y, zero]);
            [potential(x, y, integral), zero, zero]
        }
    }
}

fn rows(points: &ArrayView2<'_, f64>) -> Result<Vec<f64>, EvalError> {
    match points.ncols() {
        2 => Ok(points.iter().copied().collect()),
        found => Err(EvalError::Dimension { expected: 2, found }),
    }
}

fn one_by_one(count: usize, numbers: &[[Lanes; 3]]) -> ValueGrad {
    let number = |i: usize, k: usize| numbers[i / LANES][k].0[i % LANES];
    ValueGrad {
        value: Array1::from_shape_fn(count, |i| number(i, 0)),
        grad: Array2::from_shape_fn((count, 2), |(i, j)| number(i, 1 + j)),
    }
}

impl Potential for FlowLikelihood {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        let rows = rows(&points)?;
        let blocks = rows.par_chunks(2 * LANES);
        let numbers: Vec<_> = blocks.map(|rows| vectorised(Block::<false> { flow: self, rows })).collect();
        Ok(one_by_one(points.nrows(), &numbers).value)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let rows = rows(&points)?;
        let blocks = rows.par_chunks(2 * LANES);
        let numbers: Vec<_> = blocks.map(|rows| vectorised(Block::<true> { flow: self, rows })).collect();
        Ok(one_by_one(points.nrows(), &numbers))
    }
}

/// The score at one step, `-e(x, t) / sqrt(1 - a_t)`; there is no value, and who asks for one is refused.
pub(super) struct ScoreAlone {
    network: Denoiser,
    step: usize,
    at_step: Vec<f64>,
    inverse_root: f64,
}

impl ScoreAlone {
    pub(super) fn new(network: Denoiser, step: usize) -> Self {
        let inverse_root = 1.0 / libm::sqrt(-libm::expm1(log_kept()[step]));
        Self { at_step: network.at_step(step as f64), network, step, inverse_root }
    }
}

/// The slopes of a block of points.
struct Slopes<'a> {
    score: &'a ScoreAlone,
    rows: &'a [f64],
}

impl Work for Slopes<'_> {
    type Output = [Lanes; 3];

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> [Lanes; 3] {
        let count = self.rows.len() / 2;
        let x =
            [0, 1].map(|j| Lanes(std::array::from_fn(|l| self.rows[2 * if l < count { l } else { 0 } + j])));
        let mut work = vec![Lanes::constant(0.0); Denoiser::WORKSPACE];
        let noise = self.score.network.noise(x, &self.score.at_step, &mut work);
        let [a, b] = noise.map(|noise| noise.scaled(self.score.inverse_root));
        [Lanes::constant(f64::NAN), a, b]
    }
}

impl Potential for ScoreAlone {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        rows(&points)?;
        let reason = format!(
            "with score-only there is a score at step {} and no likelihood; leave score-only out to have one",
            self.step
        );
        Err(EvalError::Model { reason })
    }

    /// The gradient; the values are NaN.
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let rows = rows(&points)?;
        let blocks = rows.chunks(2 * LANES);
        let numbers: Vec<_> = blocks.map(|rows| vectorised(Slopes { score: self, rows })).collect();
        Ok(one_by_one(points.nrows(), &numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trainable::TRAINABLE;
    use likely_core::Seed;
    use likely_networks::Weights;
    use ndarray::Array2;

    /// The network as training begins.
    fn network() -> Denoiser {
        let entry = TRAINABLE.iter().find(|entry| entry.id == "diffusion-2d").unwrap();
        let document = toml::de::DeTable::parse("").unwrap();
        let training = (entry.build)(document, Array2::zeros((0, 2)).view()).unwrap().built;
        let mut weights = Weights::new();
        for tensor in training.parameters(Seed::new(3)) {
            weights.insert(tensor.name, &tensor.shape, tensor.initial).unwrap();
        }
        Denoiser::load(&weights).unwrap()
    }

    /// What the divergence adds up to is the logarithm of the volume that a small piece of the plane is carried to, so the
    /// density is normalised; the two are computed by different derivatives of the network.
    #[test]
    fn the_divergence_adds_up_to_the_change_of_volume() {
        let network = network();
        let mut worst = [1, 4].map(|pieces| {
            let flow = FlowLikelihood::new(network.clone(), pieces);
            let (zero, one) = (Lanes::constant(0.0), Lanes::constant(1.0));
            let x = Lanes(std::array::from_fn(|l| (l as f64 - 3.3) * 0.7));
            let y = Lanes(std::array::from_fn(|l| (l as f64 * 1.7).sin()));
            let start = [x, y, zero, one, zero, zero, one, zero, zero];
            let end = flow.carry::<WITH_GRADIENT, SECOND>(start);
            let plain = flow.carry::<PLAIN, FIRST>([x, y, zero]);
            assert_eq!(plain[2].0.map(f64::to_bits), end[2].0.map(f64::to_bits));
            (0..LANES).fold(0.0_f64, |worst, l| {
                let volume = end[3].0[l] * end[6].0[l] - end[4].0[l] * end[5].0[l];
                worst.max((volume.ln() - end[2].0[l]).abs())
            })
        });
        assert!(worst[0] < 1e-4 && worst[1] < 1e-6, "{worst:?}");
        worst.sort_by(f64::total_cmp);
        assert!(worst[1] > 0.0);
    }
}
