//! Hyperbolic space as the upper half-space.

use crate::half_space;
use crate::parameters::{Dim, coordinates};
use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::lanes::dot;
use likely_core::{ClosedForm, EvalError, Form, Geometry};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "hyperbolic",
    summary: "Hyperbolic space as the upper half-space, with the height as the last coordinate.",
    source: "the half-space model; B. Iversen, Hyperbolic Geometry, chapter II",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: Dim,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Hyperbolic::new(self.dim.0)?))
    }
}

/// Hyperbolic space of curvature -1: `G = I / y^2` with `y > 0` the last coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hyperbolic {
    dim: usize,
}

impl Hyperbolic {
    /// Hyperbolic space with `dim` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for no coordinate, or more than [`crate::MOST_COORDINATES`].
    pub fn new(dim: usize) -> Result<Self, ParameterError> {
        Ok(Self { dim: coordinates(dim as i128, 1)? })
    }
}

/// Heights from here to its reciprocal have tensors and gradients that neither overflow nor vanish.
const LOWEST: f64 = 1e-100;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Hyperbolic {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::Conformal
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        let height = x[x.len() - 1];
        height > LOWEST && height < 1.0 / LOWEST
    }

    fn outside(&self, x: &[f64]) -> String {
        format!(
            "its last coordinate is {:e}, where a positive one is needed (between {LOWEST:e} and {:e})",
            x[x.len() - 1],
            1.0 / LOWEST
        )
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let height = x[x.len() - 1];
        out.main[0] = 1.0 / (height * height);
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let height = x[x.len() - 1];
        dot(v, v) / (height * height)
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let last = x.len() - 1;
        out.fill(0.0);
        out[last] = -2.0 * dot(v, v) / (x[last] * x[last] * x[last]);
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let last = x.len() - 1;
        let weight = 1.0 / (x[last] * x[last] * x[last]);
        let along = -2.0 * weight * v[last];
        out.iter_mut().zip(v).for_each(|(out, v)| *out = along * v);
        out[last] += weight * dot(v, v);
    }
}

impl Geometry for Hyperbolic {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

impl ClosedForm for Hyperbolic {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        Ok(half_space::distance(from, to))
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.dim, from, out)?;
        half_space::log(from, to, out);
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.dim, velocity, out)?;
        if half_space::exp(from, velocity, out) && self.contains(out) {
            Ok(())
        } else {
            let reason = "the geodesic ends so near the boundary that its height has no digits".to_owned();
            Err(EvalError::OutsideChart { row: 0, reason })
        }
    }
}
