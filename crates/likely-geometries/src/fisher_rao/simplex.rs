//! Families of counts over categories, in the probabilities of all categories but the last.

use crate::ParameterError;
use crate::parameters::coordinates;
use crate::pointwise::{Part, Pointwise, batched, ends, points, vector};
use likely_core::lanes::{dot, sum};
use likely_core::{ClosedForm, EvalError, Form, Geometry};

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// A fixed number of trials: `n [delta_ij / p_i + 1 / q]`, a part of a sphere.
    Trials,
    /// Trials until the last category occurred so often: `r [delta_ij / (p_i q) + 1 / q^2]`, a part of hyperbolic space.
    Failures,
}

/// The Fisher information of the probabilities `p` of all categories but the last, whose probability is `q = 1 - sum p`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Simplex {
    dim: usize,
    counted: Counted,
    /// `n` or `r`.
    scale: f64,
}

impl Simplex {
    pub(crate) fn new(categories: usize, counted: Counted, scale: f64) -> Result<Self, ParameterError> {
        Ok(Self { dim: coordinates(categories as i128 - 1, 1)?, counted, scale })
    }

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn rest(p: &[f64]) -> f64 {
        1.0 - sum(p, p, |p, _| p)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Pointwise for Simplex {
    #[inline(always)]
    fn dim(&self) -> usize {
        self.dim
    }

    #[inline(always)]
    fn form(&self) -> Form {
        Form::DiagonalPlusLowRank { rank: 1 }
    }

    #[inline(always)]
    fn contains(&self, x: &[f64]) -> bool {
        x.iter().all(|p| *p > 0.0) && Self::rest(x) > 0.0
    }

    fn outside(&self, x: &[f64]) -> String {
        format!(
            "its probabilities must be positive with a sum below one; their sum is {}",
            1.0 - Self::rest(x)
        )
    }

    #[inline(always)]
    fn tensor(&self, x: &[f64], out: Part<'_>) {
        let q = Self::rest(x);
        let (weight, core) = match self.counted {
            Counted::Trials => (self.scale, self.scale / q),
            Counted::Failures => (self.scale / q, self.scale / (q * q)),
        };
        out.main.iter_mut().zip(x).for_each(|(main, p)| *main = weight / p);
        out.factors.fill(1.0);
        out.cores[0] = core;
    }

    #[inline(always)]
    fn squared_norm(&self, x: &[f64], v: &[f64]) -> f64 {
        let q = Self::rest(x);
        let (square, total) = (sum(x, v, |p, v| v * v / p), sum(v, v, |v, _| v));
        match self.counted {
            Counted::Trials => self.scale * (square + total * total / q),
            Counted::Failures => self.scale * (square / q + total * total / (q * q)),
        }
    }

    #[inline(always)]
    fn gradient(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let q = Self::rest(x);
        let total = sum(v, v, |v, _| v);
        let (weight, common) = match self.counted {
            Counted::Trials => (1.0, total * total / (q * q)),
            Counted::Failures => {
                let square = sum(x, v, |p, v| v * v / p);
                (1.0 / q, (square + 2.0 * total * total / q) / (q * q))
            }
        };
        for ((out, p), v) in out.iter_mut().zip(x).zip(v) {
            *out = self.scale * (common - weight * (v / p) * (v / p));
        }
    }

    #[inline(always)]
    fn christoffel(&self, x: &[f64], v: &[f64], out: &mut [f64]) {
        let q = Self::rest(x);
        let total = sum(v, v, |v, _| v);
        let (weight, mixed, common) = match self.counted {
            Counted::Trials => (1.0, 0.0, 0.5 * total * total / (q * q)),
            Counted::Failures => {
                let square = sum(x, v, |p, v| v * v / p);
                (1.0 / q, total / (q * q), (total * total / q - 0.5 * square) / (q * q))
            }
        };
        for ((out, p), v) in out.iter_mut().zip(x).zip(v) {
            let share = v / p;
            *out = self.scale * (common - 0.5 * weight * share * share + mixed * share);
        }
    }
}

impl Geometry for Simplex {
    batched!();

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        Some(self)
    }
}

/// Points as unit vectors of a sphere, or of the hyperboloid `y_0^2 - |y'|^2 = 1` with the last coordinate as `y_0`: the
/// metric is `4 scale` times that of either.
impl Simplex {
    /// `<a, b>` of the sphere or minus that of the hyperboloid, of tangent vectors.
    fn product(self, a: &[f64], b: &[f64]) -> f64 {
        let last = a[self.dim] * b[self.dim];
        dot(&a[..self.dim], &b[..self.dim]) + if self.counted == Counted::Trials { last } else { -last }
    }

