//! The unit sphere in stereographic coordinates.

use crate::parameters::{Dim, coordinates};
use crate::pointwise::{Linear, Part, Pointwise, batched, ends, fits, points, vector};
use crate::table::from_config;
use crate::{Manifold, ParameterError, Recipe};
use likely_core::lanes::{LANES, Lane, Work, dot, sum, sums, vectorised};
use likely_core::{ClosedForm, Embedding, EvalError, Form, Geometry, Rows};
use serde::{Deserialize, Serialize};

pub(crate) const MANIFOLD: Manifold = Manifold {
    id: "sphere",
    summary: "The unit sphere in stereographic coordinates, projected from the point (-1, 0, ..., 0).",
    source: "nSphere of the authors' public code of arXiv 2510.26266",
    build: from_config::<Settings>,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: Dim,
}

impl Recipe for Settings {
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError> {
        Ok(Box::new(Sphere::new(self.dim.0)?))
    }
}

/// Points whose half angle has a cosine below this count as antipodal: no direction is left in them.
const ANTIPODAL: f64 = 1e-14;

/// The unit sphere of R^(dim + 1) in stereographic coordinates: `f(x) = (1 - s, 2 x) / (1 + s)` with `s = |x|^2`, so
/// `G = 4 / (1 + s)^2 I`.
///
/// The chart is all of R^dim; the sphere has one more point, (-1, 0, ..., 0).
///
/// # Source
/// `nSphere` of the authors' public code of arXiv 2510.26266. Closed forms by Möbius addition, written in differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sphere {
    dim: usize,
}

impl Sphere {
    /// The sphere with `dim` coordinates.
    ///
    /// # Errors
    /// [`ParameterError`] for no coordinate, or more than [`crate::MOST_COORDINATES`].
    pub fn new(dim: usize) -> Result<Self, ParameterError> {
        Ok(Self { dim: coordinates(dim as i128, 1)? })
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Sphere {
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
        dot(x, x) < LARGEST
    }

    fn outside(&self, x: &[f64]) -> String {
        format!(
            "its squared norm {:e} is so large that it is the missing point of the sphere to rounding",
            dot(x, x)
        )
    }

    #[inline(always)]
    fn contains_finite_alone(&self) -> bool {
        true
    }

    #[inline(always)]
    fn checked_norm(&self, x: &[f64], v: &[f64]) -> (f64, bool) {
        let [s, length] = sums(x, v, v, |x, v, _| [x * x, v * v]);
        let q = 1.0 / (1.0 + s);
        (4.0 * q * q * length, s < LARGEST)
    }

    #[inline(always)]
    fn linearise(&self, x: &[f64], v: &[f64], tensor: Part<'_>, out: Linear<'_>) -> bool {
        let [s, length] = sums(x, v, v, |x, v, _| [x * x, v * v]);
        let q = 1.0 / (1.0 + s);
        let factor = 4.0 * q * q;
        tensor.main[0] = factor;
        let weight = -16.0 * q * q * q * length;
        for ((out, lowered), (x, v)) in out.gradient.iter_mut().zip(out.lowered).zip(x.iter().zip(v)) {
            *out = weight * x;
            *lowered = factor * v;
        }
        s < LARGEST
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let q = 1.0 / (1.0 + dot(x, x));
        out.main[0] = 4.0 * q * q;
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let q = 1.0 / (1.0 + dot(x, x));
        4.0 * q * q * dot(v, v)
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let q = 1.0 / (1.0 + dot(x, x));
        let weight = -16.0 * q * q * q * dot(v, v);
        for (out, x) in out.iter_mut().zip(x) {
            *out = weight * x;
        }
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        // grad g = -16 q^3 x, and Gamma = <grad g, v> v - |v|^2 grad g / 2.
        let q = 1.0 / (1.0 + dot(x, x));
        let slope = -16.0 * q * q * q;
        let (along, across) = (slope * dot(x, v), -0.5 * slope * dot(v, v));
        for ((out, x), v) in out.iter_mut().zip(x).zip(v) {
            *out = along * v + across * x;
        }
    }
}

/// Squared norms beyond this have a tensor whose gradient underflows.
const LARGEST: f64 = 1e100;

impl Geometry for Sphere {
    batched!();

    fn rotational(&self, dim: usize) -> Option<Box<dyn Geometry>> {
        Self::new(dim).ok().map(|sphere| Box::new(sphere) as Box<dyn Geometry>)
    }

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }

