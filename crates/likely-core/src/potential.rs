//! What a method may know about a density: its negative logarithm, or only its score.

use crate::{Radial, Rows};
use ndarray::{Array1, Array2, ArrayView2};
use std::sync::atomic::{AtomicU64, Ordering};

/// Values and gradients of a batch of points, shapes `(batch,)` and `(batch, dim)`.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueGrad {
    /// One value a point.
    pub value: Array1<f64>,
    /// One gradient a point.
    pub grad: Array2<f64>,
}

/// Why a potential, score or geometry could not be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvalError {
    /// The points have the wrong number of coordinates.
    #[error("points have {found} coordinates where {expected} are needed")]
    Dimension {
        /// Coordinates that the function takes.
        expected: usize,
        /// Coordinates that were given.
        found: usize,
    },
    /// A point has a coordinate that is NaN or infinite.
    #[error("point {row} of the batch has a coordinate that is not finite")]
    NonFinitePoint {
        /// Row of the first such point.
        row: usize,
    },
    /// Rows were wanted in one contiguous piece.
    #[error("the rows are not contiguous in row-major order; copy them first")]
    Layout,
    /// A point is not in the chart of the geometry.
    #[error("point {row} is outside the chart: {reason}")]
    OutsideChart {
        /// Row of the first such point.
        row: usize,
        /// Which condition it violates.
        reason: String,
    },
    /// A tensor is not a metric.
    #[error("the metric tensor at point {row} is not positive definite")]
    NotPositiveDefinite {
        /// Row of the first such point.
        row: usize,
    },
    /// Two points are joined by no single shortest geodesic.
    #[error("no single shortest geodesic joins the points: {reason}")]
    CutLocus {
        /// What is special about them.
        reason: String,
    },
    /// The model failed; its own words.
    #[error("the model failed: {reason}")]
    Model {
        /// What the model reported.
        reason: String,
    },
}

/// Whether `exp(-S)` integrates to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalisation {
    /// `S = -log p` exactly, so there is a log-likelihood.
    Normalised,
    /// `S = -log p` up to an unknown constant: comparisons are possible, a log-likelihood is not.
    UpToConstant,
}

/// A symmetry of a potential that a method can exploit exactly.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Symmetry<'a> {
    /// None is known.
    None,
    /// The potential depends on the norm alone.
    Radial(&'a dyn Radial),
    /// The potential depends on the distance to a point alone.
    RadialAbout {
        /// The point.
        centre: &'a [f64],
        /// The potential as a function of the squared distance to it.
        profile: &'a dyn Radial,
    },
}

/// The potential `S(x) = -log p(x)`, possibly up to a constant, evaluated in batches.
pub trait Potential: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// Whether `exp(-S)` is a normalised density.
    fn normalisation(&self) -> Normalisation;

    /// The symmetry that a method may exploit; a wrapper must pass on that of what it wraps.
    fn symmetry(&self) -> Symmetry<'_>;

    /// `S` at each row of `points`, shape `(batch, dim)`; the result is `(batch,)` in nats.
    ///
    /// A value may be infinite or NaN where the model has none; callers decide.
    ///
    /// # Errors
    /// [`EvalError`] where the shape does not fit or the model fails.
    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError>;

    /// `S` and its gradient at each row of `points`, shape `(batch, dim)`.
    ///
    /// # Errors
    /// As [`Potential::value`].
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError>;

    /// Second and third derivatives, where the potential has them exactly; a wrapper must pass on those of what it wraps.
    fn curvature(&self) -> Option<&dyn Curvature> {
        None
    }
}

/// Second and third derivatives of a potential, exactly; what geometries made from a density need.
pub trait Curvature: Send + Sync {
    /// The Hessian of `S` at each row of `points`; `out` has shape `(batch, dim, dim)`.
    ///
    /// # Errors
    /// As [`Potential::value`].
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError>;

    /// The gradient in `x` of `<u, H(x) v>` at fixed `u` and `v`, `H` the Hessian, for each row; all of shape `(batch, dim)`.
    ///
    /// # Errors
    /// As [`Potential::value`].
    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError>;

