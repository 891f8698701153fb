//! What an entry of the table of sample metrics is, and what it looks at.

use crate::{Better, MetricError, Reading};
use likely_core::{Evaluations, SamplePrediction};
use ndarray::{ArrayView1, ArrayView2};

/// Samples of a generative process, the points it was trained on, and what theory predicts.
pub struct SampleSubject<'a> {
    /// The samples, shape `(samples, dim)`.
    pub samples: ArrayView2<'a, f64>,
    /// Where each of them started, shape `(samples, dim)`.
    pub starts: ArrayView2<'a, f64>,
    /// The training points, shape `(points, dim)`.
    pub training: ArrayView2<'a, f64>,
    /// What theory says about the samples.
    pub prediction: SamplePrediction,
    /// Points at which the velocity or the score was evaluated.
    pub evaluations: Evaluations,
}

/// One entry of the table of sample metrics.
#[derive(Debug, Clone, Copy)]
pub struct SampleMetric {
    /// The kebab-case name that specs use; it names the definition.
    pub id: &'static str,
    /// Unit, such as `units`.
    pub unit: &'static str,
    /// Which way is better.
    pub better: Better,
    /// The definition in one sentence with its formula.
    pub definition: &'static str,
    /// Measures the samples.
    pub evaluate: fn(&SampleSubject<'_>) -> Result<Reading, MetricError>,
}

impl SampleSubject<'_> {
    /// Refuses what no sample metric can work on.
    pub(crate) fn check(&self) -> Result<(), MetricError> {
        if self.samples.nrows() == 0 {
            return Err(MetricError::Needs { what: "at least one sample" });
        }
        if self.training.nrows() == 0 {
            return Err(MetricError::Needs { what: "at least one training point" });
        }
        let dim = self.training.ncols();
        if self.samples.ncols() != dim || self.starts.dim() != self.samples.dim() {
            return Err(MetricError::Needs { what: "samples, starts and training points of one dimension" });
        }
        Ok(())
    }
}

/// Squared distances of `x` to its nearest and second nearest distinct point among `scale * points`, with the first row
/// of the nearest.
///
/// The second is infinite where all points are the same.
pub(crate) fn two_nearest(
    x: ArrayView1<'_, f64>,
    points: ArrayView2<'_, f64>,
    scale: f64,
) -> (usize, f64, f64) {
    let (mut row, mut first, mut second) = (0, f64::INFINITY, f64::INFINITY);
    for (i, point) in points.rows().into_iter().enumerate() {
        let squared: f64 = x.iter().zip(point).map(|(x, p)| (x - scale * p).powi(2)).sum();
        if squared < first {
            (row, second, first) = (i, first, squared);
        } else if squared < second && point != points.row(row) {
            second = squared;
        }
    }
    (row, first, second)
}