    fn embedding(&self) -> Option<&dyn Embedding> {
        Some(self)
    }
}

/// Two points as the closed forms need them.
struct Pair {
    /// `1 + |from|^2`.
    scale: f64,
    /// `|to - from|`: the sine of half the angle, times a common factor.
    sine: f64,
    /// The cosine of half the angle, times the same factor.
    cosine: f64,
}

impl Pair {
    fn of(from: &[f64], to: &[f64]) -> Result<Self, EvalError> {
        let scale = 1.0 + dot(from, from);
        let squared = sum(from, to, |a, b| (b - a) * (b - a));
        // |from / r + r to| = sqrt(1 + 2 <from, to> + r^2 |to|^2) without the cancellation near antipodes.
        let r = dot(from, from).sqrt();
        let cosine =
            if r > 0.0 { sum(from, to, |a, b| (a / r + r * b) * (a / r + r * b)).sqrt() } else { 1.0 };
        let sine = squared.sqrt();
        if cosine <= ANTIPODAL * (scale * (1.0 + dot(to, to))).sqrt() {
            return Err(EvalError::CutLocus {
                reason:
                    "the points of the sphere are antipodal, and every great circle through one joins them"
                        .to_owned(),
            });
        }
        Ok(Self { scale, sine, cosine })
    }
}

/// A geodesic from its start: `x + (1 + s) sin (cos u - sin x) / D` at half the angle, with `D` its squared distance from the
/// missing point.
struct Ray<'a> {
    from: &'a [f64],
    /// Euclidean unit vector of the velocity.
    unit: Vec<f64>,
    scale: f64,
    /// Half the angle at time one.
    half_angle: f64,
    /// `<from, unit>`.
    along: f64,
    /// `|from - along unit|^2`.
    across: f64,
}

impl<'a> Ray<'a> {
    fn new(from: &'a [f64], velocity: &[f64]) -> Self {
        let scale = 1.0 + dot(from, from);
        // The largest entry is taken out, so that squares of tiny velocities do not underflow.
        let largest = velocity.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let mut unit = velocity.to_vec();
        let mut norm = 0.0;
        if largest > 0.0 {
            for v in &mut unit {
                *v /= largest;
            }
            let length = dot(&unit, &unit).sqrt();
            for v in &mut unit {
                *v /= length;
            }
            norm = largest * length;
        }
        let along = dot(from, &unit);
        let across = sum(from, &unit, |x, u| (x - along * u) * (x - along * u));
        Self { from, unit, scale, half_angle: norm / scale, along, across }
    }

    fn at(&self, time: f64, row: usize, out: &mut [f64]) -> Result<(), EvalError> {
        let (sine, cosine) = libm::sincos(time * self.half_angle);
        let radial = cosine - sine * self.along;
        let divisor = radial * radial + sine * sine * self.across;
        let weight = self.scale * sine / divisor;
        for ((out, x), u) in out.iter_mut().zip(self.from).zip(&self.unit) {
            *out = x + weight * (cosine * u - sine * x);
        }
        // The cosine of half the angle from the antipode of the missing point is the root of D / (1 + s).
        if divisor > ANTIPODAL * ANTIPODAL * self.scale {
            Ok(())
        } else {
            Err(EvalError::OutsideChart {
                row,
                reason: "the geodesic ends in the missing point of the stereographic chart".to_owned(),
            })
        }
    }
}

/// Logarithms from one point to many, [`LANES`] at a time.
struct Logs<'a> {
    from: &'a [f64],
    to: Rows<'a>,
    out: &'a mut [f64],
}

impl Work for Logs<'_> {
    /// Whether all are good; others are not looked at here.
    type Output = bool;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> bool {
        let dim = self.from.len();
        let scale = 1.0 + dot(self.from, self.from);
        let r = dot(self.from, self.from).sqrt();
        let mut good = true;
        let rows = self.to.values().chunks(LANES * dim).zip(self.out.chunks_mut(LANES * dim));
        for (to, out) in rows {
            let (mut squares, mut cosines, mut norms) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
            for (l, to) in to.chunks_exact(dim).enumerate() {
                for (a, b) in self.from.iter().zip(to) {
                    let across = a / r + r * b;
                    squares[l] += (b - a) * (b - a);
                    cosines[l] += across * across;
                    norms[l] += b * b;
                }
            }
            if r == 0.0 {
                cosines = [1.0; LANES];
            }
            // Lanes without a row must not count as antipodal.
            cosines[to.len() / dim..].fill(1.0);
            let weights = weights(scale, &squares, &cosines);
            for l in 0..LANES {
                good &= cosines[l] > ANTIPODAL * ANTIPODAL * scale * (1.0 + norms[l]);
            }
            for ((to, out), (weight, square)) in
                to.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).zip(weights.iter().zip(&squares))
            {
                for ((out, a), b) in out.iter_mut().zip(self.from).zip(to) {
                    *out = weight * (scale * (b - a) + square * a);
                }
            }
        }
        good
    }
}

