//! A sine wave with Gaussian noise.

use crate::numbers::positive;
use crate::{BuildError, Built, Config, Model, Resources};
use likely_core::{Differentiable, Exact, Normalisation, Number};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

pub(crate) const MODEL: Model = Model {
    id: "noisy-sine",
    summary: "A Gaussian around the sine of a first coordinate that is Gaussian or uniform: what the autoregressive model is trained on.",
    source: "data of the autoregressive model in the authors' public code for arXiv 2510.26266",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    first: First,
    #[serde(deserialize_with = "positive")]
    noise: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { first: First::Gaussian(3.0_f64.sqrt()), noise: 0.05 }
    }
}

fn build(config: Config<'_>, _: &Resources<'_>) -> Result<Built, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&settings).map_err(toml::de::Error::custom)?;
    let density = NoisySine::new(settings.first, settings.noise).ok_or_else(|| BuildError::Fit {
        model: "noisy-sine",
        reason: format!("all widths must be between 1e-100 and 1e100: {settings:?}"),
    })?;
    let facts = vec![("entropy", density.entropy().to_string())];
    Ok(Built { potential: Box::new(Exact(density)), flow: None, images: None, resolved, facts })
}

/// The distribution of the first coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// Gaussian around zero, with this standard deviation; `sqrt 3`, the default, is that of the uniform data on [-3, 3].
    Gaussian(#[serde(deserialize_with = "positive")] f64),
    /// Uniform up to this distance from zero; the potential is infinite beyond.
    Uniform(#[serde(deserialize_with = "positive")] f64),
}

/// `S(x) = -log p(x_1) + ((x_2 - sin x_1) / noise)^2 / 2 + log(noise sqrt(2 pi))`, normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisySine {
    /// `1 / deviation^2` of a Gaussian first coordinate; zero for a uniform one.
    first_precision: f64,
    /// Where a uniform first coordinate ends; infinite for a Gaussian one.
    reach: f64,
    precision: f64,
    constant: f64,
    entropy: f64,
}

impl NoisySine {
    /// The density with the given first coordinate and the standard deviation `noise` of the second around the sine;
    /// `None` where a width is not between 1e-100 and 1e100.
    pub fn new(first: First, noise: f64) -> Option<Self> {
        let (First::Gaussian(width) | First::Uniform(width)) = first;
        let usable = |width: f64| width > 1e-100 && width < 1e100;
        if !(usable(width) && usable(noise)) {
            return None;
        }
        let half_log_tau = 0.5 * libm::log(std::f64::consts::TAU);
        let (log_width, log_noise) = (libm::log(width), libm::log(noise));
        let second = log_noise + half_log_tau;
        let (first_precision, reach, first, first_entropy) = match first {
            First::Gaussian(_) => {
                let first = log_width + half_log_tau;
                (1.0 / (width * width), f64::INFINITY, first, first + 0.5)
            }
            First::Uniform(_) => {
                let first = std::f64::consts::LN_2 + log_width;
                (0.0, width, first, first)
            }
        };
        Some(Self {
            first_precision,
            reach,
            precision: 1.0 / (noise * noise),
            constant: first + second,
            entropy: first_entropy + second + 0.5,
        })
    }

    /// The differential entropy in nats, the mean of `S` under the density.
    pub fn entropy(&self) -> f64 {
        self.entropy
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl NoisySine {
    #[inline(always)]
    fn potential<N: Number>(&self, x: &[N], gap: N) -> N {
        let first = (x[0] * x[0]).scaled(0.5 * self.first_precision);
        let outside = x[0].abs().shifted(-self.reach);
        let outside = outside.choose(N::constant(f64::INFINITY), N::constant(0.0));
        (first + (gap * gap).scaled(0.5 * self.precision) + outside).shifted(self.constant)
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for NoisySine {
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
        self.potential(x, x[1] - x[0].sin())
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], _: &mut [N]) -> N {
        let gap = x[1] - x[0].sin();
        let pull = gap.scaled(self.precision);
        grad[0] = x[0].scaled(self.first_precision) - pull * x[0].cos();
        grad[1] = pull;
        self.potential(x, gap)
    }
}
