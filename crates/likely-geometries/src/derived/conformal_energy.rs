//! Lengths by an affine function of the log density.

use super::conformal::{Law, Pointwise, Pooled};
use super::numbers::{Finite, none};
use crate::Derived;
use crate::table::derived_from_config;
use serde::{Deserialize, Serialize};

pub(crate) const DERIVED: Derived = Derived {
    id: "conformal-energy",
    summary: "Squared lengths are multiplied by an affine function of -log p (as intended) or of log p (as released).",
    source: "BethuneMetric of the authors' public code for arXiv 2510.26266, at each point",
    build: derived_from_config::<Pointwise<ConformalEnergy>>,
};

pub(crate) const RELEASED: Derived = Derived {
    id: "conformal-energy-released",
    summary: "Squared lengths are multiplied by an affine function of the log density summed over all points of a call.",
    source: "BethuneMetric of the authors' public code for arXiv 2510.26266, with log_prob as run_gen2d_geometry.py sums it",
    build: derived_from_config::<Pooled<ReleasedEnergy>>,
};

/// Which sign the log density has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Sign {
    /// `alpha log p + beta`: negative, so no metric, wherever `log p < -beta / alpha`.
    Released,
    /// `alpha (-log p) + beta`: positive wherever the density is below `exp(beta / alpha)`.
    #[default]
    Intended,
}

/// `G = (alpha S + beta) I` as intended, `G = (-alpha S + beta) I` as released; where that is not positive there is no metric.
///
/// A constant in `S` shifts `beta`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConformalEnergy {
    alpha: Finite,
    beta: Finite,
    form: Sign,
}

impl Default for ConformalEnergy {
    fn default() -> Self {
        Self { alpha: Finite(1.0), beta: Finite(1.0), form: Sign::default() }
    }
}

impl ConformalEnergy {
    /// The derivative of the affine function in `S`.
    pub(super) fn rate(self) -> f64 {
        match self.form {
            Sign::Released => -self.alpha.0,
            Sign::Intended => self.alpha.0,
        }
    }
}

impl Law for ConformalEnergy {
    const POSITIVE: bool = false;

    fn factor(&self, s: f64) -> f64 {
        self.rate() * s + self.beta.0
    }

    fn slope(&self, _: f64, _: f64) -> f64 {
        self.rate()
    }
}

/// `G = (alpha log p + beta) I`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReleasedEnergy {
    alpha: Finite,
    beta: Finite,
    #[serde(skip_serializing_if = "none")]
    apart: usize,
}

impl Default for ReleasedEnergy {
    fn default() -> Self {
        Self { alpha: Finite(1.0), beta: Finite(1.0), apart: 0 }
    }
}

impl From<ReleasedEnergy> for ConformalEnergy {
    fn from(ReleasedEnergy { alpha, beta, .. }: ReleasedEnergy) -> Self {
        Self { alpha, beta, form: Sign::Released }
    }
}

impl Law for ReleasedEnergy {
    const POSITIVE: bool = false;

    fn factor(&self, s: f64) -> f64 {
        ConformalEnergy::from(*self).factor(s)
    }

    fn slope(&self, s: f64, factor: f64) -> f64 {
        ConformalEnergy::from(*self).slope(s, factor)
    }

    fn apart(&self) -> usize {
        self.apart
    }
}
