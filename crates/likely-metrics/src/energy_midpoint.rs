//! The energy of a curve by the midpoint rule.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "energy-midpoint",
    unit: "squared units",
    better: Better::Lower,
    definition: "Sum of the squared steps with the tensor at the middle of each, sum_{i=0..N-1} <dz_i, G((z_i + z_{i+1}) / 2) dz_i>: of second order in 1/N and the same in both directions, where `energy` is of first order; not scaled by N.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.squared_steps_at_middles()?.sum())
}
