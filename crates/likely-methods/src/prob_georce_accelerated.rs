//! `ProbGEORCE` with quasi-Newton directions.

use crate::curved::Quadrature;
use crate::derivative_search;
use crate::limited_memory::{self, Limits};
use crate::objective::{Iterate, Objective};
use crate::solver::{self, Iterations, PenaltyWeight, Reduce, Setup, Start, Tolerance};
use crate::table::from_config;
use crate::weight::Weight;
use crate::{InterpolateError, Interpolator, Method, Scene, Solution, Trace, Unsupported, by_model};
use likely_core::{Curve, Ends};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "prob-georce-accelerated",
    summary: "ProbGEORCE with quasi-Newton directions on its preconditioner; on curved backgrounds one evaluation an iteration, against a model of the potential learned point by point.",
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
/// On a curved background whose tensor costs nothing beside the density, each iteration evaluates the density once: the
/// curvature of the potential at every point of the curve is learned from its own steps and, at the start, from the
/// differences between neighbouring points, and between two evaluations the energy is minimised exactly against that
/// quadratic model. Where the model turns out not to describe the potential, limited-memory BFGS takes over.
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
        self.weight.lambda()
    }

    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Interpolator>> {
        let weight = self.weight.with_lambda(lambda)?;
        Some(Box::new(Self { weight, ..self.clone() }))
    }

    fn evaluations_at_most(&self, segments: usize) -> u64 {
        // An iteration whose search fails is tried once more without memory.
        let a_step = 2 * u64::from(derivative_search::TRIALS);
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
        solver::solve(scene, ends, self.setup(), start, &mut |objective, first| {
            self.iterate(objective, first, trace)
        })
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
            preconditioned: true,
        }
    }

    fn iterate(
        &self,
        objective: &Objective<'_, '_>,
        first: Iterate,
        trace: Trace<'_>,
    ) -> Result<solver::Outcome, InterpolateError> {
        let limits = Limits {
            tolerance: self.tolerance.get(),
            iterations: self.max_iterations.get(),
            memory: self.memory.0 as usize,
            done: 0,
        };
        if objective.is_weighted() && objective.has_cheap_tensors() {
            by_model::minimise(objective, first, limits, trace)
        } else {
            limited_memory::minimise(objective, first, limits, trace)
        }
    }
}
