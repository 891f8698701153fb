//! Iterations that evaluate the density once each: the energy is minimised exactly against a model of the potential.
//!
//! On a curved background the tensor is a closed formula and the density a network; so between two evaluations of the
//! density the energy plus a [`SeparableModel`] of the potential is minimised to the end, for no evaluation at all.

use crate::limited_memory::{self, Limits};
use crate::objective::{Iterate, Objective};
use crate::separable_model::SeparableModel;
use crate::solver::Outcome;
use crate::{InterpolateError, Step, Trace, ignore_steps};
use likely_core::Stop;

/// Share of the tolerance to which the model is solved.
const TIGHTER: f64 = 0.1;
/// Share of the gradient norm below which the model is not solved, because it is not that good.
const WORTHWHILE: f64 = 1e-5;
/// Most iterations on one model.
const MODEL_ITERATIONS: u64 = 20_000;
/// Steps that the iterations on a model remember.
const MODEL_MEMORY: usize = 30;
/// Bad steps in a row after which the model is given up.
const BAD_STEPS: u32 = 10;
/// Over so many iterations the gradient norm must fall to [`CONTRACTION`] of itself, or the model is given up.
const PATIENCE: usize = 4;
/// See [`PATIENCE`].
const CONTRACTION: f64 = 0.3;
/// Differences of energies below this, relative to their terms, are rounding.
const ROUNDING: f64 = 1e-14;

/// Minimises from `first`; hands over to [`limited_memory::minimise`] where the model does not describe the potential.
pub(crate) fn minimise(
    objective: &Objective<'_, '_>,
    first: Iterate,
    limits: Limits,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let mut current = first;
    let mut model = SeparableModel::from_neighbours(objective.dim(), &current.path, &current.force);
    let mut iterations = limits.done;
    let mut norms = vec![current.grad_norm];
    let mut bad = 0;
    loop {
        if current.grad_norm <= limits.tolerance {
            let stop = Stop::Converged { grad_norm_l2: current.grad_norm };
            return Ok(Outcome { path: current.path, stop, iterations });
        }
        if u64::from(iterations) >= limits.iterations {
            let stop = Stop::IterationLimit { grad_norm_l2: current.grad_norm };
            return Ok(Outcome { path: current.path, stop, iterations });
        }
        let slow = norms.len() > PATIENCE
            && norms[norms.len() - 1] > CONTRACTION * norms[norms.len() - 1 - PATIENCE];
        if bad >= BAD_STEPS || slow {
            return limited_memory::minimise(
                objective,
                current,
                Limits { done: iterations, ..limits },
                trace,
            );
        }
        let path = {
            let (on_model, start) = objective.with_density(&model, &current);
            let goal = (TIGHTER * limits.tolerance).max(WORTHWHILE * current.grad_norm);
            let inner =
                Limits { tolerance: goal, iterations: MODEL_ITERATIONS, memory: MODEL_MEMORY, done: 0 };
            limited_memory::minimise(&on_model, start, inner, &mut ignore_steps)?.path
        };
        iterations += 1;
        let Some(next) = objective.evaluate(path)?.filter(Iterate::is_finite) else {
            model.damp(false);
            bad += 1;
            continue;
        };
        model.learn(&next.path, &next.force);
        if change(objective, &current, &next) > 0.0 {
            model.damp(false);
            bad += 1;
            objective.recycle_iterate(next);
            continue;
        }
        bad = 0;
        model.anchor(&next.path, &next.force);
        model.damp(true);
        norms.push(next.grad_norm);
        objective.recycle_iterate(std::mem::replace(&mut current, next));
        let step = Step {
            iteration: iterations,
            step: 1.0,
            regularised_energy: current.regularised_energy(),
            grad_norm_l2: current.grad_norm,
        };
        if trace(&step).is_break() {
            return Err(InterpolateError::Interrupted);
        }
    }
}

/// `R` at `next` less `R` at `current`, zero where it is rounding; the potential by the trapezoid where it has no values.
fn change(objective: &Objective<'_, '_>, current: &Iterate, next: &Iterate) -> f64 {
    let energy = next.energy - current.energy;
    let values = next.weighted_potential.zip(current.weighted_potential);
    let potential = values.map_or_else(
        || {
            let forces = next.force.iter().zip(&current.force);
            let steps = next.path.iter().zip(&current.path);
            let sum: f64 = forces.zip(steps).map(|((f, g), (to, from))| 0.5 * (f + g) * (to - from)).sum();
            objective.weighting().lambda_norm * sum
        },
        |(next, current)| next - current,
    );
    let terms = current.energy + current.weighted_potential.unwrap_or(0.0).abs();
    let change = energy + potential;
    if change.abs() <= ROUNDING * terms { 0.0 } else { change }
}
