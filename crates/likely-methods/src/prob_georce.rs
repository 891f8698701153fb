//! `ProbGEORCE` in flat space.

use crate::curved::Quadrature;
use crate::curved_adaptive::{self, Limits};
use crate::line_search::{Adaptive, Backtracking, LineSearch, Search};
use crate::objective::{Iterate, Objective, straight_path};
use crate::solver::{self, Iterations, PenaltyWeight, Reduce, Setup, Start, Tolerance};
use crate::table::from_config;
use crate::vector::{add_scaled, dot, norm};
use crate::weight::Weight;
use crate::{
    InterpolateError, Interpolator, Method, Scene, Solution, Step, Trace, Unsupported, path_laplacian,
};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "prob-georce",
    summary: "Minimises energy plus weighted potential by steps preconditioned with the inverse path Laplacian.",
    source: "arXiv 2510.26266, Proposition 3.2 and Corollary 3.2.1 (version 1), Proposition 3.4 (version 2)",
    build: from_config::<ProbGeorce>,
};

/// `ProbGEORCE`: the closed-form update of the discrete regularised energy, with a line search.
///
/// With `D` the map from interior points to steps, one iteration is `z <- z - t P^-1 grad R(z)`, `P = 2 D^T D`; the method
/// stops when the Euclidean norm of `grad R` over all interior points is at most `tolerance`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ProbGeorce {
    weight: Weight,
    line_search: LineSearch,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    reduction: Reduce,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
}

impl Default for ProbGeorce {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            line_search: LineSearch::Decrease,
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            reduction: Reduce::Auto,
            quadrature: Quadrature::Left,
            penalty: PenaltyWeight::default(),
        }
    }
}

impl Interpolator for ProbGeorce {
    fn supports(&self, scene: &Scene<'_>) -> Result<(), Unsupported> {
        let needs_values = !matches!(self.line_search, LineSearch::Adaptive(_));
        solver::supports(scene, self.weight, needs_values)
    }

    fn lambda(&self) -> Option<f64> {
        self.weight.lambda()
    }

    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Interpolator>> {
        let weight = self.weight.with_lambda(lambda)?;
        Some(Box::new(Self { weight, ..self.clone() }))
    }

    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let a_step = match self.line_search {
            LineSearch::Adaptive(_) => 1,
            _ => u64::from(crate::line_search::HALVINGS) + 2,
        };
        solver::evaluations_at_most(self.weight, segments, 1 + self.max_iterations.get() * a_step)
    }

    fn join(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        start: Option<&Curve>,
        _: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.supports(scene)?;
        solver::solve(scene, ends, self.setup(), start, &mut |objective, first| match self.line_search {
            LineSearch::Adaptive(constants) if first.linearised.is_some() => {
                let limits = Limits { tolerance: self.tolerance, iterations: self.max_iterations };
                curved_adaptive::run(constants, limits, objective, first, trace)
            }
            LineSearch::Adaptive(constants) => self.adapt(constants, objective, first, trace),
            rule => self.search(rule, objective, first, trace),
        })
    }
}

impl ProbGeorce {
    fn setup(&self) -> Setup {
        Setup {
            weight: self.weight,
            start: self.start,
            reduction: self.reduction,
            quadrature: self.quadrature,
            penalty: self.penalty,
            frozen: false,
            preconditioned: true,
        }
    }

