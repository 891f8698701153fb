//! The seam between methods and everything else.

use likely_core::{Curve, CurveError, Ends, EvalError, Geometry, Potential, Score, Stop};
use rand_chacha::ChaCha8Rng;
use std::fmt;
use std::ops::ControlFlow;

/// What is known of the density that a curve should stay in.
#[derive(Clone, Copy)]
pub enum Density<'a> {
    /// Its negative logarithm, up to a constant.
    Potential(&'a dyn Potential),
    /// Only the gradient of its logarithm.
    Score(&'a dyn Score),
}

/// What a method works in.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The background geometry.
    pub geometry: &'a dyn Geometry,
    /// The density, where there is one.
    pub density: Option<Density<'a>>,
    /// Potentials of points of the data, ascending: what is typical of the density, for weights that refer to it.
    pub typical: Option<&'a [f64]>,
}

/// Why a method cannot work in a scene; the row says so and stays in the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unsupported {
    /// In words, with what would be needed.
    pub reason: String,
}

/// Why no curve came out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InterpolateError {
    /// The method cannot work in this scene.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The density could not be evaluated.
    #[error("evaluating the density: {0}")]
    Eval(#[from] EvalError),
    /// The geometry has no tensor somewhere on the starting curve, or the tensor is not a metric there.
    #[error("evaluating the geometry on the starting curve: {0}; choose other end points or another start")]
    Geometry(EvalError),
    /// The result is not a curve.
    #[error("the method produced no curve: {0}")]
    Curve(#[from] CurveError),
    /// The density is not finite on the starting curve, so there is nothing to improve.
    #[error(
        "the potential is not finite on the starting curve (interior point {point}); choose end points inside the support"
    )]
    StartNotFinite {
        /// First interior point, counted from 1, at which it is not.
        point: usize,
    },
    /// The end points do not suit the method.
    #[error("{reason}")]
    EndPoints {
        /// In words, with what would be right.
        reason: String,
    },
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// One iteration, as the observer sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Iterations completed, from 1.
    pub iteration: u32,
    /// The accepted step length along the search direction.
    pub step: f64,
    /// Regularised energy after the step; `None` for methods that never evaluate it.
    pub regularised_energy: Option<f64>,
    /// Euclidean norm of its gradient after the step, over all interior points.
    pub grad_norm_l2: f64,
}

/// Receives every iteration; `Break` ends the method with [`InterpolateError::Interrupted`].
pub type Trace<'a> = &'a mut dyn FnMut(&Step) -> ControlFlow<()>;

/// A [`Trace`] that looks at nothing.
pub fn ignore_steps(_: &Step) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The weight of the potential, as given and as used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    /// The weight in the spec.
    pub lambda: f64,
    /// The factor in front of the sum of the potential over interior points.
    pub lambda_norm: f64,
}

/// What a method returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The curve, both end points included.
    pub curve: Curve,
    /// Why the method stopped.
    pub stop: Stop,
    /// Iterations taken.
    pub iterations: u32,
    /// The weight of the potential, for methods that have one.
    pub weighting: Option<Weighting>,
    /// The exact reduction that was used, such as `span of the end points`.
    pub reduction: Option<&'static str>,
}

impl Solution {
    /// A curve that is known without iterations.
    pub(crate) fn closed_form(curve: Curve) -> Self {
        Self { curve, stop: Stop::ClosedForm, iterations: 0, weighting: None, reduction: None }
    }
}

/// Joins two points by a curve.
pub trait Interpolator: fmt::Debug + Send + Sync {
    /// Whether the method can work in `scene`.
    ///
    /// # Errors
    /// [`Unsupported`] with the reason, which becomes a row of the table.
    fn supports(&self, scene: &Scene<'_>) -> Result<(), Unsupported>;

    /// The weight of the potential as configured, for methods that have one.
    fn lambda(&self) -> Option<f64>;

    /// The same method at another weight; `None` for methods that have none.
    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Interpolator>>;

    /// The most points of the density that a run over `segments` segments can evaluate.
    fn evaluations_at_most(&self, segments: usize) -> u64;

    /// Joins `ends` in `scene`; `rng` is the only source of randomness, `trace` sees every iteration.
    ///
    /// Methods that iterate begin at `start` where it is given; its end points must be those of `ends`. A relative weight refers
    /// to the starting curve that the configuration names all the same, so that it means the same wherever the iterations
    /// begin. Methods that have no starting curve ignore it.
    ///
    /// # Errors
    /// [`InterpolateError`] where no curve comes out. Running out of iterations is a [`Stop`], not an error.
    fn join(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        start: Option<&Curve>,
        rng: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError>;

    /// [`Interpolator::join`] from the starting curve that the configuration names.
    ///
    /// # Errors
    /// As [`Interpolator::join`].
    fn interpolate(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        rng: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.join(scene, ends, None, rng, trace)
    }

    /// [`Interpolator::join`] from a given starting curve.
    ///
    /// # Errors
    /// As [`Interpolator::join`].
    fn interpolate_from(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        start: &Curve,
        rng: &mut ChaCha8Rng,
        trace: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        self.join(scene, ends, Some(start), rng, trace)
    }
}
