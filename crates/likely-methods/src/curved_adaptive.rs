//! The adaptive step on a curved background.

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
    let (force, tensors) = force_and_tensors(objective, &current);
    let mut corrected_force = force.clone();
    let mut corrected = tensors.clone();
    let square = dot(&force, &force);
    let mut moments = Moments { force, tensors, square };
    let (mut power1, mut power2) = (beta1, beta2);
    let mut kappa = rate;
    let mut reported = current.grad_norm;
    let mut preconditioner = Preconditioner::default();
    let mut iterations = 0;
    let start = objective.ends().start().to_vec();
    let stop = loop {
        if reported <= limits.tolerance.get() {
            break Stop::Converged { grad_norm_l2: reported };
        }
        if u64::from(iterations) == limits.iterations.get() {
            break Stop::IterationLimit { grad_norm_l2: reported };
        }
        preconditioner.factorise(&corrected).map_err(InterpolateError::Geometry)?;
        // The minimiser for a constant force and constant tensors.
        let rhs: Vec<f64> = corrected_force.iter().map(|f| -f).collect();
        let mut target = vec![0.0; rhs.len()];
        preconditioner.solve_towards(&rhs, Some(&displacement), &mut target);
        let path = current
            .path
            .iter()
            .zip(target.iter().zip(start.iter().cycle()))
            .map(|(z, (t, a))| z + kappa * (a + t - z))
            .collect();
        let next = objective.evaluate(path)?.filter(|next| next.grad_norm.is_finite());
        let Some(next) = next else { break Stop::NotFinite { iteration: iterations } };
        objective.recycle_iterate(std::mem::replace(&mut current, next));
        iterations += 1;
        let used = kappa;
        let (now, tensors) = force_and_tensors(objective, &current);
        for (m, g) in moments.force.iter_mut().zip(&now) {
            *m = (1.0 - beta1) * g + beta1 * *m;
        }
        moments.tensors.combine(beta1, &tensors, 1.0 - beta1);
        moments.square = (1.0 - beta2) * dot(&now, &now) + beta2 * moments.square;
        power1 *= beta1;
        power2 *= beta2;
        let correction = 1.0 / (1.0 - power1);
        corrected_force.iter_mut().zip(&moments.force).for_each(|(c, m)| *c = correction * m);
        corrected.combine(0.0, &moments.tensors, correction);
        kappa = (rate / ((1.0 + moments.square / (1.0 - power2)).sqrt() + EPSILON)).min(1.0);
        let inner = objective.inner(&current.path, &corrected);
        let averaged: Vec<f64> = inner.iter().zip(&corrected_force).map(|(i, f)| i + f).collect();
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
fn force_and_tensors(objective: &Objective<'_, '_>, iterate: &Iterate) -> (Vec<f64>, Tensors) {
    let linearised = iterate.linearised.as_ref().expect("the background is curved");
    let force = objective.less_inner(iterate, &linearised.tensors);
    let mut tensors = Tensors::default();
    if matches!(linearised.tensors.form(), Form::DiagonalPlusLowRank { .. }) {
        tensors.dense_of(&linearised.tensors);
    } else {
        tensors = linearised.tensors.clone();
    }
    (force, tensors)
}
