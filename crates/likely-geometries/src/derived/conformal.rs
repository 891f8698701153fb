//! Geometries `c(S(x)) I`: a multiple of the identity by a function of the potential.

use crate::{Derive, Origin};
use likely_core::{EvalError, Form, Geometry, Potential, Rows, Tensors, ValueGrad};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// The factor of the identity as a function of `S`.
pub(super) trait Law: fmt::Debug + Copy + Send + Sync + 'static {
    /// Whether the factor is positive at every finite `S`, so that zero can only be underflow.
    const POSITIVE: bool;

    /// `c(S)`.
    fn factor(&self, s: f64) -> f64;

    /// `c'(S)`, given `c(S)`.
    fn slope(&self, s: f64, factor: f64) -> f64;

    /// Rows at the start of a call that a pooled factor counts among themselves, apart from the others.
    fn apart(&self) -> usize {
        0
    }
}

/// The factor at each point by the density of that point.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Pointwise<L>(L);

/// One factor for all rows of a call, by the product of their densities: `c(sum_i S(x_i))`.
///
/// The solvers of the authors' public code ask for the tensor at the fixed end of a curve, or at all data of a mean, in a
/// call of its own: with `apart` rows at the start of a call taken by themselves, one call does the same.
///
/// # Source
/// `run_gen2d_geometry.py` of the authors' public code hands a `log_prob` that is summed over its rows to these metrics;
/// `ProbGEORCE_Adaptive` and `ProbGEORCEFM_Adaptive` evaluate `G0` apart.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Pooled<L>(L);

impl<L: Law> Derive for Pointwise<L> {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        Ok(Box::new(Conformal { potential, law: self.0, pooled: false }))
    }
}

impl<L: Law> Derive for Pooled<L> {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        Ok(Box::new(Conformal { potential, law: self.0, pooled: true }))
    }
}

/// `G(x) = c(S(x)) I`; pooled, `G(x_j) = c(sum_i S(x_i)) I` over the rows of the call, or of its part.
///
/// Pooled rows are not independent: gradients are those of the sum of `<v_i, G v_i>` over all rows, which is what a solver
/// descends, and include what a row does to the tensors of the others.
struct Conformal<'a, L> {
    potential: &'a dyn Potential,
    law: L,
    pooled: bool,
}

