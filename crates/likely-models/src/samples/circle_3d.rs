//! A circle in space.

use super::{Draw, Drawn, NO_LICENCE, log_normal, normal};
use crate::numbers::positive;
use crate::{BuildError, Config, Data, Resolved};
use likely_networks::training::{About, DataSource};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, TAU};
use std::path::Path;

pub(crate) const DATA: Data = Data {
    id: "circle-3d",
    summary: "The unit circle in the first two of three coordinates, with Gaussian noise in all of them.",
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
        Self { noise: 0.1 }
    }
}

fn build(config: Config<'_>, _: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    Drawn::resolved(Circle3d { noise: settings.noise }, &settings)
}

struct Circle3d {
    noise: f64,
}

/// `log(I_0(k) e^-k)`, by the trapezoidal rule, which converges geometrically for periodic functions; good to rounding
/// while the peak of the integrand, of width `1 / sqrt k`, spans a few nodes.
fn log_scaled_bessel(k: f64) -> f64 {
    let nodes = 32 + (12.0 * k.sqrt()) as usize;
    let sum: f64 = (0..nodes).map(|i| libm::exp(k * (libm::cos(TAU * i as f64 / nodes as f64) - 1.0))).sum();
    libm::log(sum / nodes as f64)
}

impl Draw for Circle3d {
    const DIM: usize = 3;
    const EQUISPACED: bool = true;

    fn draw(&self, place: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        let angle = TAU * place;
        for (x, on_circle) in point.iter_mut().zip([libm::cos(angle), libm::sin(angle), 0.0]) {
            *x = on_circle + normal(self.noise, stream);
        }
    }

    /// `log N(x_3; 0, s^2) - log 2 pi s^2 - (r - 1)^2 / 2 s^2 + log(I_0(r / s^2) e^(-r / s^2))`, `r` the distance from
    /// the axis.
    fn log_density(&self, point: &[f64]) -> f64 {
        let variance = self.noise * self.noise;
        let radius = libm::hypot(point[0], point[1]);
        let ring = (radius - 1.0) * (radius - 1.0) / (2.0 * variance);
        log_normal(point[2], self.noise) - libm::log(2.0 * PI * variance) - ring
            + log_scaled_bessel(radius / variance)
    }

    fn about(&self) -> About {
        About {
            description: format!(
                "Points at equal angles on the unit circle in the plane x_3 = 0, with Gaussian noise {} in all three coordinates; held-out ones at random angles.",
                self.noise
            ),
            source: "data of the autoencoder in the authors' public code for arXiv 2510.26266".into(),
            licence: NO_LICENCE.into(),
        }
    }
}
