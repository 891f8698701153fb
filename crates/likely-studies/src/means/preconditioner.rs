//! The preconditioner of means: the energy of all curves with their tensors frozen.

use super::layout::Layout;
use super::objective::{add, dot, norm};
use likely_core::{EvalError, Form, Inverses, Tensors};

/// `P = 2 D^T diag(w_k G_ki) D`, `D` the map from curves and mean to steps: one step of the released method is `-P^-1` times
/// the gradient.
///
/// With `m_ki = 2 w_k G_ki delta_ki` the equations `P p = r` read `m_ki = m_k + c_ki`, `c_ki` the sum of `r` over later interior
/// points of the curve; with `A_k = (sum_i G_ki^-1)^-1` and `q_k = sum_i G_ki^-1 c_ki` the sum of a curve's steps gives
/// `m_k = A_k (2 w_k p_mu - q_k)`, and the sum over curves `(sum_k 2 w_k A_k) p_mu = r_mu + sum_k A_k q_k`.
///
/// # Source
/// arXiv 2510.26266, equation 8, as coded in `jax_geometry/prob_means/prob_georce_fm.py`, commit 397ebf3, solved for the
/// change instead of the new curve.
pub(super) struct Preconditioner {
    layout: Layout,
    /// `1 / (2 w_k)` at every number of a block.
    half_weights: Vec<f64>,
    inverse: Inverse,
    /// Whether the mean stays where it is, `p_mu = 0`.
    held: bool,
}

enum Inverse {
    /// Flat, conformal and diagonal tensors.
    Numbers(Numbers),
    /// Other forms, curve by curve.
    Curves { inverses: Vec<Inverses>, sums: Sums },
}

/// Tensors whose inverses are numbers: none, one or `dim` a row.
#[derive(Default)]
struct Numbers {
    reciprocals: Vec<f64>,
    width: usize,
    /// The sum over a curve, at every number of a block.
    sums: Vec<f64>,
    /// One block.
    room: Vec<f64>,
}

/// The operators `A_k`.
enum Sums {
    /// Factorised sums of inverses, and the Cholesky factor of `sum_k 2 w_k A_k`.
    Small { factors: Box<Inverses>, total: Box<Inverses> },
    /// Too large for matrices: conjugate gradients.
    Large,
}

/// Up to this many coordinates a sum of inverses is a matrix.
const SMALL: usize = 64;
/// Residual, relative, at which the conjugate gradients for the mean end.
const RESIDUAL: f64 = 1e-11;
const MOST_STEPS: usize = 500;

impl Preconditioner {
    pub(super) fn new(layout: Layout, weights: &[f64], held: bool) -> Self {
        Self {
            layout,
            held,
            half_weights: weights.iter().map(|w| 0.5 / w).collect(),
            inverse: Inverse::Numbers(Numbers::default()),
        }
    }

    /// Takes the tensors of the first `N` blocks.
    pub(super) fn factorise(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        match tensors.form() {
            Form::Flat | Form::Conformal | Form::Diagonal => self.factorise_numbers(tensors),
            Form::DiagonalPlusLowRank { .. } | Form::Dense => self.factorise_curves(tensors),
        }
    }

    fn factorise_numbers(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let Layout { segments, dim, .. } = self.layout;
        if !matches!(self.inverse, Inverse::Numbers(_)) {
            self.inverse = Inverse::Numbers(Numbers::default());
        }
        let Inverse::Numbers(numbers) = &mut self.inverse else { return Ok(()) };
        numbers.width = match tensors.form() {
            Form::Conformal => 1,
            Form::Diagonal => dim,
            _ => 0,
        };
        numbers.reciprocals.clear();
        if numbers.width > 0 {
            numbers.reciprocals.extend(tensors.diagonal_part().iter().map(|g| 1.0 / g));
        }
        // Without an early exit the check vectorises; only a failure is looked up.
        let positive = |r: &f64| *r > 0.0 && *r < f64::INFINITY;
        if !numbers.reciprocals.iter().fold(true, |all, r| all & positive(r)) {
            let bad = numbers.reciprocals.iter().position(|r| !positive(r)).unwrap_or(0);
            return Err(EvalError::NotPositiveDefinite { row: bad / numbers.width });
        }
        let mut sums = std::mem::take(&mut numbers.sums);
        sums.clear();
        sums.resize(self.layout.block(), 0.0);
        for i in 0..segments {
            add(&mut sums, 1.0, numbers.block(self.layout, i));
        }
        numbers.sums = sums;
        Ok(())
    }

