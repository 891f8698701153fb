//! Inverses of metric tensors, without an inverse matrix.

use crate::lanes::{Lane, Work, add_scaled, dot, sums, vectorised};
use crate::small_inverses::{FEW, SmallInverses};
use crate::tensors::LARGEST_RANK;
use crate::thin_inverses::ThinInverses;
use crate::{EvalError, Form, Tensors};

/// Residual, relative, at which the matrix-free solution of a sum of inverses ends.
const RESIDUAL: f64 = 1e-15;
/// Most steps of the matrix-free solution.
const STEPS: usize = 500;

/// The inverses of a batch of tensors, factorised once.
///
/// No inverse matrix is formed: conformal and diagonal tensors keep reciprocals, low-rank ones the small matrix of
/// Woodbury's identity, dense ones their Cholesky factors, and both in few coordinates the inverses of these factors.
#[derive(Debug, Clone, Default)]
pub struct Inverses {
    form: Option<Form>,
    dim: usize,
    batch: usize,
    /// Reciprocals of the diagonal part.
    reciprocal: Vec<f64>,
    /// `T_i = U_i D_i^-1`.
    factors: Vec<f64>,
    /// `W_i = (I + C_i K_i)^-1 C_i` with `K_i = U_i D_i^-1 U_i^T`, so that `G^-1 = D^-1 - T^T W T`.
    cores: Vec<f64>,
    /// Lower Cholesky factors.
    cholesky: Vec<f64>,
    /// What dense and low-rank tensors in few coordinates have.
    small: SmallInverses,
    /// What tensors of rank one and two have there instead.
    thin: ThinInverses,
    /// The tensor in the middle of the batch, as a preconditioner for sums of inverses.
    middle: Tensors,
}

/// Buffers of [`Inverses::apply_balanced`], kept for the next call.
#[derive(Debug, Clone, Default)]
pub struct BalanceRoom {
    raised: Vec<Lane>,
    sum: Vec<f64>,
    first: Vec<f64>,
}

/// Reciprocals, and whether all numbers are positive and finite.
struct Invert<'a> {
    diagonal: &'a [f64],
    out: &'a mut Vec<f64>,
}

impl Work for Invert<'_> {
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> bool {
        // Without an early exit, so that it vectorises.
        let mut fine = true;
        self.out.clear();
        self.out.extend(self.diagonal.iter().map(|d| {
            fine &= *d > 0.0;
            fine &= *d < f64::INFINITY;
            1.0 / d
        }));
        fine
    }
}

