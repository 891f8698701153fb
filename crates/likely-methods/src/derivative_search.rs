//! A line search from directional derivatives.

use crate::objective::{Iterate, Objective};
use crate::vector::dot;
use likely_core::EvalError;

/// Share of the first slope by which the mean slope over a step must fall.
const SUFFICIENT: f64 = 0.1;
/// Share of the first slope that may be left at the end of a step; a steeper end asks for a longer step.
const LEFT_OVER: f64 = 0.9;
/// Where two energies differ by less than this, relative to their terms, the difference is rounding and only slopes can tell.
const ROUNDING: f64 = 1e-14;
/// Most trials of one search.
pub(crate) const TRIALS: u32 = 30;

/// What a search found.
pub(crate) enum Search {
    /// A step with its new iterate.
    Accepted { t: f64, iterate: Box<Iterate> },
    /// No trial lowered the regularised energy.
    NoStep,
    /// Every trial was NaN or infinite.
    NotFinite,
}

/// Finds a step from `current` along `direction`, whose slope there is `slope < 0`, starting from a full step.
///
/// Each trial is one fused evaluation. A step `t` is accepted when the mean slope over it, `(R(t) - R(0)) / t`, is at most
/// a tenth of `slope`, and the slope at its end is at least nine tenths of it (so that the next pair of the quasi-Newton memory
/// carries positive curvature). Where the density gives only a score, or the energies agree to rounding, the mean slope is that
/// of the trapezoid, `(slope(0) + slope(t)) / 2`: directional derivatives alone. Trials that are not finite are rejected.
///
/// # Source
/// The two conditions are Wolfe's; the use of slopes at rounding level follows Hager and Zhang 2005, section 2.
pub(crate) fn search(
    objective: &Objective<'_, '_>,
    current: &Iterate,
    direction: &[f64],
    slope: f64,
) -> Result<Search, EvalError> {
    let level = current.regularised_energy();
    // The terms, not their sum: a potential of either sign can cancel the energy, and rounding with it.
    let rounding = ROUNDING * (current.energy + current.weighted_potential.unwrap_or(0.0).abs());
    let mut t = 1.0;
    let (mut low, mut low_slope) = (0.0, slope);
    let mut bracketed = false;
    let mut any_finite = false;
    // A step that lowers the energy but ends steep, kept in case no longer one is better.
    let mut too_short = None;
    for _ in 0..TRIALS {
        let trial = objective.evaluate(objective.step(current, t, direction))?.filter(Iterate::is_finite);
        let Some(trial) = trial else {
            bracketed = true;
            t = f64::midpoint(low, t);
            continue;
        };
        any_finite = true;
        let end_slope = dot(&trial.grad, direction);
        let trapezoid = f64::midpoint(slope, end_slope);
        let mean_slope = match (level, trial.regularised_energy()) {
            (Some(level), Some(now)) if (now - level).abs() > rounding => (now - level) / t,
            _ => trapezoid,
        };
        if mean_slope > SUFFICIENT * slope {
            bracketed = true;
            // The zero of the slope's secant; where the slope does not change sign, the middle.
            let width = t - low;
            let zero =
                if end_slope > 0.0 { width * low_slope / (low_slope - end_slope) } else { 0.5 * width };
            t = low + zero.clamp(0.1 * width, 0.5 * width);
            objective.recycle_iterate(trial);
        } else if end_slope < LEFT_OVER * slope && !bracketed {
            let zero = if end_slope > slope { t * slope / (slope - end_slope) } else { f64::INFINITY };
            let next = zero.clamp(1.5 * t, 4.0 * t);
            (low, low_slope) = (t, end_slope);
            too_short = Some((t, trial));
            t = next;
        } else {
            return Ok(Search::Accepted { t, iterate: Box::new(trial) });
        }
    }
    Ok(match too_short {
        Some((t, iterate)) => Search::Accepted { t, iterate: Box::new(iterate) },
        None if any_finite => Search::NoStep,
        None => Search::NotFinite,
    })
}