    /// Iterations with a backtracking line search.
    fn search(
        &self,
        rule: LineSearch,
        objective: &Objective<'_, '_>,
        first: Iterate,
        trace: Trace<'_>,
    ) -> Result<solver::Outcome, InterpolateError> {
        let mut current = first;
        let mut backtracking = Backtracking::new(rule);
        let mut iterations = 0;
        let stop = loop {
            if current.grad_norm <= self.tolerance.get() {
                break Stop::Converged { grad_norm_l2: current.grad_norm };
            }
            if u64::from(iterations) == self.max_iterations.get() {
                break Stop::IterationLimit { grad_norm_l2: current.grad_norm };
            }
            let direction = objective.direction(&current);
            let slope = dot(&current.grad, &direction);
            match backtracking.search(objective, &current, &direction, slope)? {
                Search::Accepted { t, iterate } => {
                    objective.recycle(direction);
                    objective.recycle_iterate(std::mem::replace(&mut current, iterate));
                    iterations += 1;
                    let step = Step {
                        iteration: iterations,
                        step: t,
                        regularised_energy: current.regularised_energy(),
                        grad_norm_l2: current.grad_norm,
                    };
                    if trace(&step).is_break() {
                        return Err(InterpolateError::Interrupted);
                    }
                }
                Search::NoStep => break Stop::Stalled { grad_norm_l2: current.grad_norm },
                Search::NotFinite => break Stop::NotFinite { iteration: iterations },
            }
        };
        Ok(solver::Outcome { path: current.path, stop, iterations })
    }

    /// Iterations whose step comes from moments of the gradient, without any value of the potential.
    ///
    /// # Source
    /// `likely_geometry` at commit 397ebf3, class `ProbGEORCE_Euclidean_Adaptive`: the moments start at the first gradient,
    /// not at zero, and are corrected as if they had started at zero; the step is capped at 1.
    fn adapt(
        &self,
        constants: Adaptive,
        objective: &Objective<'_, '_>,
        first: Iterate,
        trace: Trace<'_>,
    ) -> Result<solver::Outcome, InterpolateError> {
        /// Keeps the step finite where the gradient vanishes, as released.
        const EPSILON: f64 = 1e-8;
        let (rate, beta1, beta2) = (constants.rate.0, constants.beta1.0, constants.beta2.0);
        let line = straight_path(objective.ends());
        let mut current = first;
        let factor = objective.weighting().lambda_norm;
        let weighted = |force: &[f64]| -> Vec<f64> { force.iter().map(|f| factor * f).collect() };
        let mut force = weighted(&current.force);
        let mut square = dot(&force, &force);
        let (mut power1, mut power2) = (beta1, beta2);
        let mut corrected = force.clone();
        let mut kappa = rate;
        let mut reported = current.grad_norm;
        let mut iterations = 0;
        let stop = loop {
            if reported <= self.tolerance.get() {
                break Stop::Converged { grad_norm_l2: reported };
            }
            if u64::from(iterations) == self.max_iterations.get() {
                break Stop::IterationLimit { grad_norm_l2: reported };
            }
            // The minimiser for a constant force: the straight line less P^-1 force.
            let mut target = vec![0.0; corrected.len()];
            path_laplacian::solve(&corrected, objective.dim(), &mut target);
            for (t, l) in target.iter_mut().zip(&line) {
                *t = l - *t;
            }
            let direction: Vec<f64> = target.iter().zip(&current.path).map(|(t, z)| t - z).collect();
            let path = add_scaled(&current.path, kappa, &direction);
            current = match objective.evaluate(path)? {
                Some(next) if next.grad_norm.is_finite() => next,
                _ => break Stop::NotFinite { iteration: iterations },
            };
            iterations += 1;
            let used = kappa;
            let now = weighted(&current.force);
            for (m, g) in force.iter_mut().zip(&now) {
                *m = (1.0 - beta1) * g + beta1 * *m;
            }
            square = (1.0 - beta2) * dot(&now, &now) + beta2 * square;
            power1 *= beta1;
            power2 *= beta2;
            for (c, m) in corrected.iter_mut().zip(&force) {
                *c = m / (1.0 - power1);
            }
            kappa = (rate / ((1.0 + square / (1.0 - power2)).sqrt() + EPSILON)).min(1.0);
            let averaged: Vec<f64> = current
                .grad
                .iter()
                .zip(&now)
                .zip(&corrected)
                .map(|((grad, force), corrected)| grad - force + corrected)
                .collect();
            reported = norm(&averaged);
            let step =
                Step { iteration: iterations, step: used, regularised_energy: None, grad_norm_l2: reported };
            if trace(&step).is_break() {
                return Err(InterpolateError::Interrupted);
            }
        };
        Ok(solver::Outcome { path: current.path, stop, iterations })
    }
}