impl Inverses {
    /// Factorises `tensors`, reusing the buffers of earlier calls.
    ///
    /// # Errors
    /// [`EvalError::NotPositiveDefinite`] with the first row whose tensor is not positive definite.
    pub fn factorise(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let (dim, batch) = (tensors.dim(), tensors.batch());
        (self.form, self.dim, self.batch) = (Some(tensors.form()), dim, batch);
        if self.is_small() {
            match tensors.form() {
                Form::DiagonalPlusLowRank { rank } if self.is_thin() => self.thin.factorise(tensors, rank),
                _ => self.small.factorise(tensors),
            }
            .map_err(|row| EvalError::NotPositiveDefinite { row })?;
            self.middle.copy_row(tensors, batch / 2);
            return Ok(());
        }
        match tensors.form() {
            Form::Flat | Form::Dense => {}
            Form::Conformal => self.invert_diagonal(&tensors.diagonal_part()[..batch], 1)?,
            Form::Diagonal | Form::DiagonalPlusLowRank { .. } => {
                self.invert_diagonal(&tensors.diagonal_part()[..batch * dim], dim)?;
            }
        }
        match tensors.form() {
            Form::DiagonalPlusLowRank { rank } => {
                self.factorise_low_rank(tensors, rank)?;
                self.middle.copy_row(tensors, batch / 2);
                Ok(())
            }
            Form::Dense => {
                self.factorise_dense(tensors)?;
                self.middle.copy_row(tensors, batch / 2);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the tensors have off-diagonal entries in few coordinates.
    fn is_small(&self) -> bool {
        self.dim <= FEW && matches!(self.form, Some(Form::DiagonalPlusLowRank { .. } | Form::Dense))
    }

    /// Whether, moreover, they are of rank one or two.
    fn is_thin(&self) -> bool {
        self.form.is_some_and(|form| ThinInverses::fits(form, self.dim))
    }

    fn invert_diagonal(&mut self, diagonal: &[f64], width: usize) -> Result<(), EvalError> {
        if !vectorised(Invert { diagonal, out: &mut self.reciprocal }) {
            let bad = diagonal.iter().position(|d| !(*d > 0.0 && d.is_finite())).unwrap_or_default();
            return Err(EvalError::NotPositiveDefinite { row: bad / width });
        }
        Ok(())
    }

    fn factorise_low_rank(&mut self, tensors: &Tensors, rank: usize) -> Result<(), EvalError> {
        let dim = self.dim;
        self.factors.clear();
        let rows = tensors.factors()[..self.batch * rank * dim].chunks_exact(rank * dim);
        for (u, r) in rows.zip(self.reciprocal.chunks_exact(dim)) {
            for u in u.chunks_exact(dim) {
                self.factors.extend(u.iter().zip(r).map(|(u, r)| u * r));
            }
        }
        self.cores.clear();
        self.cores.extend_from_slice(&tensors.cores()[..self.batch * rank * rank]);
        let Self { factors: scaled, cores, .. } = self;
        let bad = vectorised(Cores { factors: tensors.factors(), scaled, out: cores, rank, dim });
        bad.map_or(Ok(()), |row| Err(EvalError::NotPositiveDefinite { row }))
    }

    fn factorise_dense(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let dim = self.dim;
        self.cholesky.clear();
        self.cholesky.extend_from_slice(&tensors.matrices()[..self.batch * dim * dim]);
        let bad = vectorised(Cholesky { matrices: &mut self.cholesky, dim });
        bad.map_or(Ok(()), |row| Err(EvalError::NotPositiveDefinite { row }))
    }

    /// The reciprocals of the factors of conformal tensors, shape `(batch,)`, or of diagonal ones, shape `(batch, dim)`.
    pub fn reciprocals(&self) -> &[f64] {
        &self.reciprocal
    }

    /// `G_i^-1 v_i` for each row of `v`, shape `(batch, dim)` in and out.
    pub fn apply(&self, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            None | Some(Form::Flat) => out.copy_from_slice(v),
            _ if self.is_thin() => self.thin.apply(v, out),
            _ if self.is_small() => self.small.apply(v, out),
            Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) => {
                vectorised(Apply { inverses: self, v, out });
            }
            _ => {
                for (row, (v, out)) in v.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
                    self.apply_row(row, v, out);
                }
            }
        }
    }