    fn factorise_curves(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let Layout { count, dim, .. } = self.layout;
        let mut inverses = Vec::with_capacity(count);
        for curve in 0..count {
            let mut inverse = Inverses::default();
            inverse.factorise(&self.of_curve(tensors, curve)).map_err(|error| match error {
                EvalError::NotPositiveDefinite { row } => {
                    EvalError::NotPositiveDefinite { row: row * count + curve }
                }
                other => other,
            })?;
            inverses.push(inverse);
        }
        let sums = if dim <= SMALL { self.small_sums(&inverses)? } else { Sums::Large };
        self.inverse = Inverse::Curves { inverses, sums };
        Ok(())
    }

    /// The tensors of one curve.
    fn of_curve(&self, all: &Tensors, curve: usize) -> Tensors {
        let Layout { segments, count, dim } = self.layout;
        let gather = |from: &[f64], width: usize, to: &mut [f64]| {
            for (i, to) in to.chunks_exact_mut(width).enumerate() {
                let row = i * count + curve;
                to.copy_from_slice(&from[row * width..(row + 1) * width]);
            }
        };
        let mut one = Tensors::default();
        match all.form() {
            Form::DiagonalPlusLowRank { rank } => {
                let parts = one.low_rank(segments, dim, rank);
                gather(all.diagonal_part(), dim, parts.diagonal);
                gather(all.factors(), rank * dim, parts.factors);
                gather(all.cores(), rank * rank, parts.cores);
            }
            _ => gather(all.matrices(), dim * dim, one.dense(segments, dim)),
        }
        one
    }

    fn small_sums(&self, inverses: &[Inverses]) -> Result<Sums, EvalError> {
        let Layout { segments, count, dim } = self.layout;
        let mut sums = Tensors::default();
        let matrices = sums.dense(count, dim);
        matrices.fill(0.0);
        let (mut unit, mut column) = (vec![0.0; dim], vec![0.0; dim]);
        for (inverse, sum) in inverses.iter().zip(matrices.chunks_exact_mut(dim * dim)) {
            for j in 0..dim {
                unit[j] = 1.0;
                for i in 0..segments {
                    inverse.apply_row(i, &unit, &mut column);
                    add(&mut sum[j * dim..(j + 1) * dim], 1.0, &column);
                }
                unit[j] = 0.0;
            }
        }
        let mut factors = Inverses::default();
        factors.factorise(&sums)?;
        let mut total = Tensors::default();
        let matrix = total.dense(1, dim);
        matrix.fill(0.0);
        for j in 0..dim {
            unit[j] = 1.0;
            for k in 0..count {
                factors.apply_row(k, &unit, &mut column);
                add(&mut matrix[j * dim..(j + 1) * dim], 1.0 / self.half_weights[k * dim], &column);
            }
            unit[j] = 0.0;
        }
        let mut factor = Inverses::default();
        factor.factorise(&total)?;
        Ok(Sums::Small { factors: Box::new(factors), total: Box::new(factor) })
    }

    /// `out = P^-1 rhs`.
    pub(super) fn solve(&mut self, rhs: &[f64], out: &mut Vec<f64>) {
        let segments = self.layout.segments;
        let block = self.layout.block();
        let (interior, mean) = rhs.split_at(self.layout.interior());
        out.resize(rhs.len(), 0.0);
        let (points, out_mean) = out.split_at_mut(self.layout.interior());
        // c_{N-1} = 0, c_i = c_{i+1} + rhs of point i + 1, which is block i of the interior.
        points.copy_from_slice(interior);
        for i in (0..segments - 2).rev() {
            let (here, later) = points[i * block..].split_at_mut(block);
            add(here, 1.0, later);
        }
        let half = &self.half_weights;
        let mean = (!self.held).then_some(mean);
        let mean = match &mut self.inverse {
            Inverse::Numbers(numbers) => numbers.solve(self.layout, points, mean, half),
            Inverse::Curves { inverses, sums } => {
                solve_curves(self.layout, points, mean, inverses, sums, half)
            }
        };
        out_mean.copy_from_slice(&mean);
        // p_1 = delta_0, p_{i+1} = p_i + delta_i.
        for i in 1..segments - 1 {
            let (done, rest) = points.split_at_mut(i * block);
            add(&mut rest[..block], 1.0, &done[(i - 1) * block..]);
        }
    }
}

/// The number of a row at each of its coordinates.
#[expect(clippy::inline_always, reason = "inlined where the number of coordinates is known")]
#[inline(always)]
fn spread(factors: &[f64], out: &mut [f64], dim: usize) {
    for (out, factor) in out.chunks_exact_mut(dim).zip(factors) {
        out.fill(*factor);
    }
}

