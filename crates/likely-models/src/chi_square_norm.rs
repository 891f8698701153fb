//! The chi-square law of the squared norm: the prior of noise space.

use crate::radial_curvature::{self, RadialProfile};
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::lanes::{LANES, Lane, Work, vectorised};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Radial, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::num::NonZeroU32;

pub(crate) const MODEL: Model = Model {
    id: "chi-square-norm",
    summary: "The chi-square density of the squared norm, the prior of noise space.",
    source: "prior of the image experiments of arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: NonZeroU32,
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(<toml::de::Error as serde::de::Error>::custom)?;
    Ok(Built {
        potential: Box::new(ChiSquareNorm::new(settings.dim)),
        flow: None,
        images: None,
        resolved,
        facts: Vec::new(),
    })
}

/// `S(x) = -log chi2_d(|x|^2) = |x|^2 / 2 - (d/2 - 1) log |x|^2 + (d/2) log 2 + log Gamma(d/2)`.
///
/// A standard normal vector in `d` dimensions has a squared norm with this density. It is a density of the squared norm
/// and not of `x` (over R^d its integral is not one), so it is [`Normalisation::UpToConstant`]: no log-likelihood of `x`
/// follows from it. Its gradient is `(1 - (d - 2) / |x|^2) x`; for `d > 2` it is smallest where `|x|^2 = d - 2`.
///
/// At `x = 0` the value is what the formula tends to: infinity for `d > 2`, `log 2` for `d = 2`, minus infinity for
/// `d = 1`. The gradient there is NaN, for no direction is singled out, except for `d = 2`, where it is zero. Where the
/// squared norm overflows, the value is infinity.
///
/// # Source
/// The prior of the image experiments of arXiv 2510.26266 in the authors' public code (`chi2_reg`).
#[derive(Debug, Clone, PartialEq)]
pub struct ChiSquareNorm {
    dim: usize,
    /// `d - 2`, where the density is largest for d > 2.
    mode: f64,
    /// `S` at the mode for d > 2; the constant of `S` otherwise.
    constant: f64,
}

impl ChiSquareNorm {
    /// The chi-square law with `dim` degrees of freedom, over R^dim.
    pub fn new(dim: NonZeroU32) -> Self {
        let d = f64::from(dim.get());
        let half = 0.5 * d;
        let constant = if dim.get() > 2 {
            std::f64::consts::LN_2 + log_gamma_above_its_leading_terms(half - 1.0)
        } else {
            half * std::f64::consts::LN_2 + libm::lgamma(half)
        };
        Self { dim: dim.get() as usize, mode: d - 2.0, constant }
    }

    /// `S` as a function of the squared norm.
    fn at(&self, q: f64) -> f64 {
        if self.mode > 0.0 {
            if q >= f64::MAX {
                return q;
            }
            // Measured from the mode, because the terms of the definition are of size d log d and cancel.
            let t = (q - self.mode) / self.mode;
            let log = if t.abs() < 0.5 { libm::log1p(t) } else { libm::log(q / self.mode) };
            0.5 * self.mode * (t - log) + self.constant
        } else if self.mode < 0.0 {
            0.5 * q + 0.5 * libm::log(q) + self.constant
        } else {
            0.5 * q + self.constant
        }
    }

    /// The factor of `x` in the gradient.
    fn factor(&self, q: f64) -> f64 {
        if self.dim == 2 || q >= f64::MAX { 1.0 } else { (q - self.mode) / q }
    }

    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        if points.ncols() == self.dim {
            Ok(())
        } else {
            Err(EvalError::Dimension { expected: self.dim, found: points.ncols() })
        }
    }
}

