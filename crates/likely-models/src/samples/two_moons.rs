//! Exact samples of [`TwoMoons`].

use super::{Draw, Drawn, NO_LICENCE, normal};
use crate::two_moons::{DEVIATION, RADIUS, RING_DEVIATION};
use crate::{BuildError, Config, Data, Resolved, TwoMoons};
use likely_core::Differentiable;
use likely_networks::training::{About, DataSource};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::path::Path;

pub(crate) const DATA: Data =
    Data { id: "two-moons", summary: "Exact samples of the density of the same name, by rejection.", build };

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

fn build(config: Config<'_>, _: &Path) -> Result<Resolved<dyn DataSource>, BuildError> {
    let settings = Settings::deserialize(toml::Deserializer::from(config))?;
    Drawn::resolved(Moons, &settings)
}

struct Moons;

/// Beyond this in the second coordinate the ring is at most `e^-50` of its top.
const REACH: f64 = RADIUS + 10.0 * RING_DEVIATION;

impl Draw for Moons {
    const DIM: usize = 2;
    const EQUISPACED: bool = false;

    /// The first coordinate is drawn from the two Gaussians, the second uniformly, and the pair kept with the probability
    /// that the ring has there.
    fn draw(&self, _: f64, stream: &mut ChaCha8Rng, point: &mut [f64]) {
        loop {
            let side = if stream.random::<bool>() { RADIUS } else { -RADIUS };
            point[0] = side + normal(DEVIATION, stream);
            point[1] = REACH * (2.0 * stream.random::<f64>() - 1.0);
            let gap = (libm::hypot(point[0], point[1]) - RADIUS) / RING_DEVIATION;
            if stream.random::<f64>() < libm::exp(-0.5 * gap * gap) {
                return;
            }
        }
    }

    fn log_density(&self, point: &[f64]) -> f64 {
        -TwoMoons.value(point, &mut [])
    }

    fn about(&self) -> About {
        About {
            description: "Exact samples of two half rings of radius 2, drawn by rejection.".into(),
            source: "normflows, distributions/target.py, TwoMoons".into(),
            licence: NO_LICENCE.into(),
        }
    }
}