    fn lift(self, p: &[f64]) -> Vec<f64> {
        let root = Self::rest(p).sqrt();
        match self.counted {
            Counted::Trials => p.iter().map(|p| p.sqrt()).chain([root]).collect(),
            Counted::Failures => p.iter().map(|p| p.sqrt() / root).chain([1.0 / root]).collect(),
        }
    }

    /// The derivative of [`Simplex::lift`].
    fn push(self, p: &[f64], v: &[f64]) -> Vec<f64> {
        let q = Self::rest(p);
        let (root, total) = (q.sqrt(), sum(v, v, |v, _| v));
        match self.counted {
            Counted::Trials => {
                p.iter().zip(v).map(|(p, v)| 0.5 * v / p.sqrt()).chain([-0.5 * total / root]).collect()
            }
            Counted::Failures => {
                let slope = 0.5 * total / q;
                p.iter()
                    .zip(v)
                    .map(|(p, v)| (0.5 * v / p.sqrt() + slope * p.sqrt()) / root)
                    .chain([slope / root])
                    .collect()
            }
        }
    }

    /// The probabilities of a lifted point, which must have positive coordinates.
    fn drop(self, y: &[f64], out: &mut [f64]) -> bool {
        let last = if self.counted == Counted::Trials { 1.0 } else { y[self.dim] };
        out.iter_mut().zip(y).for_each(|(out, y)| *out = (y / last) * (y / last));
        y.iter().all(|y| *y > 0.0) && self.contains(out)
    }

    /// The derivative of [`Simplex::drop`].
    fn pull(self, y: &[f64], w: &[f64], out: &mut [f64]) {
        let (last, turn) = if self.counted == Counted::Trials {
            (1.0, 0.0)
        } else {
            (y[self.dim], w[self.dim] / y[self.dim])
        };
        for ((out, y), w) in out.iter_mut().zip(y).zip(w) {
            *out = 2.0 * y * (w - turn * y) / (last * last);
        }
    }

    /// The distance of lifted points at scale one, and `cos` or `cosh` of it less one.
    fn angle(self, y: &[f64], z: &[f64]) -> (f64, f64) {
        let difference: Vec<f64> = y.iter().zip(z).map(|(y, z)| z - y).collect();
        let chord = self.product(&difference, &difference).max(0.0).sqrt();
        if self.counted == Counted::Trials {
            let across = sum(y, z, |y, z| (y + z) * (y + z)).sqrt();
            (2.0 * libm::atan2(chord, across), -0.5 * chord * chord)
        } else {
            (2.0 * libm::asinh(0.5 * chord), 0.5 * chord * chord)
        }
    }
}

impl ClosedForm for Simplex {
    fn distance(&self, from: &[f64], to: &[f64]) -> Result<f64, EvalError> {
        ends(self, from, to)?;
        Ok(2.0 * self.scale.sqrt() * self.angle(&self.lift(from), &self.lift(to)).0)
    }

    fn log(&self, from: &[f64], to: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        ends(self, from, to)?;
        vector(self.dim, from, out)?;
        let (y, z) = (self.lift(from), self.lift(to));
        let (angle, excess) = self.angle(&y, &z);
        // z - cos y, of length sin; in differences. The points are never antipodal: all coordinates are positive.
        let mut w: Vec<f64> = y.iter().zip(&z).map(|(y, z)| (z - y) - excess * y).collect();
        let length = self.product(&w, &w).max(0.0).sqrt();
        let weight = if length > 0.0 { angle / length } else { 0.0 };
        for w in &mut w {
            *w *= weight;
        }
        self.pull(&y, &w, out);
        Ok(())
    }

    fn exp(&self, from: &[f64], velocity: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        points(self, from)?;
        vector(self.dim, velocity, out)?;
        let (y, w) = (self.lift(from), self.push(from, velocity));
        let length = self.product(&w, &w).max(0.0).sqrt();
        let (sine, cosine) = if self.counted == Counted::Trials {
            libm::sincos(length)
        } else {
            (libm::sinh(length), libm::cosh(length))
        };
        let weight = if length > 0.0 { sine / length } else { 1.0 };
        let reached: Vec<f64> = y.iter().zip(&w).map(|(y, w)| cosine * y + weight * w).collect();
        // Beyond a half turn a great circle would come back to positive coordinates.
        let within = self.counted == Counted::Failures || length < std::f64::consts::PI;
        if within && self.drop(&reached, out) {
            Ok(())
        } else {
            let reason = "the geodesic leaves the chart: a probability reaches zero on it".to_owned();
            Err(EvalError::OutsideChart { row: 0, reason })
        }
    }
}
