//! The pull-back by the score.

use super::conformal::dot;
use super::numbers::Positive;
use super::rank_one::finite;
use crate::table::derived_from_config;
use crate::{Derive, Derived, MOST_DENSE_COORDINATES, Origin};
use likely_core::{Curvature, EvalError, Form, Geometry, Rows, Tensors};
use serde::{Deserialize, Serialize};

const ID: &str = "jacobian";

pub(crate) const DERIVED: Derived = Derived {
    id: ID,
    summary: "Lengths are changes of the score, and a little more: the pull-back of flat space by the score.",
    source: "JacobianMetric of the authors' public code for arXiv 2510.26266",
    build: derived_from_config::<Jacobian>,
};

/// `G = H^2 + ridge I`, `H` the Hessian of `S`. A constant in `S` does not matter.
///
/// For a potential that is linear in pieces, like a network of rectified linear units, `H` is zero almost everywhere and this is
/// flat space.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Jacobian {
    ridge: Positive,
}

impl Default for Jacobian {
    fn default() -> Self {
        Self { ridge: Positive(1e-4) }
    }
}

impl Derive for Jacobian {
    fn over<'a>(&self, Origin { potential, .. }: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        let dim = potential.dim();
        if dim > MOST_DENSE_COORDINATES {
            return Err(format!(
                "`{ID}` has a dense tensor: the density has {dim} coordinates, and at most {MOST_DENSE_COORDINATES} are taken"
            ));
        }
        match potential.curvature() {
            Some(curvature) => Ok(Box::new(PullBack { dim, curvature, ridge: self.ridge.0 })),
            None => Err(format!(
                "`{ID}` is made of the second derivatives of the density, and its gradient of the third, which this model \
                 does not offer; choose another model, or a geometry made of the density alone"
            )),
        }
    }
}

struct PullBack<'a> {
    dim: usize,
    curvature: &'a dyn Curvature,
    ridge: f64,
}

impl Geometry for PullBack<'_> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn form(&self) -> Form {
        Form::Dense
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim)?;
        let dim = self.dim;
        let mut hessians = vec![0.0; at.count() * dim * dim];
        self.curvature.hessian(at, &mut hessians)?;
        let out = out.dense(at.count(), dim);
        for (g, h) in out.chunks_exact_mut(dim * dim).zip(hessians.chunks_exact(dim * dim)) {
            for i in 0..dim {
                for j in 0..=i {
                    let entry = dot(&h[i * dim..(i + 1) * dim], &h[j * dim..(j + 1) * dim]);
                    g[i * dim + j] = entry;
                    g[j * dim + i] = entry;
                }
                g[i * dim + i] += self.ridge;
            }
        }
        finite(out, dim * dim, "score")
    }

    /// `2 grad <H v, H(x) v>` with the first `H v` held fixed.
    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim)?;
        let mut product = vec![0.0; v.len()];
        self.curvature.hessian_vector(at, v, &mut product)?;
        self.curvature.hessian_gradient(at, &product, v, out)?;
        for out in out.iter_mut() {
            *out *= 2.0;
        }
        finite(out, self.dim, "score")
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim)?;
        let mut product = vec![0.0; v.len()];
        self.curvature.hessian_vector(at, v, &mut product)?;
        finite(&product, self.dim, "score")?;
        let rows = product.chunks_exact(self.dim).zip(v.chunks_exact(self.dim));
        for (out, (product, v)) in out.iter_mut().zip(rows) {
            *out = dot(product, product) + self.ridge * dot(v, v);
        }
        Ok(())
    }

    /// `H grad <v, H v>`: the derivatives of `H` along `v` in its own order cancel, because third derivatives commute.
    fn christoffel(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let at = at.with_dim(self.dim)?;
        let mut third = vec![0.0; v.len()];
        self.curvature.hessian_gradient(at, v, v, &mut third)?;
        self.curvature.hessian_vector(at, &third, out)?;
        finite(out, self.dim, "score")
    }

    fn evaluates_density(&self) -> bool {
        true
    }
}
