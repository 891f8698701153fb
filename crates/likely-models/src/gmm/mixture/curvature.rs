//! Second and third derivatives of the potential of a Gaussian mixture.

use super::{Factor, Mixture};
use likely_core::{Curvature, EvalError, Rows};
use ndarray::{Array2, ArrayView2};

impl Factor {
    /// `C^-1 v`, in place.
    fn precision_times(&self, v: &mut [f64]) {
        match self {
            Self::Diagonal { inverse_diagonal } => {
                v.iter_mut().zip(inverse_diagonal).for_each(|(v, inverse)| *v *= inverse * inverse);
            }
            Self::Lower { inverse_diagonal, rows } => {
                for (i, (row, inverse)) in rows.iter().zip(inverse_diagonal).enumerate() {
                    v[i] = (v[i] - dot(row, &v[..i])) * inverse;
                }
                for (i, (row, inverse)) in rows.iter().zip(inverse_diagonal).enumerate().rev() {
                    v[i] *= inverse;
                    let (above, rest) = v.split_at_mut(i);
                    above.iter_mut().zip(row).for_each(|(above, entry)| *above -= entry * rest[0]);
                }
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// What each component adds at one point.
struct Slopes {
    /// `g_k - g`: the gradient of the potential of each component less that of the mixture, row by row.
    deviations: Vec<f64>,
    /// `g`.
    mean: Vec<f64>,
}

impl Slopes {
    fn new(mixture: &Mixture) -> Self {
        let (dim, count) = (mixture.dim, mixture.components.len());
        Self { deviations: vec![0.0; dim * count], mean: vec![0.0; dim] }
    }

    fn evaluate(&mut self, mixture: &Mixture, x: &[f64], shares: &[f64]) {
        let dim = mixture.dim;
        self.mean.fill(0.0);
        let rows = self.deviations.chunks_exact_mut(dim);
        for ((component, slope), share) in mixture.components.iter().zip(rows).zip(shares) {
            for ((slope, x), m) in slope.iter_mut().zip(x).zip(&component.mean) {
                *slope = x - m;
            }
            component.factor.precision_times(slope);
            self.mean.iter_mut().zip(&*slope).for_each(|(mean, slope)| *mean += share * slope);
        }
        for slope in self.deviations.chunks_exact_mut(dim) {
            slope.iter_mut().zip(&self.mean).for_each(|(slope, mean)| *slope -= mean);
        }
    }
}

impl Mixture {
    fn shares(&self, points: Rows<'_>) -> Result<Array2<f64>, EvalError> {
        let points = points.with_dim(self.dim)?;
        let mut shares = Array2::zeros((points.count(), self.components.len()));
        let view = ArrayView2::from_shape((points.count(), self.dim), points.values())
            .map_err(|_| EvalError::Layout)?;
        self.responsibilities(view, &mut shares);
        Ok(shares)
    }
}

/// With the shares `r_k`, the precisions `P_k = C_k^-1`, `g_k = P_k (x - m_k)`, `g = sum_k r_k g_k` and `e_k = g_k - g`:
/// `H = sum_k r_k (P_k - e_k e_k^T)`, and the gradient of `<u, H v>` is
/// `-sum_k r_k [(<u, P_k v> - <u, e_k> <v, e_k>) e_k + <v, e_k> P_k u + <u, e_k> P_k v]`.
impl Curvature for Mixture {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let (dim, all) = (self.dim, self.shares(points)?);
        let mut slopes = Slopes::new(self);
        let mut precisions = vec![0.0; dim * dim * self.components.len()];
        for (component, precision) in self.components.iter().zip(precisions.chunks_exact_mut(dim * dim)) {
            for (j, column) in precision.chunks_exact_mut(dim).enumerate() {
                column[j] = 1.0;
                component.factor.precision_times(column);
            }
        }
        let rows = points.iter().zip(all.outer_iter()).zip(out.chunks_exact_mut(dim * dim));
        for ((x, shares), out) in rows {
            let shares = shares.to_slice().ok_or(EvalError::Layout)?;
            slopes.evaluate(self, x, shares);
            out.fill(0.0);
            let parts = precisions.chunks_exact(dim * dim).zip(slopes.deviations.chunks_exact(dim));
            for ((precision, e), share) in parts.zip(shares) {
                for ((row, precision), a) in out.chunks_exact_mut(dim).zip(precision.chunks_exact(dim)).zip(e)
                {
                    for ((h, p), b) in row.iter_mut().zip(precision).zip(e) {
                        *h += share * (p - a * b);
                    }
                }
            }
            symmetrise(out, dim);
        }
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        let (dim, all) = (self.dim, self.shares(points)?);
        let mut slopes = Slopes::new(self);
        let (mut pu, mut pv) = (vec![0.0; dim], vec![0.0; dim]);
        let vectors = u.chunks_exact(dim).zip(v.chunks_exact(dim)).zip(out.chunks_exact_mut(dim));
        for ((x, shares), ((u, v), out)) in points.iter().zip(all.outer_iter()).zip(vectors) {
            let shares = shares.to_slice().ok_or(EvalError::Layout)?;
            slopes.evaluate(self, x, shares);
            out.fill(0.0);
            let parts = self.components.iter().zip(slopes.deviations.chunks_exact(dim));
            for ((component, e), share) in parts.zip(shares) {
                pu.copy_from_slice(u);
                pv.copy_from_slice(v);
                component.factor.precision_times(&mut pu);
                component.factor.precision_times(&mut pv);
                let (a, b) = (dot(u, e), dot(v, e));
                let form = dot(u, &pv) - a * b;
                for (((out, e), pu), pv) in out.iter_mut().zip(e).zip(&pu).zip(&pv) {
                    *out -= share * (form * e + b * pu + a * pv);
                }
            }
        }
        Ok(())
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let (dim, all) = (self.dim, self.shares(points)?);
        let mut slopes = Slopes::new(self);
        let mut pv = vec![0.0; dim];
        let vectors = v.chunks_exact(dim).zip(out.chunks_exact_mut(dim));
        for ((x, shares), (v, out)) in points.iter().zip(all.outer_iter()).zip(vectors) {
            let shares = shares.to_slice().ok_or(EvalError::Layout)?;
            slopes.evaluate(self, x, shares);
            out.fill(0.0);
            let parts = self.components.iter().zip(slopes.deviations.chunks_exact(dim));
            for ((component, e), share) in parts.zip(shares) {
                pv.copy_from_slice(v);
                component.factor.precision_times(&mut pv);
                let b = dot(v, e);
                for ((out, pv), e) in out.iter_mut().zip(&pv).zip(e) {
                    *out += share * (pv - b * e);
                }
            }
        }
        Ok(())
    }
}

/// Rounding leaves mirrored entries of a solved precision a bit apart; both become their mean.
fn symmetrise(matrix: &mut [f64], dim: usize) {
    for i in 0..dim {
        for j in 0..i {
            let mean = 0.5 * (matrix[i * dim + j] + matrix[j * dim + i]);
            matrix[i * dim + j] = mean;
            matrix[j * dim + i] = mean;
        }
    }
}