    /// `G_i^-1 v` for one point of the batch.
    #[inline]
    pub fn apply_row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            None | Some(Form::Flat) => out.copy_from_slice(v),
            Some(Form::Conformal) => {
                let r = self.reciprocal[row];
                out.iter_mut().zip(v).for_each(|(o, v)| *o = r * v);
            }
            Some(Form::Diagonal) => {
                let r = &self.reciprocal[row * dim..(row + 1) * dim];
                out.iter_mut().zip(v).zip(r).for_each(|((o, v), r)| *o = r * v);
            }
            _ if self.is_thin() => self.thin.apply_row(row, v, out),
            _ if self.is_small() => self.small.apply_row(row, v, out),
            Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) => self.row(row, v, out),
        }
    }

    /// [`Inverses::apply_row`] of low-rank and dense tensors in many coordinates.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        if let Some(Form::DiagonalPlusLowRank { rank }) = self.form {
            let r = &self.reciprocal[row * dim..(row + 1) * dim];
            out.iter_mut().zip(v).zip(r).for_each(|((o, v), r)| *o = r * v);
            self.subtract_low_rank(row, rank, v, out);
        } else {
            cholesky_solve(&self.cholesky[row * dim * dim..(row + 1) * dim * dim], v, out, dim);
        }
    }

    /// `out - T^T W T v` for one point.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn subtract_low_rank(&self, row: usize, rank: usize, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        let t = &self.factors[row * rank * dim..(row + 1) * rank * dim];
        let w = &self.cores[row * rank * rank..(row + 1) * rank * rank];
        if rank == 2 {
            let (p, q) = t.split_at(dim);
            let [a, b] = sums(p, q, v, |p, q, v| [p * v, q * v]);
            let (a, b) = (w[0] * a + w[1] * b, w[2] * a + w[3] * b);
            for ((out, p), q) in out.iter_mut().zip(p).zip(q) {
                *out -= a * p + b * q;
            }
            return;
        }
        let mut along = [0.0; LARGEST_RANK];
        for (along, t) in along.iter_mut().zip(t.chunks_exact(dim)) {
            *along = dot(t, v);
        }
        for (a, t) in t.chunks_exact(dim).enumerate() {
            add_scaled(out, -dot(&w[a * rank..(a + 1) * rank], &along[..rank]), t);
        }
    }

    /// `q_i = G_i^-1 (f - m_i)` for each row of `m`, with the one `f` for which their sum is `total`; shapes `(batch, dim)` but
    /// for `total` of shape `(dim,)`.
    pub fn apply_balanced(&self, m: &[f64], total: &[f64], room: &mut BalanceRoom, out: &mut [f64]) {
        let BalanceRoom { raised, sum, first } = room;
        sum.clear();
        sum.extend_from_slice(total);
        first.resize(self.dim, 0.0);
        if self.is_small() {
            if self.is_thin() {
                self.thin.apply_and_add(m, raised, sum);
                self.solve_sum(sum, first);
                self.thin.remainders(first, raised, out);
            } else {
                self.small.apply_and_add(m, raised, sum);
                self.solve_sum(sum, first);
                self.small.remainders(first, raised, out);
            }
            return;
        }
        self.apply(m, out);
        vectorised(AddRows { rows: out, sum });
        self.solve_sum(sum, first);
        vectorised(Remainders { inverses: self, first, out });
    }

    /// The solution `x` of `(sum_i G_i^-1) x = rhs`, one vector in and out.
    ///
    /// O(batch dim) but for dense tensors: small systems are added up, larger ones are solved by conjugate gradients with the
    /// tensor in the middle of the batch as preconditioner.
    pub fn solve_sum(&self, rhs: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            None | Some(Form::Flat) => {
                out.iter_mut().zip(rhs).for_each(|(o, b)| *o = b / self.batch as f64);
            }
            Some(Form::Conformal) => {
                let sum: f64 = self.reciprocal.iter().sum();
                out.iter_mut().zip(rhs).for_each(|(o, b)| *o = b / sum);
            }
            Some(Form::Diagonal) => {
                out.fill(0.0);
                for r in self.reciprocal.chunks_exact(dim) {
                    out.iter_mut().zip(r).for_each(|(o, r)| *o += r);
                }
                out.iter_mut().zip(rhs).for_each(|(o, b)| *o = b / *o);
            }
            _ if self.is_small() => {
                let mut sum = [0.0; FEW * FEW];
                let sum = &mut sum[..dim * dim];
                if self.is_thin() {
                    self.thin.sum(sum);
                } else {
                    self.small.sum(sum);
                }
                // A sum of positive definite matrices is positive definite, if rounding has not eaten it.
                if cholesky(sum, dim) {
                    cholesky_solve(sum, rhs, out, dim);
                } else {
                    self.conjugate_gradients(rhs, out);
                }
            }
            Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) => self.conjugate_gradients(rhs, out),
        }
    }

    fn conjugate_gradients(&self, rhs: &[f64], x: &mut [f64]) {
        let dim = self.dim;
        let mut row_out = vec![0.0; dim];
        // The diagonal parts of low-rank inverses are summed once.
        let mut diagonal = vec![0.0; dim];
        if !self.is_small() && matches!(self.form, Some(Form::DiagonalPlusLowRank { .. })) {
            for r in self.reciprocal.chunks_exact(dim) {
                diagonal.iter_mut().zip(r).for_each(|(d, r)| *d += r);
            }
        }
        let mut sum = |v: &[f64], out: &mut [f64]| {
            vectorised(Sum { inverses: self, diagonal: &diagonal, v, room: &mut row_out, out });
        };
        let count = self.batch as f64;
        let precondition = |v: &[f64], out: &mut [f64]| {
            self.middle.apply_row(0, v, out);
            for o in out.iter_mut() {
                *o /= count;
            }
        };
        x.fill(0.0);
        let mut residual = rhs.to_vec();
        let mut preconditioned = vec![0.0; dim];
        precondition(&residual, &mut preconditioned);
        let mut direction = preconditioned.clone();
        let mut image = vec![0.0; dim];
        let mut along = dot(&residual, &preconditioned);
        let goal = RESIDUAL * RESIDUAL * dot(rhs, rhs);
        for _ in 0..STEPS {
            if dot(&residual, &residual) <= goal {
                break;
            }
            sum(&direction, &mut image);
            let step = along / dot(&direction, &image);
            if !step.is_finite() {
                break;
            }
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            residual.iter_mut().zip(&image).for_each(|(r, i)| *r -= step * i);
            precondition(&residual, &mut preconditioned);
            let next = dot(&residual, &preconditioned);
            let share = next / along;
            along = next;
            direction.iter_mut().zip(&preconditioned).for_each(|(d, p)| *d = p + share * *d);
        }
    }
}

