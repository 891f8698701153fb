//! Riemannian metric tensors on R^dim.

use crate::{ClosedForm, Embedding, EvalError, Projection, Rows, Tensors};

/// What is known about a metric tensor; a method matches on it exhaustively, so a new form makes every method face it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The identity at every point.
    Flat,
    /// A positive multiple of the identity at each point.
    Conformal,
    /// A positive diagonal at each point.
    Diagonal,
    /// A positive diagonal plus a symmetric matrix of a small rank at each point.
    DiagonalPlusLowRank {
        /// The most that the rank can be.
        rank: usize,
    },
    /// Nothing beyond symmetric and positive definite.
    Dense,
}

/// A Riemannian metric tensor `G` on R^dim, or on the part of it that is its chart.
///
/// Everything is batched over [`Rows`]. A point outside the chart is [`EvalError::OutsideChart`], never a silent number.
pub trait Geometry: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// What is known about the tensor.
    fn form(&self) -> Form;

    /// `G(x)` at each row of `at`, written over `out` in the form that [`Geometry::form`] states.
    ///
    /// # Errors
    /// [`EvalError::Dimension`] where the rows do not fit, [`EvalError::OutsideChart`] where a point has no tensor.
    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError>;

    /// The gradient of `<v, G(x) v>` in `x` at fixed `v`, for each row; `v` and `out` have the shape of `at`.
    ///
    /// # Errors
    /// As [`Geometry::tensors`].
    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError>;

    /// `<v, G(x) v>` for each row; override where it costs less than the tensor.
    ///
    /// # Errors
    /// As [`Geometry::tensors`].
    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let mut tensors = Tensors::default();
        self.tensors(at, &mut tensors)?;
        let mut lowered = vec![0.0; v.len()];
        tensors.apply(v, &mut lowered);
        let rows = v.chunks_exact(at.dim()).zip(lowered.chunks_exact(at.dim()));
        for (out, (v, lowered)) in out.iter_mut().zip(rows) {
            *out = v.iter().zip(lowered).map(|(a, b)| a * b).sum();
        }
        Ok(())
    }

    /// [`Geometry::tensors`] and [`Geometry::norm_gradient`] at once; override where they share work.
    ///
    /// # Errors
    /// As [`Geometry::tensors`].
    fn linearise(
        &self,
        at: Rows<'_>,
        v: &[f64],
        out: &mut Tensors,
        gradient: &mut [f64],
    ) -> Result<(), EvalError> {
        self.tensors(at, out)?;
        self.norm_gradient(at, v, gradient)
    }

    /// [`Geometry::linearise`] with `G(x) v` written over `lowered`, of the shape of `v`; override where they share work.
    ///
    /// # Errors
    /// As [`Geometry::tensors`].
    fn linearise_lowered(
        &self,
        at: Rows<'_>,
        v: &[f64],
        out: &mut Tensors,
        gradient: &mut [f64],
        lowered: &mut [f64],
    ) -> Result<(), EvalError> {
        self.linearise(at, v, out, gradient)?;
        out.apply(v, lowered);
        Ok(())
    }

    /// The Christoffel symbols of the first kind contracted twice with `v`, for each row:
    /// `Gamma_k(v, v) = sum_ij (d_i g_kj - d_k g_ij / 2) v_i v_j`, so that a geodesic obeys `G x'' = -Gamma(x', x')`.
    ///
    /// By default from `2 dim + 1` gradients, exactly, by polarisation; override where it costs less.
    ///
    /// # Errors
    /// As [`Geometry::tensors`].
    fn christoffel(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = at.dim();
        // <e_k, G v> = (|v + e_k|^2 - |v - e_k|^2) / 4, and its derivative along v is (d_v G v)_k.
        let (mut shifted, mut gradient) = (v.to_vec(), vec![0.0; v.len()]);
        let mut along = vec![0.0; v.len()];
        for k in 0..dim {
            for sign in [1.0, -1.0] {
                shifted.copy_from_slice(v);
                shifted.iter_mut().skip(k).step_by(dim).for_each(|x| *x += sign);
                self.norm_gradient(at, &shifted, &mut gradient)?;
                let rows = gradient.chunks_exact(dim).zip(v.chunks_exact(dim));
                for (along, (gradient, v)) in along.chunks_exact_mut(dim).zip(rows) {
                    along[k] += 0.25 * sign * gradient.iter().zip(v).map(|(g, v)| g * v).sum::<f64>();
                }
            }
        }
        self.norm_gradient(at, v, &mut gradient)?;
        for ((out, along), gradient) in out.iter_mut().zip(&along).zip(&gradient) {
            *out = along - 0.5 * gradient;
        }
        Ok(())
    }

    /// The same geometry in `dim` coordinates, where the tensor is a multiple of the identity that depends on the norm of
    /// the point alone: then a problem may be solved in the span of its points, exactly.
    fn rotational(&self, dim: usize) -> Option<Box<dyn Geometry>> {
        let _ = dim;
        None
    }

    /// Whether an evaluation of the tensor evaluates a density, and so costs what the density costs.
    fn evaluates_density(&self) -> bool {
        false
    }

    /// Geodesics and distances in closed form, where the geometry has them.
    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        None
    }

    /// The projection from R^dim onto the manifold, for manifolds that are embedded in their coordinates.
    fn projection(&self) -> Option<&dyn Projection> {
        None
    }

    /// The map to a Euclidean space of which the tensor is the pull-back, where there is one: also what pictures show.
    fn embedding(&self) -> Option<&dyn Embedding> {
        None
    }
}

