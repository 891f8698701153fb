//! Metric tensors at a batch of points, held in the form that is known of them.

use crate::{EvalError, Form};

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
    pub fn low_rank(&mut self, batch: usize, dim: usize, rank: usize) -> LowRank<'_> {
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
        let rows = v.chunks_exact(dim).zip(out.chunks_exact_mut(dim));
        match self.form {
            Form::Flat => out.copy_from_slice(v),
            Form::Conformal => {
                for ((v, out), g) in rows.zip(&self.diagonal) {
                    out.iter_mut().zip(v).for_each(|(o, v)| *o = g * v);
                }
            }
            Form::Diagonal => {
                for ((o, v), d) in out.iter_mut().zip(v).zip(&self.diagonal) {
                    *o = d * v;
                }
            }
            Form::DiagonalPlusLowRank { rank } => {
                let parts = self
                    .diagonal
                    .chunks_exact(dim)
                    .zip(self.factors.chunks_exact(rank * dim))
                    .zip(self.cores.chunks_exact(rank * rank));
                let mut along = vec![0.0; rank];
                for ((v, out), ((d, u), c)) in rows.zip(parts) {
                    out.iter_mut().zip(v).zip(d).for_each(|((o, v), d)| *o = d * v);
                    for (a, u) in along.iter_mut().zip(u.chunks_exact(dim)) {
                        *a = dot(u, v);
                    }
                    for (u, c) in u.chunks_exact(dim).zip(c.chunks_exact(rank)) {
                        let weight = dot(c, &along);
                        out.iter_mut().zip(u).for_each(|(o, u)| *o += weight * u);
                    }
                }
            }
            Form::Dense => {
                for ((v, out), g) in rows.zip(self.dense.chunks_exact(dim * dim)) {
                    out.iter_mut().zip(g.chunks_exact(dim)).for_each(|(o, g)| *o = dot(g, v));
                }
            }
        }
    }

    /// One tensor as a full symmetric matrix, row-major: for small dimensions, tests and diagnostics.
    pub fn matrix(&self, index: usize) -> Vec<f64> {
        let dim = self.dim;
        let mut matrix = vec![0.0; dim * dim];
        let mut unit = Self { batch: 1, ..Self::default() };
        unit.form = self.form;
        unit.dim = dim;
        let part =
            |values: &[f64], size: usize| values.get(index * size..(index + 1) * size).map(<[f64]>::to_vec);
        match self.form {
            Form::Flat => {}
            Form::Conformal => unit.diagonal = part(&self.diagonal, 1).unwrap_or_default(),
            Form::Diagonal => unit.diagonal = part(&self.diagonal, dim).unwrap_or_default(),
            Form::DiagonalPlusLowRank { rank } => {
                unit.diagonal = part(&self.diagonal, dim).unwrap_or_default();
                unit.factors = part(&self.factors, rank * dim).unwrap_or_default();
                unit.cores = part(&self.cores, rank * rank).unwrap_or_default();
            }
            Form::Dense => unit.dense = part(&self.dense, dim * dim).unwrap_or_default(),
        }
        let mut axis = vec![0.0; dim];
        for (k, row) in matrix.chunks_exact_mut(dim).enumerate() {
            axis[k] = 1.0;
            unit.apply(&axis, row);
            axis[k] = 0.0;
        }
        matrix
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The inverses of a batch of tensors, factorised once.
///
/// No inverse matrix is formed: conformal and diagonal tensors keep reciprocals, low-rank ones the small matrix of
/// Woodbury's identity, dense ones their Cholesky factors.
#[derive(Debug, Clone, Default)]
pub struct Inverses {
    form: Option<Form>,
    dim: usize,
    batch: usize,
    /// Reciprocals of the diagonal part.
    reciprocal: Vec<f64>,
    /// `U_i`, as the tensors have them.
    factors: Vec<f64>,
    /// `W_i = (I + C_i K_i)^-1 C_i` with `K_i = U_i D_i^-1 U_i^T`, so that `G^-1 = D^-1 - D^-1 U^T W U D^-1`.
    cores: Vec<f64>,
    /// Lower Cholesky factors.
    cholesky: Vec<f64>,
}

impl Inverses {
    /// Factorises `tensors`, reusing the buffers of earlier calls.
    ///
    /// # Errors
    /// [`EvalError::NotPositiveDefinite`] with the first row whose tensor is not positive definite.
    pub fn factorise(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let (dim, batch) = (tensors.dim, tensors.batch);
        (self.form, self.dim, self.batch) = (Some(tensors.form), dim, batch);
        let row_of =
            |index: usize, width: usize| EvalError::NotPositiveDefinite { row: index / width.max(1) };
        match tensors.form {
            Form::Flat => {}
            Form::Conformal | Form::Diagonal | Form::DiagonalPlusLowRank { .. } => {
                let width = if tensors.form == Form::Conformal { 1 } else { dim };
                if let Some(bad) = tensors.diagonal.iter().position(|d| !(*d > 0.0 && d.is_finite())) {
                    return Err(row_of(bad, width));
                }
                self.reciprocal.clear();
                self.reciprocal.extend(tensors.diagonal.iter().map(|d| 1.0 / d));
            }
            Form::Dense => {}
        }
        match tensors.form {
            Form::DiagonalPlusLowRank { rank } => self.factorise_low_rank(tensors, rank),
            Form::Dense => self.factorise_dense(tensors),
            _ => Ok(()),
        }
    }

    fn factorise_low_rank(&mut self, tensors: &Tensors, rank: usize) -> Result<(), EvalError> {
        let dim = self.dim;
        self.factors.clone_from(&tensors.factors);
        self.cores.resize(self.batch * rank * rank, 0.0);
        let mut system = vec![0.0; rank * rank];
        let mut gram = vec![0.0; rank * rank];
        for row in 0..self.batch {
            let u = &tensors.factors[row * rank * dim..(row + 1) * rank * dim];
            let c = &tensors.cores[row * rank * rank..(row + 1) * rank * rank];
            let r = &self.reciprocal[row * dim..(row + 1) * dim];
            for a in 0..rank {
                for b in 0..=a {
                    let (ua, ub) = (&u[a * dim..(a + 1) * dim], &u[b * dim..(b + 1) * dim]);
                    let k: f64 = ua.iter().zip(ub).zip(r).map(|((a, b), r)| a * b * r).sum();
                    gram[a * rank + b] = k;
                    gram[b * rank + a] = k;
                }
            }
            // S = I + C K; G is positive definite exactly where det S > 0 along the path from C = 0, which for the ranks
            // met here is det S > 0 with D positive.
            for a in 0..rank {
                for b in 0..rank {
                    let product: f64 = (0..rank).map(|k| c[a * rank + k] * gram[k * rank + b]).sum();
                    system[a * rank + b] = product + if a == b { 1.0 } else { 0.0 };
                }
            }
            let out = &mut self.cores[row * rank * rank..(row + 1) * rank * rank];
            out.copy_from_slice(c);
            let determinant = solve_small(&mut system, out, rank);
            if !(determinant > 0.0 && determinant.is_finite()) {
                return Err(EvalError::NotPositiveDefinite { row });
            }
        }
        Ok(())
    }

    fn factorise_dense(&mut self, tensors: &Tensors) -> Result<(), EvalError> {
        let dim = self.dim;
        self.cholesky.clone_from(&tensors.dense);
        for (row, l) in self.cholesky.chunks_exact_mut(dim * dim).enumerate() {
            for j in 0..dim {
                let (above, here) = l.split_at_mut(j * dim);
                for k in 0..j {
                    let pivot_row = &above[k * dim..k * dim + k];
                    let reduced = here[k] - dot(&here[..k], pivot_row);
                    here[k] = reduced / above[k * dim + k];
                }
                let pivot = here[j] - dot(&here[..j], &here[..j]);
                if !(pivot > 0.0 && pivot.is_finite()) {
                    return Err(EvalError::NotPositiveDefinite { row });
                }
                here[j] = pivot.sqrt();
            }
        }
        Ok(())
    }

    /// `G_i^-1 v_i` for each row of `v`, shape `(batch, dim)` in and out.
    pub fn apply(&self, v: &[f64], out: &mut [f64]) {
        let dim = self.dim;
        match self.form {
            None | Some(Form::Flat) => out.copy_from_slice(v),
            _ => {
                for (row, (v, out)) in v.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
                    self.apply_row(row, v, out);
                }
            }
        }
    }

    /// `G_i^-1 v` for one point of the batch.
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
            Some(Form::DiagonalPlusLowRank { rank }) => {
                let r = &self.reciprocal[row * dim..(row + 1) * dim];
                let u = &self.factors[row * rank * dim..(row + 1) * rank * dim];
                let w = &self.cores[row * rank * rank..(row + 1) * rank * rank];
                out.iter_mut().zip(v).zip(r).for_each(|((o, v), r)| *o = r * v);
                let along: Vec<f64> = u.chunks_exact(dim).map(|u| dot(u, out)).collect();
                for (a, u) in u.chunks_exact(dim).enumerate() {
                    let weight = dot(&w[a * rank..(a + 1) * rank], &along);
                    out.iter_mut().zip(u).zip(r).for_each(|((o, u), r)| *o -= weight * u * r);
                }
            }
            Some(Form::Dense) => {
                let l = &self.cholesky[row * dim * dim..(row + 1) * dim * dim];
                out.copy_from_slice(v);
                for j in 0..dim {
                    let (done, rest) = out.split_at_mut(j);
                    rest[0] = (rest[0] - dot(&l[j * dim..j * dim + j], done)) / l[j * dim + j];
                }
                for j in (0..dim).rev() {
                    let reduced = (j + 1..dim).map(|k| l[k * dim + j] * out[k]).sum::<f64>();
                    out[j] = (out[j] - reduced) / l[j * dim + j];
                }
            }
        }
    }
}

/// Solves `system x = rhs` for `rank` right-hand sides in place by elimination with pivoting; returns the determinant.
fn solve_small(system: &mut [f64], rhs: &mut [f64], rank: usize) -> f64 {
    let mut determinant = 1.0;
    for k in 0..rank {
        let pivot = (k..rank)
            .max_by(|&a, &b| system[a * rank + k].abs().total_cmp(&system[b * rank + k].abs()))
            .unwrap_or(k);
        if pivot != k {
            determinant = -determinant;
            for j in 0..rank {
                system.swap(k * rank + j, pivot * rank + j);
                rhs.swap(k * rank + j, pivot * rank + j);
            }
        }
        let head = system[k * rank + k];
        determinant *= head;
        if head == 0.0 {
            return 0.0;
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
    determinant
}

#[cfg(test)]
mod tests {
    use super::*;

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
