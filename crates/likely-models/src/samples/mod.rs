//! Data to train on: distributions that are drawn from, one file each.
//!
//! To add one: a file with a constant of type [`crate::Data`], and an entry in [`crate::DATA`].

pub(crate) mod checkerboard;
pub(crate) mod circle_3d;
pub(crate) mod dino;
pub(crate) mod half_moons;
pub(crate) mod sine;
pub(crate) mod two_moons;

use crate::Resolved;
use likely_core::Seed;
use likely_networks::training::{About, DataSource, Split, TrainingError};
use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::Serialize;
use serde::de::Error as _;

/// What points that only follow a definition may be used for.
const NO_LICENCE: &str = "none needed: drawn from a definition";

/// A distribution that is drawn from point by point.
pub(crate) trait Draw: Send + Sync {
    /// Coordinates of a point.
    const DIM: usize;
    /// Whether training points lie at equal steps along a curve, before noise is added, and not at random places.
    const EQUISPACED: bool;

    /// A point at `place`, uniform on [0, 1]; a distribution without a curve may draw it anew.
    fn draw(&self, place: f64, stream: &mut ChaCha8Rng, point: &mut [f64]);

    /// log p at a point.
    fn log_density(&self, point: &[f64]) -> f64;

    /// What a model card says.
    fn about(&self) -> About;
}

/// A [`Draw`] as a source of data.
pub(crate) struct Drawn<D>(pub(crate) D);

impl<D: Draw + 'static> Drawn<D> {
    /// The source with its configuration, defaults filled in.
    pub(crate) fn resolved(
        draw: D,
        settings: &impl Serialize,
    ) -> Result<Resolved<dyn DataSource>, crate::BuildError> {
        let config = toml::Table::try_from(settings).map_err(toml::de::Error::custom)?;
        Ok(Resolved { built: Box::new(Self(draw)), config })
    }

    fn points(&self, count: usize, equispaced: bool, stream: &mut ChaCha8Rng) -> Array2<f64> {
        let mut points = Array2::zeros((count, D::DIM));
        let last = count.saturating_sub(1).max(1) as f64;
        for (i, mut row) in points.rows_mut().into_iter().enumerate() {
            let place = if equispaced { i as f64 / last } else { stream.random::<f64>() };
            self.0.draw(place, stream, row.as_slice_mut().expect("rows are contiguous"));
        }
        points
    }
}

impl<D: Draw + 'static> DataSource for Drawn<D> {
    fn dim(&self) -> usize {
        D::DIM
    }

    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError> {
        let stream = |set| seed.stream(&[("data", set)]);
        Ok(Split {
            training: self.points(training, D::EQUISPACED, &mut stream("training")),
            held_out: self.points(held_out, false, &mut stream("held-out")),
        })
    }

    fn fresh(&self, count: usize, stream: &mut ChaCha8Rng) -> Option<Array2<f64>> {
        Some(self.points(count, false, stream))
    }

    fn log_density(&self, points: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
        Some(points.rows().into_iter().map(|row| self.0.log_density(&row.to_vec())).collect())
    }

    fn about(&self) -> About {
        self.0.about()
    }
}

/// A normal number with the given standard deviation.
fn normal(deviation: f64, stream: &mut ChaCha8Rng) -> f64 {
    let z: f64 = stream.sample(StandardNormal);
    deviation * z
}

/// The logarithm of a normal density at distance `gap` from its mean.
fn log_normal(gap: f64, deviation: f64) -> f64 {
    let z = gap / deviation;
    -0.5 * z * z - libm::log(deviation) - 0.5 * libm::log(std::f64::consts::TAU)
}

/// The logarithm of a sum of exponentials, with weights.
fn log_sum(terms: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let top = terms.clone().fold(f64::NEG_INFINITY, |top, (_, term)| top.max(term));
    if top.is_infinite() {
        return top;
    }
    top + libm::log(terms.map(|(weight, term)| weight * libm::exp(term - top)).sum())
}
