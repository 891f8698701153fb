//! The potential that is smallest on the unit sphere.

use crate::radial_curvature::{self, RadialProfile};
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Radial, Rows, Symmetry, ValueGrad};
use ndarray::{Array1, ArrayView2};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

pub(crate) const MODEL: Model = Model {
    id: "circle",
    summary: "Likely near the unit circle (in more dimensions the unit sphere): the squared distance of the squared norm from one.",
    source: "example notebooks of the authors' public code for arXiv 2510.26266",
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
    let potential = Box::new(Circle::new(settings.dim));
    Ok(Built { potential, flow: None, images: None, resolved, facts: Vec::new() })
}

/// `S(x) = (|x|^2 - 1)^2`, with gradient `4 (|x|^2 - 1) x`; not normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circle {
    dim: usize,
}

impl Circle {
    /// The unit sphere of R^dim.
    pub fn new(dim: NonZeroU32) -> Self {
        Self { dim: dim.get() as usize }
    }

    fn check(self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        let (expected, found) = (self.dim, points.ncols());
        if found == expected { Ok(()) } else { Err(EvalError::Dimension { expected, found }) }
    }
}

fn squared_norm<'a>(row: impl IntoIterator<Item = &'a f64>) -> f64 {
    row.into_iter().map(|x| x * x).sum()
}

impl Potential for Circle {
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
        let value = |row| {
            let off = squared_norm(row) - 1.0;
            off * off
        };
        Ok(points.outer_iter().map(value).collect())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        let value = self.value(points)?;
        let mut grad = points.as_standard_layout().into_owned();
        for mut row in grad.outer_iter_mut() {
            let factor = 4.0 * (squared_norm(row.iter()) - 1.0);
            row.mapv_inplace(|x| factor * x);
        }
        Ok(ValueGrad { value, grad })
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        Some(self)
    }
}

impl Radial for Circle {
    fn profile(&self, squared_norms: &[f64], values: &mut [f64], slopes: Option<&mut [f64]>) {
        for (value, q) in values.iter_mut().zip(squared_norms) {
            *value = (q - 1.0) * (q - 1.0);
        }
        if let Some(slopes) = slopes {
            slopes.iter_mut().zip(squared_norms).for_each(|(slope, q)| *slope = 2.0 * (q - 1.0));
        }
    }
}

impl Curvature for Circle {
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

impl RadialProfile for Circle {
    fn gradient_factor(&self, q: f64) -> [f64; 3] {
        [4.0 * (q - 1.0), 4.0, 0.0]
    }
}
