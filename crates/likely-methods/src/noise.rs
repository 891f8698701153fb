//! Interpolation of noised data.

use crate::closed_form::ClosedForm;
use crate::slerp::{Norms, spherical};
use crate::table::from_config;
use crate::{InterpolateError, Method, Solution};
use likely_core::Ends;
use ndarray::{Array1, ArrayView1};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

pub(crate) const METHOD: Method = Method {
    id: "noise",
    summary: "Adds one shared noise vector to both data points and interpolates spherically between the results.",
    source: "baseline of arXiv 2403.08840; as released in controlnet_interpolation",
    build: from_config::<Noise>,
};

/// `l = sqrt(alpha-bar) x + sqrt(1 - alpha-bar) eps` for both data points with one `eps ~ N(0, I)`, then raw slerp.
///
/// The data points are those that the end points encode, or the end points themselves where no data are given. The curve
/// ends on the noised points, not on the end points.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Noise {
    alpha_bar: SignalShare,
}

/// Share of the signal's variance that is left at the noise level, in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64")]
pub(crate) struct SignalShare(f64);

impl SignalShare {
    pub(crate) const ALL_SIGNAL: Self = Self(1.0);

    /// Factors of signal and noise, `(sqrt(alpha-bar), sqrt(1 - alpha-bar))`.
    pub(crate) fn factors(self) -> (f64, f64) {
        (self.0.sqrt(), (1.0 - self.0).sqrt())
    }
}

impl TryFrom<f64> for SignalShare {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("alpha-bar is {value}; it must be in [0, 1]"))
        }
    }
}

impl Default for Noise {
    fn default() -> Self {
        Self { alpha_bar: SignalShare(0.5) }
    }
}

impl ClosedForm for Noise {
    fn solution(&self, ends: &Ends<'_>, rng: &mut ChaCha8Rng) -> Result<Solution, InterpolateError> {
        let (start, end) = ends.data().unwrap_or((ends.start(), ends.end()));
        let (signal, noise) = self.alpha_bar.factors();
        let eps = standard_normal(ends.dim(), rng);
        let noised = |x: ArrayView1<'_, f64>| &x * signal + &eps * noise;
        let curve = spherical(noised(start).view(), noised(end).view(), ends.segments(), Norms::Raw)?;
        Ok(Solution::closed_form(curve))
    }
}

/// A draw from `N(0, I)`.
pub(crate) fn standard_normal(dim: usize, rng: &mut ChaCha8Rng) -> Array1<f64> {
    (0..dim).map(|_| StandardNormal.sample(rng)).collect()
}
