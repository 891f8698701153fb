//! Stochastic differential equations that turn images into noise.

use serde::{Deserialize, Serialize};

/// Which equation `dx = -(beta(t)/2) x dt + g(t) dw`, `t` from 0 to 1, with `beta(t) = 0.1 + 19.9 t`.
///
/// An image `x` is normal at time `t`, with mean `m x` and the same deviation in every pixel; `m = exp(-B/2)` with
/// `B = int_0^t beta`.
///
/// # Source
/// Song et al. 2021, arXiv 2011.13456, equations 11, 28, 29 and appendix C for the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sde {
    /// `g^2 = beta (1 - exp(-2B))`, deviation `1 - exp(-B)`: less noise at every time than [`Self::Vp`].
    #[default]
    SubVp,
    /// `g^2 = beta`, deviation `sqrt(1 - exp(-B))`: the limit of the diffusion with many steps.
    Vp,
}

const BETA: [f64; 2] = [0.1, 20.0];

impl Sde {
    /// The first time that is looked at, in training and by the flow: at 0 the noise is nothing, and so is what it says.
    pub const FIRST: f64 = 1e-5;

    /// `beta(t)`.
    pub(super) fn beta(t: f64) -> f64 {
        BETA[0] + (BETA[1] - BETA[0]) * t
    }

    /// `B(t)`.
    fn integral(t: f64) -> f64 {
        t * (BETA[0] + 0.5 * (BETA[1] - BETA[0]) * t)
    }

    /// What is left of an image at time `t`: the factor `m` of its mean.
    pub fn kept(t: f64) -> f64 {
        libm::exp(-0.5 * Self::integral(t))
    }

    /// Standard deviation of the noise in an image at time `t`.
    pub fn deviation(self, t: f64) -> f64 {
        let variance = -libm::expm1(-Self::integral(t));
        match self {
            Self::SubVp => variance,
            Self::Vp => variance.sqrt(),
        }
    }

    /// `g(t)^2`.
    pub fn squared_diffusion(self, t: f64) -> f64 {
        match self {
            Self::SubVp => -Self::beta(t) * libm::expm1(-2.0 * Self::integral(t)),
            Self::Vp => Self::beta(t),
        }
    }
}
