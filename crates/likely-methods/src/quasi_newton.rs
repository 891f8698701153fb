//! Limited-memory quasi-Newton directions on top of the path preconditioner.

use crate::path_laplacian;
use crate::vector::{add_two, dot, norm};
use std::collections::VecDeque;

/// The last steps `s` and changes `y` of the gradient, as `s` and `w = P^-1 y`, with all inner products that a direction needs.
///
/// The direction is `-H grad` with `H` the limited-memory BFGS matrix started from `gamma P^-1`, `P` the Hessian of the energy,
/// so that the iteration does not depend on the number of segments. It is a combination of `P^-1 grad` and of all `s` and `w`,
/// whose coefficients the two-loop recursion finds from inner products alone. A change of the gradient is never stored:
/// `<s, y>` is the difference of `<s, grad>` before and after the step. So a direction reads each vector twice, where the
/// recursion on vectors reads and writes them ten times; in high dimension that is the cost of an iteration.
///
/// # Source
/// Two-loop recursion: Nocedal 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.4. Its form in inner products:
/// Chen, Wang and Zhou 2014.
pub(crate) struct Memory {
    pairs: VecDeque<Pair>,
    capacity: usize,
    dim: usize,
    gamma: f64,
    /// `P^-1 grad` at the current gradient.
    preconditioned: Vec<f64>,
}

struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// `<s_k, y>` for each pair `k` up to this one, `y` of this one.
    step_products: VecDeque<f64>,
    /// `<w_k, y>` likewise.
    change_products: VecDeque<f64>,
    /// `<s, grad>` at the current gradient.
    step_slope: f64,
    /// `<w, grad>` at the current gradient.
    change_slope: f64,
}

impl Pair {
    /// `<s, y>` of the pair itself.
    fn curvature(&self) -> f64 {
        self.step_products.back().copied().unwrap_or(f64::NAN)
    }
}

/// Pairs whose cosine between step and change may be below this carry rounding, not curvature.
const SMALLEST_COSINE: f64 = 1e-10;

/// Numbers of a vector that are worked on at a time, so that what several sums share stays in the first cache.
const BLOCK: usize = 2048;

impl Memory {
    /// An empty memory for up to `capacity` pairs, at the gradient `grad` of points with `dim` coordinates.
    pub(crate) fn new(capacity: usize, dim: usize, grad: &[f64]) -> Self {
        let mut preconditioned = vec![0.0; grad.len()];
        path_laplacian::solve(grad, dim, &mut preconditioned);
        Self { pairs: VecDeque::new(), capacity, dim, gamma: 1.0, preconditioned }
    }

    /// Forgets all pairs.
    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
        self.gamma = 1.0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Moves to a new gradient, and learns from the step there unless the curvature along it is not positive.
    ///
    /// `room` is a vector to be overwritten.
    pub(crate) fn advance(&mut self, step: Vec<f64>, before: &[f64], after: &[f64], room: Vec<f64>) {
        let mut change = room;
        change.clear();
        change.resize(after.len(), 0.0);
        path_laplacian::solve(after, self.dim, &mut change);
        // `change` is to be P^-1 (after - before), and `preconditioned` P^-1 after.
        for (change, preconditioned) in change.iter_mut().zip(&mut self.preconditioned) {
            let now = *change;
            *change = now - *preconditioned;
            *preconditioned = now;
        }
        let slopes = self.slopes(after);
        let (step_slope, change_slope) = (dot(&step, after), dot(&change, after));
        let curvature = step_slope - dot(&step, before);
        let preconditioned_square = change_slope - dot(&change, before);
        let smallest = SMALLEST_COSINE * norm(&step) * (norm(before) + norm(after));
        let learns = curvature > smallest && preconditioned_square > 0.0;
        let mut step_products = VecDeque::new();
        let mut change_products = VecDeque::new();
        for (pair, (step_slope, change_slope)) in self.pairs.iter_mut().zip(slopes) {
            step_products.push_back(step_slope - pair.step_slope);
            change_products.push_back(change_slope - pair.change_slope);
            (pair.step_slope, pair.change_slope) = (step_slope, change_slope);
        }
        if !learns {
            return;
        }
        step_products.push_back(curvature);
        change_products.push_back(preconditioned_square);
        self.gamma = curvature / preconditioned_square;
        self.pairs.push_back(Pair { step, change, step_products, change_products, step_slope, change_slope });
        if self.pairs.len() > self.capacity {
            self.pairs.pop_front();
            for pair in &mut self.pairs {
                pair.step_products.pop_front();
                pair.change_products.pop_front();
            }
        }
    }

