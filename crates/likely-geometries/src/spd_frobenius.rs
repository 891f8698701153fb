//! Symmetric positive definite matrices with the distance of their entries, in the coordinates of their Cholesky factor.

use crate::cholesky_chart::{Triangle, with_squares};
use crate::parameters::Order;
use crate::pointwise::{Part, Pointwise, batched, ends, fits, points, vector};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::{ClosedForm, Embedding, EvalError, Form, Geometry, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "spd-frobenius",
    summary: "Symmetric positive definite matrices U^T U with the Frobenius distance, pulled back to the triangle of U.",
    source: "SPDN of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    n: Order,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(SpdFrobenius::new(self.n.0)?))
    }
}

/// `f(x) = vec(U^T U)` with the upper triangle of `U` filled by `x` row by row, and `G = J^T J`: `<v, G v> = |V^T U + U^T V|^2`
/// in the Frobenius norm.
///
/// It is flat: shortest geodesics are straight segments of matrices, which stay positive definite. The chart has positive
/// diagonals of `U`.
///
/// # Source
/// `SPDN` of the authors' public code of arXiv 2510.26266, whose metric this is; its `Exp` and `dist` belong to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpdFrobenius {
    triangle: Triangle,
}

impl SpdFrobenius {
    /// Matrices with `n` rows, so `n (n + 1) / 2` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for no row, or more than [`crate::MOST_DENSE_COORDINATES`] coordinates.
    pub fn new(n: usize) -> Result<Self, ParameterError> {
        Ok(Self { triangle: Triangle::new(n)? })
    }
}

/// `M = V^T U + U^T V`, symmetric.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn differential(t: Triangle, x: &[f64], v: &[f64], m: &mut [f64]) {
    let n = t.order();
    m[..n * n].fill(0.0);
    for k in 0..n {
        let (u_row, v_row) = (t.row(x, k), t.row(v, k));
        for (i, (ui, vi)) in u_row.iter().zip(v_row).enumerate() {
            let out = &mut m[(k + i) * n + k..(k + i) * n + n];
            for ((out, uj), vj) in out.iter_mut().zip(u_row).zip(v_row) {
                *out += vi * uj + ui * vj;
            }
        }
    }
}

/// The upper triangle of a matrix of `N` rows, with zeros below.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn square<const N: usize>(x: &[f64]) -> [[f64; N]; N] {
    let x = &x[..N * (N + 1) / 2];
    let mut square = [[0.0; N]; N];
    let mut next = 0;
    for (a, row) in square.iter_mut().enumerate() {
        for entry in &mut row[a..] {
            *entry = x[next];
            next += 1;
        }
    }
    square
}

/// [`differential`] for an order that the compiler knows.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn known_differential<const N: usize>(u: &[[f64; N]; N], v: &[[f64; N]; N]) -> [[f64; N]; N] {
    let mut m = [[0.0; N]; N];
    for k in 0..N {
        for i in k..N {
            for j in k..N {
                m[i][j] += v[k][i] * u[k][j] + u[k][i] * v[k][j];
            }
        }
    }
    m
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn known_squared_norm<const N: usize>(x: &[f64], v: &[f64]) -> f64 {
    let m = known_differential::<N>(&square(x), &square(v));
    m.as_flattened().iter().map(|m| m * m).sum()
}

#[expect(clippy::needless_range_loop, reason = "bounds that the compiler knows are what unrolls these loops")]
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn known_gradient<const N: usize>(x: &[f64], v: &[f64], out: &mut [f64]) {
    let v = square::<N>(v);
    let m = known_differential::<N>(&square(x), &v);
    let out = &mut out[..N * (N + 1) / 2];
    let mut next = 0;
    for a in 0..N {
        for b in a..N {
            let mut product = 0.0;
            for k in a..N {
                product += v[a][k] * m[k][b];
            }
            out[next] = 4.0 * product;
            next += 1;
        }
    }
}

