//! The length of a curve.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "length",
    unit: "units",
    better: Better::Lower,
    definition: "Sum of the step lengths, sum_{i=0..N-1} sqrt(<dz_i, G(z_i) dz_i>) with dz_i = z_{i+1} - z_i and the tensor at the left end.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.squared_steps()?.mapv(f64::sqrt).sum())
}
