//! Limited-memory BFGS without a preconditioner.

use crate::curved::Quadrature;
use crate::derivative_search;
use crate::first_order::Rate;
use crate::limited_memory::{self, Limits};
use crate::objective::{Iterate, Objective};
use crate::plain_memory::{PlainMemory, SmallestCurvature};
use crate::solver::{self, Iterations, Outcome, PenaltyWeight, Reduce, Setup, Start, Tolerance};
use crate::table::from_config;
use crate::vector::dot;
use crate::weight::Weight;
use crate::{InterpolateError, Interpolator, Method, Scene, Solution, Step, Trace, Unsupported};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "l-bfgs",
    summary: "Limited-memory BFGS from the identity, to compare with; with a line search, or as in PyTorch without one.",
    source: "Nocedal 1980; likely_geometry at commit 397ebf3: torch_optimers.py with LBFGS of torch.optim",
    build: from_config::<Lbfgs>,
};

/// The textbook method on the regularised energy, with its exact gradient and nothing reduced.
///
/// With a search it stops, like `prob-georce`, where the Euclidean norm of the gradient over all interior points is at most
/// `tolerance`. There is no frozen gradient: values and slopes that disagree leave a search without a step.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Lbfgs {
    weight: Weight,
    steps: Steps,
    memory: Pairs,
    start: Start,
    tolerance: Tolerance,
    max_iterations: Iterations,
    quadrature: Quadrature,
    penalty: PenaltyWeight,
}

/// How long steps are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Steps {
    /// As a line search on slopes finds.
    Search,
    /// The given share of the whole step, always, up to 20 of them in an iteration: as released, at 0.01 with a memory of 100.
    Fixed(Rate),
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

impl Default for Lbfgs {
    fn default() -> Self {
        Self {
            weight: Weight::default(),
            steps: Steps::Search,
            memory: Pairs(10),
            start: Start::Linear,
            tolerance: Tolerance::default(),
            max_iterations: Iterations::default(),
            quadrature: Quadrature::default(),
            penalty: PenaltyWeight::default(),
        }
    }
}

impl Interpolator for Lbfgs {
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
        let an_iteration = match self.steps {
            // One whose search fails is tried once more without memory.
            Steps::Search => 2 * u64::from(derivative_search::TRIALS),
            Steps::Fixed(_) => u64::from(INNER),
        };
        solver::evaluations_at_most(self.weight, segments, 1 + self.max_iterations.get() * an_iteration)
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
        let setup = Setup {
            weight: self.weight,
            start: self.start,
            reduction: Reduce::Off,
            quadrature: self.quadrature,
            penalty: self.penalty,
            frozen: false,
            preconditioned: false,
        };
        let limits = Limits {
            tolerance: self.tolerance.get(),
            iterations: self.max_iterations.get(),
            memory: self.memory.0 as usize,
            done: 0,
        };
        solver::solve(scene, ends, setup, start, &mut |objective, first| match self.steps {
            Steps::Search => limited_memory::minimise_plainly(objective, first, limits, trace),
            Steps::Fixed(rate) => {
                FixedSteps::new(rate.get(), limits.memory).minimise(objective, first, limits, trace)
            }
        })
    }
}

/// Steps in one iteration, at most.
const INNER: u32 = 20;
/// A gradient whose largest entry is at most this is zero.
const SMALLEST_GRADIENT: f64 = 1e-7;
/// A slope, a step or a change of the objective below this ends an iteration.
const SMALLEST_CHANGE: f64 = 1e-9;
/// A pair with less curvature is not learned.
const SMALLEST_CURVATURE: f64 = 1e-10;

/// Steps of a fixed share of the quasi-Newton step.
///
/// # Source
/// `torch.optim.LBFGS` without a line search and with its default constants: the first step is also divided by the sum of the
/// entries of the gradient where that is above one. The caller stops after the iteration that began below the tolerance.
struct FixedSteps {
    rate: f64,
    memory: PlainMemory,
    /// The last step with the gradient before it, not learned yet.
    pending: Option<(Vec<f64>, Vec<f64>)>,
    taken: u64,
}

/// How an iteration of [`FixedSteps`] ended.
enum Ended {
    Moved,
    Still,
    NotFinite,
}

impl FixedSteps {
    fn new(rate: f64, memory: usize) -> Self {
        let memory = PlainMemory::new(memory, SmallestCurvature::Absolute(SMALLEST_CURVATURE));
        Self { rate, memory, pending: None, taken: 0 }
    }

    fn minimise(
        mut self,
        objective: &Objective<'_, '_>,
        first: Iterate,
        limits: Limits,
        trace: Trace<'_>,
    ) -> Result<Outcome, InterpolateError> {
        let mut current = first;
        let mut iterations = 0;
        let stop = loop {
            let grad_norm_l2 = current.grad_norm;
            if u64::from(iterations) == limits.iterations {
                break Stop::IterationLimit { grad_norm_l2 };
            }
            match self.iterate(objective, &mut current)? {
                // What did not move once will not move again.
                Ended::Still if grad_norm_l2 >= limits.tolerance => break Stop::Stalled { grad_norm_l2 },
                Ended::Still => break Stop::Converged { grad_norm_l2 },
                Ended::NotFinite => break Stop::NotFinite { iteration: iterations },
                Ended::Moved => iterations += 1,
            }
            let step = Step {
                iteration: iterations,
                step: self.rate,
                regularised_energy: current.regularised_energy(),
                grad_norm_l2: current.grad_norm,
            };
            if trace(&step).is_break() {
                return Err(InterpolateError::Interrupted);
            }
            if grad_norm_l2 < limits.tolerance {
                break Stop::Converged { grad_norm_l2 };
            }
        };
        Ok(Outcome { path: current.path, stop, iterations })
    }

    /// Up to [`INNER`] steps.
    fn iterate(
        &mut self,
        objective: &Objective<'_, '_>,
        current: &mut Iterate,
    ) -> Result<Ended, InterpolateError> {
        let mut ended = Ended::Still;
        if largest(&current.grad) <= SMALLEST_GRADIENT {
            return Ok(ended);
        }
        for _ in 0..INNER {
            if let Some((step, before)) = self.pending.take() {
                objective.recycle(self.memory.advance(step, &before, &current.grad));
                objective.recycle(before);
            }
            let mut step = self.memory.direction(&current.grad, objective.buffer());
            if dot(&current.grad, &step) > -SMALLEST_CHANGE {
                objective.recycle(step);
                break;
            }
            let t = if self.taken == 0 {
                self.rate * (1.0 / current.grad.iter().map(|g| g.abs()).sum::<f64>()).min(1.0)
            } else {
                self.rate
            };
            for s in &mut step {
                *s *= t;
            }
            let next = objective.evaluate(objective.step(current, 1.0, &step))?;
            let Some(next) = next.filter(Iterate::is_finite) else { return Ok(Ended::NotFinite) };
            self.taken += 1;
            ended = Ended::Moved;
            let before = std::mem::replace(current, next);
            let change = before
                .regularised_energy()
                .zip(current.regularised_energy())
                .map(|(before, after)| (after - before).abs());
            let smallest = largest(&step);
            let mut before_grad = objective.buffer();
            before_grad.extend_from_slice(&before.grad);
            objective.recycle_iterate(before);
            self.pending = Some((step, before_grad));
            if largest(&current.grad) <= SMALLEST_GRADIENT
                || smallest <= SMALLEST_CHANGE
                || change.is_some_and(|change| change < SMALLEST_CHANGE)
            {
                break;
            }
        }
        Ok(ended)
    }
}

/// The largest absolute entry.
fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| value.abs().max(most))
}
