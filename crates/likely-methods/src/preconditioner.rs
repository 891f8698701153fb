//! The preconditioner of `ProbGEORCE` on a curved background.

use crate::panels::{Columns, in_panels, read, write};
use likely_core::{BalanceRoom, EvalError, Form, Inverses, Tensors};
use std::cell::RefCell;

/// `P = 2 D^T diag(G_0 .. G_{N-1}) D`, factorised: `D` maps the interior points of a path to its steps.
///
/// One `ProbGEORCE` step is `z - P^-1 grad R(z)`: the update of Proposition 3.4, rewritten.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preconditioner {
    inverses: Inverses,
    form: Option<Form>,
    segments: usize,
    dim: usize,
    room: RefCell<Room>,
}

impl Preconditioner {
    /// Factorises the tensors of the segments.
    pub(crate) fn factorise(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        (self.form, self.segments, self.dim) = (Some(tensors.form()), tensors.batch(), tensors.dim());
        self.inverses.factorise(tensors)
    }

    /// Solves `P p = rhs` with `p` zero at both ends; O(points * dim) but for dense tensors.
    pub(crate) fn solve(&self, rhs: &[f64], out: &mut [f64]) {
        self.solve_scaled(0.5, rhs, None, out);
    }

    /// Solves `P p = -rhs` likewise: the direction of descent.
    pub(crate) fn descend(&self, rhs: &[f64], out: &mut [f64]) {
        self.solve_scaled(-0.5, rhs, None, out);
    }

    /// Solves `P p = rhs` with `p` zero at the start and `total` at the end.
    ///
    /// With `q_i = p_{i+1} - p_i` the equations read `G_i q_i = m - c_i`, `c` the cumulative sum of `rhs / 2`, and
    /// `sum_i q_i = total`.
    pub(crate) fn solve_towards(&self, rhs: &[f64], total: &[f64], out: &mut [f64]) {
        self.solve_scaled(0.5, rhs, Some(total), out);
    }

    /// The same for `2 half rhs` and `total`, zero where it is absent.
    fn solve_scaled(&self, half: f64, rhs: &[f64], total: Option<&[f64]>, out: &mut [f64]) {
        if out.is_empty() {
            return;
        }
        let (dim, reciprocals) = (self.dim, self.inverses.reciprocals());
        match self.form {
            Some(Form::Conformal) => {
                in_panels(dim, &mut Scaled { reciprocals: All(reciprocals), half, rhs, total, out });
            }
            Some(Form::Diagonal) => {
                in_panels(dim, &mut Scaled { reciprocals: Each(reciprocals), half, rhs, total, out });
            }
            Some(Form::Flat) => in_panels(dim, &mut Scaled { reciprocals: Ones, half, rhs, total, out }),
            Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) | None => {
                self.general(half, rhs, total, out);
            }
        }
    }

    fn general(&self, half: f64, rhs: &[f64], total: Option<&[f64]>, out: &mut [f64]) {
        let (dim, size) = (self.dim, self.segments * self.dim);
        let mut room = self.room.borrow_mut();
        let Room { momenta, steps, zero, balance } = &mut *room;
        momenta.resize(size, 0.0);
        steps.resize(size, 0.0);
        zero.resize(dim, 0.0);
        in_panels(dim, &mut Cumulate { half, rhs, out: momenta });
        self.inverses.apply_balanced(momenta, total.unwrap_or(zero), balance, steps);
        in_panels(dim, &mut Follow { steps, out });
    }
}

/// Buffers of a solution, kept for the next.
#[derive(Debug, Clone, Default)]
struct Room {
    momenta: Vec<f64>,
    steps: Vec<f64>,
    zero: Vec<f64>,
    balance: BalanceRoom,
}

/// Reciprocals of the tensors of segments that are diagonal.
trait Reciprocals: Copy {
    /// Those of segment `row` in the columns from `from` on.
    fn at<const W: usize>(self, row: usize, dim: usize, from: usize) -> [f64; W];
}

/// Identities.
#[derive(Clone, Copy)]
struct Ones;

/// One number for all coordinates.
#[derive(Clone, Copy)]
struct All<'a>(&'a [f64]);

