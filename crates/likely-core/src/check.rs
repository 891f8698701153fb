//! Numerical checks that users run on their own gradients.

use crate::{EvalError, Potential, Rows};
use ndarray::{Array1, Array2, ArrayView1, Axis};
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
    let direction = unit(point.len(), rng);
    let at = potential.value_and_grad(point.insert_axis(Axis(0)))?;
    let slope = at.grad.row(0).dot(&direction);
    taylor(at.value[0], slope, |h| {
        let moved = &point + &(&direction * h);
        Ok(potential.value(moved.view().insert_axis(Axis(0)))?[0])
    })
}

/// How well second derivatives explain gradients, and third derivatives second ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvatureSlopes {
    /// The Hessian against the gradient.
    pub hessian: TaylorSlope,
    /// The gradient of `<u, H v>` against the Hessian.
    pub hessian_gradient: TaylorSlope,
    /// Largest difference of `H v` from the product with the Hessian, and of the Hessian from its transpose, relative to
    /// its largest entry.
    pub largest_relative_mismatch: f64,
}

impl CurvatureSlopes {
    /// Whether both pass, the Hessian is symmetric and its products agree with it.
    ///
    /// Far from where its summands compete a mixture is Gaussian but for parts too small to show a slope over three decades.
    /// There the linear model at a step of 0.1 must hold to 1e-10, so that the derivative is right to nine digits.
    pub fn passes(&self) -> bool {
        let right = |slope: TaylorSlope| slope.passes() || slope.largest_relative_remainder < 1e-10;
        right(self.hessian) && right(self.hessian_gradient) && self.largest_relative_mismatch < 1e-12
    }
}

/// Checks the second and third derivatives of `potential` at `point` along random unit directions drawn from `rng`.
///
/// As [`gradient`], for `<u, grad S>` with derivative `<u, H v>`, and for `<u, H v>` with its gradient.
///
/// # Errors
/// [`EvalError`] where the potential cannot be evaluated or has no curvature.
pub fn curvature(
    potential: &dyn Potential,
    point: ArrayView1<'_, f64>,
    rng: &mut dyn RngCore,
) -> Result<CurvatureSlopes, EvalError> {
    let Some(derivatives) = potential.curvature() else {
        return Err(EvalError::Model { reason: "it has no second derivatives to check".into() });
    };
    let dim = point.len();
    let [u, v, direction] = [(); 3].map(|()| unit(dim, rng));
    let hessian = |x: ArrayView1<'_, f64>| -> Result<Array2<f64>, EvalError> {
        let (x, mut out) = (x.to_vec(), Array2::zeros((dim, dim)));
        derivatives.hessian(Rows::new(&x, dim)?, out.as_slice_mut().ok_or(EvalError::Layout)?)?;
        Ok(out)
    };
    let here = hessian(point)?;
    let along = here.dot(&v);
    let (x, flat_u, flat_v) = (point.to_vec(), u.to_vec(), v.to_vec());
    let (mut product, mut third) = (vec![0.0; dim], vec![0.0; dim]);
    derivatives.hessian_vector(Rows::new(&x, dim)?, &flat_v, &mut product)?;
    derivatives.hessian_gradient(Rows::new(&x, dim)?, &flat_u, &flat_v, &mut third)?;

    let largest = here.iter().fold(f64::MIN_POSITIVE, |top, h| top.max(h.abs()));
    let asymmetry = (&here - &here.t()).iter().fold(0.0_f64, |top, d| top.max(d.abs()));
    let mismatch = along.iter().zip(&product).fold(asymmetry, |top, (a, b)| top.max((a - b).abs()));

    let gradient = |x: ArrayView1<'_, f64>| -> Result<f64, EvalError> {
        Ok(potential.value_and_grad(x.insert_axis(Axis(0)))?.grad.row(0).dot(&u))
    };
    Ok(CurvatureSlopes {
        hessian: taylor(gradient(point)?, u.dot(&along), |h| gradient((&point + &(&v * h)).view()))?,
        hessian_gradient: taylor(u.dot(&along), Array1::from(third).dot(&direction), |h| {
            Ok(u.dot(&hessian((&point + &(&direction * h)).view())?.dot(&v)))
        })?,
        largest_relative_mismatch: mismatch / largest,
    })
}

fn unit(dim: usize, rng: &mut dyn RngCore) -> Array1<f64> {
    let mut direction: Array1<f64> = (0..dim).map(|_| StandardNormal.sample(rng)).collect();
    direction /= direction.dot(&direction).sqrt();
    direction
}

/// The slope of the remainder of a function of one variable that is `value` at zero and has derivative `slope` there.
fn taylor(
    value: f64,
    slope: f64,
    along: impl Fn(f64) -> Result<f64, EvalError>,
) -> Result<TaylorSlope, EvalError> {
    let mut log_steps = Vec::with_capacity(STEPS);
    let mut log_remainders = Vec::with_capacity(STEPS);
    let mut largest: f64 = 0.0;
    for k in 0..STEPS {
        let exponent = -1.0 - 6.0 * k as f64 / (STEPS - 1) as f64;
        let h = 10.0_f64.powf(exponent);
        let r = (along(h)? - value - h * slope).abs();
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
    Ok(TaylorSlope { slope: best, largest_relative_remainder: largest / value.abs().max(1.0) })
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
    use crate::Curvature;
    use crate::{Normalisation, Seed, Symmetry, ValueGrad};
    use ndarray::{ArrayView2, array};

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
        fn curvature(&self) -> Option<&dyn Curvature> {
            Some(self)
        }
    }

    impl Curvature for Sine {
        fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
            out.fill(0.0);
            for (out, x) in out.chunks_exact_mut(9).zip(points) {
                (0..3).for_each(|j| out[4 * j] = -self.factor * x[j].sin());
            }
            Ok(())
        }
        fn hessian_gradient(
            &self,
            points: Rows<'_>,
            u: &[f64],
            v: &[f64],
            out: &mut [f64],
        ) -> Result<(), EvalError> {
            for (k, (out, x)) in out.iter_mut().zip(points.values()).enumerate() {
                *out = -self.factor * self.factor * x.cos() * u[k] * v[k];
            }
            Ok(())
        }
    }

    #[test]
    fn right_second_and_third_derivatives_pass_and_wrong_ones_do_not() {
        let point = array![0.3, -1.1, 2.0];
        let mut rng = Seed::new(1).stream(&[("check", "sine curvature")]);
        let right = curvature(&Sine { factor: 1.0 }, point.view(), &mut rng).unwrap();
        assert!(right.passes() && (right.hessian.slope - 2.0).abs() < 0.05, "{right:?}");
        let wrong = curvature(&Sine { factor: 1.01 }, point.view(), &mut rng).unwrap();
        assert!(wrong.hessian.passes() && !wrong.hessian_gradient.passes(), "{wrong:?}");
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
