//! The straight line.

use crate::table::from_config;
use crate::{InterpolateError, Interpolator, Method, Scene, Solution, Trace, Unsupported};
use likely_core::{Curve, Ends, Stop};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "linear",
    summary: "The straight line between the end points.",
    source: "folklore",
    build: from_config::<Linear>,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Linear {}

impl Interpolator for Linear {
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
        _: &mut ChaCha8Rng,
        _: Trace<'_>,
    ) -> Result<Solution, InterpolateError> {
        Ok(Solution {
            curve: Curve::straight(ends),
            stop: Stop::ClosedForm,
            iterations: 0,
            weighting: None,
            reduction: None,
        })
    }
}
