//! The unit sphere in the coordinates of the space around it.

use crate::parameters::{Dim, coordinates};
use crate::pointwise::{Pointwise, batched, ends, fits, flat, points, vector};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::lanes::{dot, sum};
use likely_core::{ClosedForm, EvalError, Geometry, Projection, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "sphere-embedded",
    summary: "The unit sphere in the coordinates of the space around it, which are one more.",
    source: "embedded spheres of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: Dim,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(SphereEmbedded::new(self.dim.0)?))
    }
}

/// How far from one a norm may be for a point to be on the sphere, and how far from a right angle a velocity may be.
const ROUNDING: f64 = 1e-9;
/// Points whose half angle has a cosine below this count as antipodal: no direction is left in them.
const ANTIPODAL: f64 = 1e-14;

/// The unit sphere of R^(dim + 1), in the coordinates of that space: the tensor is the identity, and the projection
/// `x / |x|` says what the manifold is.
///
/// Closed forms take points on the sphere and tangent velocities, both to `1e-9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SphereEmbedded {
    ambient: usize,
}

impl SphereEmbedded {
    /// The sphere of dimension `dim`, in `dim + 1` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for dimension zero, or above [`crate::MOST_COORDINATES`].
    pub fn new(dim: usize) -> Result<Self, ParameterError> {
        Ok(Self { ambient: coordinates(dim as i128, 1)? + 1 })
    }

    fn on_sphere(x: &[f64], row: usize) -> Result<(), EvalError> {
        let norm = dot(x, x).sqrt();
        if (norm - 1.0).abs() <= ROUNDING {
            Ok(())
        } else {
            Err(EvalError::OutsideChart {
                row,
                reason: format!("its norm is {norm}, and on the unit sphere it is 1"),
            })
        }
    }

    fn both(self, from: &[f64], to: &[f64]) -> Result<(f64, f64), EvalError> {
        ends(&self, from, to)?;
        Self::on_sphere(from, 0)?;
        Self::on_sphere(to, 1)?;
        let sine = sum(from, to, |a, b| (b - a) * (b - a)).sqrt();
        let cosine = sum(from, to, |a, b| (b + a) * (b + a)).sqrt();
        Ok((0.5 * sine, 0.5 * cosine))
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for SphereEmbedded {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.ambient
    }

    flat!();
}

impl Geometry for SphereEmbedded {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }

    fn projection(&self) -> Option<&dyn Projection> {
        Some(self)
    }
}

impl ClosedForm for SphereEmbedded {
    /// The angle, also of antipodal points.
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        let (sine, cosine) = self.both(from, to)?;
        Ok(2.0 * libm::atan2(sine, cosine))
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let (sine, cosine) = self.both(from, to)?;
        vector(self.ambient, from, out)?;
        if cosine <= ANTIPODAL {
            return Err(EvalError::CutLocus {
                reason:
                    "the points of the sphere are antipodal, and every great circle through one joins them"
                        .to_owned(),
            });
        }
        // The part of `to` across `from` is to - from + |to - from|^2 / 2 from, of length 2 sine cosine.
        let weight = if sine > 0.0 { libm::atan2(sine, cosine) / (sine * cosine) } else { 0.0 };
        for ((out, a), b) in out.iter_mut().zip(from).zip(to) {
            *out = weight * (b - a + 2.0 * sine * sine * a);
        }
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        Self::on_sphere(from, 0)?;
        vector(self.ambient, velocity, out)?;
        let angle = dot(velocity, velocity).sqrt();
        let along = dot(from, velocity);
        if along.abs() > ROUNDING * angle.max(1.0) {
            let reason = format!("the velocity is not tangent to the sphere: along the point it has {along}");
            return Err(EvalError::OutsideChart { row: 0, reason });
        }
        let (sine, cosine) = libm::sincos(angle);
        let weight = if angle > 0.0 { sine / angle } else { 1.0 };
        for ((out, x), v) in out.iter_mut().zip(from).zip(velocity) {
            *out = cosine * x + weight * v;
        }
        Ok(())
    }
}

impl SphereEmbedded {
    fn norm(x: &[f64], row: usize) -> Result<f64, EvalError> {
        let norm = dot(x, x).sqrt();
        if norm > 0.0 && norm.is_finite() {
            Ok(norm)
        } else {
            let reason = format!("its norm is {norm}, so no point of the sphere is nearest to it");
            Err(EvalError::OutsideChart { row, reason })
        }
    }
}

impl Projection for SphereEmbedded {
    fn project(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        fits(at, self.ambient, &[(out.len(), self.ambient)])?;
        points(self, at.values())?;
        for (row, (x, out)) in at.iter().zip(out.chunks_exact_mut(self.ambient)).enumerate() {
            let norm = Self::norm(x, row)?;
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x / norm);
        }
        Ok(())
    }

    fn pull_back(&self, at: Rows<'_>, covectors: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        fits(at, self.ambient, &[(covectors.len(), self.ambient), (out.len(), self.ambient)])?;
        points(self, at.values())?;
        let rows = at.iter().zip(covectors.chunks_exact(self.ambient));
        for (row, ((x, w), out)) in rows.zip(out.chunks_exact_mut(self.ambient)).enumerate() {
            let norm = Self::norm(x, row)?;
            let along = dot(x, w) / norm / norm;
            for ((out, x), w) in out.iter_mut().zip(x).zip(w) {
                *out = (w - along * x) / norm;
            }
        }
        Ok(())
    }
}
