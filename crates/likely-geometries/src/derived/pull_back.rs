//! The pull-back by the decoder.

use super::conformal::dot;
use super::numbers::NotNegative;
use super::rank_one::finite;
use crate::table::derived_from_config;
use crate::{Derive, Derived, Origin, PullBack};
use likely_core::{EvalError, Form, Geometry, Rows, SmoothMap, Tensors};
use serde::{Deserialize, Serialize};

const ID: &str = "pull-back";

pub(crate) const DERIVED: Derived = Derived {
    id: ID,
    summary: "Lengths are those of the decoded images: the pull-back of flat space by the decoder, which a model of images may have.",
    source: "Arvanitidis et al. 2018, arXiv 1710.11379, without the variance of the decoder; Shao et al. 2018, arXiv 1711.08014",
    build: derived_from_config::<OfDecoder>,
};

/// `G = J^T J + ridge I`, `J` the Jacobian of the decoder. Pixels are numbers in `[0, 1]`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfDecoder {
    ridge: NotNegative,
}

impl Derive for OfDecoder {
    fn over<'a>(&self, origin: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String> {
        let decoder = origin.decoder.ok_or_else(|| {
            format!("`{ID}` is made of a decoder, which this model does not have; `image-vae` and `image-gan` have one")
        })?;
        let (dim, expected) = (decoder.dim(), origin.potential.dim());
        if dim != expected {
            return Err(format!("the decoder takes {dim} coordinates, and the density has {expected}"));
        }
        let geometry = PullBack::new(decoder).map_err(|error| {
            format!("`{ID}` has a dense tensor, which this decoder is too large for: {error}")
        })?;
        Ok(Box::new(Ridged { geometry, ridge: self.ridge.0 }))
    }
}

struct Ridged<'a> {
    geometry: PullBack<&'a dyn SmoothMap>,
    ridge: f64,
}

impl Ridged<'_> {
    /// Adds the ridge, and refuses numbers that are not finite.
    fn raise(&self, out: &mut Tensors, count: usize) -> Result<(), EvalError> {
        let dim = self.geometry.dim();
        // Of the size that it has, so that its numbers stay.
        let numbers = out.dense(count, dim);
        for g in numbers.chunks_exact_mut(dim * dim) {
            g.iter_mut().step_by(dim + 1).for_each(|g| *g += self.ridge);
        }
        finite(numbers, dim * dim, "decoder")
    }
}

impl Geometry for Ridged<'_> {
    fn dim(&self) -> usize {
        self.geometry.dim()
    }

    fn form(&self) -> Form {
        Form::Dense
    }

    fn tensors(&self, at: Rows<'_>, out: &mut Tensors) -> Result<(), EvalError> {
        self.geometry.tensors(at, out)?;
        self.raise(out, at.count())
    }

    fn norm_gradient(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.geometry.norm_gradient(at, v, out)?;
        finite(out, at.dim(), "decoder")
    }

    fn squared_norms(&self, at: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.geometry.squared_norms(at, v, out)?;
        for (out, v) in out.iter_mut().zip(v.chunks_exact(at.dim())) {
            *out += self.ridge * dot(v, v);
        }
        finite(out, 1, "decoder")
    }

    fn linearise(
        &self,
        at: Rows<'_>,
        v: &[f64],
        out: &mut Tensors,
        gradient: &mut [f64],
    ) -> Result<(), EvalError> {
        self.geometry.linearise(at, v, out, gradient)?;
        finite(gradient, at.dim(), "decoder")?;
        self.raise(out, at.count())
    }
}
