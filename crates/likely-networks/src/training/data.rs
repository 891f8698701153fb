//! Where training and held-out points come from.

use super::TrainingError;
use likely_core::Seed;
use ndarray::{Array1, Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;

/// Training and held-out points.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Points to train on, shape `(points, dim)`.
    pub training: Array2<f64>,
    /// Points that training never sees, shape `(points, dim)`.
    pub held_out: Array2<f64>,
}

/// What a model card says of the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What the points are, in one or two sentences.
    pub description: String,
    /// Where they come from: a definition with its reference, or a file with its origin.
    pub source: String,
    /// Under which terms they may be used.
    pub licence: String,
}

/// A distribution or a file that gives points.
pub trait DataSource: Send + Sync {
    /// Coordinates of a point.
    fn dim(&self) -> usize;

    /// Training and held-out points.
    ///
    /// A distribution draws them from `seed.stream(&[("data", "training")])` and `seed.stream(&[("data", "held-out")])`, so
    /// that neither count moves the other set; a file shuffles its rows with `seed.stream(&[("data", "split")])` and
    /// cuts them.
    ///
    /// # Errors
    /// [`TrainingError::Data`] where a file has too few rows.
    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError>;

    /// Fresh points, shape `(count, dim)`; `None` where there are only those of a file.
    fn fresh(&self, count: usize, stream: &mut ChaCha8Rng) -> Option<Array2<f64>>;

    /// log p of the distribution itself at `points`, where it is known: the likelihood that no model can beat on average.
    fn log_density(&self, points: ArrayView2<'_, f64>) -> Option<Array1<f64>>;

    /// What a model card says.
    fn about(&self) -> About;
}
