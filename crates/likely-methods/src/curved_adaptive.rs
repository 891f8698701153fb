//! The adaptive step on a curved background.

use crate::curved::Linearised;
use crate::line_search::Adaptive;
use crate::objective::{Iterate, Objective};
use crate::preconditioner::Preconditioner;
use crate::solver::{Iterations, Outcome, Tolerance};
use crate::vector::{dot, norm};
use crate::{InterpolateError, Step, Trace};
use likely_core::{Form, Stop, Tensors};

/// Keeps the step finite where the gradient vanishes, as released.
const EPSILON: f64 = 1e-8;

/// When to stop.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tolerance: Tolerance,
    pub(crate) iterations: Iterations,
}

/// Moving averages of the force and of the tensors, corrected for their start as released.
struct Moments {
    force: Vec<f64>,
    tensors: Tensors,
    square: f64,
}

/// Iterations whose step comes from moments of the gradient and of the tensors, without any value of the potential.
///
/// # Source
/// `likely_geometry` at commit 397ebf3, class `ProbGEORCE_Adaptive`: the moments start at the first gradient and tensors, not
/// at zero, and are corrected as if they had started at zero; the first tensor enters a step as it is; convergence is judged
/// on the averaged gradient. DEVIATIONS.md D9.
pub(crate) fn run(
    constants: Adaptive,
    limits: Limits,
    objective: &Objective<'_, '_>,
    first: Iterate,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let (rate, beta1, beta2) = (constants.rate.0, constants.beta1.0, constants.beta2.0);
    let displacement = objective.displacement();
    let mut current = first;
    let mut now = Forces::default();
    now.read(objective, &current);
    let mut moments = Moments {
        force: now.force.clone(),
        tensors: now.tensors(&current).clone(),
        square: dot(&now.force, &now.force),
    };
    let mut corrected_force = now.force.clone();
    let mut corrected = moments.tensors.clone();
    let (mut power1, mut power2) = (beta1, beta2);
    let mut kappa = rate;
    let mut reported = current.grad_norm;
    let mut preconditioner = Preconditioner::default();
    let mut iterations = 0;
    let dim = objective.dim();
    // The start of the curve at every point.
    let starts: Vec<f64> =
        objective.ends().start().iter().copied().cycle().take(current.path.len()).collect();
    let mut target = vec![0.0; current.path.len()];
    let mut lowered = vec![0.0; current.path.len() + dim];
    let mut averaged = Vec::with_capacity(current.path.len());
    let stop = loop {
        if reported <= limits.tolerance.get() {
            break Stop::Converged { grad_norm_l2: reported };
        }
        if u64::from(iterations) == limits.iterations.get() {
            break Stop::IterationLimit { grad_norm_l2: reported };
        }
        preconditioner.factorise(&corrected).map_err(InterpolateError::Geometry)?;
        // The minimiser for a constant force and constant tensors: its deviation from the start of the curve.
        for f in &mut corrected_force {
            *f = -*f;
        }
        preconditioner.solve_towards(&corrected_force, &displacement, &mut target);
        let mut path = objective.buffer();
        let moves = current.path.iter().zip(&target).zip(&starts);
        path.extend(moves.map(|((z, t), a)| z + kappa * (a + t - z)));
        let next = objective.evaluate(path)?.filter(|next| next.grad_norm.is_finite());
        let Some(next) = next else { break Stop::NotFinite { iteration: iterations } };
        objective.recycle_iterate(std::mem::replace(&mut current, next));
        iterations += 1;
        let used = kappa;
        now.read(objective, &current);
        for (m, g) in moments.force.iter_mut().zip(&now.force) {
            *m = (1.0 - beta1) * g + beta1 * *m;
        }
        moments.tensors.combine(beta1, now.tensors(&current), 1.0 - beta1);
        moments.square = (1.0 - beta2) * dot(&now.force, &now.force) + beta2 * moments.square;
        power1 *= beta1;
        power2 *= beta2;
        let correction = 1.0 / (1.0 - power1);
        corrected_force.clear();
        corrected_force.extend(moments.force.iter().map(|m| correction * m));
        corrected.combine(0.0, &moments.tensors, correction);
        kappa = (rate / ((1.0 + moments.square / (1.0 - power2)).sqrt() + EPSILON)).min(1.0);
        corrected.apply(&linearised(&current).steps, &mut lowered);
        let inner = lowered.iter().zip(&lowered[dim..]);
        averaged.clear();
        averaged.extend(
            corrected_force.iter().zip(inner).map(|(force, (before, after))| force + 2.0 * (before - after)),
        );
        reported = norm(&averaged);
        corrected.scale_row(0, 1.0 / correction);
        let step =
            Step { iteration: iterations, step: used, regularised_energy: None, grad_norm_l2: reported };
        if trace(&step).is_break() {
            return Err(InterpolateError::Interrupted);
        }
    };
    Ok(Outcome { path: current.path, stop, iterations })
}

/// The derivative of the tensors with the weighted force, and the tensors in a form that sums keep.
#[derive(Default)]
struct Forces {
    force: Vec<f64>,
    /// The tensors, where those of the iterate are of low rank.
    dense: Option<Tensors>,
}

impl Forces {
    fn read(&mut self, objective: &Objective<'_, '_>, iterate: &Iterate) {
        objective.less_inner(iterate, &mut self.force);
        let tensors = &linearised(iterate).tensors;
        if matches!(tensors.form(), Form::DiagonalPlusLowRank { .. }) {
            self.dense.get_or_insert_default().dense_of(tensors);
        }
    }

    fn tensors<'i>(&'i self, iterate: &'i Iterate) -> &'i Tensors {
        self.dense.as_ref().unwrap_or_else(|| &linearised(iterate).tensors)
    }
}

fn linearised(iterate: &Iterate) -> &Linearised {
    iterate.linearised.as_ref().expect("the background is curved")
}
