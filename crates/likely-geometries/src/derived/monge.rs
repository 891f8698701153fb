//! The metric of the graph of the log density.

use super::numbers::Positive;
use super::rank_one::RankOne;
use crate::table::derived_from_config;
use crate::{Derive, Derived, Origin};
use likely_core::Geometry;
use serde::{Deserialize, Serialize};

const ID: &str = "monge";

pub(crate) const DERIVED: Derived = Derived {
    id: ID,
    summary: "Lengths on the graph of the log density, raised by alpha: short where the density is level.",
    source: "MongeMetric of the authors' public code for arXiv 2510.26266, as corrected in its last version",
    build: derived_from_config::<Monge>,
};

/// `G = I + alpha^2 grad S grad S^T`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Monge {
    alpha: Positive,
}

impl Default for Monge {
    fn default() -> Self {
        Self { alpha: Positive(1.0) }
    }
}

impl Derive for Monge {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        RankOne::over(ID, potential, 1.0, self.alpha.0 * self.alpha.0)
    }
}
