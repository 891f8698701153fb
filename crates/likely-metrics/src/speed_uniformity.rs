//! How evenly the points of a curve are spread along it.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "speed-uniformity",
    unit: "1",
    better: Better::Lower,
    definition: "Coefficient of variation of the step lengths l_i = sqrt(<dz_i, G(z_i) dz_i>), sqrt(1/N sum_i (l_i - m)^2) / m with m = 1/N sum_i l_i; 0 at constant speed.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let lengths = subject.squared_steps()?.mapv(f64::sqrt);
    let n = lengths.len() as f64;
    let mean = lengths.sum() / n;
    let variance = lengths.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n;
    Reading::exact(variance.sqrt() / mean)
}
