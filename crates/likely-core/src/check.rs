//! Numerical checks that users run on their own gradients.

use crate::{EvalError, Potential};
use ndarray::{Array1, ArrayView1, Axis};
use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

/// How well a gradient explains its function near one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaylorSlope {
    /// Slope of log remainder against log step over the best window: 2 for a right gradient, 1 for a wrong one.
    pub slope: f64,
    /// Largest remainder relative to the size of the function; where it is at rounding level there is no slope to see.
    pub largest_relative_remainder: f64,
}

impl TaylorSlope {
    /// Whether the gradient passes: slope at least 1.8, or the first-order model exact to rounding.
    pub fn passes(&self) -> bool {
        self.slope >= 1.8 || self.largest_relative_remainder < 1e-13
    }
}

/// Steps at which the remainder is measured, from 10^-1 down to 10^-7.
const STEPS: usize = 25;
/// Points of the window whose slope is reported.
const WINDOW: usize = 7;

/// Checks the gradient of `potential` at `point` along a random unit direction drawn from `rng`.
///
/// The remainder `|S(x + h v) - S(x) - h <grad S(x), v>|` must fall like `h^2`; the best slope over any window of seven
/// steps is reported, which leaves out the rounding floor at small `h` and higher orders at large `h`.
///
/// # Errors
/// [`EvalError`] where the potential cannot be evaluated.
///
/// # Source
/// The check of Manopt.jl (`check_gradient`).
pub fn gradient(
    potential: &dyn Potential,
    point: ArrayView1<'_, f64>,
    rng: &mut dyn RngCore,
) -> Result<TaylorSlope, EvalError> {
    let mut direction: Array1<f64> = (0..point.len()).map(|_| StandardNormal.sample(rng)).collect();
    direction /= direction.dot(&direction).sqrt();
    let at = potential.value_and_grad(point.insert_axis(Axis(0)))?;
    let slope = at.grad.row(0).dot(&direction);
    let remainder = |h: f64| -> Result<f64, EvalError> {
        let moved = &point + &(&direction * h);
        let value = potential.value(moved.view().insert_axis(Axis(0)))?[0];
        Ok((value - at.value[0] - h * slope).abs())
    };
    let mut log_steps = Vec::with_capacity(STEPS);
    let mut log_remainders = Vec::with_capacity(STEPS);
    let mut largest: f64 = 0.0;
    for k in 0..STEPS {
        let exponent = -1.0 - 6.0 * k as f64 / (STEPS - 1) as f64;
        let r = remainder(10.0_f64.powf(exponent))?;
        largest = largest.max(r);
        if r > 0.0 {
            log_steps.push(exponent);
            log_remainders.push(r.log10());
        }
    }
    let best = log_steps
        .windows(WINDOW)
        .zip(log_remainders.windows(WINDOW))
        .map(|(x, y)| least_squares_slope(x, y))
        .fold(
            f64::NEG_INFINITY,
            |best, slope| if (slope - 2.0).abs() < (best - 2.0).abs() { slope } else { best },
        );
    Ok(TaylorSlope { slope: best, largest_relative_remainder: largest / at.value[0].abs().max(1.0) })
}

fn least_squares_slope(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let covariance: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    covariance / variance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Normalisation, Seed, Symmetry, ValueGrad};
    use ndarray::{Array2, ArrayView2, array};

    /// `S(x) = sum sin(x)`, with its gradient scaled by `factor`.
    struct Sine {
        factor: f64,
    }

    impl Potential for Sine {
        fn dim(&self) -> usize {
            3
        }
        fn normalisation(&self) -> Normalisation {
            Normalisation::UpToConstant
        }
        fn symmetry(&self) -> Symmetry<'_> {
            Symmetry::None
        }
        fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
            Ok(points.rows().into_iter().map(|row| row.iter().map(|x| x.sin()).sum()).collect())
        }
        fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
            let grad: Array2<f64> = points.mapv(|x| self.factor * x.cos());
            Ok(ValueGrad { value: self.value(points)?, grad })
        }
    }

    #[test]
    fn a_right_gradient_has_slope_two_and_a_wrong_one_does_not() {
        let point = array![0.3, -1.1, 2.0];
        let mut rng = Seed::new(1).stream(&[("check", "sine")]);
        let right = gradient(&Sine { factor: 1.0 }, point.view(), &mut rng).unwrap();
        assert!(right.passes() && (right.slope - 2.0).abs() < 0.05, "{right:?}");
        let wrong = gradient(&Sine { factor: 1.001 }, point.view(), &mut rng).unwrap();
        assert!(!wrong.passes(), "{wrong:?}");
    }
}
