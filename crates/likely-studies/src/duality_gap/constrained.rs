//! Least energy under a bound on the total potential.

use crate::path::{Evaluated, Limits, OfTotal, Paths, minimise};
use likely_core::EvalError;

/// `sum S <= total`, met where it is exceeded by `slack` at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) total: f64,
    pub(super) slack: f64,
}

/// A curve within the bound, or the best attempt.
#[derive(Debug, Clone)]
pub(super) struct Constrained {
    pub(super) at: Evaluated,
    /// The energy at the bound, corrected to first order for what is left of the excess.
    pub(super) energy: f64,
    /// In front of `sum S`.
    pub(super) multiplier: f64,
    /// Whether the bound is met and the curve is stationary.
    pub(super) within: bool,
    pub(super) iterations: u64,
}

/// `(max(0, mu + rho (t - T))^2 - mu^2) / (2 rho)`: the augmented part of the Lagrangian.
struct Augmented {
    multiplier: f64,
    stiffness: f64,
    bound: f64,
}

impl OfTotal for Augmented {
    fn at(&self, total: f64) -> (f64, f64) {
        let pull = (self.multiplier + self.stiffness * (total - self.bound)).max(0.0);
        ((pull * pull - self.multiplier * self.multiplier) / (2.0 * self.stiffness), pull)
    }
}

/// Excess that fails to fall by this factor makes the penalty stiffer.
const FALL: f64 = 0.25;
/// By how much.
const STIFFER: f64 = 5.0;
/// The stiffest penalty, relative to the first: beyond it the inner problem is rounding.
const STIFFEST: f64 = 1e8;

/// Further attempts, each with a penalty that is stiffer from the start: a soft one may let go of the bound altogether.
pub(super) const ATTEMPTS: i32 = 4;
/// By how much.
const STIFFER_START: f64 = 30.0;

/// The method of multipliers from a curve and a multiplier, with stiffer penalties where softer ones fail.
///
/// A function of the total potential bends where a multiple of it does not, so levels inside a duality gap are attained.
pub(super) fn solve(
    paths: &Paths<'_>,
    start: &(Evaluated, f64),
    bound: Bound,
    stiffness: f64,
    updates: usize,
    limits: Limits,
    keep_going: &mut dyn FnMut() -> bool,
) -> Result<Option<Constrained>, EvalError> {
    let mut iterations = 0;
    let mut attempt = 0;
    loop {
        let stiffness = stiffness * STIFFER_START.powi(attempt);
        let found = multipliers(paths, start.clone(), bound, stiffness, updates, limits, keep_going)?;
        let Some(mut found) = found else { return Ok(None) };
        iterations += found.iterations;
        attempt += 1;
        if found.within || attempt == ATTEMPTS {
            found.iterations = iterations;
            return Ok(Some(found));
        }
    }
}

fn multipliers(
    paths: &Paths<'_>,
    (start, mut multiplier): (Evaluated, f64),
    bound: Bound,
    first_stiffness: f64,
    updates: usize,
    limits: Limits,
    keep_going: &mut dyn FnMut() -> bool,
) -> Result<Option<Constrained>, EvalError> {
    let mut stiffness = first_stiffness;
    let mut at = start;
    let mut iterations = 0;
    let mut last_excess = f64::INFINITY;
    let mut within = false;
    for _ in 0..updates {
        let augmented = Augmented { multiplier, stiffness, bound: bound.total };
        let Some(minimum) = minimise(paths, at, &augmented, limits, keep_going)? else { return Ok(None) };
        iterations += minimum.iterations as u64;
        let stationary = minimum.converged || minimum.grad_norm <= 1e3 * limits.tolerance;
        at = minimum.at;
        multiplier = augmented.at(at.total).1;
        // Below the bound only a multiplier that is still positive is at fault.
        let excess = (at.total - bound.total).max(-multiplier / stiffness).abs();
        within = stationary && excess <= bound.slack;
        if within {
            break;
        }
        if excess > FALL * last_excess && stiffness < STIFFEST * first_stiffness {
            stiffness *= STIFFER;
        }
        last_excess = excess;
    }
    let energy = at.energy + multiplier * (at.total - bound.total);
    Ok(Some(Constrained { at, energy, multiplier, within, iterations }))
}
