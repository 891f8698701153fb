//! How far the potential rises between the end points.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "barrier-height",
    unit: "nats",
    better: Better::Lower,
    definition: "Rise of the potential along the curve above its higher end, max_{i=0..N} S(z_i) - max(S(z_0), S(z_N)); 0 where no point lies above the ends.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let potential = subject.potential()?;
    if potential.iter().any(|s| s.is_nan()) {
        return Err(MetricError::NotFinite);
    }
    let top = potential.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Reading::exact(top - potential[0].max(potential[potential.len() - 1]))
}
