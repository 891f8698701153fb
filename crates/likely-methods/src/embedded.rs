//! Scenes on a manifold that is embedded in its coordinates.
//!
//! Points of a path move freely in the surrounding space; the tensor and the potential are taken at their projections, and
//! a penalty holds them to the manifold.

use likely_core::{EvalError, Form, Geometry, Normalisation, Potential, Projection, Rows, Score, Symmetry};
use likely_core::{Tensors, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};

/// The tensor at the projection of a point.
pub(crate) struct OfProjected<'a> {
    pub(crate) geometry: &'a dyn Geometry,
    pub(crate) projection: &'a dyn Projection,
}

impl OfProjected<'_> {
    fn project(&self, at: Rows<'_>) -> Result<Vec<f64>, EvalError> {
        let mut projected = vec![0.0; at.values().len()];
        self.projection.project(at, &mut projected)?;
        Ok(projected)
    }
}

impl Geometry for OfProjected<'_> {
    fn dim(&self) -> usize {
        self.geometry.dim()
    }

    fn form(&self) -> Form {
        self.geometry.form()
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        if self.form() == Form::Flat {
            return self.geometry.tensors(at, out);
        }
        self.geometry.tensors(Rows::new(&self.project(at)?, at.dim())?, out)
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        if self.form() == Form::Flat {
            return self.geometry.norm_gradient(at, v, out);
        }
        let projected = self.project(at)?;
        let mut covectors = vec![0.0; v.len()];
        self.geometry.norm_gradient(Rows::new(&projected, at.dim())?, v, &mut covectors)?;
        self.projection.pull_back(at, &covectors, out)
    }

    fn evaluates_density(&self) -> bool {
        self.geometry.evaluates_density()
    }
}

/// `S(P(x))`.
pub(crate) struct PotentialOfProjected<'a> {
    pub(crate) potential: &'a dyn Potential,
    pub(crate) projection: &'a dyn Projection,
}

/// The projections of the rows of a view.
fn projected(projection: &dyn Projection, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
    let points = points.as_standard_layout();
    let mut out = Array2::zeros(points.raw_dim());
    projection.project(Rows::of(&points.view())?, out.as_slice_mut().ok_or(EvalError::Layout)?)?;
    Ok(out)
}

/// The gradient of a function of the projection from its gradient there.
fn pulled_back(
    projection: &dyn Projection,
    points: ArrayView2<'_, f64>,
    gradient: &Array2<f64>,
) -> Result<Array2<f64>, EvalError> {
    let (points, gradient) = (points.as_standard_layout(), gradient.as_standard_layout());
    let mut out = Array2::zeros(points.raw_dim());
    let covectors = gradient.as_slice().ok_or(EvalError::Layout)?;
    projection.pull_back(
        Rows::of(&points.view())?,
        covectors,
        out.as_slice_mut().ok_or(EvalError::Layout)?,
    )?;
    Ok(out)
}

impl Potential for PotentialOfProjected<'_> {
    fn dim(&self) -> usize {
        self.potential.dim()
    }

    fn normalisation(&self) -> Normalisation {
        self.potential.normalisation()
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.potential.value(projected(self.projection, points)?.view())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let ValueGrad { value, grad } =
            self.potential.value_and_grad(projected(self.projection, points)?.view())?;
        Ok(ValueGrad { value, grad: pulled_back(self.projection, points, &grad)? })
    }
}

/// The score of the density of projections.
pub(crate) struct ScoreOfProjected<'a> {
    pub(crate) score: &'a dyn Score,
    pub(crate) projection: &'a dyn Projection,
}

impl Score for ScoreOfProjected<'_> {
    fn dim(&self) -> usize {
        self.score.dim()
    }

    fn score(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        let score = self.score.score(projected(self.projection, points)?.view())?;
        pulled_back(self.projection, points, &score)
    }
}
