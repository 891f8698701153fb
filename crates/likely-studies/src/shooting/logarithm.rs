//! The inverse of shooting: the initial velocity that hits a point.

use super::shot::{Lost, ShootError, Shooting, add};
use super::{Motion, Shot};
use crate::linear::solve;
use likely_core::{EvalError, Rows};
use ndarray::{Array1, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

/// The difference formula for the velocity at the first point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// `N (z_1 - z_0)`.
    First,
    /// The forward difference of fourth order, or of the highest that the points allow.
    #[default]
    Fourth,
}

/// Forward differences of order 1 to 4.
const FORWARD: [&[f64]; 4] = [
    &[-1.0, 1.0],
    &[-1.5, 2.0, -0.5],
    &[-11.0 / 6.0, 3.0, -1.5, 1.0 / 3.0],
    &[-25.0 / 12.0, 4.0, -3.0, 4.0 / 3.0, -0.25],
];

/// The velocity at the first point of a curve over the time 1, shape `(segments + 1, dim)` in, `(dim,)` out.
///
/// # Errors
/// [`ShootError::Input`] where there are fewer than two points.
pub fn initial_velocity(
    curve: ArrayView2<'_, f64>,
    difference: Difference,
) -> Result<Array1<f64>, ShootError> {
    let segments = curve.nrows().saturating_sub(1);
    if segments == 0 {
        let reason = format!("a velocity needs at least 2 points of a curve, found {}", curve.nrows());
        return Err(ShootError::Input { reason });
    }
    let order = match difference {
        Difference::First => 1,
        Difference::Fourth => segments.min(4),
    };
    let mut velocity = Array1::zeros(curve.ncols());
    for (weight, point) in FORWARD[order - 1].iter().zip(curve.rows()) {
        velocity.scaled_add(weight * segments as f64, &point);
    }
    Ok(velocity)
}

/// An initial velocity whose shot ends at a given point.
#[derive(Debug, Clone, PartialEq)]
pub struct Logarithm {
    /// The velocity.
    pub velocity: Array1<f64>,
    /// Its shot.
    pub shot: Shot,
    /// Euclidean distance of the end of the shot to the point.
    pub error: f64,
    /// Corrections made.
    pub iterations: u32,
}

/// Why there is no logarithm.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogarithmError {
    /// Nothing could be shot.
    #[error(transparent)]
    Shoot(#[from] ShootError),
    /// The shot with the velocity to start from does not reach its end.
    #[error("the first shot does not arrive: {0}")]
    Lost(Lost),
    /// The corrections came to a stop.
    #[error("corrections stopped at an end error of {error:.3e} after {iterations} of them; start closer")]
    Stopped {
        /// Euclidean distance of the end of the best shot to the point.
        error: f64,
        /// Corrections made.
        iterations: u32,
    },
}

/// Coordinates up to which an end-point map is differentiated; its Jacobian takes two shots a coordinate.
const MOST_COORDINATES: usize = 256;
/// Halvings of a correction.
const HALVINGS: u32 = 30;
/// Step of a central difference, relative to the size of the velocity.
const DIFFERENCE: f64 = 6e-6;