    /// `-H grad` at the current gradient, in `room`.
    pub(crate) fn direction(&self, room: Vec<f64>) -> Vec<f64> {
        let count = self.pairs.len();
        let mut shares = vec![0.0; count];
        for j in (0..count).rev() {
            let newer: f64 = (j + 1..count).map(|k| shares[k] * self.pairs[k].step_products[j]).sum();
            shares[j] = (self.pairs[j].step_slope - newer) / self.pairs[j].curvature();
        }
        let mut corrections = vec![0.0; count];
        for j in 0..count {
            let pair = &self.pairs[j];
            let change_product = |k: usize| {
                if k <= j { pair.change_products[k] } else { self.pairs[k].change_products[j] }
            };
            let preconditioned: f64 = (0..count).map(|k| shares[k] * change_product(k)).sum();
            let older: f64 = (0..j).map(|k| corrections[k] * pair.step_products[k]).sum();
            let product = self.gamma * (pair.change_slope - preconditioned) + older;
            corrections[j] = shares[j] - product / pair.curvature();
        }
        let mut direction = room;
        direction.clear();
        direction.extend(self.preconditioned.iter().map(|p| -self.gamma * p));
        for (block, out) in direction.chunks_mut(BLOCK).enumerate() {
            let from = block * BLOCK;
            for (j, pair) in self.pairs.iter().enumerate() {
                let (of_change, of_step) = (self.gamma * shares[j], corrections[j]);
                add_two(out, [of_change, -of_step], &pair.change[from..], &pair.step[from..]);
            }
        }
        direction
    }

    /// `<s, grad>` and `<w, grad>` for every pair.
    fn slopes(&self, grad: &[f64]) -> Vec<(f64, f64)> {
        let mut slopes = vec![(0.0, 0.0); self.pairs.len()];
        for (block, grad) in grad.chunks(BLOCK).enumerate() {
            let here = block * BLOCK..block * BLOCK + grad.len();
            for ((of_step, of_change), pair) in slopes.iter_mut().zip(&self.pairs) {
                *of_step += dot(&pair.step[here.clone()], grad);
                *of_change += dot(&pair.change[here.clone()], grad);
            }
        }
        slopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-H grad` by the recursion on vectors.
    fn two_loops(pairs: &[(Vec<f64>, Vec<f64>)], dim: usize, grad: &[f64]) -> Vec<f64> {
        let precondition = |v: &[f64]| {
            let mut out = vec![0.0; v.len()];
            path_laplacian::solve(v, dim, &mut out);
            out
        };
        let mut q = grad.to_vec();
        let mut shares = Vec::new();
        for (s, y) in pairs.iter().rev() {
            let share = dot(s, &q) / dot(s, y);
            q.iter_mut().zip(y).for_each(|(q, y)| *q -= share * y);
            shares.push(share);
        }
        let (s, y) = &pairs[pairs.len() - 1];
        let gamma = dot(s, y) / dot(y, &precondition(y));
        let mut r: Vec<f64> = precondition(&q).iter().map(|r| gamma * r).collect();
        for ((s, y), share) in pairs.iter().zip(shares.iter().rev()) {
            let correction = share - dot(y, &r) / dot(s, y);
            r.iter_mut().zip(s).for_each(|(r, s)| *r += correction * s);
        }
        r.iter().map(|r| -r).collect()
    }

    #[test]
    fn inner_products_give_the_direction_of_the_recursion_on_vectors() {
        let (points, dim, capacity) = (9, 3, 4);
        let size = points * dim;
        // A convex quadratic that is not the energy, so that every pair carries curvature.
        let hessian =
            |v: &[f64]| -> Vec<f64> { v.iter().enumerate().map(|(k, v)| (1.0 + k as f64) * v).collect() };
        let vector = |seed: usize| -> Vec<f64> {
            (0..size).map(|k| ((k * 37 + seed * 101) % 23) as f64 / 11.0 - 1.0).collect()
        };
        let mut grad = vector(0);
        let mut memory = Memory::new(capacity, dim, &grad);
        let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
        for seed in 1..8 {
            let step = vector(seed);
            let change = hessian(&step);
            let after: Vec<f64> = grad.iter().zip(&change).map(|(g, y)| g + y).collect();
            memory.advance(step.clone(), &grad, &after, Vec::new());
            grad = after;
            pairs.push((step, change));
            let kept = &pairs[pairs.len().saturating_sub(capacity)..];
            let expected = two_loops(kept, dim, &grad);
            let direction = memory.direction(Vec::new());
            let size = norm(&expected);
            for (d, e) in direction.iter().zip(&expected) {
                assert!((d - e).abs() < 1e-10 * size, "after {seed} steps: {d} {e}");
            }
        }
    }
}
