//! Lengths that grow where the density falls, up to a bound.

use super::conformal::{Law, Pointwise, Pooled};
use super::numbers::{Positive, none};
use crate::Derived;
use crate::table::derived_from_config;
use serde::{Deserialize, Serialize};

pub(crate) const DERIVED: Derived = Derived {
    id: "generative",
    summary: "Lengths are divided by the density plus a constant, so that they grow where it falls, up to a bound.",
    source: "GenerativeMetric of the authors' public code for arXiv 2510.26266, at each point",
    build: derived_from_config::<Pointwise<Generative>>,
};

pub(crate) const RELEASED: Derived = Derived {
    id: "generative-released",
    summary: "As generative, with the product of the densities of all points of a call: flat space in another unit.",
    source: "GenerativeMetric of the authors' public code for arXiv 2510.26266, with log_prob as run_gen2d_geometry.py sums it",
    build: derived_from_config::<Pooled<ReleasedGenerative>>,
};

/// `G = ((p0 + lambda) / (p + lambda))^2 I`. A constant in `S` rescales `lambda`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Generative {
    lambda: Positive,
    p0: Positive,
}

impl Default for Generative {
    fn default() -> Self {
        Self { lambda: Positive(1.0), p0: Positive(1.0) }
    }
}

impl Law for Generative {
    const POSITIVE: bool = true;

    fn factor(&self, s: f64) -> f64 {
        let ratio = (self.p0.0 + self.lambda.0) / (libm::exp(-s) + self.lambda.0);
        ratio * ratio
    }

    fn slope(&self, s: f64, factor: f64) -> f64 {
        // p / (p + lambda), without infinity over infinity.
        2.0 * factor / (1.0 + self.lambda.0 * libm::exp(s))
    }
}

/// As [`Generative`], for the product of densities.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReleasedGenerative {
    lambda: Positive,
    p0: Positive,
    #[serde(skip_serializing_if = "none")]
    apart: usize,
}

impl Default for ReleasedGenerative {
    fn default() -> Self {
        let Generative { lambda, p0 } = Generative::default();
        Self { lambda, p0, apart: 0 }
    }
}

impl From<ReleasedGenerative> for Generative {
    fn from(ReleasedGenerative { lambda, p0, .. }: ReleasedGenerative) -> Self {
        Self { lambda, p0 }
    }
}

impl Law for ReleasedGenerative {
    const POSITIVE: bool = true;

    fn factor(&self, s: f64) -> f64 {
        Generative::from(*self).factor(s)
    }

    fn slope(&self, s: f64, factor: f64) -> f64 {
        Generative::from(*self).slope(s, factor)
    }

    fn apart(&self) -> usize {
        self.apart
    }
}
