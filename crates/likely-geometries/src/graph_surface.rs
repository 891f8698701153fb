//! Named surfaces that are graphs of a height.

use crate::graph::{Graph, Height};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::Geometry;
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "graph",
    summary: "The graph of a named height over the plane.",
    source: "surface of conceptual_illustrations.ipynb of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Surface {
    BumpsAndWaves,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    surface: Surface,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        match self.surface {
            Surface::BumpsAndWaves => Ok(Box::new(Graph::new(BumpsAndWaves))),
        }
    }
}

/// `h(u, v) = exp(-u^2 - v^2) + 0.2 sin(3 u) cos(3 v)`.
///
/// # Source
/// The surface of `conceptual_illustrations.ipynb` of the authors' public code of arXiv 2510.26266.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BumpsAndWaves;

/// Amplitude of the waves.
const HEIGHT: f64 = 0.2;
/// Their frequency along both axes.
const FREQUENCY: f64 = 3.0;

/// The bump, and the products of sines and cosines, at a point.
struct Waves {
    bump: f64,
    sin_cos: f64,
    cos_cos: f64,
    sin_sin: f64,
    cos_sin: f64,
}

impl BumpsAndWaves {
    #[inline]
    fn waves(x: &[f64]) -> Waves {
        let ((sin_u, cos_u), (sin_v, cos_v)) =
            (libm::sincos(FREQUENCY * x[0]), libm::sincos(FREQUENCY * x[1]));
        Waves {
            bump: libm::exp(-x[0] * x[0] - x[1] * x[1]),
            sin_cos: HEIGHT * sin_u * cos_v,
            cos_cos: HEIGHT * FREQUENCY * cos_u * cos_v,
            sin_sin: HEIGHT * FREQUENCY * sin_u * sin_v,
            cos_sin: HEIGHT * FREQUENCY * FREQUENCY * cos_u * sin_v,
        }
    }

    #[inline]
    fn slopes(x: &[f64], waves: &Waves) -> [f64; 2] {
        [-2.0 * x[0] * waves.bump + waves.cos_cos, -2.0 * x[1] * waves.bump - waves.sin_sin]
    }

    /// `h_uu`, `h_uv`, `h_vv`.
    #[inline]
    fn hessian(x: &[f64], waves: &Waves) -> [f64; 3] {
        let wave = FREQUENCY * FREQUENCY * waves.sin_cos;
        [
            (4.0 * x[0] * x[0] - 2.0) * waves.bump - wave,
            4.0 * x[0] * x[1] * waves.bump - waves.cos_sin,
            (4.0 * x[1] * x[1] - 2.0) * waves.bump - wave,
        ]
    }
}

#[expect(clippy::inline_always, reason = "inlined into the loops of the graph")]
impl Height for BumpsAndWaves {
    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn value(&self, x: &[f64]) -> f64 {
        let waves = Self::waves(x);
        waves.bump + waves.sin_cos
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&Self::slopes(x, &Self::waves(x)));
    }

    #[inline(always)]
    fn slope(&self, x: &[f64], v: &[f64]) -> f64 {
        let [u, w] = Self::slopes(x, &Self::waves(x));
        u * v[0] + w * v[1]
    }

    #[inline(always)]
    fn hessian_times(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        self.slope_and_hessian_times(x, v, out);
    }

    #[inline(always)]
    fn curvature(&self, x: &[f64], v: &[f64]) -> f64 {
        let [a, c, b] = Self::hessian(x, &Self::waves(x));
        a * v[0] * v[0] + 2.0 * c * v[0] * v[1] + b * v[1] * v[1]
    }

    #[inline(always)]
    fn slope_and_hessian_times(&self, x: &[f64], v: &[f64], out: &mut [f64]) -> f64 {
        self.gradient_and_hessian_times(x, v, &mut [0.0; 2], out)
    }

    #[inline(always)]
    fn gradient_and_hessian_times(&self, x: &[f64], v: &[f64], gradient: &mut [f64], out: &mut [f64]) -> f64 {
        let waves = Self::waves(x);
        let ([u, w], [a, c, b]) = (Self::slopes(x, &waves), Self::hessian(x, &waves));
        gradient.copy_from_slice(&[u, w]);
        out.copy_from_slice(&[a * v[0] + c * v[1], c * v[0] + b * v[1]]);
        u * v[0] + w * v[1]
    }
}
