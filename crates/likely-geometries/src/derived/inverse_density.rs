//! Lengths divided by the density.

use super::conformal::{Law, Pointwise, Pooled};
use super::numbers::none;
use crate::Derived;
use crate::table::derived_from_config;
use serde::{Deserialize, Serialize};

pub(crate) const DERIVED: Derived = Derived {
    id: "inverse-density",
    summary: "Lengths are divided by the density of the point, so that short curves are likely ones.",
    source: "InverseDensity of the authors' public code for arXiv 2510.26266, at each point",
    build: derived_from_config::<Pointwise<InverseDensity>>,
};

pub(crate) const RELEASED: Derived = Derived {
    id: "inverse-density-released",
    summary: "Lengths are divided by the product of the densities of all points of a call: flat space in another unit.",
    source: "InverseDensity of the authors' public code for arXiv 2510.26266, with log_prob as run_gen2d_geometry.py sums it",
    build: derived_from_config::<Pooled<ReleasedDensity>>,
};

/// `G = p^-2 I = exp(2 S) I`. A constant in `S` is a unit of length.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InverseDensity {}

impl Law for InverseDensity {
    const POSITIVE: bool = true;

    fn factor(&self, s: f64) -> f64 {
        libm::exp(2.0 * s)
    }

    fn slope(&self, _: f64, factor: f64) -> f64 {
        2.0 * factor
    }
}

/// As [`InverseDensity`], for the product of densities.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleasedDensity {
    #[serde(default, skip_serializing_if = "none")]
    apart: usize,
}

impl Law for ReleasedDensity {
    const POSITIVE: bool = true;

    fn factor(&self, s: f64) -> f64 {
        InverseDensity {}.factor(s)
    }

    fn slope(&self, s: f64, factor: f64) -> f64 {
        InverseDensity {}.slope(s, factor)
    }

    fn apart(&self) -> usize {
        self.apart
    }
}
