//! The nonlinearities between layers.

use likely_core::Number;
use serde::{Deserialize, Serialize};

/// A nonlinearity between layers, applied number by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `max(z, 0)`, with slope 0 at 0.
    Relu,
    /// `tanh z`.
    Tanh,
    /// `z` above 0, `e^z - 1` below.
    Elu,
    /// `z / (1 + e^-z)`.
    Silu,
    /// `z Phi(z)`, `Phi` the normal distribution function (not its approximation by `tanh`).
    Gelu,
    /// `1 / (1 + e^-z)`.
    Sigmoid,
    /// `ln(1 + e^z)`; PyTorch takes `z` itself above 20, which differs by at most 2.1e-9.
    Softplus,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Relu, Self::Tanh, Self::Elu, Self::Silu, Self::Gelu, Self::Sigmoid, Self::Softplus];
}

/// `1 / sqrt(2 pi)`.
pub(crate) const NORMAL_PEAK: f64 = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Activation {
    /// `f(z)`.
    #[inline(always)]
    pub fn value<N: Number>(self, z: N) -> N {
        let zero = N::constant(0.0);
        match self {
            Self::Relu => z.choose(z, zero),
            Self::Tanh => z.tanh(),
            Self::Elu => z.choose(z, z.choose(zero, z).exp().shifted(-1.0)),
            Self::Silu => z * z.sigmoid(),
            Self::Gelu => z * normal_distribution(z),
            Self::Sigmoid => z.sigmoid(),
            Self::Softplus => z.softplus(),
        }
    }

    /// `f(z)` and `f'(z)`.
    #[inline(always)]
    pub fn value_and_slope<N: Number>(self, z: N) -> (N, N) {
        let (zero, one) = (N::constant(0.0), N::constant(1.0));
        match self {
            Self::Relu => (z.choose(z, zero), z.choose(one, zero)),
            Self::Tanh => {
                let value = z.tanh();
                (value, one - value * value)
            }
            Self::Elu => {
                let below = z.choose(zero, z).exp();
                (z.choose(z, below.shifted(-1.0)), z.choose(one, below))
            }
            Self::Silu => {
                let s = z.sigmoid();
                let value = z * s;
                (value, s + value * (one - s))
            }
            Self::Gelu => {
                let below = normal_distribution(z);
                (z * below, below + z * (z * z).scaled(-0.5).exp().scaled(NORMAL_PEAK))
            }
            Self::Sigmoid => {
                let value = z.sigmoid();
                (value, value * (one - value))
            }
            Self::Softplus => (z.softplus(), z.sigmoid()),
        }
    }
}

/// The distribution function of a standard normal number.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn normal_distribution<N: Number>(z: N) -> N {
    z.scaled(std::f64::consts::FRAC_1_SQRT_2).erf().scaled(0.5).shifted(0.5)
}
