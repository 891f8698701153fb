//! Metric tensors at a batch of points, held in the form that is known of them.

use crate::Form;
use crate::lanes::{Work, add_scaled, dot, vectorised};

/// The largest rank of a diagonal plus low-rank tensor.
pub const LARGEST_RANK: usize = 8;

/// Metric tensors `G_i` at the points of a batch; a buffer that is filled anew at every evaluation.
///
/// A [`crate::Geometry`] fills it through one of [`Tensors::flat`], [`Tensors::conformal`], [`Tensors::diagonal`],
/// [`Tensors::low_rank`] and [`Tensors::dense`]; a method applies the tensors and, by [`crate::Inverses`], their inverses,
/// at the cost of the form.
#[derive(Debug, Clone)]
pub struct Tensors {
    form: Form,
    dim: usize,
    batch: usize,
    diagonal: Vec<f64>,
    factors: Vec<f64>,
    cores: Vec<f64>,
    dense: Vec<f64>,
}

/// The parts of `G_i = diag(d_i) + U_i^T C_i U_i`, to be filled.
#[derive(Debug)]
pub struct LowRank<'a> {
    /// `d_i`, shape `(batch, dim)`.
    pub diagonal: &'a mut [f64],
    /// `U_i`, shape `(batch, rank, dim)`.
    pub factors: &'a mut [f64],
    /// `C_i`, symmetric, shape `(batch, rank, rank)`.
    pub cores: &'a mut [f64],
}

impl Default for Tensors {
    fn default() -> Self {
        Self {
            form: Form::Flat,
            dim: 0,
            batch: 0,
            diagonal: Vec::new(),
            factors: Vec::new(),
            cores: Vec::new(),
            dense: Vec::new(),
        }
    }
}

impl Tensors {
    /// What is known about the tensors.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Number of coordinates.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of tensors.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Identities.
    pub fn flat(&mut self, batch: usize, dim: usize) {
        (self.form, self.batch, self.dim) = (Form::Flat, batch, dim);
    }

    /// Multiples of the identity: the factors to be filled, shape `(batch,)`.
    pub fn conformal(&mut self, batch: usize, dim: usize) -> &mut [f64] {
        (self.form, self.batch, self.dim) = (Form::Conformal, batch, dim);
        self.diagonal.resize(batch, 0.0);
        &mut self.diagonal
    }

    /// Diagonals: the entries to be filled, shape `(batch, dim)`.
    pub fn diagonal(&mut self, batch: usize, dim: usize) -> &mut [f64] {
        (self.form, self.batch, self.dim) = (Form::Diagonal, batch, dim);
        self.diagonal.resize(batch * dim, 0.0);
        &mut self.diagonal
    }

