//! Geodesics of positive definite matrices under the affine-invariant metric, `G_P(S, S) = tr(P^-1 S P^-1 S)`.
//!
//! With `P = U^T U`, a change `S` of `P` is told by `W = U^-T S U^-1`, whose Frobenius norm is the length of `S`.

use crate::cholesky_chart::Triangle;
use crate::eigen;
use likely_core::EvalError;

/// The affine-invariant geodesic between two Cholesky factors: `U(t)^T U(t) = U^T exp(t W) U`.
pub(crate) struct Geodesic {
    triangle: Triangle,
    /// Eigenvalues of `W`.
    values: Vec<f64>,
    /// Its eigenvectors, row by row.
    vectors: Vec<f64>,
}

impl Geodesic {
    /// From the factor `from` to the factor `to`: `exp W = B^T B` with `B = U_1 U_0^-1`.
    pub(crate) fn between(triangle: Triangle, from: &[f64], to: &[f64]) -> Self {
        let n = triangle.order();
        let mut columns = vec![0.0; n * n];
        for a in 0..n {
            for b in a..n {
                let mut entry = to[triangle.index(a, b)];
                for k in a..b {
                    entry -= columns[k * n + a] * from[triangle.index(k, b)];
                }
                columns[b * n + a] = entry / from[triangle.index(b, b)];
            }
        }
        let mut vectors = vec![0.0; n * n];
        let singular = eigen::singular(&mut columns, n, &mut vectors);
        let values = singular.iter().map(|s| 2.0 * libm::log(*s)).collect();
        Self { triangle, values, vectors }
    }

    /// With the initial change `W`, symmetric, which is used up.
    pub(crate) fn along(triangle: Triangle, w: &mut [f64]) -> Self {
        let n = triangle.order();
        let mut vectors = vec![0.0; n * n];
        let values = eigen::symmetric(w, n, &mut vectors);
        Self { triangle, values, vectors }
    }

    /// Its length, the Frobenius norm of `W`.
    pub(crate) fn length(&self) -> f64 {
        self.values.iter().map(|v| v * v).sum::<f64>().sqrt()
    }

    /// `W`.
    pub(crate) fn velocity(&self) -> Vec<f64> {
        let n = self.triangle.order();
        let mut w = vec![0.0; n * n];
        for (value, vector) in self.values.iter().zip(self.vectors.chunks_exact(n)) {
            for (w, a) in w.chunks_exact_mut(n).zip(vector) {
                w.iter_mut().zip(vector).for_each(|(w, b)| *w += value * a * b);
            }
        }
        w
    }

    /// The factor at `time` of the geodesic that starts at the factor `from`; `buffer` is `n^2` numbers to work in.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where numbers cannot hold it.
    pub(crate) fn at(
        &self,
        from: &[f64],
        time: f64,
        row: usize,
        buffer: &mut [f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        let t = self.triangle;
        let n = t.order();
        // exp(t W) = A^T A with the rows of A those of Q scaled, and A = (orthogonal) R.
        let rows = self.values.iter().zip(self.vectors.chunks_exact(n)).zip(buffer.chunks_exact_mut(n));
        for ((value, vector), buffer) in rows {
            let scale = libm::exp(0.5 * time * value);
            buffer.iter_mut().zip(vector).for_each(|(b, v)| *b = scale * v);
        }
        triangularise(buffer, n);
        for a in 0..n {
            let sign = buffer[a * n + a].signum();
            for b in a..n {
                let entry: f64 = (a..=b).map(|k| buffer[a * n + k] * from[t.index(k, b)]).sum();
                out[t.index(a, b)] = sign * entry;
            }
        }
        if t.contains(out) && out.iter().all(|x| x.is_finite()) {
            Ok(())
        } else {
            let reason = "the geodesic reaches a matrix that is singular to rounding".to_owned();
            Err(EvalError::OutsideChart { row, reason })
        }
    }
}

/// The upper triangle `R` of `A = Q R` in place, by reflections; entries below the diagonal are left over.
fn triangularise(a: &mut [f64], n: usize) {
    for k in 0..n.saturating_sub(1) {
        let norm = (k..n).map(|i| a[i * n + k] * a[i * n + k]).sum::<f64>().sqrt();
        if norm == 0.0 {
            continue;
        }
        let head = a[k * n + k];
        let target = if head > 0.0 { -norm } else { norm };
        // The reflection along h = a_k - target e_k, with |h|^2 = 2 norm (norm + |head|).
        let half_square = norm * (norm + head.abs());
        a[k * n + k] = head - target;
        for j in k + 1..n {
            let along: f64 = (k..n).map(|i| a[i * n + k] * a[i * n + j]).sum::<f64>() / half_square;
            for i in k..n {
                a[i * n + j] -= along * a[i * n + k];
            }
        }
        a[k * n + k] = target;
    }
}
