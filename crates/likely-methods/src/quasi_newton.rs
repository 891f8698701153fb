//! Limited-memory quasi-Newton directions on top of the path preconditioner.

use crate::path_laplacian;
use crate::vector::dot;
use std::collections::VecDeque;

/// The last steps and the changes of the gradient over them.
///
/// The direction is `-H grad` with `H` the limited-memory BFGS matrix started from `gamma P^-1`, `P` the Hessian of the energy,
/// so that the iteration does not depend on the number of segments.
///
/// # Source
/// Two-loop recursion: Nocedal 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.4.
pub(crate) struct Memory {
    pairs: VecDeque<Pair>,
    capacity: usize,
    dim: usize,
    gamma: f64,
    /// Room for a vector of the size of the gradient.
    scratch: Vec<f64>,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// Pairs whose cosine between step and change is below this carry rounding, not curvature.
const SMALLEST_COSINE: f64 = 1e-10;

impl Memory {
    pub(crate) fn new(capacity: usize, dim: usize) -> Self {
        Self { pairs: VecDeque::new(), capacity, dim, gamma: 1.0, scratch: Vec::new() }
    }

    /// Forgets all pairs.
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
        self.gamma = 1.0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Learns from a step and the change of the gradient over it, unless the curvature along it is not positive.
    pub(crate) fn learn(&mut self, step: Vec<f64>, change: Vec<f64>) {
        let curvature = dot(&step, &change);
        let sizes = (dot(&step, &step) * dot(&change, &change)).sqrt();
        if curvature.is_nan() || curvature <= SMALLEST_COSINE * sizes {
            return;
        }
        self.scratch.resize(change.len(), 0.0);
        path_laplacian::solve(&change, self.dim, &mut self.scratch);
        self.gamma = curvature / dot(&change, &self.scratch);
        if self.pairs.len() == self.capacity {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { step, change, curvature });
    }

    /// `-H grad`, in `room`.
    pub(crate) fn direction(&mut self, grad: &[f64], room: Vec<f64>) -> Vec<f64> {
        let q = &mut self.scratch;
        q.clear();
        q.extend_from_slice(grad);
        let mut shares = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let share = dot(&pair.step, q) / pair.curvature;
            for (q, y) in q.iter_mut().zip(&pair.change) {
                *q -= share * y;
            }
            shares.push(share);
        }
        let mut r = room;
        r.resize(q.len(), 0.0);
        path_laplacian::solve(q, self.dim, &mut r);
        for r in &mut r {
            *r *= self.gamma;
        }
        for (pair, share) in self.pairs.iter().zip(shares.iter().rev()) {
            let correction = share - dot(&pair.change, &r) / pair.curvature;
            for (r, s) in r.iter_mut().zip(&pair.step) {
                *r += correction * s;
            }
        }
        for r in &mut r {
            *r = -*r;
        }
        r
    }
}
