//! A sine wave.

use super::{Draw, Drawn, NO_LICENCE, log_normal, normal};
use crate::numbers::positive;
use crate::{BuildError, Config, Data, Resolved};
use likely_networks::training::{About, DataSource};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const DATA: Data = Data {
    id: "sine",
    summary: "The first coordinate uniform on [-3, 3], the second its sine with Gaussian noise.",
    build,
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    #[serde(deserialize_with = "positive")]
    noise: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { noise: 0.05 }
    }
}

fn build(config: Config<'_>, _: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    Drawn::resolved(Sine { noise: settings.noise }, &settings)
}

struct Sine {
    noise: f64,
}

/// Where the first coordinate ends.
const REACH: f64 = 3.0;

impl Draw for Sine {
    const DIM: usize = 2;
    const EQUISPACED: bool = true;

    fn draw(&self, place: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        point[0] = REACH * (2.0 * place - 1.0);
        point[1] = libm::sin(point[0]) + normal(self.noise, stream);
    }

    fn log_density(&self, point: &[f64]) -> f64 {
        if point[0].abs() > REACH {
            return f64::NEG_INFINITY;
        }
        log_normal(point[1] - libm::sin(point[0]), self.noise) - libm::log(2.0 * REACH)
    }

    fn about(&self) -> About {
        About {
            description: format!(
                "x_1 at equal steps on [-3, 3], x_2 = sin x_1 with Gaussian noise {}; held-out points at random x_1.",
                self.noise
            ),
            source: "data of the autoregressive model in the authors' public code for arXiv 2510.26266"
                .into(),
            licence: NO_LICENCE.into(),
        }
    }
}
