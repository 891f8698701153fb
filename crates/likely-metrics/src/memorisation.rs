//! How many samples are copies of training points.

use crate::sample::two_nearest;
use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};

pub(crate) const METRIC: SampleMetric = SampleMetric {
    id: "memorisation-ratio",
    unit: "1",
    better: Better::Lower,
    definition: "Fraction of samples whose nearest training point is less than a third as far away as the second nearest one; training points that coincide count as one.",
    evaluate,
};

fn evaluate(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    subject.check()?;
    let first = subject.training.row(0);
    if subject.training.rows().into_iter().all(|row| row == first) {
        return Err(MetricError::Needs { what: "at least two distinct training points" });
    }
    let copies = subject
        .samples
        .rows()
        .into_iter()
        .filter(|x| {
            let (_, first, second) = two_nearest(x.view(), subject.training, 1.0);
            first < second / 9.0
        })
        .count();
    let n = subject.samples.nrows() as f64;
    let fraction = copies as f64 / n;
    Reading::estimate(fraction, (fraction * (1.0 - fraction) / n).sqrt())
}
