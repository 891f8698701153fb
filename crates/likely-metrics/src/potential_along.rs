//! The potential along a curve: its mean and its sum, for any potential.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const MEAN: Metric = Metric {
    id: "potential-mean",
    unit: "nats",
    better: Better::Lower,
    definition: "Mean of the potential S = -log p (up to a constant where p is not normalised) over all points of the curve, 1/(N+1) sum_{i=0..N} S(z_i), end points included.",
    evaluate: mean,
};

pub(crate) const SUM: Metric = Metric {
    id: "potential-sum",
    unit: "nats",
    better: Better::Lower,
    definition: "Sum of the potential S = -log p (up to a constant where p is not normalised) over all points of the curve, sum_{i=0..N} S(z_i), end points included.",
    evaluate: sum,
};

fn mean(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let potential = subject.potential()?;
    Reading::exact(potential.sum() / potential.len() as f64)
}

fn sum(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.potential()?.sum())
}
