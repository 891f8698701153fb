//! Methods that need nothing but the end points.

use crate::{InterpolateError, Interpolator, Scene, Solution, Trace, Unsupported};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use std::fmt;

/// A curve given by a formula in the end points: it looks at no density, has no weight and iterates nothing.
pub(crate) trait ClosedForm: fmt::Debug + Send + Sync {
    /// The curve; `rng` is the only source of randomness.
    fn curve(&self, ends: &Ends<'_>, rng: &mut ChaCha8Rng) -> Result<Curve, InterpolateError>;
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

    fn interpolate(
        &self,
        _: &Scene<'_>,
        ends: &Ends<'_>,
        rng: &mut ChaCha8Rng,
        _: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        let curve = self.curve(ends, rng)?;
        Ok(Solution { curve, stop: Stop::ClosedForm, iterations: 0, weighting: None, reduction: None })
    }
}
