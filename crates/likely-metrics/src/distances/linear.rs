//! Dense linear algebra on row-major matrices; the only file that knows faer.
//!
//! Work is cut into panels whose size does not depend on the number of threads, and every panel is computed by one thread, so
//! all results are the same bytes on any number of threads.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::traits::ComplexField;
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};
use rayon::prelude::*;

/// Rows of a panel: enough to reuse what is packed for it, few enough to share work between threads.
const PANEL: usize = 256;
/// The same for sums of products, where what is packed is all there is to read.
const GRAM_PANEL: usize = 512;

/// An iteration of faer that did not converge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoConvergence;

/// Adds `X^T X` to the upper triangle of `upper`, shape `(dim, dim)`, for rows `X` of length `dim`; what is below stays.
pub(super) fn add_gram(rows: &[f64], dim: usize, upper: &mut [f64]) {
    let x = MatRef::from_row_major_slice(rows, rows.len() / dim, dim);
    upper.par_chunks_mut(GRAM_PANEL * dim).enumerate().for_each(|(panel, out)| {
        let (first, height) = (panel * GRAM_PANEL, out.len() / dim);
        let out = MatMut::from_row_major_slice_mut(out, height, dim);
        let (diagonal, rest) = out.split_at_col_mut(first).1.split_at_col_mut(height);
        let own = x.subcols(first, height);
        triangular::matmul(
            diagonal,
            BlockStructure::TriangularUpper,
            Accum::Add,
            own.transpose(),
            BlockStructure::Rectangular,
            own,
            BlockStructure::Rectangular,
            1.0,
            Par::Seq,
        );
        let right = x.subcols(first + height, dim - first - height);
        matmul(rest, Accum::Add, own.transpose(), right, 1.0, Par::Seq);
    });
}

/// `A B^T` for rows of length `dim`, into `out` of shape `(rows of a, rows of b)`, on the calling thread.
pub(super) fn inner_products<T: ComplexField>(a: &[T], b: &[T], dim: usize, out: &mut [T]) {
    let (rows, columns) = (a.len() / dim, b.len() / dim);
    let a = MatRef::from_row_major_slice(a, rows, dim);
    let b = MatRef::from_row_major_slice(b, columns, dim);
    let out = MatMut::from_row_major_slice_mut(out, rows, columns);
    matmul(out, Accum::Replace, a, b.transpose(), T::one_impl(), Par::Seq);
}

/// `U` with `U^T U = S` and zeros below its diagonal, for a symmetric `S` of shape `(dim, dim)`; none unless every pivot is
/// more than rounding.
pub(super) fn cholesky(s: &[f64], dim: usize) -> Option<Vec<f64>> {
    let mut factor = s.to_vec();
    let par = Par::Seq;
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(dim, par, Spec::default()));
    // The lower triangle by columns is the upper one by rows.
    let columns = MatMut::from_column_major_slice_mut(&mut factor, dim, dim);
    cholesky_in_place(
        columns,
        LltRegularization::default(),
        par,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .ok()?;
    let largest = (0..dim).map(|i| s[i * (dim + 1)]).fold(0.0, f64::max);
    let smallest = (0..dim).map(|i| factor[i * (dim + 1)].powi(2)).fold(f64::INFINITY, f64::min);
    for (i, row) in factor.chunks_exact_mut(dim).enumerate() {
        row[..i].fill(0.0);
    }
    (smallest > dim as f64 * f64::EPSILON * largest).then_some(factor)
}

/// The upper triangle of `U S U^T`, for `U` with zeros below its diagonal and a symmetric `S`, both of shape `(dim, dim)`.
pub(super) fn sandwich(u: &[f64], s: &[f64], dim: usize) -> Vec<f64> {
    let u = MatRef::from_row_major_slice(u, dim, dim);
    let s = MatRef::from_row_major_slice(s, dim, dim);
    let mut upper = vec![0.0; dim * dim];
    upper.par_chunks_mut(PANEL * dim).enumerate().for_each(|(panel, out)| {
        let (first, height) = (panel * PANEL, out.len() / dim);
        let mut out = MatMut::from_row_major_slice_mut(out, height, dim);
        let length = dim - first;
        let mut half = Mat::zeros(height, length);
        let own = u.submatrix(first, first, height, length);
        matmul(half.as_mut(), Accum::Replace, own, s.submatrix(first, first, length, length), 1.0, Par::Seq);
        for from in (first..dim).step_by(PANEL) {
            let width = PANEL.min(dim - from);
            let other = u.submatrix(from, from, width, dim - from);
            let half = half.subcols(from - first, dim - from);
            let out = out.as_mut().subcols_mut(from, width);
            matmul(out, Accum::Replace, half, other.transpose(), 1.0, Par::Seq);
        }
    });
    upper
}