/// One number for each coordinate.
#[derive(Clone, Copy)]
struct Each<'a>(&'a [f64]);

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Reciprocals for Ones {
    #[inline(always)]
    fn at<const W: usize>(self, _: usize, _: usize, _: usize) -> [f64; W] {
        [1.0; W]
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Reciprocals for All<'_> {
    #[inline(always)]
    fn at<const W: usize>(self, row: usize, _: usize, _: usize) -> [f64; W] {
        [self.0[row]; W]
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Reciprocals for Each<'_> {
    #[inline(always)]
    fn at<const W: usize>(self, row: usize, dim: usize, from: usize) -> [f64; W] {
        read(self.0, row * dim + from)
    }
}

/// The solution for diagonal tensors: what is carried from segment to segment are sums in each coordinate.
struct Scaled<'a, R> {
    reciprocals: R,
    half: f64,
    rhs: &'a [f64],
    total: Option<&'a [f64]>,
    out: &'a mut [f64],
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<R: Reciprocals> Columns for Scaled<'_, R> {
    #[inline(always)]
    fn columns<const W: usize>(&mut self, dim: usize, from: usize) {
        let (half, reciprocals) = (self.half, self.reciprocals);
        let mut cumulative = [0.0; W];
        let mut weight = reciprocals.at::<W>(0, dim, from);
        let mut sum = match self.total {
            Some(total) => read::<W>(total, from),
            None => [0.0; W],
        };
        for (i, rhs) in self.rhs.chunks_exact(dim).enumerate() {
            let (rhs, r) = (read::<W>(rhs, from), reciprocals.at::<W>(i + 1, dim, from));
            for k in 0..W {
                cumulative[k] += half * rhs[k];
                weight[k] += r[k];
                sum[k] += r[k] * cumulative[k];
            }
        }
        let mut first = [0.0; W];
        let mut point = reciprocals.at::<W>(0, dim, from);
        for k in 0..W {
            first[k] = sum[k] / weight[k];
            point[k] *= first[k];
        }
        let mut cumulative = [0.0; W];
        let rows = self.rhs.chunks_exact(dim).zip(self.out.chunks_exact_mut(dim));
        for (i, (rhs, out)) in rows.enumerate() {
            let (rhs, r) = (read::<W>(rhs, from), reciprocals.at::<W>(i + 1, dim, from));
            write(out, from, point);
            for k in 0..W {
                cumulative[k] += half * rhs[k];
                point[k] += r[k] * (first[k] - cumulative[k]);
            }
        }
    }
}

/// The sums of `half rhs` over the rows before each row of `out`.
struct Cumulate<'a> {
    half: f64,
    rhs: &'a [f64],
    out: &'a mut [f64],
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Columns for Cumulate<'_> {
    #[inline(always)]
    fn columns<const W: usize>(&mut self, dim: usize, from: usize) {
        let mut cumulative = [0.0; W];
        let (head, rest) = self.out.split_at_mut(dim);
        write(head, from, cumulative);
        for (rhs, out) in self.rhs.chunks_exact(dim).zip(rest.chunks_exact_mut(dim)) {
            let rhs = read::<W>(rhs, from);
            for k in 0..W {
                cumulative[k] += self.half * rhs[k];
            }
            write(out, from, cumulative);
        }
    }
}

/// The points that `steps` lead to, from zero.
struct Follow<'a> {
    steps: &'a [f64],
    out: &'a mut [f64],
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Columns for Follow<'_> {
    #[inline(always)]
    fn columns<const W: usize>(&mut self, dim: usize, from: usize) {
        let mut point = [0.0; W];
        for (step, out) in self.steps.chunks_exact(dim).zip(self.out.chunks_exact_mut(dim)) {
            let step = read::<W>(step, from);
            for k in 0..W {
                point[k] += step[k];
            }
            write(out, from, point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `P p - rhs`, the largest entry, with `p` moving from zero to `total`.
    fn residual(tensors: &Tensors, rhs: &[f64], total: &[f64], p: &[f64]) -> f64 {
        let dim = tensors.dim();
        let points = [&vec![0.0; dim], p, total].concat();
        let steps: Vec<f64> = points[dim..].iter().zip(&points).map(|(to, from)| to - from).collect();
        let mut lowered = vec![0.0; steps.len()];
        tensors.apply(&steps, &mut lowered);
        (0..rhs.len()).map(|j| (2.0 * (lowered[j] - lowered[j + dim]) - rhs[j]).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_solution_satisfies_the_equations_in_every_form() {
        let wave = |k: usize| 1.5 + (k as f64 * 0.9).sin();
        for (dim, segments) in [(1, 3), (2, 5), (3, 4), (5, 6), (30, 4), (63, 3)] {
            let mut cases = vec![Tensors::default(); 5];
            cases[0].flat(segments, dim);
            cases[1].conformal(segments, dim).iter_mut().enumerate().for_each(|(k, g)| *g = wave(k));
            cases[2].diagonal(segments, dim).iter_mut().enumerate().for_each(|(k, g)| *g = wave(k));
            let parts = cases[3].low_rank(segments, dim, 2);
            parts.diagonal.iter_mut().enumerate().for_each(|(k, g)| *g = wave(k));
            parts.factors.iter_mut().enumerate().for_each(|(k, g)| *g = wave(3 * k) - 1.5);
            parts.cores.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&[0.5, 0.1, 0.1, 0.3]));
            for (k, g) in cases[4].dense(segments, dim).iter_mut().enumerate() {
                let (i, j) = (k / dim % dim, k % dim);
                *g = 0.3 / (1.0 + (i + j) as f64) + if i == j { wave(k / dim / dim) } else { 0.0 };
            }
            let rhs: Vec<f64> = (0..(segments - 1) * dim).map(|k| (k as f64 * 1.7).cos()).collect();
            let total: Vec<f64> = (0..dim).map(|k| k as f64 - 0.5).collect();
            for tensors in &cases {
                let mut preconditioner = Preconditioner::default();
                preconditioner.factorise(tensors).unwrap();
                let mut p = vec![0.0; rhs.len()];
                preconditioner.solve(&rhs, &mut p);
                let found = residual(tensors, &rhs, &vec![0.0; dim], &p);
                assert!(found < 1e-12, "{:?} {dim}: {found}", tensors.form());
                let mut descent = vec![0.0; rhs.len()];
                preconditioner.descend(&rhs, &mut descent);
                assert!(descent.iter().zip(&p).all(|(d, p)| *d + *p == 0.0), "{:?} {dim}", tensors.form());
                preconditioner.solve_towards(&rhs, &total, &mut p);
                let found = residual(tensors, &rhs, &total, &p);
                assert!(found < 1e-12, "{:?} {dim}: {found}", tensors.form());
            }
        }
    }
}