    /// Diagonals plus symmetric matrices of a small rank: the parts to be filled.
    ///
    /// # Panics
    /// If `rank` is above [`LARGEST_RANK`]; such a tensor is dense.
    pub fn low_rank(&mut self, batch: usize, dim: usize, rank: usize) -> LowRank<'_> {
        assert!(rank <= LARGEST_RANK, "a rank of {rank} is not small");
        (self.form, self.batch, self.dim) = (Form::DiagonalPlusLowRank { rank }, batch, dim);
        self.diagonal.resize(batch * dim, 0.0);
        self.factors.resize(batch * rank * dim, 0.0);
        self.cores.resize(batch * rank * rank, 0.0);
        LowRank { diagonal: &mut self.diagonal, factors: &mut self.factors, cores: &mut self.cores }
    }

    /// Symmetric matrices: all entries to be filled, shape `(batch, dim, dim)`.
    pub fn dense(&mut self, batch: usize, dim: usize) -> &mut [f64] {
        (self.form, self.batch, self.dim) = (Form::Dense, batch, dim);
        self.dense.resize(batch * dim * dim, 0.0);
        &mut self.dense
    }

    /// The factors of a conformal form, the entries of a diagonal one, the diagonal part of a low-rank one.
    pub fn diagonal_part(&self) -> &[f64] {
        &self.diagonal
    }

    /// `U_i` of the low-rank form, shape `(batch, rank, dim)`.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// `C_i` of the low-rank form, shape `(batch, rank, rank)`.
    pub fn cores(&self) -> &[f64] {
        &self.cores
    }

    /// The matrices of the dense form, shape `(batch, dim, dim)`.
    pub fn matrices(&self) -> &[f64] {
        &self.dense
    }

    /// `G_i v_i` for each row of `v`, shape `(batch, dim)` in and out: O(batch dim) but for dense tensors.
    pub fn apply(&self, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            Form::Flat => out.copy_from_slice(v),
            Form::Conformal => match dim {
                2 => scale_rows::<2>(&self.diagonal, v, out),
                3 => scale_rows::<3>(&self.diagonal, v, out),
                _ => {
                    let rows = v.chunks_exact(dim).zip(out.chunks_exact_mut(dim));
                    for ((v, out), g) in rows.zip(&self.diagonal) {
                        out.iter_mut().zip(v).for_each(|(o, v)| *o = g * v);
                    }
                }
            },
            Form::Diagonal => {
                for ((o, v), d) in out.iter_mut().zip(v).zip(&self.diagonal) {
                    *o = d * v;
                }
            }
            Form::DiagonalPlusLowRank { .. } | Form::Dense => vectorised(Apply { tensors: self, v, out }),
        }
    }

    /// `G_i v` for one point of the batch.
    pub fn apply_row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        self.row(row, v, out);
    }

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn row(&self, row: usize, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            Form::Flat => out.copy_from_slice(v),
            Form::Conformal => {
                let g = self.diagonal[row];
                out.iter_mut().zip(v).for_each(|(o, v)| *o = g * v);
            }
            Form::Diagonal => {
                let d = &self.diagonal[row * dim..(row + 1) * dim];
                out.iter_mut().zip(v).zip(d).for_each(|((o, v), d)| *o = d * v);
            }
            Form::DiagonalPlusLowRank { rank } => {
                let d = &self.diagonal[row * dim..(row + 1) * dim];
                let u = &self.factors[row * rank * dim..(row + 1) * rank * dim];
                let c = &self.cores[row * rank * rank..(row + 1) * rank * rank];
                out.iter_mut().zip(v).zip(d).for_each(|((o, v), d)| *o = d * v);
                let mut along = [0.0; LARGEST_RANK];
                for (a, u) in along.iter_mut().zip(u.chunks_exact(dim)) {
                    *a = dot(u, v);
                }
                for (u, c) in u.chunks_exact(dim).zip(c.chunks_exact(rank)) {
                    let weight = dot(c, &along[..rank]);
                    add_scaled(out, weight, u);
                }
            }
            Form::Dense => {
                let g = &self.dense[row * dim * dim..(row + 1) * dim * dim];
                out.iter_mut().zip(g.chunks_exact(dim)).for_each(|(o, g)| *o = dot(g, v));
            }
        }
    }

    /// Becomes `own * self + share * other`, tensor by tensor; both must be of one form that sums keep: not of low rank.
    ///
    /// # Panics
    /// If forms or sizes differ, or the form is one of low rank, whose sums have a higher one: see [`Tensors::dense_of`].
    pub fn combine(&mut self, own: f64, other: &Self, share: f64) {
        assert_eq!((self.form, self.batch, self.dim), (other.form, other.batch, other.dim));
        assert!(!matches!(self.form, Form::DiagonalPlusLowRank { .. }), "sums of low-rank tensors are dense");
        let mix = |to: &mut [f64], from: &[f64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = own * *to + share * from);
        };
        match self.form {
            Form::Conformal | Form::Diagonal => mix(&mut self.diagonal, &other.diagonal),
            Form::Dense => mix(&mut self.dense, &other.dense),
            Form::Flat | Form::DiagonalPlusLowRank { .. } => {}
        }
    }

    /// Multiplies one tensor by `factor`; of a form that is not flat or of low rank.
    pub fn scale_row(&mut self, row: usize, factor: f64) {
        let dim = self.dim;
        let scale = |values: &mut [f64]| values.iter_mut().for_each(|value| *value *= factor);
        match self.form {
            Form::Conformal => self.diagonal[row] *= factor,
            Form::Diagonal => scale(&mut self.diagonal[row * dim..(row + 1) * dim]),
            Form::Dense => scale(&mut self.dense[row * dim * dim..(row + 1) * dim * dim]),
            Form::Flat | Form::DiagonalPlusLowRank { .. } => {}
        }
    }

    /// Becomes the same tensors as `other` in the dense form.
    pub fn dense_of(&mut self, other: &Self) {
        let dim = other.dim;
        let out = self.dense(other.batch, dim);
        let mut axis = vec![0.0; dim];
        for (row, matrix) in out.chunks_exact_mut(dim * dim).enumerate() {
            for (k, column) in matrix.chunks_exact_mut(dim).enumerate() {
                axis[k] = 1.0;
                other.apply_row(row, &axis, column);
                axis[k] = 0.0;
            }
        }
    }

    /// Becomes the batch of one tensor that is `index` of `other`.
    pub(crate) fn copy_row(&mut self, other: &Self, index: usize) {
        let dim = other.dim;
        (self.form, self.batch, self.dim) = (other.form, 1, dim);
        let copy = |to: &mut Vec<f64>, from: &[f64], size: usize| {
            to.clear();
            to.extend_from_slice(&from[index * size..(index + 1) * size]);
        };
        match other.form {
            Form::Flat => {}
            Form::Conformal => copy(&mut self.diagonal, &other.diagonal, 1),
            Form::Diagonal => copy(&mut self.diagonal, &other.diagonal, dim),
            Form::DiagonalPlusLowRank { rank } => {
                copy(&mut self.diagonal, &other.diagonal, dim);
                copy(&mut self.factors, &other.factors, rank * dim);
                copy(&mut self.cores, &other.cores, rank * rank);
            }
            Form::Dense => copy(&mut self.dense, &other.dense, dim * dim),
        }
    }

    /// One tensor as a full symmetric matrix, row-major: for small dimensions, tests and diagnostics.
    pub fn matrix(&self, index: usize) -> Vec<f64> {
        let dim = self.dim;
        let mut matrix = vec![0.0; dim * dim];
        let mut axis = vec![0.0; dim];
        for (k, row) in matrix.chunks_exact_mut(dim).enumerate() {
            axis[k] = 1.0;
            self.apply_row(index, &axis, row);
            axis[k] = 0.0;
        }
        matrix
    }
}

