//! The log-likelihood along a curve: its mean, its minimum and its sum.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const MEAN: Metric = Metric {
    id: "log-likelihood-mean",
    unit: "nats",
    better: Better::Higher,
    definition: "Mean of the log-density over all points of the curve, 1/(N+1) sum_{i=0..N} log p(z_i), end points included; only where p is normalised.",
    evaluate: mean,
};

pub(crate) const MIN: Metric = Metric {
    id: "log-likelihood-min",
    unit: "nats",
    better: Better::Higher,
    definition: "Smallest log-density over all points of the curve, min_{i=0..N} log p(z_i), end points included; only where p is normalised.",
    evaluate: min,
};

pub(crate) const SUM: Metric = Metric {
    id: "log-likelihood-sum",
    unit: "nats",
    better: Better::Higher,
    definition: "Sum of the log-density over all points of the curve, sum_{i=0..N} log p(z_i), end points included; only where p is normalised.",
    evaluate: sum,
};

fn mean(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let potential = subject.normalised_potential()?;
    Reading::exact(-potential.sum() / potential.len() as f64)
}

fn min(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let potential = subject.normalised_potential()?;
    if potential.iter().any(|s| s.is_nan()) {
        return Err(MetricError::NotFinite);
    }
    Reading::exact(-potential.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

fn sum(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(-subject.normalised_potential()?.sum())
}
