//! Limited-memory quasi-Newton directions without a preconditioner.

use crate::vector::{add_two, dot, norm};
use std::collections::VecDeque;

/// The last steps `s` and changes `y` of the gradient.
///
/// The direction is `-H grad` with `H` the limited-memory BFGS matrix started from `gamma I`, `gamma = <s, y> / <y, y>` of the
/// newest pair: the textbook method, whose number of iterations grows with the number of segments.
///
/// # Source
/// Two-loop recursion: Nocedal 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.4.
pub(crate) struct PlainMemory {
    pairs: VecDeque<Pair>,
    capacity: usize,
    smallest: SmallestCurvature,
}

/// Below which `<s, y>` a pair is not learned.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SmallestCurvature {
    /// As a share of `|s| |y|`.
    Cosine(f64),
    /// As it is.
    Absolute(f64),
}

#[derive(Default)]
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// `<s, y>`.
    curvature: f64,
    /// `<y, y>`.
    square: f64,
}

impl PlainMemory {
    /// An empty memory for up to `capacity` pairs.
    pub(crate) fn new(capacity: usize, smallest: SmallestCurvature) -> Self {
        Self { pairs: VecDeque::new(), capacity, smallest }
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Learns from a step unless the curvature along it is too small; returns a vector that is free again.
    pub(crate) fn advance(&mut self, step: Vec<f64>, before: &[f64], after: &[f64]) -> Vec<f64> {
        let curvature = dot(&step, after) - dot(&step, before);
        let smallest = match self.smallest {
            SmallestCurvature::Absolute(smallest) => smallest,
            SmallestCurvature::Cosine(share) => share * norm(&step) * (norm(before) + norm(after)),
        };
        if curvature.is_nan() || curvature <= smallest {
            return step;
        }
        let oldest = if self.pairs.len() == self.capacity { self.pairs.pop_front() } else { None };
        let mut pair = oldest.unwrap_or_default();
        let free = std::mem::replace(&mut pair.step, step);
        pair.change.clear();
        pair.change.extend(after.iter().zip(before).map(|(after, before)| after - before));
        pair.square = dot(&pair.change, &pair.change);
        pair.curvature = curvature;
        self.pairs.push_back(pair);
        free
    }

    /// `-H grad`, in `room`.
    pub(crate) fn direction(&self, grad: &[f64], room: Vec<f64>) -> Vec<f64> {
        let mut direction = room;
        direction.clear();
        direction.extend(grad.iter().map(|g| -g));
        let mut shares = vec![0.0; self.pairs.len()];
        for (pair, share) in self.pairs.iter().zip(&mut shares).rev() {
            *share = dot(&pair.step, &direction) / pair.curvature;
            add_two(&mut direction, [-*share, 0.0], &pair.change, &pair.change);
        }
        if let Some(newest) = self.pairs.back() {
            let gamma = newest.curvature / newest.square;
            for d in &mut direction {
                *d *= gamma;
            }
        }
        for (pair, share) in self.pairs.iter().zip(&shares) {
            let correction = share - dot(&pair.change, &direction) / pair.curvature;
            add_two(&mut direction, [correction, 0.0], &pair.step, &pair.step);
        }
        direction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a quadratic in `n` coordinates, `n` pairs along conjugate directions are the whole Hessian.
    #[test]
    fn a_diagonal_quadratic_is_learned_whole() {
        let curvatures = [1.0, 4.0, 9.0];
        let mut memory = PlainMemory::new(3, SmallestCurvature::Absolute(0.0));
        for (k, curvature) in curvatures.iter().enumerate() {
            let mut step = vec![0.0; 3];
            step[k] = 0.5;
            let mut after = vec![1.0; 3];
            after[k] += 0.5 * curvature;
            memory.advance(step, &[1.0; 3], &after);
        }
        let direction = memory.direction(&[2.0, 2.0, 2.0], Vec::new());
        for (d, curvature) in direction.iter().zip(curvatures) {
            assert!((d + 2.0 / curvature).abs() < 1e-14, "{d}");
        }
    }

    #[test]
    fn flat_and_concave_pairs_are_not_learned_and_old_ones_forgotten() {
        let mut memory = PlainMemory::new(1, SmallestCurvature::Cosine(1e-10));
        memory.advance(vec![1.0], &[2.0], &[2.0]);
        memory.advance(vec![1.0], &[2.0], &[1.0]);
        assert!(memory.is_empty());
        memory.advance(vec![1.0], &[0.0], &[2.0]);
        let free = memory.advance(vec![1.0], &[0.0], &[4.0]);
        assert_eq!((memory.pairs.len(), free), (1, vec![1.0]));
        assert_eq!(memory.direction(&[8.0], Vec::new()), [-2.0]);
    }
}
