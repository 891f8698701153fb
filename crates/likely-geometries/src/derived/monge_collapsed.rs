//! The metric of the graph of the log density as version 2 had it.

use super::conformal::{dot, view};
use super::numbers::Positive;
use super::rank_one::finite;
use crate::table::derived_from_config;
use crate::{Derive, Derived, Origin};
use likely_core::{Curvature, EvalError, Form, Geometry, Potential, Rows, Tensors};
use serde::{Deserialize, Serialize};

const ID: &str = "monge-collapsed";

pub(crate) const DERIVED: Derived = Derived {
    id: ID,
    summary: "As monge, with the squared norm of the score in place of its outer product: dear in all directions alike.",
    source: "MongeMetric of the authors' public code for arXiv 2510.26266 (version 2), commit 8e2127f",
    build: derived_from_config::<MongeCollapsed>,
};

/// `G = (1 + alpha |grad S|^2) I`.
///
/// The corrected metric of version 3 is `monge`, with `alpha^2` and the outer product.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MongeCollapsed {
    alpha: Positive,
}

impl Default for MongeCollapsed {
    fn default() -> Self {
        Self { alpha: Positive(1.0) }
    }
}

impl Derive for MongeCollapsed {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        match potential.curvature() {
            Some(curvature) => Ok(Box::new(Collapsed { potential, curvature, alpha: self.alpha.0 })),
            None => Err(format!(
                "`{ID}` is made of the score, so that its exact gradient needs second derivatives of the density, which \
                 this model does not offer; choose another model, or a geometry made of the density alone"
            )),
        }
    }
}

struct Collapsed<'a> {
    potential: &'a dyn Potential,
    curvature: &'a dyn Curvature,
    alpha: f64,
}

impl Collapsed<'_> {
    /// The factor for each row, and `grad S`.
    fn factors(&self, at: Rows<'_>) -> Result<(Vec<f64>, Vec<f64>), EvalError> {
        let at = at.with_dim(self.potential.dim())?;
        let slopes: Vec<f64> = self.potential.value_and_grad(view(at)?)?.grad.iter().copied().collect();
        let factors: Vec<f64> = slopes.chunks_exact(at.dim()).map(|g| 1.0 + self.alpha * dot(g, g)).collect();
        match factors.iter().position(|factor| !factor.is_finite()) {
            Some(row) => {
                let reason = "the squared norm of the score is not a finite number there".into();
                Err(EvalError::OutsideChart { row, reason })
            }
            None => Ok((factors, slopes)),
        }
    }

    /// `grad c = 2 alpha H grad S` for each row.
    fn gradients(&self, at: Rows<'_>, slopes: &[f64]) -> Result<Vec<f64>, EvalError> {
        let mut gradients = vec![0.0; slopes.len()];
        self.curvature.hessian_vector(at, slopes, &mut gradients)?;
        for g in &mut gradients {
            *g *= 2.0 * self.alpha;
        }
        finite(&gradients, at.dim(), "score")?;
        Ok(gradients)
    }
}

impl Geometry for Collapsed<'_> {
    fn dim(&self) -> usize {
        self.potential.dim()
    }

    fn form(&self) -> Form {
        Form::Conformal
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let (factors, _) = self.factors(at)?;
        out.conformal(at.count(), at.dim()).copy_from_slice(&factors);
        Ok(())
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.linearise(at, v, &mut Tensors::default(), out)
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let (factors, _) = self.factors(at)?;
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
        let dim = at.dim();
        let (factors, slopes) = self.factors(at)?;
        out.conformal(at.count(), dim).copy_from_slice(&factors);
        let gradients = self.gradients(at, &slopes)?;
        let rows = gradient.chunks_exact_mut(dim).zip(gradients.chunks_exact(dim)).zip(v.chunks_exact(dim));
        for ((out, g), v) in rows {
            let length = dot(v, v);
            out.iter_mut().zip(g).for_each(|(out, g)| *out = length * g);
        }
        Ok(())
    }

    /// `<grad c, v> v - |v|^2 grad c / 2`.
    fn christoffel(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = at.dim();
        let (_, slopes) = self.factors(at)?;
        let gradients = self.gradients(at, &slopes)?;
        let rows = out.chunks_exact_mut(dim).zip(gradients.chunks_exact(dim)).zip(v.chunks_exact(dim));
        for ((out, g), v) in rows {
            let (rate, length) = (dot(g, v), dot(v, v));
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