/// The rows as the view that potentials take.
pub(super) fn view(at: Rows<'_>) -> Result<ArrayView2<'_, f64>, EvalError> {
    ArrayView2::from_shape((at.count(), at.dim()), at.values()).map_err(|_| EvalError::Layout)
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<L: Law> Conformal<'_, L> {
    /// `c` at a value of the potential, which must be a positive number.
    fn factor(&self, row: usize, s: f64) -> Result<f64, EvalError> {
        let factor = self.law.factor(s);
        if factor > 0.0 && factor.is_finite() {
            return Ok(factor);
        }
        if L::POSITIVE || !factor.is_finite() {
            let reason = format!("-log p is {s}, where the factor of the metric tensor is {factor}");
            return Err(EvalError::OutsideChart { row, reason });
        }
        Err(EvalError::NotPositiveDefinite { row })
    }

    /// The rows that share a factor, those apart first; pooled only.
    fn parts(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<L> {
        let apart = self.law.apart().min(count);
        [0..apart, apart..count].into_iter().filter(|part| !part.is_empty())
    }

    /// Replaces each of the numbers by their sum over the rows that share a factor; pooled only.
    fn pool(&self, numbers: &mut [f64]) {
        for part in self.parts(numbers.len()) {
            let sum = numbers[part.clone()].iter().sum();
            numbers[part].fill(sum);
        }
    }

    /// Replaces each value of the potential by `c` and, where there is room for it, leaves `c'` in `slopes`.
    fn factors(&self, values: &mut [f64], mut slopes: Option<&mut [f64]>) -> Result<(), EvalError> {
        if self.pooled {
            for part in self.parts(values.len()) {
                let sum = values[part.clone()].iter().sum();
                let factor = self.factor(part.start, sum)?;
                values[part.clone()].fill(factor);
                if let Some(slopes) = &mut slopes {
                    slopes[part].fill(self.law.slope(sum, factor));
                }
            }
            return Ok(());
        }
        for (row, value) in values.iter_mut().enumerate() {
            let factor = self.factor(row, *value)?;
            if let Some(slopes) = &mut slopes {
                slopes[row] = self.law.slope(*value, factor);
            }
            *value = factor;
        }
        Ok(())
    }

    /// Factors, and gradients of the factors row by row.
    fn gradients(&self, at: Rows<'_>) -> Result<(Vec<f64>, Vec<f64>), EvalError> {
        let ValueGrad { value, grad } = self.potential.value_and_grad(view(at)?)?;
        let (mut factors, mut slopes) = (value.to_vec(), vec![0.0; at.count()]);
        self.factors(&mut factors, Some(&mut slopes))?;
        let mut gradients = vec![0.0; at.values().len()];
        let rows = gradients.chunks_exact_mut(at.dim()).zip(grad.outer_iter()).zip(&slopes);
        for (row, ((out, grad), slope)) in rows.enumerate() {
            // A density that has underflowed has no slope, whatever its logarithm does.
            if *slope == 0.0 {
                continue;
            }
            out.iter_mut().zip(grad).for_each(|(out, g)| *out = slope * g);
            if out.iter().any(|g| !g.is_finite()) {
                let reason = "the gradient of the metric tensor is not a number there".into();
                return Err(EvalError::OutsideChart { row, reason });
            }
        }
        Ok((factors, gradients))
    }

    /// `|v|^2` for each row; pooled, the sum over the rows that share a factor in place of each.
    fn lengths(&self, dim: usize, v: &[f64]) -> Vec<f64> {
        let mut lengths: Vec<f64> = v.chunks_exact(dim).map(|v| dot(v, v)).collect();
        if self.pooled {
            self.pool(&mut lengths);
        }
        lengths
    }
}

impl<L: Law> Geometry for Conformal<'_, L> {
    fn dim(&self) -> usize {
        self.potential.dim()
    }

    fn form(&self) -> Form {
        Form::Conformal
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim())?;
        let mut factors = self.potential.value(view(at)?)?.to_vec();
        self.factors(&mut factors, None)?;
        out.conformal(at.count(), at.dim()).copy_from_slice(&factors);
        Ok(())
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.linearise(at, v, &mut Tensors::default(), out)
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim())?;
        let mut factors = self.potential.value(view(at)?)?.to_vec();
        self.factors(&mut factors, None)?;
        for ((out, v), factor) in out.iter_mut().zip(v.chunks_exact(at.dim())).zip(&factors) {
            *out = factor * dot(v, v);
        }
        Ok(())
    }

    fn linearise(
        &self,
        at: Rows<'_>,
        v: &[f64],
        out: &mut Tensors,
        gradient: &mut [f64],
    ) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim())?;
        let (factors, gradients) = self.gradients(at)?;
        out.conformal(at.count(), at.dim()).copy_from_slice(&factors);
        let lengths = self.lengths(at.dim(), v);
        let rows = gradient.chunks_exact_mut(at.dim()).zip(gradients.chunks_exact(at.dim()));
        for ((out, g), length) in rows.zip(&lengths) {
            out.iter_mut().zip(g).for_each(|(out, g)| *out = length * g);
        }
        Ok(())
    }

    /// `<grad c, v> v - |v|^2 grad c / 2`; pooled, `<grad c, v>` and `|v|^2` are sums over the rows that share a factor.
    fn christoffel(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim())?;
        let dim = at.dim();
        let (_, gradients) = self.gradients(at)?;
        let lengths = self.lengths(dim, v);
        let mut rates: Vec<f64> =
            gradients.chunks_exact(dim).zip(v.chunks_exact(dim)).map(|(g, v)| dot(g, v)).collect();
        if self.pooled {
            self.pool(&mut rates);
        }
        let rows = out.chunks_exact_mut(dim).zip(gradients.chunks_exact(dim).zip(v.chunks_exact(dim)));
        for ((out, (g, v)), (rate, length)) in rows.zip(rates.iter().zip(&lengths)) {
            for ((out, g), v) in out.iter_mut().zip(g).zip(v) {
                *out = rate * v - 0.5 * length * g;
            }
        }
        Ok(())
    }

    fn evaluates_density(&self) -> bool {
        true
    }
}
