//! The preconditioner of `ProbGEORCE` in flat space.

use crate::vector::{Kernel, vectorised};

/// Solves `P p = rhs` for `P = 2 D^T D`, the Hessian of the energy `sum |z_{i+1} - z_i|^2` in the interior points.
///
/// `rhs` and the result hold `points` rows of `dim` numbers; the end points are fixed, so `p` is zero outside. Two
/// cumulative sums, O(points * dim).
///
/// One `ProbGEORCE` step is `z - P^-1 grad R`: the update of Proposition 3.4 with `G = I` (Corollary 3.2.1 of version 1),
/// rewritten.
pub(crate) fn solve(rhs: &[f64], dim: usize, out: &mut [f64]) {
    debug_assert_eq!(rhs.len(), out.len());
    vectorised(Solve { rhs, dim, out });
}

struct Solve<'a> {
    rhs: &'a [f64],
    dim: usize,
    out: &'a mut [f64],
}

impl Kernel for Solve<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { rhs, dim, out } = self;
        let points = rhs.len() / dim;
        // With w_i = p_{i+1} - p_i the equations read w_i = w_0 - c_i, c the cumulative sum of rhs / 2, and sum w_i = 0.
        let mut cumulative = vec![0.0; dim];
        let mut first = vec![0.0; dim];
        for (row, out) in rhs.chunks_exact(dim).zip(out.chunks_exact_mut(dim)) {
            for (((c, f), r), o) in cumulative.iter_mut().zip(&mut first).zip(row).zip(out) {
                *c += 0.5 * r;
                *f += *c;
                *o = *c;
            }
        }
        let segments = (points + 1) as f64;
        for f in &mut first {
            *f /= segments;
        }
        // `out` holds c_1..; turn it into p in place: p_1 = w_0, p_{i+1} = p_i + w_0 - c_i.
        let mut point = vec![0.0; dim];
        let mut previous = vec![0.0; dim];
        for out in out.chunks_exact_mut(dim) {
            for (((p, c), f), o) in point.iter_mut().zip(&mut previous).zip(&first).zip(out) {
                *p += f - *c;
                *c = *o;
                *o = *p;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_satisfies_the_equations() {
        let (points, dim) = (7, 3);
        let rhs: Vec<f64> = (0..points * dim).map(|k| f64::from(k as u32 * 37 % 11) - 5.0).collect();
        let mut p = vec![0.0; rhs.len()];
        solve(&rhs, dim, &mut p);
        let at = |i: usize, j: usize| if (1..=points).contains(&i) { p[(i - 1) * dim + j] } else { 0.0 };
        for i in 1..=points {
            for j in 0..dim {
                let applied = 2.0 * (2.0 * at(i, j) - at(i - 1, j) - at(i + 1, j));
                assert!((applied - rhs[(i - 1) * dim + j]).abs() < 1e-12, "row {i}, column {j}");
            }
        }
    }
}
