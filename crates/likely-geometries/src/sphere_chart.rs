//! The stereographic chart of the sphere as a map.

use crate::Sphere;
use crate::pointwise::{fits, points};
use likely_core::lanes::dot;
use likely_core::{Embedding, EvalError, Geometry, Rows, SmoothMap};

/// `f(x) = (1 - s, 2 x) / (1 + s)` with `s = |x|^2`: its [`crate::PullBack`] is [`Sphere`], at the cost of a dense tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SphereChart {
    sphere: Sphere,
}

impl SphereChart {
    /// The chart of `sphere`.
    pub fn new(sphere: Sphere) -> Self {
        Self { sphere }
    }
}

impl SmoothMap for SphereChart {
    fn dim(&self) -> usize {
        Geometry::dim(&self.sphere)
    }

    fn ambient_dim(&self) -> usize {
        self.sphere.ambient_dim()
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        self.sphere.map(at, out)
    }

    fn jacobian(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let dim = SmoothMap::dim(self);
        fits(at, dim, &[(out.len(), dim * (dim + 1))])?;
        points(&self.sphere, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(dim * (dim + 1))) {
            let q = 1.0 / (1.0 + dot(x, x));
            let (first, rest) = out.split_at_mut(dim);
            first.iter_mut().zip(x).for_each(|(out, x)| *out = -4.0 * q * q * x);
            for (i, (row, xi)) in rest.chunks_exact_mut(dim).zip(x).enumerate() {
                row.iter_mut().zip(x).for_each(|(out, x)| *out = -4.0 * q * q * xi * x);
                row[i] += 2.0 * q;
            }
        }
        Ok(())
    }

    /// `J v = (-4 q^2 <x, v>, 2 q v - 4 q^2 <x, v> x)`.
    fn push_forward(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = SmoothMap::dim(self);
        fits(at, dim, &[(v.len(), dim), (out.len(), dim + 1)])?;
        points(&self.sphere, at.values())?;
        let rows = at.iter().zip(v.chunks_exact(dim));
        for ((x, v), out) in rows.zip(out.chunks_exact_mut(dim + 1)) {
            let q = 1.0 / (1.0 + dot(x, x));
            let along = -4.0 * q * q * dot(x, v);
            out[0] = along;
            for ((out, x), v) in out[1..].iter_mut().zip(x).zip(v) {
                *out = along * x + 2.0 * q * v;
            }
        }
        Ok(())
    }

    /// `<w, J v> = -4 q^2 a b + 2 q c` with `a = <x, v>`, `b = w_0 + <w', x>` and `c = <w', v>`.
    fn bilinear_gradient(
        &self,
        at: Rows<'_>,
        w: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        let dim = SmoothMap::dim(self);
        fits(at, dim, &[(w.len(), dim + 1), (v.len(), dim), (out.len(), dim)])?;
        points(&self.sphere, at.values())?;
        let rows = at.iter().zip(w.chunks_exact(dim + 1)).zip(v.chunks_exact(dim));
        for (((x, w), v), out) in rows.zip(out.chunks_exact_mut(dim)) {
            let q = 1.0 / (1.0 + dot(x, x));
            let (a, b, c) = (dot(x, v), w[0] + dot(&w[1..], x), dot(&w[1..], v));
            // grad q = -2 q^2 x.
            let along_x = 4.0 * q * q * (4.0 * q * a * b - c);
            for (((out, x), v), w) in out.iter_mut().zip(x).zip(v).zip(&w[1..]) {
                *out = along_x * x - 4.0 * q * q * (b * v + a * w);
            }
        }
        Ok(())
    }
}