/// `W_i` of low-rank tensors in place of `C_i`; the first row that is not positive definite.
struct Cores<'a> {
    factors: &'a [f64],
    scaled: &'a [f64],
    out: &'a mut [f64],
    rank: usize,
    dim: usize,
}

impl Work for Cores<'_> {
    type Output = Option<usize>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let (rank, dim) = (self.rank, self.dim);
        let mut gram = [0.0; LARGEST_RANK * LARGEST_RANK];
        let rows = self.factors.chunks_exact(rank * dim).zip(self.scaled.chunks_exact(rank * dim));
        for (row, (core, (u, t))) in self.out.chunks_exact_mut(rank * rank).zip(rows).enumerate() {
            for a in 0..rank {
                for b in 0..=a {
                    let k = dot(&u[a * dim..(a + 1) * dim], &t[b * dim..(b + 1) * dim]);
                    gram[a * rank + b] = k;
                    gram[b * rank + a] = k;
                }
            }
            if !woodbury(&mut gram[..rank * rank], core, rank) {
                return Some(row);
            }
        }
        None
    }
}

/// Cholesky factors in place; the first row that is not positive definite.
struct Cholesky<'a> {
    matrices: &'a mut [f64],
    dim: usize,
}

impl Work for Cholesky<'_> {
    type Output = Option<usize>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Option<usize> {
        // A closure would be compiled for the narrowest vectors.
        for (row, l) in self.matrices.chunks_exact_mut(self.dim * self.dim).enumerate() {
            if !cholesky(l, self.dim) {
                return Some(row);
            }
        }
        None
    }
}

/// `G_i^-1 v_i` for each row.
struct Apply<'a> {
    inverses: &'a Inverses,
    v: &'a [f64],
    out: &'a mut [f64],
}

impl Work for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let dim = self.inverses.dim;
        for (row, (v, out)) in self.v.chunks_exact(dim).zip(self.out.chunks_exact_mut(dim)).enumerate() {
            self.inverses.row(row, v, out);
        }
    }
}

/// Adds all rows to `sum`.
struct AddRows<'a> {
    rows: &'a [f64],
    sum: &'a mut [f64],
}

impl Work for AddRows<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            for (sum, x) in self.sum.iter_mut().zip(row) {
                *sum += x;
            }
        }
    }
}

/// `G_i^-1 first - row` in place of each row, in many coordinates.
struct Remainders<'a> {
    inverses: &'a Inverses,
    first: &'a [f64],
    out: &'a mut [f64],
}

impl Work for Remainders<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { inverses, first, out } = self;
        let mut raised = vec![0.0; first.len()];
        for (row, out) in out.chunks_exact_mut(first.len()).enumerate() {
            match inverses.form {
                Some(Form::DiagonalPlusLowRank { .. } | Form::Dense) => {
                    inverses.row(row, first, &mut raised);
                }
                _ => inverses.apply_row(row, first, &mut raised),
            }
            for (out, raised) in out.iter_mut().zip(&raised) {
                *out = raised - *out;
            }
        }
    }
}

/// `sum_i G_i^-1 v` of low-rank and dense tensors.
struct Sum<'a> {
    inverses: &'a Inverses,
    diagonal: &'a [f64],
    v: &'a [f64],
    room: &'a mut [f64],
    out: &'a mut [f64],
}