impl Numbers {
    /// Reciprocals at every number of block `i`.
    fn block(&mut self, layout: Layout, i: usize) -> &[f64] {
        let (count, dim) = (layout.count, layout.dim);
        let of_block = &self.reciprocals[i * count * self.width..(i + 1) * count * self.width];
        if self.width == dim {
            return of_block;
        }
        self.room.resize(layout.block(), 1.0);
        match (self.width, dim) {
            (0, _) => self.room.fill(1.0),
            (_, 2) => spread(of_block, &mut self.room, 2),
            (_, 3) => spread(of_block, &mut self.room, 3),
            _ => spread(of_block, &mut self.room, dim),
        }
        &self.room
    }

    /// Turns `c` of the first `N - 1` blocks into steps; returns the part of the mean, zero where there is no right-hand side
    /// for it.
    fn solve(&mut self, layout: Layout, c: &mut [f64], mean: Option<&[f64]>, half: &[f64]) -> Vec<f64> {
        let (block, dim) = (layout.block(), layout.dim);
        let mut q = vec![0.0; block];
        for (i, c) in c.chunks_exact(block).enumerate() {
            for ((q, c), r) in q.iter_mut().zip(c).zip(self.block(layout, i)) {
                *q += r * c;
            }
        }
        let mut moved = vec![0.0; dim];
        if let Some(mean) = mean {
            let (mut right, mut left) = (mean.to_vec(), vec![0.0; dim]);
            for (k, (q, a)) in q.iter().zip(&self.sums).enumerate() {
                right[k % dim] += q / a;
                left[k % dim] += 1.0 / (half[k] * a);
            }
            moved = right.iter().zip(&left).map(|(right, left)| right / left).collect();
        }
        // The common part of the momenta, in place of q.
        for (k, q) in q.iter_mut().enumerate() {
            *q = (moved[k % dim] / half[k] - *q) / self.sums[k];
        }
        for (i, c) in c.chunks_exact_mut(block).enumerate() {
            let known = half.iter().zip(self.block(layout, i)).zip(&q);
            for (c, ((half, r), q)) in c.iter_mut().zip(known) {
                *c = half * r * (q + *c);
            }
        }
        moved
    }
}

/// As [`Numbers::solve`], curve by curve.
fn solve_curves(
    layout: Layout,
    c: &mut [f64],
    mean: Option<&[f64]>,
    inverses: &[Inverses],
    sums: &Sums,
    half: &[f64],
) -> Vec<f64> {
    let Layout { segments, count, dim } = layout;
    let mut row = vec![0.0; dim];
    let mut q = vec![0.0; count * dim];
    for i in 0..segments - 1 {
        for (k, inverse) in inverses.iter().enumerate() {
            let at = (i * count + k) * dim;
            inverse.apply_row(i, &c[at..at + dim], &mut row);
            add(&mut q[k * dim..(k + 1) * dim], 1.0, &row);
        }
    }
    let apply_sum = |k: usize, v: &[f64], out: &mut [f64]| match sums {
        Sums::Small { factors, .. } => factors.apply_row(k, v, out),
        Sums::Large => inverses[k].solve_sum(v, out),
    };
    let mut moved = vec![0.0; dim];
    if let Some(mean) = mean {
        let mut right = mean.to_vec();
        for (k, q) in q.chunks_exact(dim).enumerate() {
            apply_sum(k, q, &mut row);
            add(&mut right, 1.0, &row);
        }
        match sums {
            Sums::Small { total, .. } => total.apply_row(0, &right, &mut moved),
            Sums::Large => {
                let mut part = vec![0.0; dim];
                conjugate_gradients(&right, &mut moved, |v, out| {
                    out.fill(0.0);
                    for k in 0..count {
                        apply_sum(k, v, &mut part);
                        add(out, 1.0 / half[k * dim], &part);
                    }
                });
            }
        }
    }
    for (k, q) in q.chunks_exact_mut(dim).enumerate() {
        let rest: Vec<f64> = q.iter().zip(&moved).map(|(q, m)| m / half[k * dim] - q).collect();
        apply_sum(k, &rest, q);
    }
    for i in 0..segments - 1 {
        for (k, inverse) in inverses.iter().enumerate() {
            let at = (i * count + k) * dim;
            let momentum: Vec<f64> =
                c[at..at + dim].iter().zip(&q[k * dim..]).map(|(c, m)| half[k * dim] * (c + m)).collect();
            inverse.apply_row(i, &momentum, &mut c[at..at + dim]);
        }
    }
    moved
}

