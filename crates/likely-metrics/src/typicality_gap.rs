//! How far the potential along a curve is from that of typical points.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "typicality-gap",
    unit: "nats",
    better: Better::Lower,
    definition: "Distance of the mean potential along the curve from that of typical points (data or samples of the model), |1/(N+1) sum_{i=0..N} S(z_i) - E S|: the likeliest point of a density in many dimensions is not a typical one.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let potential = subject.potential()?;
    let typical =
        subject.typical_potential.ok_or(MetricError::Needs { what: "the typical potential of the model" })?;
    Reading::exact((potential.sum() / potential.len() as f64 - typical).abs())
}
