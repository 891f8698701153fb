//! The pull-back of a differentiable map.

use crate::ParameterError;
use crate::parameters::{coordinates, dense_coordinates};
use crate::pointwise::fits;
use likely_core::lanes::{Work, vectorised};
use likely_core::{Embedding, EvalError, Form, Geometry, Rows, SmoothMap, Tensors};

/// `G = J^T J` with the Jacobian `J` of a map, dense: what is left when nothing is known of the map.
///
/// `grad <v, G v> = 2 grad <w, J v>` at fixed `w = J v`. A geometry that knows its form costs less by orders of magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullBack<M> {
    map: M,
}

impl<M: SmoothMap> PullBack<M> {
    /// The pull-back of `map`.
    ///
    /// # Errors
    /// [`ParameterError`] for more than [`crate::MOST_DENSE_COORDINATES`] coordinates, or fewer ambient dimensions than
    /// coordinates: then the tensor is singular everywhere.
    pub fn new(map: M) -> Result<Self, ParameterError> {
        let dim = dense_coordinates(map.dim() as i128, 1)?;
        coordinates(map.ambient_dim() as i128, dim)?;
        Ok(Self { map })
    }

    /// The map.
    pub fn map(&self) -> &M {
        &self.map
    }

    /// Calls `see` with the first of a few points and their Jacobians, until there are no more points; a row in an error counts from the
    /// first of those that are looked at together.
    fn jacobians(
        &self,
        at: Rows<'_>,
        mut see: impl FnMut(usize, &[f64]) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let (dim, ambient) = (self.map.dim(), self.map.ambient_dim());
        let together = (MOST_TOGETHER / (ambient * dim)).max(1);
        let mut jacobians = vec![0.0; at.count().min(together) * ambient * dim];
        for (block, points) in at.values().chunks(together * dim).enumerate() {
            let jacobians = &mut jacobians[..points.len() * ambient];
            self.map.jacobian(Rows::new(points, dim)?, jacobians)?;
            see(block * together, jacobians)?;
        }
        Ok(())
    }

    fn velocities(&self, at: Rows<'_>, v: &[f64]) -> Result<Vec<f64>, EvalError> {
        let mut pushed = vec![0.0; at.count() * self.map.ambient_dim()];
        self.map.push_forward(at, v, &mut pushed)?;
        Ok(pushed)
    }
}

/// Numbers of the Jacobians that are in memory at once: 32 MiB.
const MOST_TOGETHER: usize = 1 << 22;

/// Rows of a Jacobian that are added to the square at once, so that the square is read and written less often.
const TOGETHER: usize = 4;

/// `J^T J` of each row of Jacobians.
struct Squares<'a> {
    jacobians: &'a [f64],
    ambient: usize,
    dim: usize,
    out: &'a mut [f64],
}

impl Work for Squares<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { jacobians, ambient, dim, out } = self;
        for (jacobian, g) in jacobians.chunks_exact(ambient * dim).zip(out.chunks_exact_mut(dim * dim)) {
            g.fill(0.0);
            let bands = jacobian.chunks_exact(TOGETHER * dim);
            let rest = bands.remainder();
            for band in bands {
                let (first, second) = band.split_at(2 * dim);
                let ((p, q), (r, s)) = (first.split_at(dim), second.split_at(dim));
                for (i, g) in g.chunks_exact_mut(dim).enumerate() {
                    let [a, b, c, d] = [p[i], q[i], r[i], s[i]];
                    // The lower triangle, which is mirrored at the end.
                    let rows = p[..=i].iter().zip(&q[..=i]).zip(r[..=i].iter().zip(&s[..=i]));
                    for (g, ((p, q), (r, s))) in g[..=i].iter_mut().zip(rows) {
                        *g += (a * p + b * q) + (c * r + d * s);
                    }
                }
            }
            for row in rest.chunks_exact(dim) {
                for (i, g) in g.chunks_exact_mut(dim).enumerate() {
                    let a = row[i];
                    g[..=i].iter_mut().zip(row).for_each(|(g, b)| *g += a * b);
                }
            }
            for i in 1..dim {
                for j in 0..i {
                    g[j * dim + i] = g[i * dim + j];
                }
            }
        }
    }
}

impl<M: SmoothMap> Geometry for PullBack<M> {
    fn dim(&self) -> usize {
        self.map.dim()
    }

    fn form(&self) -> Form {
        Form::Dense
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let (dim, ambient) = (self.map.dim(), self.map.ambient_dim());
        fits(at, dim, &[])?;
        let out = out.dense(at.count(), dim);
        self.jacobians(at, |first, jacobians| {
            let out = &mut out[first * dim * dim..][..jacobians.len() / ambient * dim];
            vectorised(Squares { jacobians, ambient, dim, out });
            Ok(())
        })
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.map.dim();
        fits(at, dim, &[(v.len(), dim), (out.len(), dim)])?;
        let w = self.velocities(at, v)?;
        self.map.bilinear_gradient(at, &w, v, out)?;
        for out in out.iter_mut() {
            *out *= 2.0;
        }
        Ok(())
    }

    /// The Jacobians that make the tensors also make the velocities.
    fn linearise(
        &self,
        at: Rows<'_>,
        v: &[f64],
        out: &mut Tensors,
        gradient: &mut [f64],
    ) -> Result<(), EvalError> {
        let (dim, ambient) = (self.map.dim(), self.map.ambient_dim());
        fits(at, dim, &[(v.len(), dim), (gradient.len(), dim)])?;
        let out = out.dense(at.count(), dim);
        let mut w = vec![0.0; at.count() * ambient];
        self.jacobians(at, |first, jacobians| {
            let out = &mut out[first * dim * dim..][..jacobians.len() / ambient * dim];
            vectorised(Squares { jacobians, ambient, dim, out });
            let w = w[first * ambient..].chunks_exact_mut(ambient);
            let rows = w.zip(v[first * dim..].chunks_exact(dim));
            for (jacobian, (w, v)) in jacobians.chunks_exact(ambient * dim).zip(rows) {
                for (w, row) in w.iter_mut().zip(jacobian.chunks_exact(dim)) {
                    *w = row.iter().zip(v).map(|(j, v)| j * v).sum();
                }
            }
            Ok(())
        })?;
        self.map.bilinear_gradient(at, &w, v, gradient)?;
        for gradient in gradient.iter_mut() {
            *gradient *= 2.0;
        }
        Ok(())
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.map.dim();
        fits(at, dim, &[(v.len(), dim), (out.len(), 1)])?;
        let w = self.velocities(at, v)?;
        for (out, w) in out.iter_mut().zip(w.chunks_exact(self.map.ambient_dim())) {
            *out = w.iter().map(|w| w * w).sum();
        }
        Ok(())
    }

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

impl<M: SmoothMap> Embedding for PullBack<M> {
    fn ambient_dim(&self) -> usize {
        self.map.ambient_dim()
    }

    fn map(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        self.map.map(points, out)
    }
}
