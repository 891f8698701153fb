//! What some manifolds have beyond a metric tensor: closed-form geodesics, a projection, an embedding.

use crate::{EvalError, Rows};

/// Geodesics and distances in closed form, in the coordinates of the geometry.
pub trait ClosedForm: Send + Sync {
    /// The length of the shortest geodesic.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where a point is not in the chart.
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError>;

    /// The initial velocity of the shortest geodesic that reaches `to` at time one.
    ///
    /// # Errors
    /// As [`ClosedForm::distance`], and [`EvalError::CutLocus`] where there is no single shortest geodesic.
    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError>;

    /// The point at time one of the geodesic from `from` with initial velocity `velocity`.
    ///
    /// # Errors
    /// As [`ClosedForm::distance`]; also where the geodesic leaves the chart.
    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError>;

    /// [`ClosedForm::log`] from one point to each row, row by row in `out`; override where rows share work.
    ///
    /// # Errors
    /// As [`ClosedForm::log`] for the first row that has none.
    fn logs(&self, from: &[f64], to: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        to.iter().zip(out.chunks_exact_mut(from.len())).try_for_each(|(to, out)| self.log(from, to, out))
    }

    /// The points of the shortest geodesic at `times`, row by row in `out`.
    ///
    /// # Errors
    /// As [`ClosedForm::log`].
    fn geodesic(&self, from: &[f64], to: &[f64], times: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let mut velocity = vec![0.0; from.len()];
        self.log(from, to, &mut velocity)?;
        let mut scaled = vec![0.0; from.len()];
        for (time, out) in times.iter().zip(out.chunks_exact_mut(from.len())) {
            scaled.iter_mut().zip(&velocity).for_each(|(s, v)| *s = time * v);
            self.exp(from, &scaled, out)?;
        }
        Ok(())
    }
}

/// A projection of the surrounding space onto an embedded manifold.
pub trait Projection: Send + Sync {
    /// The nearest point of the manifold for each row.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where there is no single nearest point.
    fn project(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError>;

    /// The transposed derivative of the projection at each row applied to a covector: what the chain rule needs.
    ///
    /// # Errors
    /// As [`Projection::project`].
    fn pull_back(&self, points: Rows<'_>, covectors: &[f64], out: &mut [f64]) -> Result<(), EvalError>;
}

/// A map `f` from coordinates to a Euclidean space whose pull-back is the metric tensor, `G = J^T J`.
pub trait Embedding: Send + Sync {
    /// Dimension of the Euclidean space.
    fn ambient_dim(&self) -> usize;

    /// `f(x)` for each row; `out` has `ambient_dim` numbers a row.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where a point has no image.
    fn map(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError>;
}

/// A differentiable map `f` from coordinates to a Euclidean space, batched over rows: a decoder, an embedding, a feature.
///
/// Its pull-back `G = J^T J` is a Riemannian metric tensor wherever the Jacobian `J` has full rank.
pub trait SmoothMap: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// Dimension of the Euclidean space.
    fn ambient_dim(&self) -> usize;

    /// `f(x)` for each row; `out` has `ambient_dim` numbers a row.
    ///
    /// # Errors
    /// [`EvalError::OutsideChart`] where a point has no image.
    fn map(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError>;

    /// `J(x)` for each row: `ambient_dim` rows of `dim` numbers.
    ///
    /// # Errors
    /// As [`SmoothMap::map`].
    fn jacobian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError>;

    /// The gradient in `x` of `<w, J(x) v>` at fixed `w` and `v`, for each row.
    ///
    /// # Errors
    /// As [`SmoothMap::map`].
    fn bilinear_gradient(
        &self,
        points: Rows<'_>,
        w: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError>;

    /// `J(x) v` for each row; override where it costs less than the Jacobian.
    ///
    /// # Errors
    /// As [`SmoothMap::map`].
    fn push_forward(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let (dim, ambient) = (self.dim(), self.ambient_dim());
        let mut jacobians = vec![0.0; points.count() * ambient * dim];
        self.jacobian(points, &mut jacobians)?;
        let rows = v.chunks_exact(dim).zip(out.chunks_exact_mut(ambient));
        for ((v, out), jacobian) in rows.zip(jacobians.chunks_exact(ambient * dim)) {
            for (out, row) in out.iter_mut().zip(jacobian.chunks_exact(dim)) {
                *out = row.iter().zip(v).map(|(j, v)| j * v).sum();
            }
        }
        Ok(())
    }
}

impl<M: SmoothMap + ?Sized> SmoothMap for &M {
    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn ambient_dim(&self) -> usize {
        (**self).ambient_dim()
    }

    fn map(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        (**self).map(points, out)
    }

    fn jacobian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        (**self).jacobian(points, out)
    }

    fn bilinear_gradient(
        &self,
        points: Rows<'_>,
        w: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        (**self).bilinear_gradient(points, w, v, out)
    }

    fn push_forward(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        (**self).push_forward(points, v, out)
    }
}
