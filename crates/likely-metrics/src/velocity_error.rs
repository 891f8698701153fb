//! The size of the error that was put into the velocity.

use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};

pub(crate) const METRIC: SampleMetric = SampleMetric {
    id: "velocity-error",
    unit: "units per time",
    better: Better::Neither,
    definition: "Norm d of the error that was put into the velocity at every point and time, |e| = d.",
    evaluate,
};

fn evaluate(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.prediction.velocity_error)
}
