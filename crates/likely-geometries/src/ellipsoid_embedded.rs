//! The ellipsoid in the coordinates of the space around it.

use crate::ellipsoid::{Axes, check_axes};
use crate::pointwise::{Pointwise, batched, fits, flat, points};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::lanes::dot;
use likely_core::{EvalError, Geometry, Projection, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "ellipsoid-embedded",
    summary: "The ellipsoid in the coordinates of the space around it, projected to its nearest point.",
    source: "the embedded method of arXiv 2510.26266; nearest points as in D. Eberly, Distance from a Point to an Ellipsoid",
    build: from_config::<Settings>,
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Settings(Axes);

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(EllipsoidEmbedded::new(&self.0.0)?))
    }
}

/// The ellipsoid `sum_i (y_i / p_i)^2 = 1` in the coordinates of the space around it: the tensor is the identity, and the
/// projection to the nearest point says what the manifold is.
///
/// The nearest point of `x` is `y_i = p_i^2 x_i / (p_i^2 + t)` with the largest root `t` of
/// `sum_i p_i^2 x_i^2 / (p_i^2 + t)^2 = 1`. The sum falls and is convex above `-min p^2`, so Newton's steps from the left
/// climb to the root and cannot pass it; `t` is counted from there, so that points deep inside keep their digits. There is no single nearest point where `x` is inside and too far from the
/// surface along an axis that it has no coordinate on; the centre is such a point.
#[derive(Debug, Clone, PartialEq)]
pub struct EllipsoidEmbedded {
    axes: Vec<f64>,
    squares: Vec<f64>,
    /// Squares of the semi-axes less the least of them.
    gaps: Vec<f64>,
}

/// More steps than Newton's method needs from where it starts.
const MOST_STEPS: usize = 200;

impl EllipsoidEmbedded {
    /// The ellipsoid with the given semi-axes.
    ///
    /// # Errors
    /// [`ParameterError`] for fewer than two semi-axes, or one that is not a positive finite number.
    pub fn new(semi_axes: &[f64]) -> Result<Self, ParameterError> {
        check_axes(semi_axes)?;
        let squares: Vec<f64> = semi_axes.iter().map(|p| p * p).collect();
        let least = semi_axes.iter().fold(f64::INFINITY, |least, p| least.min(*p));
        let gaps = semi_axes.iter().map(|p| (p - least) * (p + least)).collect();
        Ok(Self { axes: semi_axes.to_vec(), squares, gaps })
    }

    /// The multiplier of the nearest point, `t + min p^2`.
    fn multiplier(&self, x: &[f64], row: usize) -> Result<f64, EvalError> {
        // Here every term of the sum is at most one, and one of them is one.
        let products = self.axes.iter().zip(&self.gaps).zip(x).map(|((p, gap), x)| p * x.abs() - gap);
        let mut t = products.fold(0.0, f64::max);
        for _ in 0..MOST_STEPS {
            let (excess, slope) = self.excess(x, t);
            if excess <= 0.0 {
                if t > 0.0 {
                    return Ok(t);
                }
                break;
            }
            let next = t + excess / slope;
            if !next.is_finite() {
                break;
            }
            if next <= t {
                return Ok(t);
            }
            t = next;
        }
        let reason = "no single point of the ellipsoid is nearest to it".to_owned();
        Err(EvalError::OutsideChart { row, reason })
    }

    /// `sum p^2 x^2 / (gap + t)^2 - 1`, and minus its derivative.
    fn excess(&self, x: &[f64], t: f64) -> (f64, f64) {
        let (mut sum, mut slope) = (-1.0, 0.0);
        let entries = x.iter().zip(&self.squares).zip(&self.gaps);
        for ((x, square), gap) in entries.filter(|((x, _), _)| x.abs() > 0.0) {
            let inverse = 1.0 / (gap + t);
            let term = square * x * x * inverse * inverse;
            sum += term;
            slope += 2.0 * term * inverse;
        }
        (sum, slope)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for EllipsoidEmbedded {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.axes.len()
    }

    flat!();
}

impl Geometry for EllipsoidEmbedded {
    batched!();

    fn projection(&self) -> Option<&dyn Projection> {
        Some(self)
    }
}

impl Projection for EllipsoidEmbedded {
    fn project(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.axes.len();
        fits(at, dim, &[(out.len(), dim)])?;
        points(self, at.values())?;
        for (row, (x, out)) in at.iter().zip(out.chunks_exact_mut(dim)).enumerate() {
            let t = self.multiplier(x, row)?;
            for (((out, x), square), gap) in out.iter_mut().zip(x).zip(&self.squares).zip(&self.gaps) {
                *out = square * x / (gap + t);
            }
        }
        Ok(())
    }

    fn pull_back(&self, at: Rows<'_>, covectors: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = self.axes.len();
        fits(at, dim, &[(covectors.len(), dim), (out.len(), dim)])?;
        points(self, at.values())?;
        let mut normal = vec![0.0; dim];
        let rows = at.iter().zip(covectors.chunks_exact(dim)).zip(out.chunks_exact_mut(dim));
        for (row, ((x, w), out)) in rows.enumerate() {
            let t = self.multiplier(x, row)?;
            // dy = A dx - u dt with A = diag(p^2 / (gap + t)), u = p^2 x / (gap + t)^2, and dt = <u, dx> / s: symmetric.
            for (((normal, x), square), gap) in normal.iter_mut().zip(x).zip(&self.squares).zip(&self.gaps) {
                *normal = square * x / ((gap + t) * (gap + t));
            }
            let s = 0.5 * self.excess(x, t).1;
            let along = dot(&normal, w) / s;
            let axes = self.squares.iter().zip(&self.gaps);
            for (((out, w), u), (square, gap)) in out.iter_mut().zip(w).zip(&normal).zip(axes) {
                *out = square * w / (gap + t) - along * u;
            }
        }
        Ok(())
    }
}
