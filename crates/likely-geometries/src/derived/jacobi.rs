//! The geometry whose geodesics are the paths of Newtonian motion.

use super::conformal::{Law, Pointwise};
use super::numbers::{Finite, Positive};
use crate::Derived;
use crate::table::derived_from_config;
use serde::{Deserialize, Serialize};

pub(crate) const DERIVED: Derived = Derived {
    id: "jacobi",
    summary: "The geometry of Jacobi and Maupertuis: its geodesics are the paths of curves of least regularised energy.",
    source: "Jacobi's form of the principle of Maupertuis, for the energy of arXiv 2510.26266",
    build: derived_from_config::<Pointwise<Jacobi>>,
};

/// `G = (total + lambda S) I`.
///
/// A curve that makes `int |z'|^2 + lambda S(z) dt` stationary obeys `z'' = (lambda / 2) grad S(z)`: the motion of a unit mass
/// with potential energy `V = -(lambda / 2) S`, which is high where points are likely. It keeps `|z'|^2 - lambda S(z)`, and
/// with that number as `total` its path is a geodesic of `G`, up to the factor two the `2 (E - V) I` of Maupertuis. Short is
/// likely, for the factor grows with `S`; where it is not positive, a mass with that energy cannot be, and there is no metric.
///
/// A constant in `S` shifts `total`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jacobi {
    total: Finite,
    #[serde(default = "one")]
    lambda: Positive,
}

const fn one() -> Positive {
    Positive(1.0)
}

impl Law for Jacobi {
    const POSITIVE: bool = false;

    fn factor(&self, s: f64) -> f64 {
        self.total.0 + self.lambda.0 * s
    }

    fn slope(&self, _: f64, _: f64) -> f64 {
        self.lambda.0
    }
}