/// `1 / (2 k + 1)`: after three halvings a tangent is below 0.2, and this many terms of its angle are all of them to rounding.
const ODD: [f64; 12] = {
    let mut terms = [0.0; 12];
    let mut k = 0;
    while k < terms.len() {
        terms[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    terms
};

/// `scale` times the angle in [0, pi / 2] over sine times cosine, from the squares of both with any common factor.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn weights(scale: f64, sines: &Lane, cosines: &Lane) -> Lane {
    let (mut tangents, mut squares, mut sums, mut products) =
        ([0.0; LANES], [0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for l in 0..LANES {
        let (sine, cosine) = (sines[l].sqrt(), cosines[l].sqrt());
        let half = sine / (cosine + (sines[l] + cosines[l]).sqrt());
        let quarter = half / (1.0 + (1.0 + half * half).sqrt());
        tangents[l] = quarter / (1.0 + (1.0 + quarter * quarter).sqrt());
        squares[l] = tangents[l] * tangents[l];
        products[l] = sine * cosine;
    }
    for odd in ODD.iter().rev() {
        for l in 0..LANES {
            sums[l] = odd - squares[l] * sums[l];
        }
    }
    for l in 0..LANES {
        let weight = scale * 8.0 * tangents[l] * sums[l] / products[l];
        sums[l] = if products[l] > 0.0 { weight } else { 0.0 };
    }
    sums
}

impl ClosedForm for Sphere {
    /// The angle, also of antipodal points.
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        match Pair::of(from, to) {
            Ok(pair) => Ok(2.0 * libm::atan2(pair.sine, pair.cosine)),
            Err(_) => Ok(std::f64::consts::PI),
        }
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.dim, from, out)?;
        let Pair { scale, sine, cosine } = Pair::of(from, to)?;
        // -from (+) to is parallel to m = (1 + s) d + |d|^2 from with d = to - from, and |m| = sine cosine.
        let weight = if sine > 0.0 { scale * libm::atan2(sine, cosine) / (sine * cosine) } else { 0.0 };
        for ((out, a), b) in out.iter_mut().zip(from).zip(to) {
            *out = weight * (scale * (b - a) + sine * sine * a);
        }
        Ok(())
    }

    fn logs(&self, from: &[f64], to: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        fits(to, self.dim, &[(out.len(), self.dim)])?;
        points(self, from)?;
        let inside = points(self, to.values()).is_ok();
        if inside && vectorised(Logs { from, to, out: &mut *out }) {
            return Ok(());
        }
        to.iter().zip(out.chunks_exact_mut(self.dim)).try_for_each(|(to, out)| self.log(from, to, out))
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.dim, velocity, out)?;
        Ray::new(from, velocity).at(1.0, 0, out)
    }

    fn geodesic(&self, from: &[f64], to: &[f64], times: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let mut velocity = vec![0.0; self.dim];
        self.log(from, to, &mut velocity)?;
        let ray = Ray::new(from, &velocity);
        for (row, (time, out)) in times.iter().zip(out.chunks_exact_mut(self.dim)).enumerate() {
            ray.at(*time, row, out)?;
        }
        Ok(())
    }
}

impl Embedding for Sphere {
    fn ambient_dim(&self) -> usize {
        self.dim + 1
    }

    fn map(&self, at: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        fits(at, self.dim, &[(out.len(), self.dim + 1)])?;
        points(self, at.values())?;
        for (x, out) in at.iter().zip(out.chunks_exact_mut(self.dim + 1)) {
            let q = 1.0 / (1.0 + dot(x, x));
            out[0] = (1.0 - dot(x, x)) * q;
            out[1..].iter_mut().zip(x).for_each(|(out, x)| *out = 2.0 * q * x);
        }
        Ok(())
    }
}
