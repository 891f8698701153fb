//! `ProbGEORCE` with quasi-Newton directions.

use crate::derivative_search::{self, Search};
use crate::objective::{Iterate, Objective};
use crate::quasi_newton::Memory;
use crate::curved::Quadrature;
use crate::solver::{self, Iterations, PenaltyWeight, Reduce, Setup, Start, Tolerance};
use crate::table::from_config;
use crate::vector::dot;
use crate::weight::Weight;
use crate::{InterpolateError, Interpolator, Method, Scene, Solution, Step, Trace, Unsupported};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "prob-georce-accelerated",
    summary: "ProbGEORCE's preconditioner with limited-memory quasi-Newton directions and a line search on slopes.",
    source: "this project; its parts: arXiv 2510.26266 (preconditioner), Nocedal 1980 (memory), Hager and Zhang 2005 (search)",
    build: from_config::<Accelerated>,
};

/// The problem of `prob-georce`, solved by limited-memory BFGS started from the inverse path Laplacian.
///
/// A `ProbGEORCE` step is a gradient step preconditioned by `P^-1`, so it converges linearly however large the weight; the memory
/// adds the curvature of the potential, and the preconditioner keeps the iteration independent of the number of segments.
/// It needs gradients only: with a potential the regularised energy never rises beyond rounding, with a score its trapezoid
/// estimate never does. It stops, like `prob-georce`, on the Euclidean norm of the true gradient over all interior points.
///
/// The objective is not convex in general: at large weights the two methods may end in different minima.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Accelerated {
    weight: Weight,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    memory: Pairs,
    reduction: Reduce,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
}

/// Number of steps that the memory holds, in 1..=1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64")]
struct Pairs(u64);

impl TryFrom<u64> for Pairs {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if (1..=1000).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("memory is {value}; it must be in 1..=1000"))
        }
    }
}

impl Default for Accelerated {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            memory: Pairs(40),
            reduction: Reduce::Auto,
            quadrature: Quadrature::Left,
            penalty: PenaltyWeight::default(),
        }
    }
}

impl Interpolator for Accelerated {
    fn supports(&self, scene: &Scene<'_>) -> Result<(), Unsupported> {
        solver::supports(scene, self.weight, false)
    }

    fn lambda(&self) -> Option<f64> {
        Some(self.weight.lambda())
    }

    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Interpolator>> {
        let weight = self.weight.with_lambda(lambda)?;
        Some(Box::new(Self { weight, ..self.clone() }))
    }

    fn evaluations_at_most(&self, segments: usize) -> u64 {
        // An iteration whose search fails is tried once more without memory.
        let a_step = 2 * u64::from(derivative_search::TRIALS);
        solver::interior_points(segments) * (1 + self.max_iterations.get() * a_step)
    }

    fn interpolate(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        _: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.run(scene, ends, None, trace)
    }

    fn interpolate_from(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        start: &Curve,
        _: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.run(scene, ends, Some(start), trace)
    }
}

impl Accelerated {
    fn setup(&self) -> Setup {
        Setup {
            weight: self.weight,
            start: self.start,
            reduction: self.reduction,
            quadrature: self.quadrature,
            penalty: self.penalty,
            frozen: false,
        }
    }

    fn run(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        given: Option<&Curve>,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.supports(scene)?;
        solver::solve(scene, ends, self.setup(), given, &mut |objective, first| self.iterate(objective, first, trace))
    }

    fn iterate(
        &self,
        objective: &Objective<'_, '_>,
        first: Iterate,
        trace: Trace<'_>,
    ) -> Result<solver::Outcome, InterpolateError> {
        let mut current = first;
        let mut memory = Memory::new(self.memory.0 as usize, objective.dim(), &current.grad);
        let mut iterations = 0;
        let stop = loop {
            if current.grad_norm <= self.tolerance.get() {
                break Stop::Converged { grad_norm_l2: current.grad_norm };
            }
            if u64::from(iterations) == self.max_iterations.get() {
                break Stop::IterationLimit { grad_norm_l2: current.grad_norm };
            }
            let direction = memory.direction(objective.buffer());
            let slope = dot(&current.grad, &direction);
            let found = if slope < 0.0 {
                derivative_search::search(objective, &current, &direction, slope)?
            } else {
                Search::NoStep
            };
            match found {
                Search::Accepted { t, iterate } => {
                    let mut moved = direction;
                    for p in &mut moved {
                        *p *= t;
                    }
                    memory.advance(moved, &current.grad, &iterate.grad, objective.buffer());
                    objective.recycle_iterate(std::mem::replace(&mut current, *iterate));
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
                // The memory may be at fault: once more along the preconditioned gradient.
                Search::NoStep | Search::NotFinite if !memory.is_empty() => memory.clear(),
                Search::NoStep => break Stop::Stalled { grad_norm_l2: current.grad_norm },
                Search::NotFinite => break Stop::NotFinite { iteration: iterations },
            }
        };
        Ok(solver::Outcome { path: current.path, stop, iterations })
    }
}
