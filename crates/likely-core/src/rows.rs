//! A batch of points or vectors as one row-major slice.

use crate::EvalError;
use ndarray::ArrayView2;

/// Rows of `dim` numbers each, in one contiguous slice: what geometries work on.
///
/// Models take `ndarray` views. Geometries are evaluated several times an iteration on rows of two or three numbers, where
/// the bookkeeping of a strided view costs more than the arithmetic.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    values: &'a [f64],
    dim: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `dim` numbers.
    ///
    /// # Errors
    /// [`EvalError::Dimension`] where the length of `values` is no multiple of `dim`, or `dim` is zero.
    pub fn new(values: &'a [f64], dim: usize) -> Result<Self, EvalError> {
        if dim == 0 || !values.len().is_multiple_of(dim) {
            return Err(EvalError::Dimension { expected: dim, found: values.len() });
        }
        Ok(Self { values, dim })
    }

    /// The rows of a view in row-major order.
    ///
    /// # Errors
    /// [`EvalError::Layout`] where the view is not contiguous in row-major order; copy it first.
    pub fn of(view: &'a ArrayView2<'_, f64>) -> Result<Self, EvalError> {
        Self::new(view.as_slice().ok_or(EvalError::Layout)?, view.ncols())
    }

    /// Numbers in a row.
    pub fn dim(self) -> usize {
        self.dim
    }

    /// Number of rows.
    pub fn count(self) -> usize {
        self.values.len() / self.dim
    }

    /// All numbers, row by row.
    pub fn values(self) -> &'a [f64] {
        self.values
    }

    /// One slice a row.
    pub fn iter(self) -> std::slice::ChunksExact<'a, f64> {
        self.values.chunks_exact(self.dim)
    }

    /// The same rows, checked to have `dim` numbers each.
    ///
    /// # Errors
    /// [`EvalError::Dimension`] where they have another number.
    pub fn with_dim(self, dim: usize) -> Result<Self, EvalError> {
        if self.dim == dim { Ok(self) } else { Err(EvalError::Dimension { expected: dim, found: self.dim }) }
    }
}

impl<'a> IntoIterator for Rows<'a> {
    type Item = &'a [f64];
    type IntoIter = std::slice::ChunksExact<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
