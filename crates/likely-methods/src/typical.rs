//! The weight without tuning: the least one whose curve is as likely as the data.

use crate::weight::{Quantile, Weight};
use crate::{Density, InterpolateError, Scene, Solution, Unsupported};
use likely_core::{Curve, Potential};

/// The first positive weight that is tried.
const FIRST: f64 = 0.25;
/// Factor between the weights that are tried in turn.
const GROWTH: f64 = 2.0;
/// The largest weight that is tried.
const LARGEST: f64 = 1e6;
/// Below this a sufficient weight is as good as none.
const SMALLEST: f64 = 1e-6;
/// Relative width of the bracket at which the search for the least weight ends.
const WIDTH: f64 = 1e-3;

/// The most solutions of a search: one at zero, two at each weight from [`FIRST`] to beyond [`LARGEST`], and two at each of the
/// bisections of zero to [`FIRST`] down to [`SMALLEST`] and of a bracket of [`GROWTH`] to [`WIDTH`].
pub(crate) const SOLUTIONS: u64 = 1 + 2 * 23 + 2 * 30;

/// Whether the scene knows what is typical.
pub(crate) fn supports(scene: &Scene<'_>) -> Result<(), Unsupported> {
    let reason = match (scene.density, scene.typical) {
        (Some(Density::Potential(_)), Some(typical)) if !typical.is_empty() => return Ok(()),
        (Some(Density::Potential(_)), _) => {
            "a typical weight needs data to be typical of; name a data set for the model"
        }
        _ => "a typical weight needs values of the potential; name a model with a density",
    };
    Err(Unsupported { reason: reason.to_owned() })
}

/// Joins the end points at a weight, from a start where there is one.
pub(crate) type Solve<'s> = &'s mut dyn FnMut(Weight, Option<&Curve>) -> Result<Solution, InterpolateError>;

/// Finds the least relative weight at which the mean of the potential over interior points is at most the quantile of its
/// values at the data, by continuation: every weight starts at the curve of the one before.
///
/// A curve that follows the one before can stay in a valley that a curve from the configured start would not enter, so where
/// the first is not likely enough the second is tried too. Another valley still may be likely enough at a smaller weight.
///
/// `solve` joins the end points at a weight from a start. Where no weight up to a million is enough, that is an error with
/// the mean that was reached; at a jump of the curve between two weights, the curve beyond the jump is taken.
pub(crate) fn solve(
    scene: &Scene<'_>,
    quantile: Quantile,
    solve: Solve<'_>,
) -> Result<Solution, InterpolateError> {
    supports(scene)?;
    let (Some(Density::Potential(potential)), Some(level)) =
        (scene.density, scene.typical.and_then(|typical| quantile.of(typical)))
    else {
        let reason = "a typical weight needs a density with data".to_owned();
        return Err(Unsupported { reason }.into());
    };
    let mut iterations = 0;
    let mut at = |lambda: f64, start: Option<&Curve>| {
        let weight = Weight::relative(lambda).expect("weights between zero and the largest are weights");
        let solution = solve(weight, start)?;
        iterations += solution.iterations;
        let mean = mean_potential(potential, &solution.curve)?;
        Ok::<_, InterpolateError>((solution, mean))
    };
    let first = at(0.0, None)?;
    let mut at_best = |lambda: f64, start: &Curve| {
        let followed = at(lambda, Some(start))?;
        if followed.1 <= level {
            return Ok::<_, InterpolateError>(followed);
        }
        let afresh = at(lambda, None)?;
        Ok(if afresh.1 < followed.1 { afresh } else { followed })
    };
    let (mut below, mut mean) = first;
    let mut low = 0.0;
    let mut high = FIRST;
    let mut above = None;
    if mean > level {
        while above.is_none() {
            if high > LARGEST {
                let reason = format!(
                    "no weight up to {LARGEST:e} makes the curve as likely as the data: the mean of the potential is {mean:.6} at best and the typical level {level:.6}; choose a higher quantile or other end points"
                );
                return Err(InterpolateError::EndPoints { reason });
            }
            let (solution, found) = at_best(high, &below.curve)?;
            if found <= level {
                above = Some(solution);
            } else {
                mean = mean.min(found);
                (below, low) = (solution, high);
                high *= GROWTH;
            }
        }
    }
    let Some(mut best) = above else { return Ok(Solution { iterations, ..below }) };
    while high - low > WIDTH * high && high > SMALLEST {
        let middle = if low > 0.0 { (low * high).sqrt() } else { 0.5 * high };
        let (solution, found) = at_best(middle, &below.curve)?;
        if found <= level {
            (best, high) = (solution, middle);
        } else {
            (below, low) = (solution, middle);
        }
    }
    Ok(Solution { iterations, ..best })
}

/// Mean of the potential over interior points: the end points never move.
fn mean_potential(potential: &dyn Potential, curve: &Curve) -> Result<f64, InterpolateError> {
    Ok(potential.value(curve.interior())?.mean().unwrap_or(f64::NAN))
}
