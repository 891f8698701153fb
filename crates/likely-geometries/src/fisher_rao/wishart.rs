//! The Wishart family: its Fisher information is the affine-invariant metric of its scale matrix.

use crate::ParameterError;
use crate::affine_invariant::Geodesic;
use crate::cholesky_chart::{Triangle, with_squares};
use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use likely_core::{ClosedForm, EvalError, Form, Geometry};

/// `<v, G v> = c tr(P^-1 V P^-1 V)` with `P` and `V` the symmetric matrices whose upper triangles, row by row, are the point
/// and the vector, and `c` half the degrees of freedom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishart {
    triangle: Triangle,
    scale: f64,
}

impl Wishart {
    pub(crate) fn new(order: usize, degrees_of_freedom: f64) -> Result<Self, ParameterError> {
        Ok(Self { triangle: Triangle::new(order)?, scale: 0.5 * degrees_of_freedom })
    }

    /// Both triangles of a symmetric matrix.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn spread(self, x: &[f64], out: &mut [f64]) {
        let n = self.triangle.order();
        for a in 0..n {
            for b in a..n {
                let entry = x[self.triangle.index(a, b)];
                out[a * n + b] = entry;
                out[b * n + a] = entry;
            }
        }
    }

    /// `P^-1` by elimination without pivoting, which a positive definite matrix does not need.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn inverse(self, x: &[f64], out: &mut [f64]) {
        let n = self.triangle.order();
        self.spread(x, out);
        for k in 0..n {
            let pivot = 1.0 / out[k * n + k];
            out[k * n + k] = 1.0;
            for j in 0..n {
                out[k * n + j] *= pivot;
            }
            for i in (0..n).filter(|i| *i != k) {
                let factor = out[i * n + k];
                out[i * n + k] = 0.0;
                for j in 0..n {
                    out[i * n + j] -= factor * out[k * n + j];
                }
            }
        }
    }

    /// `A B` of square matrices.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn product(self, a: &[f64], b: &[f64], out: &mut [f64]) {
        let n = self.triangle.order();
        for (a, out) in a[..n * n].chunks_exact(n).zip(out[..n * n].chunks_exact_mut(n)) {
            out.fill(0.0);
            for (a, b) in a.iter().zip(b.chunks_exact(n)) {
                out.iter_mut().zip(b).for_each(|(out, b)| *out += a * b);
            }
        }
    }

    /// `P^-1` and `P^-1 V`, and a third square that is free.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn relative<'a>(self, x: &[f64], v: &[f64], squares: &'a mut [f64]) -> [&'a mut [f64]; 3] {
        let n = self.triangle.order();
        let (inverse, rest) = squares.split_at_mut(n * n);
        let (product, change) = rest.split_at_mut(n * n);
        self.inverse(x, inverse);
        self.spread(v, change);
        self.product(inverse, change, product);
        [inverse, product, change]
    }

    /// `-c P^-1 V P^-1 V P^-1`, off the diagonal twice, times `factor`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn turning(self, x: &[f64], v: &[f64], factor: f64, out: &mut [f64]) {
        let t = self.triangle;
        let n = t.order();
        with_squares(n, |squares| {
            let [inverse, product, raised] = self.relative(x, v, squares);
            self.product(product, inverse, raised);
            for a in 0..n {
                for b in a..n {
                    let entry: f64 = (0..n).map(|k| product[a * n + k] * raised[k * n + b]).sum();
                    let twice = if a == b { 1.0 } else { 2.0 };
                    out[t.index(a, b)] = -self.scale * factor * twice * entry;
                }
            }
        });
    }

    fn factor(self, x: &[f64], row: usize) -> Result<Vec<f64>, EvalError> {
        let n = self.triangle.order();
        let (mut matrix, mut factor) = (vec![0.0; n * n], vec![0.0; x.len()]);
        self.spread(x, &mut matrix);
        self.triangle
            .factorise(&mut matrix, &mut factor)
            .map_err(|_| EvalError::OutsideChart { row, reason: self.outside(x) })?;
        Ok(factor)
    }

    /// The upper triangle of a matrix.
    fn gather(self, matrix: &[f64], out: &mut [f64]) {
        let n = self.triangle.order();
        for a in 0..n {
            for b in a..n {
                out[self.triangle.index(a, b)] = matrix[a * n + b];
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Wishart {
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
        let n = self.triangle.order();
        with_squares(n, |m| {
            self.spread(x, m);
            (0..n).all(|k| {
                let pivot = m[k * n + k];
                for i in k + 1..n {
                    let factor = m[i * n + k] / pivot;
                    for j in i..n {
                        m[i * n + j] -= factor * m[k * n + j];
                        m[j * n + i] = m[i * n + j];
                    }
                }
                pivot > 0.0
            })
        })
    }

    fn outside(&self, _: &[f64]) -> String {
        "its symmetric matrix is not positive definite".to_owned()
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let t = self.triangle;
        let (n, dim) = (t.order(), t.dim());
        with_squares(n, |s| {
            self.inverse(x, s);
            for a in 0..n {
                for b in a..n {
                    for c in 0..n {
                        for d in c..n {
                            let halves = if a == b { 0.5 } else { 1.0 } * if c == d { 0.5 } else { 1.0 };
                            let pairs = s[a * n + c] * s[b * n + d] + s[a * n + d] * s[b * n + c];
                            out.main[t.index(a, b) * dim + t.index(c, d)] = 2.0 * self.scale * halves * pairs;
                        }
                    }
                }
            }
        });
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let n = self.triangle.order();
        with_squares(n, |squares| {
            let [_, product, _] = self.relative(x, v, squares);
            let trace: f64 =
                (0..n).map(|a| (0..n).map(|b| product[a * n + b] * product[b * n + a]).sum::<f64>()).sum();
            self.scale * trace
        })
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        self.turning(x, v, 2.0, out);
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        self.turning(x, v, 1.0, out);
    }
}

impl Geometry for Wishart {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl ClosedForm for Wishart {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        let (from, to) = (self.factor(from, 0)?, self.factor(to, 1)?);
        Ok(self.scale.sqrt() * Geodesic::between(self.triangle, &from, &to).length())
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.triangle.dim(), from, out)?;
        let (from, to) = (self.factor(from, 0)?, self.factor(to, 1)?);
        let w = Geodesic::between(self.triangle, &from, &to).velocity();
        // S = U^T W U.
        let t = self.triangle;
        let n = t.order();
        let mut half = vec![0.0; n * n];
        for a in 0..n {
            for b in 0..n {
                half[a * n + b] = (0..=b).map(|k| w[a * n + k] * from[t.index(k, b)]).sum();
            }
        }
        for a in 0..n {
            for b in a..n {
                out[t.index(a, b)] = (0..=a).map(|k| from[t.index(k, a)] * half[k * n + b]).sum();
            }
        }
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.triangle.dim(), velocity, out)?;
        let n = self.triangle.order();
        let from = self.factor(from, 0)?;
        let mut w = vec![0.0; n * n];
        self.spread(velocity, &mut w);
        self.triangle.whiten(&from, &mut w);
        let geodesic = Geodesic::along(self.triangle, &mut w);
        let mut reached = vec![0.0; from.len()];
        geodesic.at(&from, 1.0, 0, &mut w, &mut reached)?;
        self.triangle.matrix(&reached, &mut w);
        self.gather(&w, out);
        Ok(())
    }
}