#[expect(clippy::needless_range_loop, reason = "bounds that the compiler knows are what unrolls these loops")]
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn known_tensor<const N: usize>(x: &[f64], out: &mut [f64]) {
    let u = square::<N>(x);
    let dim = N * (N + 1) / 2;
    let out = &mut out[..dim * dim];
    let index = |a: usize, b: usize| a * N - a * a.saturating_sub(1) / 2 + b - a;
    for a in 0..N {
        for c in a..N {
            let mut gram = 0.0;
            for k in c..N {
                gram += u[a][k] * u[c][k];
            }
            for b in a..N {
                for d in c..N {
                    let same = if b == d { gram } else { 0.0 };
                    let entry = 2.0 * (same + u[a][d] * u[c][b]);
                    out[index(a, b) * dim + index(c, d)] = entry;
                    out[index(c, d) * dim + index(a, b)] = entry;
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for SpdFrobenius {
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
        // The derivative along the entry (a, b) of U is e_b u_a^T + u_a e_b^T, with u_a the row a of U.
        let t = self.triangle;
        match t.order() {
            2 => return known_tensor::<2>(x, out.main),
            3 => return known_tensor::<3>(x, out.main),
            _ => {}
        }
        let (n, dim) = (t.order(), t.dim());
        for a in 0..n {
            let u_a = t.row(x, a);
            for c in a..n {
                let u_c = t.row(x, c);
                // <u_a, u_c>: u_a starts at column a.
                let gram: f64 = u_a[c - a..].iter().zip(u_c).map(|(p, q)| p * q).sum();
                for b in a..n {
                    let first = t.index(a, b);
                    let left = if b >= c { u_c[b - c] } else { 0.0 };
                    for d in c..n {
                        let second = t.index(c, d);
                        let same = if b == d { gram } else { 0.0 };
                        let entry = 2.0 * (same + u_a[d - a] * left);
                        out.main[first * dim + second] = entry;
                        out.main[second * dim + first] = entry;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let t = self.triangle;
        match t.order() {
            2 => return known_squared_norm::<2>(x, v),
            3 => return known_squared_norm::<3>(x, v),
            _ => {}
        }
        with_squares(t.order(), |m| {
            differential(t, x, v, m);
            m[..t.order() * t.order()].iter().map(|m| m * m).sum()
        })
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // 4 V M on the upper triangle.
        let t = self.triangle;
        let n = t.order();
        match n {
            2 => return known_gradient::<2>(x, v, out),
            3 => return known_gradient::<3>(x, v, out),
            _ => {}
        }
        with_squares(n, |m| {
            differential(t, x, v, m);
            for a in 0..n {
                for b in a..n {
                    let product: f64 =
                        t.row(v, a).iter().enumerate().map(|(k, v)| v * m[(a + k) * n + b]).sum();
                    out[t.index(a, b)] = 4.0 * product;
                }
            }
        });
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // <J e, D^2 f(v, v)> = 4 (U V^T V) on the upper triangle.
        let t = self.triangle;
        let n = t.order();
        with_squares(n, |m| {
            differential(t, v, v, m);
            for a in 0..n {
                for b in a..n {
                    let product: f64 =
                        t.row(x, a).iter().enumerate().map(|(k, u)| u * m[(a + k) * n + b]).sum();
                    out[t.index(a, b)] = 2.0 * product;
                }
            }
        });
    }
}

impl Geometry for SpdFrobenius {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

impl Embedding for SpdFrobenius {
    fn ambient_dim(&self) -> usize {
        self.triangle.order() * self.triangle.order()
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let width = Embedding::ambient_dim(self);
        fits(at, self.triangle.dim(), &[(out.len(), width)])?;
        points(self, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(width)) {
            self.triangle.matrix(x, out);
        }
        Ok(())
    }
}

impl ClosedForm for SpdFrobenius {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        let difference = self.difference(from, to);
        Ok(difference.iter().map(|d| d * d).sum::<f64>().sqrt())
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.triangle.dim(), from, out)?;
        let mut difference = self.difference(from, to);
        self.triangle.coordinates_of_symmetric(from, &mut difference, out);
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.triangle.dim(), velocity, out)?;
        let n = self.triangle.order();
        let (mut matrix, mut change) = (vec![0.0; n * n], vec![0.0; n * n]);
        self.triangle.matrix(from, &mut matrix);
        differential(self.triangle, from, velocity, &mut change);
        matrix.iter_mut().zip(&change).for_each(|(m, c)| *m += c);
        self.triangle.factorise(&mut matrix, out)
    }
}

impl SpdFrobenius {
    fn difference(self, from: &[f64], to: &[f64]) -> Vec<f64> {
        // U_1^T U_1 - U_0^T U_0 = D^T U_0 + U_0^T D + D^T D with D = U_1 - U_0, without cancellation.
        let n = self.triangle.order();
        let d: Vec<f64> = from.iter().zip(to).map(|(a, b)| b - a).collect();
        let (mut m, mut square) = (vec![0.0; n * n], vec![0.0; n * n]);
        differential(self.triangle, from, &d, &mut m);
        differential(self.triangle, &d, &d, &mut square);
        m.iter_mut().zip(&square).for_each(|(m, s)| *m += 0.5 * s);
        m
    }
}
