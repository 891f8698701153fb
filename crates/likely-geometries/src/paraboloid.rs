//! The paraboloid.

use crate::graph::{Graph, Height};
use crate::parameters::{Dim, coordinates};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::Geometry;
use likely_core::lanes::dot;
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "paraboloid",
    summary: "The graph of the squared norm.",
    source: "nParaboloid of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: Dim,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Graph::new(SquaredNorm::new(self.dim.0)?)))
    }
}

/// `h(x) = |x|^2`, whose graph has `G = I + 4 x x^T`.
///
/// # Source
/// `nParaboloid` of the authors' public code of arXiv 2510.26266.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SquaredNorm {
    dim: usize,
}

impl SquaredNorm {
    /// The squared norm of `dim` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for no coordinate, or more than [`crate::MOST_COORDINATES`].
    pub fn new(dim: usize) -> Result<Self, ParameterError> {
        Ok(Self { dim: coordinates(dim as i128, 1)? })
    }
}

#[expect(clippy::inline_always, reason = "inlined into the loops of the graph")]
impl Height for SquaredNorm {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    fn value(&self, x: &[f64]) -> f64 {
        dot(x, x)
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(x).for_each(|(out, x)| *out = 2.0 * x);
    }

    #[inline(always)]
    fn slope(&self, x: &[f64], v: &[f64]) -> f64 {
        2.0 * dot(x, v)
    }

    #[inline(always)]
    fn hessian_times(&self, _: &[f64], v: &[f64], out: &mut [f64]) {
        out.iter_mut().zip(v).for_each(|(out, v)| *out = 2.0 * v);
    }

    #[inline(always)]
    fn curvature(&self, _: &[f64], v: &[f64]) -> f64 {
        2.0 * dot(v, v)
    }
}
