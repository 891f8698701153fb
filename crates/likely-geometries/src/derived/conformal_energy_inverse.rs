//! Lengths by the reciprocal of an affine function of the log density.

use super::conformal::{Law, Pointwise, Pooled};
use super::conformal_energy::{ConformalEnergy, ReleasedEnergy};
use crate::Derived;
use crate::table::derived_from_config;
use serde::{Deserialize, Serialize};

pub(crate) const DERIVED: Derived = Derived {
    id: "conformal-energy-inverse",
    summary: "Squared lengths are divided by an affine function of -log p (as intended) or of log p (as released).",
    source: "BethuneInverseMetric of the authors' public code for arXiv 2510.26266, at each point",
    build: derived_from_config::<Pointwise<Inverse<ConformalEnergy>>>,
};

pub(crate) const RELEASED: Derived = Derived {
    id: "conformal-energy-inverse-released",
    summary: "Squared lengths are divided by an affine function of the log density summed over all points of a call.",
    source: "BethuneInverseMetric of the authors' public code for arXiv 2510.26266, with log_prob as run_gen2d_geometry.py sums it",
    build: derived_from_config::<Pooled<Inverse<ReleasedEnergy>>>,
};

/// `G = I / c`, where `c` is the factor of `conformal-energy` with the same parameters. There is a pole where `c = 0`, and no
/// metric beyond it.
///
/// As intended it is long where the density is high: the released sign has the short curves in likely places, where it is a
/// metric at all.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Inverse<L>(L);

impl<L: Into<ConformalEnergy> + Law> Law for Inverse<L> {
    const POSITIVE: bool = false;

    fn factor(&self, s: f64) -> f64 {
        1.0 / self.0.factor(s)
    }

    fn slope(&self, _: f64, factor: f64) -> f64 {
        let energy: ConformalEnergy = self.0.into();
        -energy.rate() * factor * factor
    }

    fn apart(&self) -> usize {
        self.0.apart()
    }
}
