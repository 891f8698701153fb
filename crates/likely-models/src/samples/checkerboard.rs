//! Every other cell of a square board.

use super::{Draw, Drawn, NO_LICENCE, normal};
use crate::numbers::positive;
use crate::{BuildError, Config, Data, Resolved};
use likely_networks::training::{About, DataSource};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const DATA: Data = Data {
    id: "checkerboard",
    summary: "Uniform on the eight cells of [-2, 2]^2 whose corners have an odd sum, with Gaussian noise.",
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
    Drawn::resolved(Checkerboard { noise: settings.noise }, &settings)
}

struct Checkerboard {
    noise: f64,
}

/// Half the width of the board; cells have width one.
const HALF: i32 = 2;

impl Checkerboard {
    /// Share of a cell that begins at `corner` in a coordinate, once noise is added.
    fn share(&self, corner: f64, x: f64) -> f64 {
        let scale = std::f64::consts::FRAC_1_SQRT_2 / self.noise;
        // Of two small tails the difference is taken, not of two numbers near one.
        let side = if x < corner + 0.5 { 1.0 } else { -1.0 };
        let [a, b] = [corner, corner + 1.0].map(|edge| 0.5 * libm::erfc(side * (edge - x) * scale));
        side * (a - b)
    }
}

impl Draw for Checkerboard {
    const DIM: usize = 2;
    const EQUISPACED: bool = false;

    fn draw(&self, _: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        loop {
            let half = f64::from(HALF);
            let [x, y] = [(); 2].map(|()| half * (2.0 * stream.random::<f64>() - 1.0));
            if (x.floor() + y.floor()).rem_euclid(2.0) > 0.5 {
                point[0] = x + normal(self.noise, stream);
                point[1] = y + normal(self.noise, stream);
                return;
            }
        }
    }

    fn log_density(&self, point: &[f64]) -> f64 {
        let cells = (-HALF..HALF).flat_map(|i| (-HALF..HALF).map(move |j| (i, j)));
        let sum: f64 = cells
            .filter(|(i, j)| (i + j).rem_euclid(2) == 1)
            .map(|(i, j)| self.share(f64::from(i), point[0]) * self.share(f64::from(j), point[1]))
            .sum();
        libm::log(sum / f64::from(2 * HALF * HALF))
    }

    fn about(&self) -> About {
        About {
            description: format!(
                "Points uniform on the cells of [-2, 2]^2 with odd floor(x) + floor(y), with Gaussian noise {} in both coordinates.",
                self.noise
            ),
            source: "the checkerboard of torchebm, datasets/generators.py, with range 2 and noise 0.05"
                .into(),
            licence: NO_LICENCE.into(),
        }
    }
}
