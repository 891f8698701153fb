//! Two half rings, facing each other.

use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Exact, Normalisation, Number};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const MODEL: Model = Model {
    id: "two-moons",
    summary: "Two half rings of radius 2 in the plane, facing each other: what the normalising flow is trained on, exactly.",
    source: "normflows, distributions/target.py, TwoMoons; normaliser by quadrature",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let facts = vec![("entropy", TwoMoons::ENTROPY.to_string())];
    Ok(Built { potential: Box::new(Exact(TwoMoons)), flow: None, images: None, resolved, facts })
}

/// `S(x) = ((|x| - 2) / 0.2)^2 / 2 + ((|x_1| - 2) / 0.3)^2 / 2 - log(1 + exp(-4 |x_1| / 0.3^2)) + log Z`, normalised.
///
/// A ring times the sum of two Gaussians in `x_1`. It is smooth where `x_1 = 0`; at the origin, where the ring has a kink,
/// the ring's part of the gradient is taken as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoMoons;

/// Radius of the ring, and distance of the Gaussians from the axis.
pub(crate) const RADIUS: f64 = 2.0;
/// Standard deviation of the ring.
pub(crate) const RING_DEVIATION: f64 = 0.2;
/// Standard deviation of the Gaussians.
pub(crate) const DEVIATION: f64 = 0.3;
const RING_PRECISION: f64 = 25.0;
const PRECISION: f64 = 1.0 / 0.09;

impl TwoMoons {
    /// `log Z`, the logarithm of the integral of the density as the source has it; a test computes it.
    pub const LOG_NORMALISER: f64 = 0.804_214_448_632_1;

    /// The differential entropy in nats, the mean of `S` under the density; a test computes it.
    pub const ENTROPY: f64 = 1.571_062_367_301_9;
}

/// What value and gradient share.
struct Parts<N> {
    radius: N,
    size: N,
    /// `exp(-4 |x_1| / 0.3^2)`.
    other: N,
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl TwoMoons {
    #[inline(always)]
    fn parts<N: Number>(x: &[N]) -> Parts<N> {
        let zero = N::constant(0.0);
        let squared = x[0] * x[0] + x[1] * x[1];
        let size = x[0].abs();
        Parts {
            radius: squared.choose(squared.sqrt(), zero),
            size,
            other: size.scaled(-2.0 * RADIUS * PRECISION).exp(),
        }
    }

    #[inline(always)]
    fn potential<N: Number>(parts: &Parts<N>) -> N {
        let ring = parts.radius.shifted(-RADIUS);
        let moon = parts.size.shifted(-RADIUS);
        let quadratic = (ring * ring).scaled(0.5 * RING_PRECISION) + (moon * moon).scaled(0.5 * PRECISION);
        (quadratic - parts.other.shifted(1.0).ln()).shifted(Self::LOG_NORMALISER)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for TwoMoons {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::Normalised
    }

    fn workspace(&self) -> usize {
        0
    }

    fn multiplications(&self) -> usize {
        60
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], _: &mut [N]) -> N {
        Self::potential(&Self::parts(x))
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], _: &mut [N]) -> N {
        let parts = Self::parts(x);
        let (zero, one) = (N::constant(0.0), N::constant(1.0));
        // x - 2 x / |x|, in this order so that it stays finite where |x|^2 overflows.
        let inverse = parts.radius.choose(N::constant(RADIUS) / parts.radius, zero);
        let ring = parts.radius.choose((one - inverse).scaled(RING_PRECISION), zero);
        // |x_1| - 2 tanh(2 |x_1| / 0.3^2), which has no kink where x_1 = 0.
        let tanh = (one - parts.other) / parts.other.shifted(1.0);
        let tanh = x[0].choose(tanh, -tanh).scaled(RADIUS);
        grad[0] = x[0] * ring + (x[0] - tanh).scaled(PRECISION);
        grad[1] = x[1] * ring;
        Self::potential(&parts)
    }
}