/// The initial velocity near `guess` whose shot from `from` ends at `to`, by Newton's method on the end-point map.
///
/// The Jacobian is by central differences, all shots of it in one batch; a correction is halved until the end comes closer.
///
/// # Errors
/// [`LogarithmError`] where the first shot is lost, or no correction brings the end within `tolerance`, a Euclidean distance.
pub fn logarithm(
    motion: &Motion<'_>,
    from: ArrayView1<'_, f64>,
    to: ArrayView1<'_, f64>,
    guess: ArrayView1<'_, f64>,
    shooting: &Shooting,
    tolerance: f64,
) -> Result<Logarithm, LogarithmError> {
    let dim = motion.geometry.dim();
    for vector in [from, to, guess] {
        if vector.len() != dim {
            return Err(ShootError::from(EvalError::Dimension { expected: dim, found: vector.len() }).into());
        }
    }
    let input = |reason: String| Err(ShootError::Input { reason }.into());
    if dim > MOST_COORDINATES {
        return input(format!(
            "{dim} coordinates; shots are corrected in at most {MOST_COORDINATES}, where a Jacobian is affordable"
        ));
    }
    if tolerance.is_nan() || tolerance <= 0.0 {
        return input(format!("the tolerance of the end error is {tolerance}; it must be positive"));
    }
    if to.iter().any(|x| !x.is_finite()) {
        return input("the point to hit is not finite".to_owned());
    }
    let from = from.to_vec();
    let aim = Aim { motion, from: &from, to, shooting };
    let mut velocity = guess.to_vec();
    let (mut shot, mut miss) = aim.shoot(&velocity)?.map_err(LogarithmError::Lost)?;
    let mut error = norm(&miss);
    let mut iterations = 0;
    while error > tolerance {
        let stopped = LogarithmError::Stopped { error, iterations };
        if iterations == 50 {
            return Err(stopped);
        }
        let Some(jacobian) = aim.jacobian(&velocity)? else { return Err(stopped) };
        let Some(correction) = solve(jacobian, miss.clone()) else { return Err(stopped) };
        let mut length = 1.0;
        let mut better = None;
        for _ in 0..HALVINGS {
            let mut trial = velocity.clone();
            add(&mut trial, -length, &correction);
            if let Ok((shot, miss)) = aim.shoot(&trial)?
                && norm(&miss) < error
            {
                better = Some((trial, shot, miss));
                break;
            }
            length *= 0.5;
        }
        let Some(found) = better else { return Err(stopped) };
        (velocity, shot, miss) = found;
        error = norm(&miss);
        iterations += 1;
    }
    Ok(Logarithm { velocity: Array1::from_vec(velocity), shot, error, iterations })
}

struct Aim<'a> {
    motion: &'a Motion<'a>,
    from: &'a [f64],
    to: ArrayView1<'a, f64>,
    shooting: &'a Shooting,
}

impl Aim<'_> {
    /// The shot, and by how much its end misses the point.
    fn shoot(&self, velocity: &[f64]) -> Result<Result<(Shot, Vec<f64>), Lost>, ShootError> {
        let start = Rows::new(self.from, self.from.len())?;
        let shot = self.shooting.shoot(self.motion, start, velocity)?.swap_remove(0);
        let miss = shot
            .end()
            .map(|end| end.iter().zip(self.to).map(|(end, to)| end - to).collect())
            .map_err(Clone::clone);
        Ok(miss.map(|miss| (shot, miss)))
    }

    /// The Jacobian of the end in the velocity, row-major; `None` where a shot beside the current one is lost.
    fn jacobian(&self, velocity: &[f64]) -> Result<Option<Vec<f64>>, ShootError> {
        let dim = velocity.len();
        let h = DIFFERENCE * (1.0 + norm(velocity));
        let mut starts = Vec::with_capacity(2 * dim * dim);
        let mut velocities = Vec::with_capacity(2 * dim * dim);
        for k in 0..dim {
            for sign in [1.0, -1.0] {
                starts.extend_from_slice(self.from);
                let row = velocities.len();
                velocities.extend_from_slice(velocity);
                velocities[row + k] += sign * h;
            }
        }
        // Only ends matter here, and the adaptive scheme is free to keep only them.
        let shooting = match self.shooting.integrator {
            super::Integrator::Adaptive { .. } => Shooting { steps: 1, ..*self.shooting },
            _ => *self.shooting,
        };
        let shots = shooting.shoot(self.motion, Rows::new(&starts, dim)?, &velocities)?;
        let mut jacobian = vec![0.0; dim * dim];
        for (k, pair) in shots.chunks_exact(2).enumerate() {
            let (Ok(plus), Ok(minus)) = (pair[0].end(), pair[1].end()) else { return Ok(None) };
            for (j, (plus, minus)) in plus.iter().zip(minus).enumerate() {
                jacobian[j * dim + k] = (plus - minus) / (2.0 * h);
            }
        }
        Ok(Some(jacobian))
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}