impl Work for Sum<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { inverses, diagonal, v, room, out } = self;
        match inverses.form {
            Some(Form::DiagonalPlusLowRank { rank }) if !inverses.is_small() => {
                out.iter_mut().zip(v).zip(diagonal).for_each(|((o, v), d)| *o = d * v);
                for row in 0..inverses.batch {
                    inverses.subtract_low_rank(row, rank, v, out);
                }
            }
            _ => {
                out.fill(0.0);
                for row in 0..inverses.batch {
                    inverses.apply_row(row, v, room);
                    out.iter_mut().zip(&*room).for_each(|(o, r)| *o += r);
                }
            }
        }
    }
}

/// Replaces `C` by `W = (I + C K)^-1 C`; false where `D + U^T C U` is not positive definite.
///
/// `D + U^T C U` is positive definite exactly where `I + L^T C L` is, `K = L L^T`: the nonzero eigenvalues of
/// `D^-1/2 U^T C U D^-1/2` are those of `L^T C L`.
fn woodbury(gram: &mut [f64], core: &mut [f64], rank: usize) -> bool {
    if rank == 1 {
        let scale = 1.0 + core[0] * gram[0];
        core[0] /= scale;
        return scale > 0.0 && core[0].is_finite();
    }
    let mut system = [0.0; LARGEST_RANK * LARGEST_RANK];
    for a in 0..rank {
        for b in 0..rank {
            let product: f64 = (0..rank).map(|k| core[a * rank + k] * gram[k * rank + b]).sum();
            system[a * rank + b] = product + if a == b { 1.0 } else { 0.0 };
        }
    }
    // K is only positive semidefinite: a vanishing pivot makes a vanishing column of L.
    for j in 0..rank {
        for i in j..rank {
            let reduced: f64 =
                gram[i * rank + j] - (0..j).map(|k| gram[i * rank + k] * gram[j * rank + k]).sum::<f64>();
            gram[i * rank + j] = if i == j {
                reduced.max(0.0).sqrt()
            } else if gram[j * rank + j] > 0.0 {
                reduced / gram[j * rank + j]
            } else {
                0.0
            };
        }
    }
    let mut test = [0.0; LARGEST_RANK * LARGEST_RANK];
    for a in 0..rank {
        for b in 0..=a {
            let mut sum = if a == b { 1.0 } else { 0.0 };
            for i in a..rank {
                for j in b..rank {
                    sum += gram[i * rank + a] * core[i * rank + j] * gram[j * rank + b];
                }
            }
            test[a * rank + b] = sum;
        }
    }
    cholesky(&mut test[..rank * rank], rank) && solve_small(&mut system[..rank * rank], core, rank)
}

/// Solves `system x = rhs` for `rank` right-hand sides in place by elimination with pivoting; false where it is singular.
fn solve_small(system: &mut [f64], rhs: &mut [f64], rank: usize) -> bool {
    for k in 0..rank {
        let pivot = (k..rank)
            .max_by(|&a, &b| system[a * rank + k].abs().total_cmp(&system[b * rank + k].abs()))
            .unwrap_or(k);
        if pivot != k {
            for j in 0..rank {
                system.swap(k * rank + j, pivot * rank + j);
                rhs.swap(k * rank + j, pivot * rank + j);
            }
        }
        let head = system[k * rank + k];
        if !(head.abs() > 0.0 && head.is_finite()) {
            return false;
        }
        for i in k + 1..rank {
            let factor = system[i * rank + k] / head;
            for j in 0..rank {
                system[i * rank + j] -= factor * system[k * rank + j];
                rhs[i * rank + j] -= factor * rhs[k * rank + j];
            }
        }
    }
    for k in (0..rank).rev() {
        for j in 0..rank {
            let reduced: f64 = (k + 1..rank).map(|i| system[k * rank + i] * rhs[i * rank + j]).sum();
            rhs[k * rank + j] = (rhs[k * rank + j] - reduced) / system[k * rank + k];
        }
    }
    true
}

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor; false where it is not positive definite.
#[expect(clippy::inline_always, reason = "callers with a known dimension get its loops unrolled")]
#[inline(always)]
fn cholesky(l: &mut [f64], dim: usize) -> bool {
    for j in 0..dim {
        let (above, here) = l.split_at_mut(j * dim);
        for k in 0..j {
            let reduced = here[k] - dot(&here[..k], &above[k * dim..k * dim + k]);
            here[k] = reduced / above[k * dim + k];
        }
        let pivot = here[j] - dot(&here[..j], &here[..j]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return false;
        }
        here[j] = pivot.sqrt();
    }
    true
}

