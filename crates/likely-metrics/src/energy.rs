//! The energy of a curve.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "energy",
    unit: "squared units",
    better: Better::Lower,
    definition: "Sum of the squared steps, sum_{i=0..N-1} <dz_i, G(z_i) dz_i> with dz_i = z_{i+1} - z_i and the tensor at the left end; not scaled by N.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.squared_steps()?.sum())
}
