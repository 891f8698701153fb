//! The adaptive solver of a mean: no objective is evaluated, moments of the gradient decide the step.

use super::descent::{Failure, Limits, Outcome};
use super::objective::{Iterate, Objective, dot};
use super::preconditioner::Preconditioner;
use likely_core::{EvalError, Form, Stop, Tensors};

/// Constants of the adaptive step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    pub(super) rate: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
}

/// Kept away from dividing by zero, as released.
const EPSILON: f64 = 1e-8;
/// Up to this many coordinates the average of low-rank tensors is held as a matrix.
const SMALL: usize = 64;

/// A moving average that starts at its first value, with the correction that the released code applies all the same.
struct Moment {
    values: Vec<f64>,
    share: f64,
    power: f64,
}

impl Moment {
    fn new(values: Vec<f64>, share: f64) -> Self {
        Self { values, share, power: share }
    }

    fn update(&mut self, new: &[f64]) {
        let share = self.share;
        self.values.iter_mut().zip(new).for_each(|(m, n)| *m = (1.0 - share) * n + share * *m);
        self.power *= share;
    }

    /// What stands in for the value: the first one as it is, later ones over `1 - share^{k+1}`.
    fn correction(&self, first: bool) -> f64 {
        if first { 1.0 } else { 1.0 / (1.0 - self.power) }
    }
}

/// Steps along the update made from moments.
///
/// # Source
/// `jax_geometry/prob_means/prob_georce_fm_adaptive.py`, commit 397ebf3; it stops here on the gradient itself, where the
/// released code stops on its moving average.
pub(super) fn adapt(
    objective: &Objective<'_>,
    mut current: Iterate,
    rates: Rates,
    limits: Limits<'_>,
) -> Result<Outcome, Failure> {
    let layout = objective.layout;
    let block = layout.block();
    let mut preconditioner = Preconditioner::new(layout, &objective.weights, objective.held);
    let mut pull = Moment::new(current.pull.clone(), rates.beta1);
    let mut tensors = Moment::new(numbers(&current.tensors)?, rates.beta1);
    let mut square = Moment::new(vec![mean_square(objective, &current)], rates.beta2);
    let mut kappa = rates.rate;
    let (mut momenta, mut gradient, mut step) = (Vec::new(), Vec::new(), Vec::new());
    let mut averaged = Tensors::default();
    let mut iterations = 0;
    loop {
        let grad_norm_l2 = current.gradient_norm;
        let stop = if grad_norm_l2 <= limits.tolerance {
            Some(Stop::Converged { grad_norm_l2 })
        } else if iterations == limits.max_iterations {
            Some(Stop::IterationLimit { grad_norm_l2 })
        } else if !current.is_finite() {
            Some(Stop::NotFinite { iteration: iterations })
        } else {
            None
        };
        if let Some(stop) = stop {
            return Ok(Outcome { iterate: current, stop, iterations });
        }
        let first = iterations == 0;
        average(
            &current.tensors,
            &tensors.values,
            tensors.correction(first),
            block / layout.dim,
            &mut averaged,
        );
        momenta.resize(current.steps.len(), 0.0);
        averaged.apply(&current.steps, &mut momenta);
        let correction = pull.correction(first);
        let corrected: Vec<f64> = pull.values.iter().map(|p| correction * p).collect();
        layout.gradient(&objective.weights, &corrected, &momenta, &mut gradient);
        let interior = layout.interior();
        // The potential at the mean itself is not averaged.
        let exact = &current.gradient[interior..];
        let own = own_pull(objective, &current, exact);
        gradient[interior..].iter_mut().zip(&own).for_each(|(g, o)| *g += o);
        preconditioner.factorise(&averaged)?;
        preconditioner.solve(&gradient, &mut step);
        current.unknowns_mut(layout).iter_mut().zip(&step).for_each(|(x, s)| *x -= kappa * s);
        objective.evaluate(&mut current)?;
        pull.update(&current.pull);
        tensors.update(&numbers(&current.tensors)?);
        square.update(&[mean_square(objective, &current)]);
        kappa =
            (rates.rate / ((1.0 + square.values[0] * square.correction(false)).sqrt() + EPSILON)).min(1.0);
        iterations += 1;
        if (limits.observe)(iterations, current.gradient_norm).is_break() {
            return Err(Failure::Interrupted);
        }
    }
}

/// What the potential at the mean adds to its gradient: the gradient less the momenta that arrive.
fn own_pull(objective: &Objective<'_>, at: &Iterate, exact: &[f64]) -> Vec<f64> {
    let layout = objective.layout;
    let mut own = exact.to_vec();
    if objective.at_mean == 0.0 {
        own.fill(0.0);
        return own;
    }
    let last = &at.momenta[(layout.segments - 1) * layout.block()..];
    for (w, p) in objective.weights.chunks_exact(layout.dim).zip(last.chunks_exact(layout.dim)) {
        own.iter_mut().zip(w.iter().zip(p)).for_each(|(o, (w, p))| *o -= 2.0 * w * p);
    }
    own
}

/// The squared norm of the pull over interior points, averaged over the data.
fn mean_square(objective: &Objective<'_>, at: &Iterate) -> f64 {
    let interior = &at.pull[objective.layout.block()..];
    dot(interior, interior) / objective.layout.count as f64
}

/// The numbers of tensors that may be averaged.
fn numbers(tensors: &Tensors) -> Result<Vec<f64>, EvalError> {
    match tensors.form() {
        Form::Flat => Ok(Vec::new()),
        Form::Conformal | Form::Diagonal => Ok(tensors.diagonal_part().to_vec()),
        Form::Dense => Ok(tensors.matrices().to_vec()),
        Form::DiagonalPlusLowRank { .. } if tensors.dim() <= SMALL => {
            Ok((0..tensors.batch()).flat_map(|row| tensors.matrix(row)).collect())
        }
        Form::DiagonalPlusLowRank { .. } => Err(EvalError::Model {
            reason: format!(
                "the adaptive step averages tensors, which makes low-rank ones dense; {} coordinates are more than {SMALL}, use another line search",
                tensors.dim()
            ),
        }),
    }
}

/// Averages in place of tensors, but for those of the first `exact` rows.
fn average(current: &Tensors, averages: &[f64], correction: f64, exact: usize, out: &mut Tensors) {
    let (batch, dim) = (current.batch(), current.dim());
    let fill = |to: &mut [f64], own: &[f64], width: usize| {
        to.iter_mut().zip(averages).for_each(|(t, a)| *t = correction * a);
        to[..exact * width].copy_from_slice(&own[..exact * width]);
    };
    match current.form() {
        Form::Flat => out.flat(batch, dim),
        Form::Conformal => fill(out.conformal(batch, dim), current.diagonal_part(), 1),
        Form::Diagonal => fill(out.diagonal(batch, dim), current.diagonal_part(), dim),
        Form::Dense => fill(out.dense(batch, dim), current.matrices(), dim * dim),
        Form::DiagonalPlusLowRank { .. } => {
            let own: Vec<f64> = (0..exact).flat_map(|row| current.matrix(row)).collect();
            fill(out.dense(batch, dim), &own, dim * dim);
        }
    }
}
