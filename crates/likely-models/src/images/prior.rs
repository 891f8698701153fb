//! The standard normal law: the prior of latent and noise spaces.

use crate::{Quadratic, QuadraticError};
use likely_core::{Curvature, EvalError, Normalisation, Potential, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2, array};

/// `S(z) = |z|^2 / 2 + (d/2) log 2 pi`.
#[derive(Debug, Clone)]
pub(super) struct Prior(Quadratic);

impl Prior {
    pub(super) fn new(dim: usize) -> Result<Self, QuadraticError> {
        Ok(Self(Quadratic::weighted_gaussians(array![1.0].view(), Array2::zeros((1, dim)).view())?))
    }
}

impl Potential for Prior {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn symmetry(&self) -> Symmetry<'_> {
        self.0.symmetry()
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.0.value(points)
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.0.value_and_grad(points)
    }

    fn curvature(&self) -> Option<&dyn Curvature> {
        self.0.curvature()
    }
}
