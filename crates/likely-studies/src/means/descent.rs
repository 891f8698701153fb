//! Line-search solvers of a mean: preconditioned steps, quasi-Newton directions on top, and the search as released.

use super::objective::{Iterate, Objective, add, dot, norm};
use super::preconditioner::Preconditioner;
use likely_core::{EvalError, Stop};
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// What a solver ended with.
pub(super) struct Outcome {
    pub(super) iterate: Iterate,
    pub(super) stop: Stop,
    pub(super) iterations: u32,
}

/// When to stop, and whom to tell.
pub(super) struct Limits<'a> {
    pub(super) tolerance: f64,
    pub(super) max_iterations: u32,
    /// Told the iterations so far and the gradient norm.
    pub(super) observe: &'a mut dyn FnMut(u32, f64) -> ControlFlow<()>,
}

/// Why there is no outcome.
pub(super) enum Failure {
    Eval(EvalError),
    Interrupted,
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        Self::Eval(error)
    }
}

/// Share of the true slope that a step must gain.
const SUFFICIENT: f64 = 1e-4;
/// Differences of the objective below this, relative, are rounding.
const ROUNDING: f64 = 1e-12;
/// How steep the way back up may be at a step that values cannot judge, as a share of the slope at its start.
const OVERSHOOT: f64 = 0.5;
const HALVINGS: u32 = 60;

/// Pairs of steps and changes of the gradient.
struct Memory {
    pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
    capacity: usize,
    /// Room for the first half of the recursion.
    room: Vec<f64>,
}

impl Memory {
    fn learn(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let curvature = dot(&step, &change);
        if self.capacity == 0 || curvature <= 1e-10 * norm(&step) * norm(&change) {
            return;
        }
        if self.pairs.len() == self.capacity {
            self.pairs.pop_front();
        }
        self.pairs.push_back((step, change, curvature));
    }

    /// `-H gradient`, `H` the limited-memory BFGS matrix started from a multiple of `P^-1`.
    ///
    /// # Source
    /// Nocedal and Wright, Numerical Optimization, algorithm 7.4.
    fn direction(&mut self, gradient: &[f64], precondition: &mut Preconditioner, out: &mut Vec<f64>) {
        if self.pairs.is_empty() {
            precondition.solve(gradient, out);
            negate(out);
            return;
        }
        let mut q = std::mem::take(&mut self.room);
        q.clear();
        q.extend_from_slice(gradient);
        let mut shares = Vec::with_capacity(self.pairs.len());
        for (step, change, curvature) in self.pairs.iter().rev() {
            let share = dot(step, &q) / curvature;
            add(&mut q, -share, change);
            shares.push(share);
        }
        precondition.solve(&q, out);
        self.room = q;
        for ((step, change, curvature), share) in self.pairs.iter().zip(shares.iter().rev()) {
            let correction = share - dot(change, out) / curvature;
            add(out, correction, step);
        }
        negate(out);
    }
}

fn negate(v: &mut [f64]) {
    for v in v {
        *v = -*v;
    }
}

