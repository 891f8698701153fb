//! Weights whose squares add up to one.

use crate::closed_form::ClosedForm;
use crate::table::from_config;
use crate::{InterpolateError, Method, Solution};
use likely_core::{Curve, Ends};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

pub(crate) const METHOD: Method = Method {
    id: "variance-preserving",
    summary: "Weights whose squares add up to one, so that independent standard normal ends stay standard normal between them.",
    source: "variance-preserving interpolants: Song et al. 2021, arXiv 2011.13456; Albergo et al. 2023, arXiv 2303.08797",
    build: from_config::<VariancePreserving>,
};

/// `z(s) = u(s) a + v(s) b` with `u^2 + v^2 = 1`.
///
/// For independent ends from `N(0, C)` every point is from `N(0, C)`. With `weights = "trigonometric"` it is slerp of ends at a
/// right angle, whatever their angle is; the ends are exact.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct VariancePreserving {
    weights: Weights,
}

/// Which weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Weights {
    /// `sqrt(1 - s)` and `sqrt(s)`.
    SquareRoot,
    /// `cos(pi s / 2)` and `sin(pi s / 2)`.
    Trigonometric,
}

impl Default for VariancePreserving {
    fn default() -> Self {
        Self { weights: Weights::SquareRoot }
    }
}

impl ClosedForm for VariancePreserving {
    fn solution(&self, ends: &Ends<'_>, _: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let weights: Vec<[f64; 2]> = (0..=ends.segments())
            .map(|i| i as f64 / ends.segments() as f64)
            .map(|s| match self.weights {
                Weights::SquareRoot => [(1.0 - s).sqrt(), s.sqrt()],
                Weights::Trigonometric => [(FRAC_PI_2 * s).cos(), (FRAC_PI_2 * s).sin()],
            })
            .collect();
        let mut curve = Curve::in_plane(ends.start(), ends.end(), &weights)?;
        curve.fix_ends(ends);
        Ok(Solution::closed_form(curve))
    }
}
