//! How many iterations a curve took.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "iterations",
    unit: "iterations",
    better: Better::Lower,
    definition: "Iterations that the method took; 0 for closed forms.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(f64::from(subject.iterations))
}
