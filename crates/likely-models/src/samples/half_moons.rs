//! Two half circles, one inside the other.

use super::{Draw, Drawn, NO_LICENCE, log_normal, log_sum, normal};
use crate::numbers::positive;
use crate::{BuildError, Config, Data, Resolved};
use likely_networks::training::{About, DataSource};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;
use std::path::Path;

pub(crate) const DATA: Data = Data {
    id: "half-moons",
    summary: "Two interleaved half circles with Gaussian noise, stretched to about [-3, 4] by [-2, 3].",
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
        Self { noise: 0.03 }
    }
}

fn build(config: Config<'_>, _: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    Drawn::resolved(HalfMoons { noise: settings.noise }, &settings)
}

struct HalfMoons {
    /// Standard deviation before the stretching.
    noise: f64,
}

/// How far the coordinates are moved before they are stretched.
const SHIFT: f64 = 0.3;
/// By how much they are stretched before one is taken away.
const STRETCH: [f64; 2] = [2.0, 3.0];
/// Pieces of a half circle in the integral over it; even.
const PIECES: usize = 1 << 10;

/// The point of a half circle before noise and stretching.
fn half_circle(outer: bool, angle: f64) -> [f64; 2] {
    let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
    if outer { [cosine, sine] } else { [1.0 - cosine, 0.5 - sine] }
}

impl Draw for HalfMoons {
    const DIM: usize = 2;
    const EQUISPACED: bool = true;

    fn draw(&self, place: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        let outer = place < 0.5;
        let along = if outer { 2.0 * place } else { 2.0 * place - 1.0 };
        for ((x, on), stretch) in point.iter_mut().zip(half_circle(outer, PI * along)).zip(STRETCH) {
            *x = (on + normal(self.noise, stream) + SHIFT) * stretch - 1.0;
        }
    }

    /// By Simpson's rule over both half circles; right to six digits while the noise is at least 0.02.
    fn log_density(&self, point: &[f64]) -> f64 {
        let [x, y] = [0, 1].map(|j| (point[j] + 1.0) / STRETCH[j] - SHIFT);
        let terms = [true, false].into_iter().flat_map(|outer| {
            (0..=PIECES).map(move |k| {
                let [a, b] = half_circle(outer, PI * k as f64 / PIECES as f64);
                let weight = if k == 0 || k == PIECES { 1.0 } else { (2 + 2 * (k % 2)) as f64 };
                (weight, log_normal(x - a, self.noise) + log_normal(y - b, self.noise))
            })
        });
        log_sum(terms) - libm::log((6 * PIECES) as f64) - libm::log(STRETCH[0] * STRETCH[1])
    }

    fn about(&self) -> About {
        About {
            description: format!(
                "Points at equal steps on two interleaved half circles, with Gaussian noise {}, moved by 0.3, stretched by 2 and 3, and moved by -1.",
                self.noise
            ),
            source: "tiny-diffusion, datasets.py, moons, after scikit-learn's make_moons".into(),
            licence: NO_LICENCE.into(),
        }
    }
}
