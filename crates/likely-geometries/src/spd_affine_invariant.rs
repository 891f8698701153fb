//! Symmetric positive definite matrices with the affine-invariant distance, in the coordinates of their Cholesky factor.

use crate::affine_invariant::Geodesic;
use crate::cholesky_chart::{Triangle, with_squares};
use crate::parameters::Order;
use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::{ClosedForm, EvalError, Form, Geometry};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "spd-affine-invariant",
    summary: "Symmetric positive definite matrices U^T U with the affine-invariant distance, in the triangle of U.",
    source: "Pennec, Fillard and Ayache, A Riemannian framework for tensor computing, 2006",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    n: Order,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(SpdAffineInvariant::new(self.n.0)?))
    }
}

/// `G_P(S, S) = tr(P^-1 S P^-1 S)` at `P = U^T U`, in the upper triangle of `U`, row by row, as for the Frobenius distance.
///
/// With `X = V U^-1`, which is upper triangular, `<v, G v> = |X + X^T|^2`: no inverse of `P` is formed. The chart has positive
/// diagonals of `U`, and each matrix once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpdAffineInvariant {
    triangle: Triangle,
}

impl SpdAffineInvariant {
    /// Matrices with `n` rows, so `n (n + 1) / 2` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for no row, or more than [`crate::MOST_DENSE_COORDINATES`] coordinates.
    pub fn new(n: usize) -> Result<Self, ParameterError> {
        Ok(Self { triangle: Triangle::new(n)? })
    }
}

/// The weight of an entry of `X` in `|X + X^T|^2`.
#[inline]
fn weight(row: usize, column: usize) -> f64 {
    if row == column { 4.0 } else { 2.0 }
}

/// `X = V U^-1` into the upper triangle of `out`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn relative(t: Triangle, x: &[f64], v: &[f64], out: &mut [f64]) {
    let n = t.order();
    for a in 0..n {
        for b in a..n {
            let done: f64 = (a..b).map(|k| out[a * n + k] * x[t.index(k, b)]).sum();
            out[a * n + b] = (v[t.index(a, b)] - done) / x[t.index(b, b)];
        }
    }
}

/// `Z = Y U^-T` on the upper triangle, in place; it needs no more of `Y`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn divide_transposed(t: Triangle, x: &[f64], y: &mut [f64]) {
    let n = t.order();
    for a in 0..n {
        for b in (a..n).rev() {
            let done: f64 = (b + 1..n).map(|k| y[a * n + k] * x[t.index(b, k)]).sum();
            y[a * n + b] = (y[a * n + b] - done) / x[t.index(b, b)];
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for SpdAffineInvariant {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.triangle.dim()
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::Dense
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        self.triangle.contains(x)
    }

    fn outside(&self, x: &[f64]) -> String {
        self.triangle.outside(x)
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        // The derivative along the entry (a, b) of U has X = e_a r_b with r_b the row b of U^-1: one block for each a.
        let t = self.triangle;
        let (n, dim) = (t.order(), t.dim());
        with_squares(n, |inverse| {
            for b in 0..n {
                inverse[b * n + b] = 1.0 / x[t.index(b, b)];
                for j in b + 1..n {
                    let done: f64 = (b..j).map(|k| inverse[b * n + k] * x[t.index(k, j)]).sum();
                    inverse[b * n + j] = -done / x[t.index(j, j)];
                }
            }
            out.main.fill(0.0);
            for a in 0..n {
                for b in a..n {
                    for d in b..n {
                        let entry: f64 =
                            (d..n).map(|j| weight(a, j) * inverse[b * n + j] * inverse[d * n + j]).sum();
                        let (first, second) = (t.index(a, b), t.index(a, d));
                        out.main[first * dim + second] = entry;
                        out.main[second * dim + first] = entry;
                    }
                }
            }
        });
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let t = self.triangle;
        let n = t.order();
        with_squares(n, |r| {
            relative(t, x, v, r);
            (0..n).map(|a| (a..n).map(|b| weight(a, b) * r[a * n + b] * r[a * n + b]).sum::<f64>()).sum()
        })
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // dX = -X dU U^-1, so the gradient is -X^T (2 W * X) U^-T on the upper triangle.
        let t = self.triangle;
        let n = t.order();
        with_squares(n, |squares| {
            let (r, z) = squares.split_at_mut(n * n);
            relative(t, x, v, r);
            for a in 0..n {
                for b in a..n {
                    z[a * n + b] = -2.0 * weight(a, b) * r[a * n + b];
                }
            }
            divide_transposed(t, x, z);
            for a in 0..n {
                for b in a..n {
                    out[t.index(a, b)] = (0..=a).map(|k| r[k * n + a] * z[k * n + b]).sum();
                }
            }
        });
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // [X^T (W * X) - (W * X) X^T - W * (X X)] U^-T on the upper triangle.
        let t = self.triangle;
        let n = t.order();
        with_squares(n, |squares| {
            let (r, z) = squares.split_at_mut(n * n);
            relative(t, x, v, r);
            for a in 0..n {
                for b in a..n {
                    let before: f64 = (0..=a).map(|k| weight(k, b) * r[k * n + a] * r[k * n + b]).sum();
                    let after: f64 = (b..n).map(|k| weight(a, k) * r[a * n + k] * r[b * n + k]).sum();
                    let square: f64 = (a..=b).map(|k| r[a * n + k] * r[k * n + b]).sum();
                    z[a * n + b] = before - after - weight(a, b) * square;
                }
            }
            divide_transposed(t, x, z);
            for a in 0..n {
                for b in a..n {
                    out[t.index(a, b)] = z[a * n + b];
                }
            }
        });
    }
}

impl Geometry for SpdAffineInvariant {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl ClosedForm for SpdAffineInvariant {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        Ok(Geodesic::between(self.triangle, from, to).length())
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.triangle.dim(), from, out)?;
        let w = Geodesic::between(self.triangle, from, to).velocity();
        self.triangle.coordinates_of_whitened(from, &w, out);
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.triangle.dim(), velocity, out)?;
        let n = self.triangle.order();
        let mut w = vec![0.0; n * n];
        relative(self.triangle, from, velocity, &mut w);
        for a in 0..n {
            w[a * n + a] *= 2.0;
            for b in 0..a {
                w[a * n + b] = w[b * n + a];
            }
        }
        let geodesic = Geodesic::along(self.triangle, &mut w);
        geodesic.at(from, 1.0, 0, &mut w, out)
    }

    fn geodesic(&self, from: &[f64], to: &[f64], times: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        let n = self.triangle.order();
        let geodesic = Geodesic::between(self.triangle, from, to);
        let mut buffer = vec![0.0; n * n];
        for (row, (time, out)) in times.iter().zip(out.chunks_exact_mut(self.triangle.dim())).enumerate() {
            geodesic.at(from, *time, row, &mut buffer, out)?;
        }
        Ok(())
    }
}