/// Steps `-t H grad F` with sufficient decrease on the true slope; `memory` pairs for `H`, none for `H = P^-1`.
pub(super) fn descend(
    objective: &Objective<'_>,
    mut current: Iterate,
    memory: usize,
    limits: Limits<'_>,
) -> Result<Outcome, Failure> {
    let mut preconditioner = Preconditioner::new(objective.layout, &objective.weights, objective.held);
    let mut memory = Memory { pairs: VecDeque::new(), capacity: memory, room: Vec::new() };
    let mut trial = Iterate::default();
    let mut direction = Vec::new();
    let mut iterations = 0;
    loop {
        let grad_norm_l2 = current.gradient_norm;
        let finish = |stop| Outcome { iterate: Iterate::default(), stop, iterations };
        let ended = if grad_norm_l2 <= limits.tolerance {
            Some(Stop::Converged { grad_norm_l2 })
        } else if iterations == limits.max_iterations {
            Some(Stop::IterationLimit { grad_norm_l2 })
        } else {
            None
        };
        if let Some(stop) = ended {
            return Ok(Outcome { iterate: current, ..finish(stop) });
        }
        preconditioner.factorise(&current.tensors)?;
        memory.direction(&current.gradient, &mut preconditioner, &mut direction);
        let mut slope = dot(&current.gradient, &direction);
        if (slope.is_nan() || slope >= 0.0) && !memory.pairs.is_empty() {
            memory.pairs.clear();
            memory.direction(&current.gradient, &mut preconditioner, &mut direction);
            slope = dot(&current.gradient, &direction);
        }
        trial.take_room(&mut current);
        if !search(objective, &current, &direction, slope, &mut trial)? {
            if memory.pairs.is_empty() {
                return Ok(Outcome { iterate: current, ..finish(Stop::Stalled { grad_norm_l2 }) });
            }
            memory.pairs.clear();
            continue;
        }
        // A pair is of no use at the end, and is made where numbers are that are not looked at any more.
        if memory.capacity > 0 && trial.gradient_norm > limits.tolerance {
            let (new, old) = (trial.unknowns(objective.layout), current.unknowns(objective.layout));
            direction.iter_mut().zip(new.iter().zip(old)).for_each(|(step, (new, old))| *step = new - old);
            let change = current.gradient.iter_mut().zip(&trial.gradient);
            change.for_each(|(old, new)| *old = new - *old);
            memory.learn(std::mem::take(&mut direction), std::mem::take(&mut current.gradient));
        }
        std::mem::swap(&mut current, &mut trial);
        iterations += 1;
        if (limits.observe)(iterations, current.gradient_norm).is_break() {
            return Err(Failure::Interrupted);
        }
    }
}

/// Halves a step until it is good; `trial` is evaluated at it then.
fn search(
    objective: &Objective<'_>,
    current: &Iterate,
    direction: &[f64],
    slope: f64,
    trial: &mut Iterate,
) -> Result<bool, EvalError> {
    let Some(level) = current.value else { return Ok(false) };
    let mut t = 1.0;
    for _ in 0..HALVINGS {
        if evaluate_at(objective, current, t, direction, trial)? && trial.is_finite() {
            let value = trial.value.unwrap_or(f64::NAN);
            let enough = if -t * slope > ROUNDING * level.abs() {
                value <= level + SUFFICIENT * t * slope
            } else {
                // Values differ by rounding alone; the slope at the trial decides (Hager and Zhang 2005, section 2).
                let end = dot(&trial.gradient, direction);
                value <= level + ROUNDING * level.abs() && end <= -OVERSHOOT * slope
            };
            if enough {
                return Ok(true);
            }
        }
        t *= 0.5;
    }
    Ok(false)
}

