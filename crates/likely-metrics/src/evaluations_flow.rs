//! What samples cost.

use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};

pub(crate) const METRIC: SampleMetric = SampleMetric {
    id: "evaluations-flow",
    unit: "points",
    better: Better::Lower,
    definition: "Points at which the sampler evaluated the velocity or the score, over all samples and steps.",
    evaluate,
};

fn evaluate(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.evaluations.total() as f64)
}
