//! Geometries `ridge I + weight g g^T` with `g` the gradient of the potential.

use super::conformal::{dot, view};
use likely_core::{Curvature, EvalError, Form, Geometry, Potential, Rows, Tensors};

/// `G = ridge I + weight g g^T`, `g = grad S`; the sign of the score does not matter, nor does a constant in `S`.
pub(super) struct RankOne<'a> {
    potential: &'a dyn Potential,
    curvature: &'a dyn Curvature,
    ridge: f64,
    weight: f64,
}

impl<'a> RankOne<'a> {
    pub(super) fn over(
        id: &str,
        potential: &'a dyn Potential,
        ridge: f64,
        weight: f64,
    ) -> Result<Box<dyn Geometry + 'a>, String> {
        match potential.curvature() {
            Some(curvature) => Ok(Box::new(Self { potential, curvature, ridge, weight })),
            None => Err(format!(
                "`{id}` is made of the score, so that its exact gradient needs second derivatives of the density, which \
                 this model does not offer; choose another model, or a geometry made of the density alone"
            )),
        }
    }

    /// `grad S` for each row, every entry a number whose square is one.
    fn slopes(&self, at: Rows<'_>) -> Result<Vec<f64>, EvalError> {
        let at = at.with_dim(self.potential.dim())?;
        let grad = self.potential.value_and_grad(view(at)?)?.grad;
        let slopes: Vec<f64> = grad.iter().copied().collect();
        match slopes.chunks_exact(at.dim()).position(|g| !(self.weight * dot(g, g)).is_finite()) {
            Some(row) => {
                let reason = "the squared norm of the score is not a finite number there".into();
                Err(EvalError::OutsideChart { row, reason })
            }
            None => Ok(slopes),
        }
    }

    fn fill(&self, at: Rows<'_>, slopes: &[f64], out: &mut Tensors) {
        let parts = out.low_rank(at.count(), at.dim(), 1);
        parts.diagonal.fill(self.ridge);
        parts.factors.copy_from_slice(slopes);
        parts.cores.fill(self.weight);
    }

    /// `2 weight <v, g> H v`.
    fn gradient(&self, at: Rows<'_>, slopes: &[f64], v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = at.dim();
        self.curvature.hessian_vector(at, v, out)?;
        for ((out, g), v) in out.chunks_exact_mut(dim).zip(slopes.chunks_exact(dim)).zip(v.chunks_exact(dim))
        {
            let factor = 2.0 * self.weight * dot(v, g);
            for out in out.iter_mut() {
                *out *= factor;
            }
        }
        finite(out, dim, "score")
    }
}

/// That every number is one, so many to a row; `of` is whose derivatives they are.
pub(super) fn finite(numbers: &[f64], a_row: usize, of: &str) -> Result<(), EvalError> {
    match numbers.chunks_exact(a_row).position(|row| row.iter().any(|number| !number.is_finite())) {
        Some(row) => {
            let reason = format!("the derivatives of the {of} are not finite numbers there");
            Err(EvalError::OutsideChart { row, reason })
        }
        None => Ok(()),
    }
}

impl Geometry for RankOne<'_> {
    fn dim(&self) -> usize {
        self.potential.dim()
    }

    fn form(&self) -> Form {
        Form::DiagonalPlusLowRank { rank: 1 }
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        let slopes = self.slopes(at)?;
        self.fill(at, &slopes, out);
        Ok(())
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let slopes = self.slopes(at)?;
        self.gradient(at, &slopes, v, out)
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let slopes = self.slopes(at)?;
        let rows = slopes.chunks_exact(at.dim()).zip(v.chunks_exact(at.dim()));
        for (out, (g, v)) in out.iter_mut().zip(rows) {
            let along = dot(g, v);
            *out = self.ridge * dot(v, v) + self.weight * along * along;
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
        let slopes = self.slopes(at)?;
        self.fill(at, &slopes, out);
        self.gradient(at, &slopes, v, gradient)
    }

    /// `weight <v, H v> g`.
    fn christoffel(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let dim = at.dim();
        let slopes = self.slopes(at)?;
        self.curvature.hessian_vector(at, v, out)?;
        for ((out, g), v) in out.chunks_exact_mut(dim).zip(slopes.chunks_exact(dim)).zip(v.chunks_exact(dim))
        {
            let bend = self.weight * dot(out, v);
            out.iter_mut().zip(g).for_each(|(out, g)| *out = bend * g);
        }
        finite(out, dim, "score")
    }

    fn evaluates_density(&self) -> bool {
        true
    }
}
