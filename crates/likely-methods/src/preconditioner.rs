//! The preconditioner of `ProbGEORCE` on a curved background.

use likely_core::{EvalError, Form, Inverses, Tensors};
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
        self.solve_towards(rhs, None, out);
    }

    /// Solves `P p = rhs` with `p` zero at the start and `total` at the end (zero where absent).
    ///
    /// With `q_i = p_{i+1} - p_i` the equations read `G_i q_i = m - c_i`, `c` the cumulative sum of `rhs / 2`, and
    /// `sum_i q_i = total`.
    pub(crate) fn solve_towards(&self, rhs: &[f64], total: Option<&[f64]>, out: &mut [f64]) {
        let reciprocals = self.inverses.reciprocals();
        match self.form {
            Some(Form::Conformal) => match self.dim {
                2 => scaled::<2>(|i, _| reciprocals[i], rhs, total, out),
                3 => scaled::<3>(|i, _| reciprocals[i], rhs, total, out),
                dim => scaled_rows(|i| Scale::All(reciprocals[i]), dim, rhs, total, out),
            },
            Some(Form::Diagonal) => match self.dim {
                2 => scaled::<2>(|i, k| reciprocals[2 * i + k], rhs, total, out),
                dim => {
                    scaled_rows(|i| Scale::Each(&reciprocals[i * dim..(i + 1) * dim]), dim, rhs, total, out);
                }
            },
            Some(Form::Flat) => scaled_rows(|_| Scale::All(1.0), self.dim, rhs, total, out),
            Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) | None => self.general(rhs, total, out),
        }
    }

    fn general(&self, rhs: &[f64], total: Option<&[f64]>, out: &mut [f64]) {
        if out.is_empty() {
            return;
        }
        let (dim, size) = (self.dim, self.segments * self.dim);
        let mut room = self.room.borrow_mut();
        let Room { momenta, steps } = &mut *room;
        momenta.resize(size, 0.0);
        steps.resize(size, 0.0);
        momenta[..dim].fill(0.0);
        for (j, r) in rhs.iter().enumerate() {
            momenta[j + dim] = momenta[j] + 0.5 * r;
        }
        self.inverses.apply(momenta, steps);
        let mut sum = total.map_or_else(|| vec![0.0; dim], <[f64]>::to_vec);
        for step in steps.chunks_exact(dim) {
            sum.iter_mut().zip(step).for_each(|(s, o)| *s += o);
        }
        let mut first = vec![0.0; dim];
        self.inverses.solve_sum(&sum, &mut first);
        for momentum in momenta.chunks_exact_mut(dim) {
            momentum.iter_mut().zip(&first).for_each(|(m, f)| *m = f - *m);
        }
        self.inverses.apply(momenta, steps);
        out[..dim].copy_from_slice(&steps[..dim]);
        for j in dim..out.len() {
            out[j] = out[j - dim] + steps[j];
        }
    }
}

/// Buffers of a solution, kept for the next.
#[derive(Debug, Clone, Default)]
struct Room {
    momenta: Vec<f64>,
    steps: Vec<f64>,
}

/// Reciprocals of the tensor of one segment.
enum Scale<'a> {
    All(f64),
    Each(&'a [f64]),
}

/// Conformal and diagonal tensors in a number of coordinates that the compiler knows.
fn scaled<const D: usize>(
    reciprocal: impl Fn(usize, usize) -> f64,
    rhs: &[f64],
    total: Option<&[f64]>,
    out: &mut [f64],
) {
    let (rhs, out) = (rhs.as_chunks::<D>().0, out.as_chunks_mut::<D>().0);
    let (mut cumulative, mut weight, mut sum) = ([0.0; D], [0.0; D], [0.0; D]);
    for k in 0..D {
        weight[k] = reciprocal(0, k);
        sum[k] = total.map_or(0.0, |total| total[k]);
    }
    for (i, rhs) in rhs.iter().enumerate() {
        for k in 0..D {
            let r = reciprocal(i + 1, k);
            cumulative[k] += 0.5 * rhs[k];
            weight[k] += r;
            sum[k] += r * cumulative[k];
        }
    }
    let mut first = [0.0; D];
    let mut point = [0.0; D];
    for k in 0..D {
        first[k] = sum[k] / weight[k];
        point[k] = reciprocal(0, k) * first[k];
    }
    let mut cumulative = [0.0; D];
    for (i, (rhs, out)) in rhs.iter().zip(out).enumerate() {
        *out = point;
        for k in 0..D {
            cumulative[k] += 0.5 * rhs[k];
            point[k] += reciprocal(i + 1, k) * (first[k] - cumulative[k]);
        }
    }
}

/// The same in any number of coordinates.
fn scaled_rows<'a>(
    reciprocals: impl Fn(usize) -> Scale<'a>,
    dim: usize,
    rhs: &[f64],
    total: Option<&[f64]>,
    out: &mut [f64],
) {
    let mut cumulative = vec![0.0; dim];
    let mut weight = vec![0.0; dim];
    let mut sum = total.map_or_else(|| vec![0.0; dim], <[f64]>::to_vec);
    let add = |weight: &mut [f64], scale: &Scale<'_>| match scale {
        Scale::All(r) => weight.iter_mut().for_each(|w| *w += r),
        Scale::Each(r) => weight.iter_mut().zip(*r).for_each(|(w, r)| *w += r),
    };
    add(&mut weight, &reciprocals(0));
    for (i, (rhs, out)) in rhs.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
        let scale = reciprocals(i + 1);
        for ((c, r), o) in cumulative.iter_mut().zip(rhs).zip(&mut *out) {
            *c += 0.5 * r;
            *o = *c;
        }
        match scale {
            Scale::All(r) => sum.iter_mut().zip(&cumulative).for_each(|(s, c)| *s += r * c),
            Scale::Each(r) => {
                sum.iter_mut().zip(&cumulative).zip(r).for_each(|((s, c), r)| *s += r * c);
            }
        }
        add(&mut weight, &scale);
    }
    let mut first = sum;
    first.iter_mut().zip(&weight).for_each(|(f, w)| *f /= w);
    let mut point = cumulative;
    match reciprocals(0) {
        Scale::All(r) => point.iter_mut().zip(&first).for_each(|(p, f)| *p = r * f),
        Scale::Each(r) => point.iter_mut().zip(&first).zip(r).for_each(|((p, f), r)| *p = r * f),
    }
    for (i, out) in out.chunks_exact_mut(dim).enumerate() {
        // `out` holds the cumulative sum of this point.
        match reciprocals(i + 1) {
            Scale::All(r) => {
                for ((o, p), f) in out.iter_mut().zip(&mut point).zip(&first) {
                    let before = *p;
                    *p += r * (f - *o);
                    *o = before;
                }
            }
            Scale::Each(r) => {
                for (((o, p), f), r) in out.iter_mut().zip(&mut point).zip(&first).zip(r) {
                    let before = *p;
                    *p += r * (f - *o);
                    *o = before;
                }
            }
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
        for (dim, segments) in [(2, 5), (3, 4), (5, 6), (30, 4)] {
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
                preconditioner.solve_towards(&rhs, Some(&total), &mut p);
                let found = residual(tensors, &rhs, &total, &p);
                assert!(found < 1e-12, "{:?} {dim}: {found}", tensors.form());
            }
        }
    }
}