/// Evaluates `current + t direction`; false where that is no point of the chart.
fn evaluate_at(
    objective: &Objective<'_>,
    current: &Iterate,
    t: f64,
    direction: &[f64],
    trial: &mut Iterate,
) -> Result<bool, EvalError> {
    trial.step(objective.layout, current, t, direction);
    match objective.evaluate(trial) {
        Ok(()) => Ok(true),
        Err(
            EvalError::OutsideChart { .. }
            | EvalError::NonFinitePoint { .. }
            | EvalError::NotPositiveDefinite { .. },
        ) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reductions of a step in the released search, after which the last is taken, good or not.
const RELEASED_REDUCTIONS: u32 = 100;

/// The search as released: it compares objectives with different numbers of terms, and stops on a gradient averaged over the
/// data.
///
/// With `S` summed over interior points at the current curves and over those and the mean at a trial, and `K sum w` times
/// the potential of the mean in both, a step is accepted where the trial is not above the current value. The gradient of
/// the potential is not weighted.
pub(super) fn released(
    objective: &Objective<'_>,
    mut current: Iterate,
    reduction: f64,
    limits: Limits<'_>,
) -> Result<Outcome, Failure> {
    let layout = objective.layout;
    let mut preconditioner = Preconditioner::new(layout, &objective.weights, objective.held);
    let (mut trial, mut direction, mut gradient) = (Iterate::default(), Vec::new(), Vec::new());
    let total: f64 = objective.weights.iter().step_by(layout.dim).sum();
    let mut iterations = 0;
    loop {
        let averaged = released_norm(objective, &current);
        let stop = if averaged <= limits.tolerance {
            Some(Stop::Converged { grad_norm_l2: averaged })
        } else if iterations == limits.max_iterations {
            Some(Stop::IterationLimit { grad_norm_l2: averaged })
        } else {
            None
        };
        if let Some(stop) = stop {
            return Ok(Outcome { iterate: current, stop, iterations });
        }
        released_gradient(objective, &current, &mut gradient);
        preconditioner.factorise(&current.tensors)?;
        preconditioner.solve(&gradient, &mut direction);
        negate(&mut direction);
        let of_mean = |iterate: &Iterate| mean_potential(objective, iterate);
        let doubled = layout.count as f64 * total;
        let level =
            current.energy + objective.lambda_norm * (current.potential + doubled * of_mean(&current)?);
        let mut t = 1.0;
        for reductions in 0..=RELEASED_REDUCTIONS {
            let inside = evaluate_at(objective, &current, t, &direction, &mut trial)?;
            if inside && trial.is_finite() {
                let value = trial.energy
                    + objective.lambda_norm * (trial.potential + (doubled + total) * of_mean(&trial)?);
                if value <= level || reductions == RELEASED_REDUCTIONS {
                    break;
                }
            } else if reductions == RELEASED_REDUCTIONS {
                return Ok(Outcome {
                    iterate: current,
                    stop: Stop::NotFinite { iteration: iterations },
                    iterations,
                });
            }
            t *= reduction;
        }
        std::mem::swap(&mut current, &mut trial);
        iterations += 1;
        if (limits.observe)(iterations, current.gradient_norm).is_break() {
            return Err(Failure::Interrupted);
        }
    }
}

/// `S` at the mean.
fn mean_potential(objective: &Objective<'_>, at: &Iterate) -> Result<f64, EvalError> {
    let Some(likely_methods::Density::Potential(potential)) =
        objective.density.filter(|_| objective.lambda_norm > 0.0)
    else {
        return Ok(0.0);
    };
    let mean = ndarray::ArrayView1::from(at.mean(objective.layout));
    Ok(potential.value(mean.insert_axis(ndarray::Axis(0)))?[0])
}

/// The gradient with the pull of tensors and potential not weighted, and none of the potential at the mean.
fn released_gradient(objective: &Objective<'_>, at: &Iterate, out: &mut Vec<f64>) {
    let block = objective.layout.block();
    let mut pull = at.pull.clone();
    for pull in pull.chunks_exact_mut(block) {
        pull.iter_mut().zip(&objective.weights).for_each(|(p, w)| *p /= w);
    }
    objective.layout.gradient(&objective.weights, &pull, &at.momenta, out);
}

/// The norm of the gradient without any weights, averaged over the data.
fn released_norm(objective: &Objective<'_>, at: &Iterate) -> f64 {
    let layout = objective.layout;
    let mut gradient = Vec::new();
    layout.gradient(&vec![1.0; layout.block()], &at.pull, &at.momenta, &mut gradient);
    let (interior, mean) = gradient.split_at(layout.interior());
    let count = layout.count as f64;
    let mut square = 0.0;
    for block in interior.chunks_exact(layout.block()) {
        let mut average = vec![0.0; layout.dim];
        for row in block.chunks_exact(layout.dim) {
            add(&mut average, 1.0 / count, row);
        }
        square += dot(&average, &average);
    }
    (square + dot(mean, mean) / (count * count)).sqrt()
}