/// Flat space: `G = I` everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Euclidean {
    dim: usize,
}

impl Euclidean {
    /// Flat space with `dim` coordinates.
    pub const fn new(dim: usize) -> Self {
        Self { dim }
    }
}

impl Geometry for Euclidean {
    fn dim(&self) -> usize {
        self.dim
    }

    fn form(&self) -> Form {
        Form::Flat
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        out.flat(at.with_dim(self.dim)?.count(), self.dim);
        Ok(())
    }

    fn norm_gradient(&self, at: Rows<'_>, _: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        at.with_dim(self.dim)?;
        out.fill(0.0);
        Ok(())
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        at.with_dim(self.dim)?;
        for (out, v) in out.iter_mut().zip(v.chunks_exact(self.dim)) {
            *out = v.iter().map(|v| v * v).sum();
        }
        Ok(())
    }

    fn christoffel(&self, at: Rows<'_>, _: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        at.with_dim(self.dim)?;
        out.fill(0.0);
        Ok(())
    }

    fn rotational(&self, dim: usize) -> Option<Box<dyn Geometry>> {
        Some(Box::new(Self::new(dim)))
    }

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl ClosedForm for Euclidean {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        Ok(from.iter().zip(to).map(|(a, b)| (b - a) * (b - a)).sum::<f64>().sqrt())
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        out.iter_mut().zip(from.iter().zip(to)).for_each(|(o, (a, b))| *o = b - a);
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        out.iter_mut().zip(from.iter().zip(velocity)).for_each(|(o, (a, v))| *o = a + v);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these sums are exact")]
mod tests {
    use super::*;

    #[test]
    fn flat_norm_ignores_the_point() {
        let (at, v) = ([1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 0.0, 1.0]);
        let at = Rows::new(&at, 2).unwrap();
        let mut norms = [0.0; 2];
        Euclidean::new(2).squared_norms(at, &v, &mut norms).unwrap();
        assert_eq!(norms, [25.0, 1.0]);
    }

    #[test]
    fn wrong_width_is_an_error() {
        let at = Rows::new(&[1.0, 2.0], 2).unwrap();
        assert!(Euclidean::new(3).squared_norms(at, &[0.0; 3], &mut [0.0]).is_err());
        assert!(Rows::new(&[1.0, 2.0, 3.0], 2).is_err());
    }

    /// `G = diag(1, x^2)`: the plane in polar coordinates (x the radius).
    struct Polar;

    impl Geometry for Polar {
        fn dim(&self) -> usize {
            2
        }
        fn form(&self) -> Form {
            Form::Diagonal
        }
        fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
            let out = out.diagonal(at.count(), 2);
            for (out, x) in out.chunks_exact_mut(2).zip(at) {
                out.copy_from_slice(&[1.0, x[0] * x[0]]);
            }
            Ok(())
        }
        fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
            for ((out, x), v) in out.chunks_exact_mut(2).zip(at).zip(v.chunks_exact(2)) {
                out.copy_from_slice(&[2.0 * x[0] * v[1] * v[1], 0.0]);
            }
            Ok(())
        }
    }

    #[test]
    fn polarisation_gives_the_christoffel_symbols_of_polar_coordinates() {
        let (at, v) = ([2.0, 0.3], [0.5, -1.5]);
        let mut gamma = [0.0; 2];
        Polar.christoffel(Rows::new(&at, 2).unwrap(), &v, &mut gamma).unwrap();
        // G x'' = -Gamma: r'' = r phi'^2 and r^2 phi'' = -2 r r' phi'.
        assert!((gamma[0] + 2.0 * 1.5 * 1.5).abs() < 1e-13);
        assert!((gamma[1] - 2.0 * 2.0 * 0.5 * -1.5).abs() < 1e-13);
        let mut norms = [0.0];
        Polar.squared_norms(Rows::new(&at, 2).unwrap(), &v, &mut norms).unwrap();
        assert!((norms[0] - (0.25 + 4.0 * 2.25)).abs() < 1e-13);
    }
}