    /// `H(x) v` for each row, all of shape `(batch, dim)`; override where it costs less than the Hessian.
    ///
    /// # Errors
    /// As [`Potential::value`].
    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = points.dim();
        let mut hessian = vec![0.0; v.len() * dim];
        self.hessian(points, &mut hessian)?;
        let rows = v.chunks_exact(dim).zip(hessian.chunks_exact(dim * dim));
        for (out, (v, hessian)) in out.chunks_exact_mut(dim).zip(rows) {
            for (out, row) in out.iter_mut().zip(hessian.chunks_exact(dim)) {
                *out = row.iter().zip(v).map(|(h, v)| h * v).sum();
            }
        }
        Ok(())
    }
}

/// The score `grad log p(x) = -grad S(x)`, for models that have no density.
pub trait Score: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// `grad log p` at each row of `points`, shape `(batch, dim)` in and out.
    ///
    /// # Errors
    /// [`EvalError`] where the shape does not fit or the model fails.
    fn score(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError>;
}

/// The score of a potential, hiding its values: what a score-only model would give.
pub struct ScoreOfPotential<'a>(
    /// The potential whose values are hidden.
    pub &'a dyn Potential,
);

impl Score for ScoreOfPotential<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn score(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let mut grad = self.0.value_and_grad(points)?.grad;
        grad.mapv_inplace(|g| -g);
        Ok(grad)
    }
}

/// How many points were evaluated: the first cost column of every table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evaluations {
    /// Points at which the value alone was asked for.
    pub values: u64,
    /// Points at which the gradient was asked for, with or without the value.
    pub gradients: u64,
}

impl Evaluations {
    /// Points evaluated in all; a value with its gradient counts once.
    pub fn total(&self) -> u64 {
        self.values + self.gradients
    }
}

/// Counters that several threads may add to.
#[derive(Debug, Default)]
struct Counters {
    values: AtomicU64,
    gradients: AtomicU64,
}

impl Counters {
    fn read(&self) -> Evaluations {
        Evaluations {
            values: self.values.load(Ordering::Relaxed),
            gradients: self.gradients.load(Ordering::Relaxed),
        }
    }

    fn add_values(&self, points: usize) {
        self.values.fetch_add(points as u64, Ordering::Relaxed);
    }

    fn add_gradients(&self, points: usize) {
        self.gradients.fetch_add(points as u64, Ordering::Relaxed);
    }
}

fn check_points(dim: usize, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
    if points.ncols() != dim {
        return Err(EvalError::Dimension { expected: dim, found: points.ncols() });
    }
    // Without an early exit, so that it vectorises.
    if points.as_slice().is_some_and(|all| all.iter().fold(true, |fine, x| fine & x.is_finite())) {
        return Ok(());
    }
    match points.rows().into_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        Some(row) => Err(EvalError::NonFinitePoint { row }),
        None => Ok(()),
    }
}

/// A potential that checks its input once and counts the points it evaluates.
pub struct Counted<'a> {
    inner: &'a dyn Potential,
    counters: Counters,
}

impl<'a> Counted<'a> {
    /// Wraps `inner` with counters at zero.
    pub fn new(inner: &'a dyn Potential) -> Self {
        Self { inner, counters: Counters::default() }
    }

    /// Points evaluated so far.
    pub fn evaluations(&self) -> Evaluations {
        self.counters.read()
    }
}

impl Potential for Counted<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn normalisation(&self) -> Normalisation {
        self.inner.normalisation()
    }

    fn symmetry(&self) -> Symmetry<'_> {
        match self.inner.symmetry() {
            Symmetry::None => Symmetry::None,
            Symmetry::Radial(_) => Symmetry::Radial(self),
            Symmetry::RadialAbout { centre, .. } => Symmetry::RadialAbout { centre, profile: self },
        }
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        check_points(self.dim(), &points)?;
        self.counters.add_values(points.nrows());
        self.inner.value(points)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        check_points(self.dim(), &points)?;
        self.counters.add_gradients(points.nrows());
        self.inner.value_and_grad(points)
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        self.inner.curvature().map(|_| self as &dyn Curvature)
    }
}

