//! Processes that carry noise to data.

use crate::EvalError;
use ndarray::{Array2, ArrayView2};

/// The two scales of a process at one time, with their rates of change in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowScales {
    /// `a(t)`, the factor in front of the data.
    pub data: f64,
    /// `da/dt`.
    pub data_rate: f64,
    /// `b(t)`, the standard deviation of the Gaussian noise around `a(t) x_1`.
    pub noise: f64,
    /// `db/dt`.
    pub noise_rate: f64,
}

/// A process `x_t = a(t) x_1 + b(t) eps` from noise at time 0 to data at time 1, with its velocity and score.
pub trait Flow: Send + Sync {
    /// Number of coordinates.
    fn dim(&self) -> usize;

    /// Velocity of the deterministic process at `time` in [0, 1), shape `(batch, dim)` in and out.
    ///
    /// # Errors
    /// [`EvalError`] where the shape does not fit or the time is outside [0, 1).
    fn velocity(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError>;

    /// Score `grad log p_t` at `time` in [0, 1), shape `(batch, dim)` in and out.
    ///
    /// # Errors
    /// As [`Flow::velocity`].
    fn score(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError>;

    /// `a(t)`, `b(t)` and their rates at `time` in [0, 1].
    fn scales(&self, time: f64) -> FlowScales;

    /// `b(t)`, the standard deviation of the noise left at `time`.
    fn noise_scale(&self, time: f64) -> f64 {
        self.scales(time).noise
    }

    /// The data points that the process ends on, shape `(points, dim)`.
    fn training_points(&self) -> ArrayView2<'_, f64>;
}

/// What theory says about the samples of a process that was followed in steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplePrediction {
    /// The factor in front of the training point that a sample ends around; 1 where the process runs to its end.
    pub data_scale: f64,
    /// Variance of each coordinate around that point, where the process has one.
    pub residual_variance: Option<f64>,
    /// How far from the convex hull of the training points a sample can be, where there is a bound.
    pub hull: Option<HullBound>,
    /// Size of the error that was put into the velocity.
    pub velocity_error: f64,
}

/// A bound `start_factor * D_0 + error_term + |1 - hull_scale| * R` on the distance of a sample to the convex hull.
///
/// `D_0` is the distance of the start of the sample to the hull and `R` the largest norm of a training point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HullBound {
    /// How much of the distance at the start is left at the end.
    pub start_factor: f64,
    /// What the error of the velocity can add.
    pub error_term: f64,
    /// The factor by which the steps scale the hull.
    pub hull_scale: f64,
}
