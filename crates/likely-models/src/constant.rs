//! The constant potential, for plain geodesics.

use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Radial, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

pub(crate) const MODEL: Model = Model {
    id: "constant",
    summary: "No density at all: every point is as likely as any other, so that curves are plain geodesics.",
    source: "by definition",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    dim: NonZeroU32,
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let potential = Box::new(Constant::new(settings.dim));
    Ok(Built { potential, flow: None, images: None, resolved, facts: Vec::new() })
}

/// `S(x) = 0` on R^dim: no density, for its integral is infinite, hence [`Normalisation::UpToConstant`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constant {
    dim: usize,
}

impl Constant {
    /// Zero over R^dim.
    pub fn new(dim: NonZeroU32) -> Self {
        Self { dim: dim.get() as usize }
    }

    fn check(self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.dim, points.ncols());
        if found == expected { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

impl Potential for Constant {
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
        Ok(Array1::zeros(points.nrows()))
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        Ok(ValueGrad { value: self.value(points)?, grad: Array2::zeros(points.raw_dim()) })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl Radial for Constant {
    fn profile(&self, _: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        values.fill(0.0);
        if let Some(slopes) = slopes {
            slopes.fill(0.0);
        }
    }
}

impl Curvature for Constant {
    fn hessian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        points.with_dim(self.dim)?;
        out.fill(0.0);
        Ok(())
    }

    fn hessian_gradient(
        &self,
        points: Rows<'_>,
        _: &[f64],
        _: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        self.hessian(points, out)
    }

    fn hessian_vector(&self, points: Rows<'_>, _: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        self.hessian(points, out)
    }
}