/// `out_i = g_i v_i` for rows of `D` numbers.
fn scale_rows<const D: usize>(g: &[f64], v: &[f64], out: &mut [f64]) {
    let (v, out) = (v.as_chunks::<D>().0, out.as_chunks_mut::<D>().0);
    for ((out, v), g) in out.iter_mut().zip(v).zip(g) {
        for k in 0..D {
            out[k] = g * v[k];
        }
    }
}

/// Rows of low-rank and dense tensors applied to rows of vectors.
struct Apply<'a> {
    tensors: &'a Tensors,
    v: &'a [f64],
    out: &'a mut [f64],
}

impl Work for Apply<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { tensors, v, out } = self;
        match (tensors.form, tensors.dim) {
            (Form::Dense, 2) => apply_dense::<2, 4>(&tensors.dense, v, out),
            (Form::Dense, 3) => apply_dense::<3, 9>(&tensors.dense, v, out),
            (Form::Dense, 6) => apply_dense::<6, 36>(&tensors.dense, v, out),
            (_, dim) => {
                for (row, (v, out)) in v.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
                    tensors.row(row, v, out);
                }
            }
        }
    }
}

/// `G_i v_i` for matrices of `D` rows and `S = D^2` entries.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn apply_dense<const D: usize, const S: usize>(matrices: &[f64], v: &[f64], out: &mut [f64]) {
    let rows = v.as_chunks::<D>().0.iter().zip(out.as_chunks_mut::<D>().0);
    for (g, (v, out)) in matrices.as_chunks::<S>().0.iter().zip(rows) {
        // By columns, which are the rows of a symmetric matrix.
        let mut sums = [0.0; D];
        for k in 0..D {
            for j in 0..D {
                sums[j] += g[k * D + j] * v[k];
            }
        }
        *out = sums;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EvalError, Inverses};

    fn check(tensors: &Tensors) {
        let (dim, batch) = (tensors.dim(), tensors.batch());
        let v: Vec<f64> = (0..batch * dim).map(|k| ((k * 37 + 11) % 17) as f64 / 8.0 - 1.0).collect();
        let mut lowered = vec![0.0; v.len()];
        tensors.apply(&v, &mut lowered);
        for row in 0..batch {
            let matrix = tensors.matrix(row);
            for j in 0..dim {
                let expected = dot(&matrix[j * dim..(j + 1) * dim], &v[row * dim..(row + 1) * dim]);
                assert!((lowered[row * dim + j] - expected).abs() < 1e-12);
                for k in 0..dim {
                    assert!((matrix[j * dim + k] - matrix[k * dim + j]).abs() < 1e-14);
                }
            }
        }
        let mut inverses = Inverses::default();
        inverses.factorise(tensors).unwrap();
        let mut back = vec![0.0; v.len()];
        inverses.apply(&lowered, &mut back);
        for (b, v) in back.iter().zip(&v) {
            assert!((b - v).abs() < 1e-12, "{b} {v}");
        }
    }

    #[test]
    fn inverses_undo_tensors_in_every_form() {
        let mut tensors = Tensors::default();
        tensors.flat(2, 3);
        check(&tensors);
        tensors.conformal(2, 3).copy_from_slice(&[2.0, 0.5]);
        check(&tensors);
        tensors.diagonal(2, 2).copy_from_slice(&[2.0, 0.5, 3.0, 1.0]);
        check(&tensors);
        let parts = tensors.low_rank(2, 3, 2);
        parts.diagonal.copy_from_slice(&[2.0, 1.5, 3.0, 1.0, 2.5, 2.0]);
        parts.factors.copy_from_slice(&[1.0, 0.5, -0.5, 0.2, 0.1, 0.7, 0.3, -0.4, 0.6, 1.0, 0.0, 0.5]);
        parts.cores.copy_from_slice(&[0.5, -0.2, -0.2, 0.1, 0.0, 0.3, 0.3, 0.2]);
        check(&tensors);
        tensors.dense(1, 3).copy_from_slice(&[4.0, 1.0, 0.5, 1.0, 3.0, -0.2, 0.5, -0.2, 2.0]);
        check(&tensors);
    }

    #[test]
    fn a_tensor_that_is_not_positive_definite_is_named_by_its_row() {
        let mut inverses = Inverses::default();
        let mut tensors = Tensors::default();
        tensors.conformal(3, 2).copy_from_slice(&[1.0, 0.0, 1.0]);
        assert_eq!(inverses.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 1 }));
        tensors.diagonal(2, 2).copy_from_slice(&[1.0, 1.0, 1.0, f64::NAN]);
        assert_eq!(inverses.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 1 }));
        let parts = tensors.low_rank(1, 2, 1);
        parts.diagonal.fill(1.0);
        parts.factors.copy_from_slice(&[1.0, 1.0]);
        parts.cores.copy_from_slice(&[-0.6]);
        assert_eq!(inverses.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 0 }));
        tensors.dense(1, 2).copy_from_slice(&[1.0, 2.0, 2.0, 1.0]);
        assert_eq!(inverses.factorise(&tensors), Err(EvalError::NotPositiveDefinite { row: 0 }));
    }
}
