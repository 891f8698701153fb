//! The outer product of the score with itself.

use super::numbers::Positive;
use super::rank_one::RankOne;
use crate::table::derived_from_config;
use crate::{Derive, Derived, Origin};
use likely_core::Geometry;
use serde::{Deserialize, Serialize};

const ID: &str = "density-fisher-rao";

pub(crate) const DERIVED: Derived = Derived {
    id: ID,
    summary: "Squared lengths are squared changes of the log density, and a little more: level curves are short.",
    source: "FisherRao of the authors' public code for arXiv 2510.26266 (torch_geometry)",
    build: derived_from_config::<DensityFisherRao>,
};

/// `G = grad S grad S^T + ridge I`.
///
/// The information of one point, without the expectation that makes it the metric of Fisher and Rao.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DensityFisherRao {
    ridge: Positive,
}

impl Default for DensityFisherRao {
    fn default() -> Self {
        Self { ridge: Positive(1e-4) }
    }
}

impl Derive for DensityFisherRao {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        RankOne::over(ID, potential, self.ridge.0, 1.0)
    }
}
