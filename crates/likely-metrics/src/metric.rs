//! What an entry of the table of metrics is, and what it looks at.

use likely_core::{Curve, EvalError, Evaluations, Geometry, Normalisation, Potential, Rows};
use ndarray::{Array1, s};

/// Which way a metric should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Smaller is better.
    Lower,
    /// Larger is better.
    Higher,
    /// The metric describes, and does not judge.
    Neither,
}

/// A measured number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The number, always finite.
    pub value: f64,
    /// Its standard error, where it is an estimate.
    pub std_err: Option<f64>,
}

impl Reading {
    /// A number that is not an estimate.
    ///
    /// # Errors
    /// [`MetricError::NotFinite`] where it is NaN or infinite.
    pub fn exact(value: f64) -> Result<Self, MetricError> {
        if value.is_finite() { Ok(Self { value, std_err: None }) } else { Err(MetricError::NotFinite) }
    }

    /// An estimate with its standard error.
    ///
    /// # Errors
    /// [`MetricError::NotFinite`] where one of them is NaN or infinite.
    pub fn estimate(value: f64, std_err: f64) -> Result<Self, MetricError> {
        if std_err.is_finite() {
            Ok(Self { std_err: Some(std_err), ..Self::exact(value)? })
        } else {
            Err(MetricError::NotFinite)
        }
    }
}

/// Why a metric has no value for a subject; the table shows the reason in its place.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// The subject lacks something that the metric needs.
    #[error("needs {what}")]
    Needs {
        /// What is missing.
        what: &'static str,
    },
    /// The density is known only up to a constant.
    #[error("the density is not normalised, so it has no likelihood")]
    NotNormalised,
    /// The geometry could not be evaluated along the curve.
    #[error("evaluating the geometry: {0}")]
    Geometry(EvalError),
    /// The number came out NaN or infinite.
    #[error("the value is not finite")]
    NotFinite,
    /// The curve has too few points.
    #[error("needs a curve of at least {needed} segments, found {found}")]
    TooFewSegments {
        /// Segments needed.
        needed: usize,
        /// Segments found.
        found: usize,
    },
}

/// A finished curve and what is known about it.
pub struct Subject<'a> {
    /// The curve.
    pub curve: &'a Curve,
    /// The background geometry.
    pub geometry: &'a dyn Geometry,
    /// `S` at every point of the curve, end points included, where there is a density.
    pub potential_along: Option<Array1<f64>>,
    /// Whether `exp(-S)` is a normalised density.
    pub normalisation: Normalisation,
    /// Mean of `S` over the data or over samples of the model: what is typical of it.
    pub typical_potential: Option<f64>,
    /// The factor in front of the potential that the method used.
    pub lambda_norm: Option<f64>,
    /// Points that the method evaluated.
    pub evaluations: Evaluations,
    /// Iterations that the method took.
    pub iterations: u32,
}

impl<'a> Subject<'a> {
    /// A subject with the potential evaluated along the curve, once for all metrics.
    ///
    /// # Errors
    /// [`EvalError`] where the potential cannot be evaluated.
    pub fn new(
        curve: &'a Curve,
        geometry: &'a dyn Geometry,
        potential: Option<&dyn Potential>,
    ) -> Result<Self, EvalError> {
        Ok(Self {
            curve,
            geometry,
            potential_along: potential.map(|potential| potential.value(curve.points())).transpose()?,
            normalisation: potential.map_or(Normalisation::UpToConstant, Potential::normalisation),
            typical_potential: None,
            lambda_norm: None,
            evaluations: Evaluations::default(),
            iterations: 0,
        })
    }

    /// `S` along the curve, or the error that says it is missing.
    pub(crate) fn potential(&self) -> Result<&Array1<f64>, MetricError> {
        self.potential_along.as_ref().ok_or(MetricError::Needs { what: "a density, not only a score" })
    }

    /// `S` along the curve where `exp(-S)` is a normalised density.
    pub(crate) fn normalised_potential(&self) -> Result<&Array1<f64>, MetricError> {
        let potential = self.potential()?;
        match self.normalisation {
            Normalisation::Normalised => Ok(potential),
            Normalisation::UpToConstant => Err(MetricError::NotNormalised),
        }
    }

    /// `<dz_i, G(z_i) dz_i>` for each segment, with the tensor at its left end, shape `(segments,)`.
    pub(crate) fn squared_steps(&self) -> Result<Array1<f64>, MetricError> {
        self.squared_steps_at(|from, _| from)
    }

    /// `<dz_i, G((z_i + z_{i+1}) / 2) dz_i>` for each segment, shape `(segments,)`.
    pub(crate) fn squared_steps_at_middles(&self) -> Result<Array1<f64>, MetricError> {
        self.squared_steps_at(f64::midpoint)
    }

    /// The squared steps with the tensor at `place(z_i, z_{i+1})`, coordinate by coordinate.
    fn squared_steps_at(&self, place: impl Fn(f64, f64) -> f64) -> Result<Array1<f64>, MetricError> {
        let (points, n) = (self.curve.points(), self.curve.segments());
        let (left, right) = (points.slice(s![..n, ..]), points.slice(s![1.., ..]));
        let steps: Vec<f64> = right.iter().zip(left).map(|(to, from)| to - from).collect();
        let places: Vec<f64> = left.iter().zip(right).map(|(&from, &to)| place(from, to)).collect();
        let mut squares = vec![0.0; n];
        Rows::new(&places, self.curve.dim())
            .and_then(|at| self.geometry.squared_norms(at, &steps, &mut squares))
            .map_err(MetricError::Geometry)?;
        Ok(Array1::from(squares))
    }
}

/// One entry of the table of metrics.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The kebab-case name that specs use; it names the definition.
    pub id: &'static str,
    /// Unit, such as `nats`.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The definition in one sentence with its formula.
    pub definition: &'static str,
    /// Measures a curve.
    pub evaluate: fn(&Subject<'_>) -> Result<Reading, MetricError>,
}