impl Curvature for Counted<'_> {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        self.counters.add_gradients(points.count());
        match self.inner.curvature() {
            Some(curvature) => curvature.hessian(points, out),
            None => unreachable!("only a potential with curvature hands it out"),
        }
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        self.counters.add_gradients(points.count());
        match self.inner.curvature() {
            Some(curvature) => curvature.hessian_gradient(points, u, v, out),
            None => unreachable!("only a potential with curvature hands it out"),
        }
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.counters.add_gradients(points.count());
        match self.inner.curvature() {
            Some(curvature) => curvature.hessian_vector(points, v, out),
            None => unreachable!("only a potential with curvature hands it out"),
        }
    }
}

impl Radial for Counted<'_> {
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        if slopes.is_some() {
            self.counters.add_gradients(squared_norms.len());
        } else {
            self.counters.add_values(squared_norms.len());
        }
        match self.inner.symmetry() {
            Symmetry::Radial(radial) | Symmetry::RadialAbout { profile: radial, .. } => {
                radial.profile(squared_norms, values, slopes);
            }
            Symmetry::None => unreachable!("only a radial potential is handed out as radial"),
        }
    }
}

/// A score that checks its input once and counts the points it evaluates.
pub struct CountedScore<'a> {
    inner: &'a dyn Score,
    counters: Counters,
}

impl<'a> CountedScore<'a> {
    /// Wraps `inner` with counters at zero.
    pub fn new(inner: &'a dyn Score) -> Self {
        Self { inner, counters: Counters::default() }
    }

    /// Points evaluated so far.
    pub fn evaluations(&self) -> Evaluations {
        self.counters.read()
    }
}

impl Score for CountedScore<'_> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn score(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        check_points(self.dim(), &points)?;
        self.counters.add_gradients(points.nrows());
        self.inner.score(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// `S(x) = |x|^2 / 2`.
    struct Quadratic;

    impl Potential for Quadratic {
        fn dim(&self) -> usize {
            2
        }
        fn normalisation(&self) -> Normalisation {
            Normalisation::UpToConstant
        }
        fn symmetry(&self) -> Symmetry<'_> {
            Symmetry::Radial(self)
        }
        fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
            Ok(points.rows().into_iter().map(|row| 0.5 * row.dot(&row)).collect())
        }
        fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
            Ok(ValueGrad { value: self.value(points)?, grad: points.to_owned() })
        }
    }

    impl Radial for Quadratic {
        fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
            for (value, q) in values.iter_mut().zip(squared_norms) {
                *value = 0.5 * q;
            }
            if let Some(slopes) = slopes {
                slopes.fill(0.5);
            }
        }
    }

    #[test]
    fn points_are_counted_on_every_path() {
        let counted = Counted::new(&Quadratic);
        let points = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        counted.value(points.view()).unwrap();
        counted.value_and_grad(points.view()).unwrap();
        let Symmetry::Radial(radial) = counted.symmetry() else { panic!("the wrapper lost the symmetry") };
        radial.profile(&[1.0], &mut [0.0], Some(&mut [0.0]));
        radial.profile(&[1.0], &mut [0.0], None);
        assert_eq!(counted.evaluations(), Evaluations { values: 4, gradients: 4 });
        assert_eq!(counted.evaluations().total(), 8);
    }

    #[test]
    fn bad_points_are_named_and_not_counted() {
        let counted = Counted::new(&Quadratic);
        let points = array![[1.0, 2.0], [f64::NAN, 4.0]];
        assert_eq!(counted.value(points.view()), Err(EvalError::NonFinitePoint { row: 1 }));
        let wide = array![[1.0, 2.0, 3.0]];
        assert_eq!(counted.value(wide.view()), Err(EvalError::Dimension { expected: 2, found: 3 }));
        assert_eq!(counted.evaluations().total(), 0);
    }

    #[test]
    fn the_score_points_downhill_in_potential() {
        let score = ScoreOfPotential(&Quadratic);
        let counted = CountedScore::new(&score);
        assert_eq!(counted.score(array![[1.0, -2.0]].view()).unwrap(), array![[-1.0, 2.0]]);
        assert_eq!(counted.evaluations(), Evaluations { values: 0, gradients: 1 });
    }
}
