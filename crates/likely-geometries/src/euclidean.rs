//! Flat space.

use crate::parameters::Dim;
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::{Euclidean, Geometry};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "euclidean",
    summary: "Flat space: the identity at every point.",
    source: "nEuclidean of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: Dim,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Euclidean::new(self.dim.0)))
    }
}
