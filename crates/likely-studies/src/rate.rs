//! How fast `ProbGEORCE` converges on one pair, observed and predicted.

use crate::pair_problem::{PairProblem, Solver};
use crate::path::Paths;
use crate::spectrum;
use crate::{StudyError, Subject};
use likely_core::{Counted, Curve, EvalError, Form, Geometry, Potential, Rows, Tensors};
use likely_methods::{InterpolateError, Step};
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// Steps at the end of a run over which rates are taken.
const TAIL: usize = 12;
/// Fewer steps than this show no rate.
const FEWEST: usize = 6;
/// Most unknowns of which all eigenvalues are computed.
const MOST_UNKNOWNS: usize = 500;

/// The run, and what can be read off it.
pub(crate) struct Rate {
    /// Iteration, step length, gradient norm and regularised energy, in order.
    pub(crate) trace: Vec<Step>,
    pub(crate) observed: Result<f64, String>,
    pub(crate) order: Result<f64, String>,
    /// For the steps that were taken.
    pub(crate) predicted: Result<f64, String>,
    /// For steps of length one.
    pub(crate) predicted_unit_step: Result<f64, String>,
}

/// Runs `solver` on `problem` at the factor `lambda_norm` and measures how its gradient falls.
pub(crate) fn measure(
    subject: &Subject<'_>,
    counted: &Counted<'_>,
    problem: &PairProblem<'_, '_>,
    solver: &Solver,
    lambda_norm: f64,
    rng: &mut ChaCha8Rng,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Rate, StudyError> {
    let mut trace = Vec::new();
    let solution = solver
        .at(lambda_norm)?
        .interpolate(&problem.scene(), problem.ends(), rng, &mut |step| {
            trace.push(*step);
            observe()
        })
        .map_err(|error| match error {
            InterpolateError::Interrupted => StudyError::Interrupted,
            other => other.into(),
        })?;
    let name = problem.name();
    let tail = if !solution.stop.means_convergence() {
        Err(format!("pair `{name}`: {}", solution.stop))
    } else if trace.len() < FEWEST {
        Err(format!("pair `{name}`: converged in {} steps, too few to show a rate", trace.len()))
    } else {
        Ok(&trace[trace.len() - TAIL.min(trace.len() / 2 + 1)..])
    };
    let observed = tail.clone().map(|tail| {
        let falls = (tail.len() - 1) as f64;
        (tail[tail.len() - 1].grad_norm_l2 / tail[0].grad_norm_l2).powf(1.0 / falls)
    });
    let order = tail.clone().and_then(|tail| {
        let logs: Vec<f64> = tail.iter().map(|step| step.grad_norm_l2.ln()).collect();
        slope(&logs[..logs.len() - 1], &logs[1..])
            .ok_or_else(|| format!("pair `{name}`: the gradient norms do not vary"))
    });
    let (predicted, predicted_unit_step) = match tail {
        Err(reason) => (Err(reason.clone()), Err(reason)),
        Ok(tail) => {
            let eigenvalues = eigenvalues(subject, counted, &solution.curve, lambda_norm, observe)?;
            let eigenvalues = eigenvalues.map_err(|reason| format!("pair `{name}`: {reason}"));
            let taken: Vec<f64> = tail[1..].iter().map(|step| step.step).collect();
            (eigenvalues.clone().map(|all| factor(&all, &taken)), eigenvalues.map(|all| factor(&all, &[1.0])))
        }
    };
    Ok(Rate { trace, observed, order, predicted, predicted_unit_step })
}

/// `max_mu prod_k |1 - t_k mu|^(1/m)`: by what the slowest error falls a step.
fn factor(eigenvalues: &[f64], steps: &[f64]) -> f64 {
    let of = |mu: f64| steps.iter().map(|t| (1.0 - t * mu).abs().ln()).sum::<f64>() / steps.len() as f64;
    eigenvalues.iter().map(|&mu| of(mu)).fold(f64::NEG_INFINITY, f64::max).exp()
}

/// The slope of the least-squares line through points; `None` where all abscissas are the same.
pub(crate) fn slope(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let covariance: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

/// All eigenvalues of `P^-1 H` at `curve`, `H` the Hessian of the regularised energy.
fn eigenvalues(
    subject: &Subject<'_>,
    counted: &Counted<'_>,
    curve: &Curve,
    lambda_norm: f64,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Result<Vec<f64>, String>, StudyError> {
    let unknowns = curve.interior().len();
    if unknowns > MOST_UNKNOWNS {
        return Ok(Err(format!(
            "{unknowns} unknowns are more than the {MOST_UNKNOWNS} of which all eigenvalues are computed; use fewer segments"
        )));
    }
    let p = laplacian(subject.geometry, curve)?;
    let h = if subject.geometry.form() == Form::Flat && counted.curvature().is_some() {
        exact_hessian(counted, curve, lambda_norm, p.clone())?
    } else {
        let path: Vec<f64> = curve.interior().iter().copied().collect();
        let paths = Paths {
            geometry: subject.geometry,
            potential: counted,
            start: curve.points().row(0).to_vec(),
            end: curve.points().row(curve.segments()).to_vec(),
        };
        differences(&paths, &path, lambda_norm, observe)?
    };
    Ok(spectrum::generalised(p, h, unknowns)
        .ok_or_else(|| "the preconditioner at the solution is not positive definite".to_owned()))
}

/// `P = 2 D^T G D` as a full matrix.
fn laplacian(geometry: &dyn Geometry, curve: &Curve) -> Result<Vec<f64>, EvalError> {
    let (dim, segments) = (curve.dim(), curve.segments());
    let n = (segments - 1) * dim;
    let points: Vec<f64> = curve.points().iter().take(segments * dim).copied().collect();
    let mut tensors = Tensors::default();
    geometry.tensors(Rows::new(&points, dim)?, &mut tensors)?;
    let mut p = vec![0.0; n * n];
    for i in 0..segments {
        let g = tensors.matrix(i);
        // Segment i joins the interior points i - 1 and i, counted from 0.
        let both = [i.checked_sub(1), (i + 1 < segments).then_some(i)];
        for (side, row) in both.into_iter().enumerate() {
            for (other, column) in both.into_iter().enumerate() {
                let (Some(row), Some(column)) = (row, column) else { continue };
                let sign = if side == other { 2.0 } else { -2.0 };
                for a in 0..dim {
                    for b in 0..dim {
                        p[(row * dim + a) * n + column * dim + b] += sign * g[a * dim + b];
                    }
                }
            }
        }
    }
    Ok(p)
}

/// `P + lambda_norm Hess S`, in flat space.
fn exact_hessian(
    potential: &Counted<'_>,
    curve: &Curve,
    lambda_norm: f64,
    mut p: Vec<f64>,
) -> Result<Vec<f64>, EvalError> {
    let Some(curvature) = potential.curvature() else { unreachable!("asked for where there is one") };
    let (dim, n) = (curve.dim(), curve.interior().len());
    let points: Vec<f64> = curve.interior().iter().copied().collect();
    let mut hessians = vec![0.0; n * dim];
    curvature.hessian(Rows::new(&points, dim)?, &mut hessians)?;
    for (i, hessian) in hessians.chunks_exact(dim * dim).enumerate() {
        for a in 0..dim {
            for b in 0..dim {
                p[(i * dim + a) * n + i * dim + b] += lambda_norm * hessian[a * dim + b];
            }
        }
    }
    Ok(p)
}

/// The Hessian from central differences of gradients.
fn differences(
    paths: &Paths<'_>,
    path: &[f64],
    lambda_norm: f64,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<f64>, StudyError> {
    let n = path.len();
    let size = path.iter().fold(0.0_f64, |size, x| size.max(x.abs())).max(1e-3);
    // The cube root of the rounding error balances it against the third derivative.
    let h = f64::EPSILON.cbrt() * size;
    let mut hessian = vec![0.0; n * n];
    for k in 0..n {
        if observe().is_break() {
            return Err(StudyError::Interrupted);
        }
        let gradient = |h: f64| -> Result<Vec<f64>, EvalError> {
            let mut moved = path.to_vec();
            moved[k] += h;
            Ok(paths.evaluate(moved)?.gradient(lambda_norm))
        };
        let (up, down) = (gradient(h)?, gradient(-h)?);
        for (row, (up, down)) in up.iter().zip(&down).enumerate() {
            let half = 0.5 * (up - down) / (2.0 * h);
            hessian[row * n + k] += half;
            hessian[k * n + row] += half;
        }
    }
    Ok(hessian)
}