/// `(L L^T)^-1 v`.
#[expect(clippy::inline_always, reason = "callers with a known dimension get its loops unrolled")]
#[inline(always)]
fn cholesky_solve(l: &[f64], v: &[f64], out: &mut [f64], dim: usize) {
    out.copy_from_slice(v);
    for j in 0..dim {
        let (done, rest) = out.split_at_mut(j);
        rest[0] = (rest[0] - dot(&l[j * dim..j * dim + j], done)) / l[j * dim + j];
    }
    for j in (0..dim).rev() {
        let (left, right) = out.split_at_mut(j);
        right[0] /= l[j * dim + j];
        let (solved, row) = (right[0], &l[j * dim..j * dim + j]);
        left.iter_mut().zip(row).for_each(|(o, l)| *o -= solved * l);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positive definite matrices that differ from row to row.
    fn dense(batch: usize, dim: usize) -> Tensors {
        let mut tensors = Tensors::default();
        let out = tensors.dense(batch, dim);
        for (row, g) in out.chunks_exact_mut(dim * dim).enumerate() {
            for i in 0..dim {
                for j in 0..dim {
                    let entry = ((i * j + row) as f64 * 0.7).sin() / dim as f64;
                    let mirrored = ((j * i + row) as f64 * 0.7).sin() / dim as f64;
                    g[i * dim + j] = 0.5 * (entry + mirrored) + if i == j { 2.0 } else { 0.0 };
                }
            }
        }
        tensors
    }

    fn low_rank(batch: usize, dim: usize, rank: usize) -> Tensors {
        let mut tensors = Tensors::default();
        let parts = tensors.low_rank(batch, dim, rank);
        for (k, d) in parts.diagonal.iter_mut().enumerate() {
            *d = 1.5 + (k as f64).sin();
        }
        for (k, u) in parts.factors.iter_mut().enumerate() {
            *u = (1.3 * k as f64).cos();
        }
        for c in parts.cores.chunks_exact_mut(rank * rank) {
            for a in 0..rank {
                c[a * rank + a] = 0.5;
            }
        }
        tensors
    }

    #[test]
    fn a_sum_of_inverses_is_solved_in_every_form_and_size() {
        let mut conformal = Tensors::default();
        conformal.conformal(3, 2).copy_from_slice(&[2.0, 0.5, 1.0]);
        let mut diagonal = Tensors::default();
        diagonal.diagonal(2, 2).copy_from_slice(&[2.0, 0.5, 1.0, 3.0]);
        let cases = [
            conformal,
            diagonal,
            dense(4, 3),
            dense(5, 40),
            dense(9, 2),
            dense(17, 6),
            dense(8, 24),
            low_rank(6, 5, 2),
            low_rank(7, 60, 2),
            low_rank(3, 4, 1),
            low_rank(19, 10, 2),
            low_rank(9, 2, 1),
            low_rank(5, 7, 3),
        ];
        for tensors in cases {
            let dim = tensors.dim();
            let mut inverses = Inverses::default();
            inverses.factorise(&tensors).unwrap();
            let rhs: Vec<f64> = (0..dim).map(|k| (k as f64 + 0.3).sin()).collect();
            let mut x = vec![0.0; dim];
            inverses.solve_sum(&rhs, &mut x);
            let (mut back, mut one) = (vec![0.0; dim], vec![0.0; dim]);
            for row in 0..tensors.batch() {
                inverses.apply_row(row, &x, &mut one);
                back.iter_mut().zip(&one).for_each(|(b, o)| *b += o);
            }
            for (b, r) in back.iter().zip(&rhs) {
                assert!((b - r).abs() < 1e-12, "{:?} {dim}: {b} {r}", tensors.form());
            }
        }
    }

    #[test]
    fn two_negative_directions_are_not_positive_definite() {
        for dim in [3, 40] {
            let mut tensors = Tensors::default();
            let parts = tensors.low_rank(1, dim, 2);
            parts.diagonal.fill(1.0);
            (parts.factors[0], parts.factors[dim + 1]) = (1.0, 1.0);
            // The determinant of I + C K is (-1)(-1) = 1.
            parts.cores.copy_from_slice(&[-2.0, 0.0, 0.0, -2.0]);
            let mut inverses = Inverses::default();
            assert_eq!(inverses.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 0 }));
        }
    }
}
