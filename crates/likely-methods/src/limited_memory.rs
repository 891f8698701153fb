//! Limited-memory quasi-Newton iterations on the preconditioner of `ProbGEORCE`.

use crate::derivative_search::{self, Search};
use crate::objective::{Iterate, Objective};
use crate::plain_memory::{PlainMemory, SmallestCurvature};
use crate::quasi_newton::Memory;
use crate::solver::Outcome;
use crate::varying_memory::VaryingMemory;
use crate::vector::dot;
use crate::{InterpolateError, Step, Trace};
use likely_core::Stop;

/// When to stop, and how many steps to remember.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tolerance: f64,
    pub(crate) iterations: u64,
    pub(crate) memory: usize,
    /// Iterations that came before; counted among `iterations` and in the steps.
    pub(crate) done: u32,
}

/// Pairs whose cosine between step and change may be below this carry rounding, not curvature.
const SMALLEST_COSINE: f64 = 1e-10;

/// What was learned so far, in the way that suits the background.
enum Learned {
    /// In flat space the preconditioner never changes.
    Fixed(Memory),
    Varying(VaryingMemory),
    /// No preconditioner at all.
    Plain(PlainMemory),
}

impl Learned {
    fn new(limits: Limits, objective: &Objective<'_, '_>, first: &Iterate) -> Self {
        if first.linearised.is_some() {
            Self::Varying(VaryingMemory::new(limits.memory))
        } else {
            Self::Fixed(Memory::new(limits.memory, objective.dim(), &first.grad))
        }
    }

    fn direction(&self, objective: &Objective<'_, '_>, current: &Iterate) -> Vec<f64> {
        match self {
            Self::Fixed(memory) => memory.direction(objective.buffer()),
            Self::Varying(memory) => {
                memory.direction(&current.grad, |rhs, out| objective.precondition(current, rhs, out))
            }
            Self::Plain(memory) => memory.direction(&current.grad, objective.buffer()),
        }
    }

    fn advance(&mut self, objective: &Objective<'_, '_>, step: Vec<f64>, before: &[f64], after: &[f64]) {
        match self {
            Self::Fixed(memory) => memory.advance(step, before, after, objective.buffer()),
            Self::Varying(memory) => memory.advance(step, before, after),
            Self::Plain(memory) => objective.recycle(memory.advance(step, before, after)),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Fixed(memory) => memory.clear(),
            Self::Varying(memory) => memory.clear(),
            Self::Plain(memory) => memory.clear(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Fixed(memory) => memory.is_empty(),
            Self::Varying(memory) => memory.is_empty(),
            Self::Plain(memory) => memory.is_empty(),
        }
    }
}

/// Minimises from `first` until the gradient norm is at most the tolerance.
pub(crate) fn minimise(
    objective: &Objective<'_, '_>,
    first: Iterate,
    limits: Limits,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let learned = Learned::new(limits, objective, &first);
    iterate(objective, first, learned, limits, trace)
}

/// The same from the identity in place of the preconditioner.
pub(crate) fn minimise_plainly(
    objective: &Objective<'_, '_>,
    first: Iterate,
    limits: Limits,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let memory = PlainMemory::new(limits.memory, SmallestCurvature::Cosine(SMALLEST_COSINE));
    iterate(objective, first, Learned::Plain(memory), limits, trace)
}

fn iterate(
    objective: &Objective<'_, '_>,
    first: Iterate,
    mut learned: Learned,
    limits: Limits,
    trace: Trace<'_>,
) -> Result<Outcome, InterpolateError> {
    let mut current = first;
    let mut iterations = limits.done;
    let stop = loop {
        if current.grad_norm <= limits.tolerance {
            break Stop::Converged { grad_norm_l2: current.grad_norm };
        }
        if u64::from(iterations) >= limits.iterations {
            break Stop::IterationLimit { grad_norm_l2: current.grad_norm };
        }
        let direction = learned.direction(objective, &current);
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
                learned.advance(objective, moved, &current.grad, &iterate.grad);
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
            Search::NoStep | Search::NotFinite if !learned.is_empty() => learned.clear(),
            Search::NoStep => break Stop::Stalled { grad_norm_l2: current.grad_norm },
            Search::NotFinite => break Stop::NotFinite { iteration: iterations },
        }
    };
    Ok(Outcome { path: current.path, stop, iterations })
}
