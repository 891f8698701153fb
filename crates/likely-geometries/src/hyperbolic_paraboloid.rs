//! The hyperbolic paraboloid, a saddle.

use crate::graph::{Graph, Height};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::Geometry;
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "hyperbolic-paraboloid",
    summary: "The saddle that is the graph of u^2 - v^2.",
    source: "HyperbolicParaboloid of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Graph::new(Saddle)))
    }
}

/// `h(u, v) = u^2 - v^2`.
///
/// # Source
/// `HyperbolicParaboloid` of the authors' public code of arXiv 2510.26266.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saddle;

#[expect(clippy::inline_always, reason = "inlined into the loops of the graph")]
impl Height for Saddle {
    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0] - x[1] * x[1]
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], out: &mut [f64]) {
        out[0] = 2.0 * x[0];
        out[1] = -2.0 * x[1];
    }

    #[inline(always)]
    fn slope(&self, x: &[f64], v: &[f64]) -> f64 {
        2.0 * (x[0] * v[0] - x[1] * v[1])
    }

    #[inline(always)]
    fn hessian_times(&self, _: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = 2.0 * v[0];
        out[1] = -2.0 * v[1];
    }

    #[inline(always)]
    fn curvature(&self, _: &[f64], v: &[f64]) -> f64 {
        2.0 * (v[0] * v[0] - v[1] * v[1])
    }
}
