//! How smooth a curve is, by its second and third differences.

use crate::{Better, Metric, MetricError, Reading, Subject};
use ndarray::{Array2, s};

pub(crate) const SECOND: Metric = Metric {
    id: "smoothness-second",
    unit: "squared units",
    better: Better::Lower,
    definition: "Sum of the squared second differences, sum_{i=1..N-1} |z_{i+1} - 2 z_i + z_{i-1}|^2, in coordinates and not scaled: times N^3 it tends to the integral of the squared second derivative over t in [0, 1].",
    evaluate: second,
};

pub(crate) const THIRD: Metric = Metric {
    id: "smoothness-third",
    unit: "squared units",
    better: Better::Lower,
    definition: "Sum of the squared third differences, sum_{i=1..N-2} |z_{i+2} - 3 z_{i+1} + 3 z_i - z_{i-1}|^2, in coordinates and not scaled: times N^5 it tends to the integral of the squared third derivative over t in [0, 1].",
    evaluate: third,
};

fn second(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    squared_differences(subject, 2)
}

fn third(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    squared_differences(subject, 3)
}

fn squared_differences(subject: &Subject<'_>, order: usize) -> Result<Reading, MetricError> {
    let segments = subject.curve.segments();
    if segments < order {
        return Err(MetricError::TooFewSegments { needed: order, found: segments });
    }
    let mut differences: Array2<f64> = subject.curve.points().to_owned();
    for _ in 0..order {
        let rows = differences.nrows();
        differences = &differences.slice(s![1.., ..]) - &differences.slice(s![..rows - 1, ..]);
    }
    Reading::exact(differences.iter().map(|d| d * d).sum())
}
