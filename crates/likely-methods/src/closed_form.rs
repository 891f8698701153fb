//! Methods that need nothing but the end points.

use crate::{InterpolateError, Interpolator, Scene, Solution, Trace, Unsupported, solver};
use likely_core::{Curve, Ends, Projection};
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// A curve that the end points alone determine: it looks at no density and has no weight.
pub(crate) trait ClosedForm: fmt::Debug + Send + Sync {
    /// The curve, as a formula gives it or a search in the plane of the end points; `rng` is the only source of randomness.
    fn solution(&self, ends: &Ends<'_>, rng: &mut ChaCha8Rng) -> Result<Solution, InterpolateError>;
}

impl<T: ClosedForm> Interpolator for T {
    fn supports(&self, _: &Scene<'_>) -> Result<(), Unsupported> {
        Ok(())
    }

    fn lambda(&self) -> Option<f64> {
        None
    }

    fn with_lambda(&self, _: f64) -> Option<Box<dyn Interpolator>> {
        None
    }

    fn evaluations_at_most(&self, _: usize) -> u64 {
        0
    }

    fn join(
        &self,
        scene: &Scene<'_>,
        ends: &Ends<'_>,
        _: Option<&Curve>,
        rng: &mut ChaCha8Rng,
        _: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        let solution = self.solution(ends, rng)?;
        if let Some(projection) = scene.geometry.projection() {
            solver::on_manifold(projection, ends)?;
            stays_on_manifold(projection, &solution.curve)?;
        }
        Ok(solution)
    }
}

/// Refuses a curve that leaves an embedded manifold: it would be shorter than any that does not.
fn stays_on_manifold(projection: &dyn Projection, curve: &Curve) -> Result<(), InterpolateError> {
    let points: Vec<f64> = curve.points().iter().copied().collect();
    match solver::farthest(projection, &points, curve.dim()) {
        Ok(far) if far <= solver::OFF_MANIFOLD => Ok(()),
        _ => {
            let reason = "the curve leaves the embedded manifold between its end points; choose the manifold in a chart, or a method that keeps to it";
            Err(Unsupported { reason: reason.to_owned() }.into())
        }
    }
}