/// `A U^T` for rows `A` of length `dim` and `U` with zeros below its diagonal.
pub(super) fn times_upper(a: &[f64], u: &[f64], dim: usize) -> Vec<f64> {
    let mut product = vec![0.0; a.len()];
    let u = MatRef::from_row_major_slice(u, dim, dim);
    product.par_chunks_mut(PANEL * dim).zip(a.par_chunks(PANEL * dim)).for_each(|(out, a)| {
        let height = out.len() / dim;
        let a = MatRef::from_row_major_slice(a, height, dim);
        let mut out = MatMut::from_row_major_slice_mut(out, height, dim);
        for from in (0..dim).step_by(PANEL) {
            let width = PANEL.min(dim - from);
            let other = u.submatrix(from, from, width, dim - from);
            let out = out.as_mut().subcols_mut(from, width);
            matmul(out, Accum::Replace, a.subcols(from, dim - from), other.transpose(), 1.0, Par::Seq);
        }
    });
    product
}

/// `A B^T` for rows of length `dim`.
pub(super) fn times_transposed(a: &[f64], b: &[f64], dim: usize) -> Vec<f64> {
    let columns = b.len() / dim;
    let mut product = vec![0.0; a.len() / dim * columns];
    let panels = product.par_chunks_mut(PANEL * columns).zip(a.par_chunks(PANEL * dim));
    panels.for_each(|(out, a)| inner_products(a, b, dim, out));
    product
}

/// The eigenvalues of a symmetric matrix that is given by its upper triangle, from the smallest.
pub(super) fn eigenvalues(upper: &[f64], dim: usize) -> Result<Vec<f64>, NoConvergence> {
    let mut values = Diag::<f64>::zeros(dim);
    let par = Par::Seq;
    let scratch = self_adjoint_evd_scratch::<f64>(dim, ComputeEigenvectors::No, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let columns = MatRef::from_column_major_slice(upper, dim, dim);
    self_adjoint_evd(columns, values.as_mut(), None, par, MemStack::new(&mut memory), Spec::default())
        .map_err(|_| NoConvergence)?;
    let mut values: Vec<f64> = (0..dim).map(|i| values.column_vector()[i]).collect();
    values.sort_by(f64::total_cmp);
    Ok(values)
}

/// The eigenvalues of a symmetric matrix, from the largest, each with its eigenvector of length one as a row.
pub(super) fn eigenvectors(s: &[f64], dim: usize) -> Result<Vec<(f64, Vec<f64>)>, NoConvergence> {
    let mut values = Diag::<f64>::zeros(dim);
    let mut vectors = Mat::<f64>::zeros(dim, dim);
    let par = Par::Seq;
    let scratch = self_adjoint_evd_scratch::<f64>(dim, ComputeEigenvectors::Yes, par, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let columns = MatRef::from_column_major_slice(s, dim, dim);
    self_adjoint_evd(
        columns,
        values.as_mut(),
        Some(vectors.as_mut()),
        par,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|_| NoConvergence)?;
    let mut pairs: Vec<(f64, Vec<f64>)> =
        (0..dim).map(|k| (values.column_vector()[k], (0..dim).map(|i| vectors[(i, k)]).collect())).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(pairs)
}

/// The sum of the singular values of a matrix of shape `(rows, columns)`.
pub(super) fn nuclear_norm(matrix: &[f64], rows: usize, columns: usize) -> Result<f64, NoConvergence> {
    let mut values = Diag::<f64>::zeros(rows.min(columns));
    let par = Par::Seq;
    let (no, spec) = (ComputeSvdVectors::No, Spec::default());
    let mut memory = MemBuffer::new(svd_scratch::<f64>(rows, columns, no, no, par, spec));
    let matrix = MatRef::from_row_major_slice(matrix, rows, columns);
    let stack = MemStack::new(&mut memory);
    svd(matrix, values.as_mut(), None, None, par, stack, spec).map_err(|_| NoConvergence)?;
    Ok((0..rows.min(columns)).map(|i| values.column_vector()[i]).sum())
}