/// Solves `A x = rhs` for a positive definite operator, from zero.
fn conjugate_gradients(rhs: &[f64], x: &mut [f64], mut operator: impl FnMut(&[f64], &mut [f64])) {
    let mut residual = rhs.to_vec();
    let mut direction = rhs.to_vec();
    let mut image = vec![0.0; rhs.len()];
    let goal = RESIDUAL * norm(rhs);
    let mut square = dot(&residual, &residual);
    for _ in 0..MOST_STEPS {
        if square.sqrt() <= goal {
            return;
        }
        operator(&direction, &mut image);
        let length = square / dot(&direction, &image);
        if !length.is_finite() {
            return;
        }
        add(x, length, &direction);
        add(&mut residual, -length, &image);
        let new = dot(&residual, &residual);
        let share = new / square;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + share * *d);
        square = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout { segments: 7, count: 3, dim: 2 };

    fn some(length: usize, seed: usize) -> Vec<f64> {
        (0..length).map(|k| ((k * 37 + seed * 101) % 23) as f64 / 11.0 - 1.0).collect()
    }

    /// `P p`: the gradient of the energy with frozen tensors at the change `p` of the unknowns.
    fn apply(tensors: &Tensors, weights: &[f64], p: &[f64]) -> Vec<f64> {
        let block = LAYOUT.block();
        let (interior, mean) = p.split_at(LAYOUT.interior());
        let mut z = vec![0.0; block];
        z.extend_from_slice(interior);
        z.extend(mean.iter().cycle().take(block));
        let steps: Vec<f64> = z[block..].iter().zip(&z).map(|(to, from)| to - from).collect();
        let mut momenta = vec![0.0; steps.len()];
        tensors.apply(&steps, &mut momenta);
        let mut out = Vec::new();
        LAYOUT.gradient(weights, &vec![0.0; momenta.len()], &momenta, &mut out);
        out
    }

    fn check(tensors: &Tensors, large: bool) -> Vec<f64> {
        let weights = [1.0, 1.0, 2.5, 2.5, 0.3, 0.3];
        let rhs = some(LAYOUT.unknowns(), 5);
        let mut preconditioner = Preconditioner::new(LAYOUT, &weights, false);
        preconditioner.factorise(tensors).unwrap();
        if large && let Inverse::Curves { sums, .. } = &mut preconditioner.inverse {
            *sums = Sums::Large;
        }
        let mut p = Vec::new();
        preconditioner.solve(&rhs, &mut p);
        for (back, rhs) in apply(tensors, &weights, &p).iter().zip(&rhs) {
            assert!((back - rhs).abs() < 1e-8, "{:?}: {back} {rhs}", tensors.form());
        }
        p
    }

    #[test]
    fn it_undoes_the_energy_with_frozen_tensors_in_every_form() {
        let rows = LAYOUT.segments * LAYOUT.count;
        let mut tensors = Tensors::default();
        tensors.flat(rows, 2);
        check(&tensors, false);
        tensors.diagonal(rows, 2).iter_mut().zip(some(2 * rows, 3)).for_each(|(d, s)| *d = 1.5 + s);
        check(&tensors, false);
        let factors: Vec<f64> = some(rows, 4).iter().map(|s| 1.5 + s).collect();
        tensors.conformal(rows, 2).copy_from_slice(&factors);
        let conformal = check(&tensors, false);
        let mut dense = Tensors::default();
        for (g, factor) in dense.dense(rows, 2).chunks_exact_mut(4).zip(&factors) {
            g.copy_from_slice(&[*factor, 0.0, 0.0, *factor]);
        }
        for large in [false, true] {
            for (a, b) in check(&dense, large).iter().zip(&conformal) {
                assert!((a - b).abs() < 1e-9);
            }
        }
        let parts = tensors.low_rank(rows, 2, 1);
        parts.diagonal.fill(1.0);
        parts.factors.copy_from_slice(&some(2 * rows, 9));
        parts.cores.fill(4.0);
        check(&tensors, false);
        check(&tensors, true);
    }

    #[test]
    fn a_tensor_that_is_not_positive_definite_is_named_by_its_row() {
        let rows = LAYOUT.segments * LAYOUT.count;
        let mut tensors = Tensors::default();
        let mut preconditioner = Preconditioner::new(LAYOUT, &[1.0; 6], false);
        tensors.conformal(rows, 2).fill(1.0);
        tensors.conformal(rows, 2)[8] = -1.0;
        assert_eq!(preconditioner.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 8 }));
        let matrices = tensors.dense(rows, 2);
        matrices
            .iter_mut()
            .enumerate()
            .for_each(|(k, g)| *g = if k % 4 == 0 || k % 4 == 3 { 1.0 } else { 0.0 });
        matrices[4 * 8] = -1.0;
        assert_eq!(preconditioner.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 8 }));
    }
}
