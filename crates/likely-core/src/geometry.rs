//! Riemannian metric tensors on R^dim.

use crate::{EvalError, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// What is known about a metric tensor; a method matches on it exhaustively, so a new form makes every method face it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// The identity at every point.
    Flat,
    /// A positive multiple of the identity at each point.
    Conformal,
    /// A positive diagonal at each point.
    Diagonal,
    /// A positive diagonal plus one outer product at each point.
    DiagonalPlusRankOne,
    /// Nothing beyond symmetric and positive definite.
    Dense,
}

/// A Riemannian metric tensor `G` on R^dim.
pub trait Geometry: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// What is known about the tensor.
    fn form(&self) -> Form;

    /// `<v, G(x) v>` for each row, and its gradient in `x` at fixed `v`.
    ///
    /// `at` and `v` have shape `(batch, dim)`; the result is `(batch,)` and `(batch, dim)`.
    ///
    /// # Errors
    /// [`EvalError::Dimension`] where the shapes do not fit.
    fn squared_norm(&self, at: ArrayView2<'_, f64>, v: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError>;
}

/// Flat space: `G = I` everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Euclidean {
    dim: usize,
}

impl Euclidean {
    /// Flat space with `dim` coordinates.
    pub const fn new(dim: usize) -> Self {
        Self { dim }
    }
}

impl Geometry for Euclidean {
    fn dim(&self) -> usize {
        self.dim
    }

    fn form(&self) -> Form {
        Form::Flat
    }

    fn squared_norm(&self, at: ArrayView2<'_, f64>, v: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        for shape in [at.dim(), v.dim()] {
            if shape != (at.nrows(), self.dim) {
                return Err(EvalError::Dimension { expected: self.dim, found: shape.1 });
            }
        }
        let value: Array1<f64> = v.rows().into_iter().map(|row| row.dot(&row)).collect();
        Ok(ValueGrad { value, grad: Array2::zeros(at.raw_dim()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn flat_norm_ignores_the_point() {
        let at = array![[1.0, 2.0], [3.0, 4.0]];
        let v = array![[3.0, 4.0], [0.0, 1.0]];
        let norm = Euclidean::new(2).squared_norm(at.view(), v.view()).unwrap();
        assert_eq!(norm.value, array![25.0, 1.0]);
        assert_eq!(norm.grad, Array2::<f64>::zeros((2, 2)));
    }

    #[test]
    fn wrong_width_is_an_error() {
        let at = array![[1.0, 2.0]];
        assert!(Euclidean::new(3).squared_norm(at.view(), at.view()).is_err());
    }
}
