//! Limited-memory quasi-Newton directions whose preconditioner changes with the iterate.

use crate::vector::{add_two, dot, norm};
use std::collections::VecDeque;

/// The last steps `s` and changes `y` of the gradient.
///
/// The direction is `-H grad` with `H` the limited-memory BFGS matrix started from `gamma P^-1`, `P` the preconditioner at the
/// current iterate. In flat space, where `P` never changes, [`crate::quasi_newton::Memory`] needs fewer passes.
///
/// # Source
/// Two-loop recursion: Nocedal 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.4.
#[derive(Default)]
pub(crate) struct VaryingMemory {
    pairs: VecDeque<Pair>,
    capacity: usize,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Pairs whose cosine between step and change may be below this carry rounding, not curvature.
const SMALLEST_COSINE: f64 = 1e-10;

impl VaryingMemory {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { pairs: VecDeque::new(), capacity }
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Learns from a step unless the curvature along it is not positive.
    pub(crate) fn advance(&mut self, step: Vec<f64>, before: &[f64], after: &[f64]) {
        let change: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let curvature = dot(&step, &change);
        if curvature > SMALLEST_COSINE * norm(&step) * norm(&change) {
            self.pairs.push_back(Pair { step, change, curvature });
            if self.pairs.len() > self.capacity {
                self.pairs.pop_front();
            }
        }
    }

    /// `-H grad`, with `precondition` writing `P^-1` of its first argument over the second.
    pub(crate) fn direction(&self, grad: &[f64], precondition: impl Fn(&[f64], &mut [f64])) -> Vec<f64> {
        let mut q = grad.to_vec();
        let mut shares = vec![0.0; self.pairs.len()];
        for (pair, share) in self.pairs.iter().zip(&mut shares).rev() {
            *share = dot(&pair.step, &q) / pair.curvature;
            add_two(&mut q, [-*share, 0.0], &pair.change, &pair.change);
        }
        let mut direction = vec![0.0; grad.len()];
        precondition(&q, &mut direction);
        if let Some(newest) = self.pairs.back() {
            precondition(&newest.change, &mut q);
            let square = dot(&newest.change, &q);
            let gamma = if square > 0.0 { newest.curvature / square } else { 1.0 };
            for d in &mut direction {
                *d *= gamma;
            }
        }
        for (pair, share) in self.pairs.iter().zip(&shares) {
            let correction = share - dot(&pair.change, &direction) / pair.curvature;
            add_two(&mut direction, [correction, 0.0], &pair.step, &pair.step);
        }
        for d in &mut direction {
            *d = -*d;
        }
        direction
    }
}
