//! A bounded error in the velocity of a flow, as a network that was trained would have.

use crate::sampler::Size;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

/// The error, which has the norm `size` at every point and time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VelocityError {
    pub(crate) size: Size,
    pub(crate) kind: Kind,
}

/// Where the error points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The same direction for all samples and times, drawn once.
    Constant,
    /// Away from the mean of the training points.
    Outward,
    /// Anew for each sample and step, uniform over directions.
    RandomDirection,
}

impl VelocityError {
    /// What stays the same over a run, shape `(dim,)`: the direction of a constant error, or the centre of an outward one.
    pub(crate) fn anchor(&self, training: ArrayView2<'_, f64>, rng: &mut ChaCha8Rng) -> Array1<f64> {
        match self.kind {
            Kind::Constant => direction(training.ncols(), rng),
            Kind::Outward => training.sum_axis(Axis(0)) / training.nrows() as f64,
            Kind::RandomDirection => Array1::zeros(training.ncols()),
        }
    }

    /// Adds the error to the velocities at `points`, both of shape `(samples, dim)`.
    pub(crate) fn add(
        &self,
        anchor: &Array1<f64>,
        points: ArrayView2<'_, f64>,
        velocity: &mut Array2<f64>,
        rng: &mut ChaCha8Rng,
    ) {
        let size = self.size.get();
        for (point, mut velocity) in points.rows().into_iter().zip(velocity.rows_mut()) {
            match self.kind {
                Kind::Constant => velocity.scaled_add(size, anchor),
                Kind::Outward => {
                    let away = &point - anchor;
                    let norm = away.dot(&away).sqrt();
                    if norm > 0.0 {
                        velocity.scaled_add(size / norm, &away);
                    }
                }
                Kind::RandomDirection => velocity.scaled_add(size, &direction(point.len(), rng)),
            }
        }
    }
}

/// A unit vector, uniform over directions.
fn direction(dim: usize, rng: &mut ChaCha8Rng) -> Array1<f64> {
    let gaussian: Array1<f64> = (0..dim).map(|_| StandardNormal.sample(rng)).collect();
    let norm = gaussian.dot(&gaussian).sqrt();
    gaussian / norm
}