/// `log Gamma(n + 1) - n log n + n`, without cancellation at large `n`.
fn log_gamma_above_its_leading_terms(n: f64) -> f64 {
    if n < 16.0 {
        return libm::lgamma(n + 1.0) - n * libm::log(n) + n;
    }
    // Stirling's series; its next term is below 1e-15 from 16 on.
    let q = 1.0 / (n * n);
    let series = (((1.0 / 1188.0 * q - 1.0 / 1680.0) * q + 1.0 / 1260.0) * q - 1.0 / 360.0) * q + 1.0 / 12.0;
    0.5 * libm::log(std::f64::consts::TAU * n) + series / n
}

/// Partial sums of a squared norm: enough to keep the vector units busy, and always added up in the same order.
const SUMS: usize = 4;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn squared_norm(x: &[f64]) -> f64 {
    let mut sums: [Lane; SUMS] = [[0.0; LANES]; SUMS];
    let mut chunks = x.chunks_exact(SUMS * LANES);
    for chunk in &mut chunks {
        for (sum, part) in sums.iter_mut().zip(chunk.chunks_exact(LANES)) {
            for (s, x) in sum.iter_mut().zip(part) {
                *s += x * x;
            }
        }
    }
    for (sum, part) in sums.iter_mut().zip(chunks.remainder().chunks(LANES)) {
        for (s, x) in sum.iter_mut().zip(part) {
            *s += x * x;
        }
    }
    sums.iter().flatten().sum()
}

fn contiguous(row: ArrayView1<'_, f64>) -> Cow<'_, [f64]> {
    row.to_slice().map_or_else(|| Cow::Owned(row.to_vec()), Cow::Borrowed)
}

/// The value at one point and, where wanted, its gradient, pushed to the end of `grad`.
struct AtPoint<'a> {
    law: &'a ChiSquareNorm,
    x: &'a [f64],
    grad: Option<&'a mut Vec<f64>>,
}

impl Work for AtPoint<'_> {
    type Output = f64;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> f64 {
        let q = squared_norm(self.x);
        if let Some(grad) = self.grad {
            let factor = self.law.factor(q);
            grad.extend(self.x.iter().map(|x| factor * x));
        }
        self.law.at(q)
    }
}

impl Potential for ChiSquareNorm {
    fn dim(&self) -> usize {
        self.dim
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::Radial(self)
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.check(&points)?;
        let value = |row| vectorised(AtPoint { law: self, x: &contiguous(row), grad: None });
        Ok(points.outer_iter().map(value).collect())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.check(&points)?;
        let mut value = Vec::with_capacity(points.nrows());
        let mut grad = Vec::with_capacity(points.len());
        for row in points.outer_iter() {
            let x = contiguous(row);
            value.push(vectorised(AtPoint { law: self, x: &x, grad: Some(&mut grad) }));
        }
        let grad =
            Array2::from_shape_vec(points.raw_dim(), grad).expect("one number was pushed a coordinate");
        Ok(ValueGrad { value: value.into(), grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl Curvature for ChiSquareNorm {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        radial_curvature::hessian(self, points.with_dim(self.dim)?, out);
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        u: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        radial_curvature::hessian_gradient(self, points.with_dim(self.dim)?, u, v, out);
        Ok(())
    }

    fn hessian_vector(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        radial_curvature::hessian_vector(self, points.with_dim(self.dim)?, v, out);
        Ok(())
    }
}

impl RadialProfile for ChiSquareNorm {
    /// `f = 1 - (d - 2) / q` and its derivatives.
    fn gradient_factor(&self, q: f64) -> [f64; 3] {
        if self.dim == 2 || q >= f64::MAX {
            return [1.0, 0.0, 0.0];
        }
        let slope = self.mode / q / q;
        [self.factor(q), slope, -2.0 * slope / q]
    }
}

impl Radial for ChiSquareNorm {
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        for (value, &q) in values.iter_mut().zip(squared_norms) {
            *value = self.at(q);
        }
        if let Some(slopes) = slopes {
            for (slope, &q) in slopes.iter_mut().zip(squared_norms) {
                *slope = 0.5 * self.factor(q);
            }
        }
    }
}
