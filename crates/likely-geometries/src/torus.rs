//! The torus in its two angles.

use crate::parameters::positive;
use crate::pointwise::{Linear, Part, Pointwise, batched, fits, points};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::{Embedding, EvalError, Form, Geometry, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "torus",
    summary: "The torus in its angles: first around the tube, then around the axis.",
    source: "T2 of the authors' public code of arXiv 2510.26266",
    build: from_config::<Torus>,
};

impl Recipe for Torus {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(*self))
    }
}

/// `f(a, b) = ((R + r cos a) cos b, (R + r cos a) sin b, r sin a)`, so `G = diag(r^2, (R + r cos a)^2)`.
///
/// The chart is all of the plane: angles are not wrapped, so `(0, 0)` and `(0, 2 pi)` are two points of it.
///
/// # Source
/// `T2` of the authors' public code of arXiv 2510.26266.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Radii", into = "Radii")]
pub struct Torus {
    major: f64,
    minor: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Radii {
    major: f64,
    minor: f64,
}

impl Default for Radii {
    fn default() -> Self {
        Self { major: 3.0, minor: 1.0 }
    }
}

impl TryFrom<Radii> for Torus {
    type Error = ParameterError;

    fn try_from(radii: Radii) -> Result<Self, ParameterError> {
        Self::new(radii.major, radii.minor)
    }
}

impl From<Torus> for Radii {
    fn from(torus: Torus) -> Self {
        Self { major: torus.major, minor: torus.minor }
    }
}

impl Torus {
    /// The torus with a tube of radius `minor` around a circle of radius `major`.
    ///
    /// # Errors
    /// [`ParameterError`] unless `0 < minor < major`: else the tube meets the axis, where the tensor is singular.
    pub fn new(major: f64, minor: f64) -> Result<Self, ParameterError> {
        positive("major", major)?;
        positive("minor", minor)?;
        if minor < major {
            Ok(Self { major, minor })
        } else {
            let reason = format!(
                "minor is {minor} and major {major}; minor must be less, or the tube meets the axis of the torus"
            );
            Err(ParameterError::Other { reason })
        }
    }

    /// Half the derivative of `(R + r cos a)^2`.
    #[inline]
    fn half_slope(self, angle: f64) -> f64 {
        let (sine, cosine) = libm::sincos(angle);
        -(self.major + self.minor * cosine) * self.minor * sine
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Torus {
    #[inline(always)]
    fn dim(&self) -> usize {
        2
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::Diagonal
    }

    #[inline(always)]
    fn contains(&self, _: &[f64]) -> bool {
        true
    }

    fn outside(&self, _: &[f64]) -> String {
        String::new()
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let radius = self.major + self.minor * libm::cos(x[0]);
        out.main[0] = self.minor * self.minor;
        out.main[1] = radius * radius;
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let (tube, axis) = (self.minor * v[0], (self.major + self.minor * libm::cos(x[0])) * v[1]);
        tube * tube + axis * axis
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        out[0] = 2.0 * self.half_slope(x[0]) * v[1] * v[1];
        out[1] = 0.0;
    }

    #[inline(always)]
    fn linearise(&self, x: &[f64], v: &[f64], tensor: Part<'_>, out: Linear<'_>) -> bool {
        let (sine, cosine) = libm::sincos(x[0]);
        let radius = self.major + self.minor * cosine;
        tensor.main[0] = self.minor * self.minor;
        tensor.main[1] = radius * radius;
        // The same products in the same order as one by one, so that the bits are the same.
        out.gradient[0] = 2.0 * (-radius * self.minor * sine) * v[1] * v[1];
        out.gradient[1] = 0.0;
        out.lowered[0] = tensor.main[0] * v[0];
        out.lowered[1] = tensor.main[1] * v[1];
        self.contains(x)
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let slope = self.half_slope(x[0]);
        out[0] = -slope * v[1] * v[1];
        out[1] = 2.0 * slope * v[0] * v[1];
    }
}

impl Geometry for Torus {
    batched!();

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

impl Embedding for Torus {
    fn ambient_dim(&self) -> usize {
        3
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        fits(at, 2, &[(out.len(), 3)])?;
        points(self, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(3)) {
            let ((sin_a, cos_a), (sin_b, cos_b)) = (libm::sincos(x[0]), libm::sincos(x[1]));
            let radius = self.major + self.minor * cos_a;
            out.copy_from_slice(&[radius * cos_b, radius * sin_b, self.minor * sin_a]);
        }
        Ok(())
    }
}
