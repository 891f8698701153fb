//! Positive definite matrices by the upper triangle of their Cholesky factor, `P = U^T U`.

use crate::ParameterError;
use crate::parameters::triangle;
use likely_core::EvalError;

/// Square matrices that a formula needs at once, at most.
const SQUARES: usize = 3;
/// Squares up to this order live in registers or nearly.
const SMALL_ORDER: usize = 3;
/// Squares up to this order live on the stack.
const MEDIUM_ORDER: usize = 8;

/// The upper triangle of a matrix, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Triangle {
    order: usize,
}

impl Triangle {
    pub(crate) fn new(order: usize) -> Result<Self, ParameterError> {
        triangle(order as i128).map(|(order, _)| Self { order })
    }

    #[inline]
    pub(crate) fn order(self) -> usize {
        self.order
    }

    #[inline]
    pub(crate) fn dim(self) -> usize {
        self.order * (self.order + 1) / 2
    }

    /// Where the entry in row `a` and column `b >= a` is.
    #[inline]
    pub(crate) fn index(self, a: usize, b: usize) -> usize {
        a * self.order - a * a.saturating_sub(1) / 2 + b - a
    }

    /// Row `a` from its diagonal entry on.
    #[inline]
    pub(crate) fn row(self, x: &[f64], a: usize) -> &[f64] {
        let start = self.index(a, a);
        &x[start..start + self.order - a]
    }

    #[inline]
    pub(crate) fn contains(self, x: &[f64]) -> bool {
        (0..self.order).all(|a| x[self.index(a, a)] > 0.0)
    }

    pub(crate) fn outside(self, x: &[f64]) -> String {
        let entry = (0..self.order).map(|a| (a, x[self.index(a, a)])).find(|(_, u)| *u <= 0.0);
        let (a, u) = entry.unwrap_or((0, f64::NAN));
        format!("the diagonal entry {a} of its Cholesky factor is {u}, where a positive one is needed")
    }

    /// `U^T U`.
    pub(crate) fn matrix(self, x: &[f64], out: &mut [f64]) {
        let n = self.order;
        out.fill(0.0);
        for k in 0..n {
            let row = self.row(x, k);
            for (i, ui) in row.iter().enumerate() {
                let out = &mut out[(k + i) * n + k..(k + i + 1) * n];
                for (out, uj) in out.iter_mut().zip(row) {
                    *out += ui * uj;
                }
            }
        }
    }

    /// The Cholesky factor of a symmetric matrix, which is used up.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where it is not positive definite.
    pub(crate) fn factorise(self, matrix: &mut [f64], out: &mut [f64]) -> Result<(), EvalError> {
        let n = self.order;
        for a in 0..n {
            let pivot = matrix[a * n + a];
            if !(pivot > 0.0 && pivot.is_finite()) {
                return Err(EvalError::OutsideChart {
                    row: 0,
                    reason: "the geodesic reaches a matrix that is not positive definite".to_owned(),
                });
            }
            let root = pivot.sqrt();
            for b in a..n {
                out[self.index(a, b)] = matrix[a * n + b] / root;
            }
            for i in a + 1..n {
                for j in i..n {
                    matrix[i * n + j] -= out[self.index(a, i)] * out[self.index(a, j)];
                }
            }
        }
        Ok(())
    }

    /// `U^-T M U^-1` in place, for a symmetric `M` of which both triangles are given.
    pub(crate) fn whiten(self, x: &[f64], m: &mut [f64]) {
        let n = self.order;
        // Rows: U^T Y = M.
        for k in 0..n {
            let pivot = x[self.index(k, k)];
            for j in 0..n {
                m[k * n + j] /= pivot;
            }
            for i in k + 1..n {
                let u = x[self.index(k, i)];
                for j in 0..n {
                    m[i * n + j] -= u * m[k * n + j];
                }
            }
        }
        // Columns: W U = Y.
        for row in m.chunks_exact_mut(n) {
            for k in 0..n {
                row[k] /= x[self.index(k, k)];
                for i in k + 1..n {
                    row[i] -= x[self.index(k, i)] * row[k];
                }
            }
        }
    }

    /// The coordinates `V` of a symmetric change of matrix, `V^T U + U^T V = S`; `S` is used up.
    ///
    /// `X = V U^-1` is upper triangular with `X + X^T = U^-T S U^-1`.
    pub(crate) fn coordinates_of_symmetric(self, x: &[f64], s: &mut [f64], out: &mut [f64]) {
        self.whiten(x, s);
        self.coordinates_of_whitened(x, s, out);
    }

    /// The coordinates of a change given as `W = U^-T S U^-1`.
    pub(crate) fn coordinates_of_whitened(self, x: &[f64], w: &[f64], out: &mut [f64]) {
        let n = self.order;
        for a in 0..n {
            for b in a..n {
                // (X U)_ab with X_aa half of W_aa.
                let mut entry = 0.5 * w[a * n + a] * x[self.index(a, b)];
                for k in a + 1..=b {
                    entry += w[a * n + k] * x[self.index(k, b)];
                }
                out[self.index(a, b)] = entry;
            }
        }
    }
}

/// Lends a buffer for [`SQUARES`] square matrices, without asking for memory where they are small; its content is arbitrary.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(crate) fn with_squares<T>(order: usize, f: impl FnOnce(&mut [f64]) -> T) -> T {
    if order <= SMALL_ORDER {
        f(&mut [0.0; SQUARES * SMALL_ORDER * SMALL_ORDER])
    } else if order <= MEDIUM_ORDER {
        f(&mut [0.0; SQUARES * MEDIUM_ORDER * MEDIUM_ORDER])
    } else {
        f(&mut vec![0.0; SQUARES * order * order])
    }
}
