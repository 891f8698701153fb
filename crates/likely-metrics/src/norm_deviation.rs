//! How far a curve strays from the shell on which Gaussian noise lives.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const METRIC: Metric = Metric {
    id: "norm-deviation",
    unit: "1",
    better: Better::Lower,
    definition: "Mean relative deviation of the norm from that of standard Gaussian noise, 1/(N+1) sum_{i=0..N} | |z_i| / sqrt(d) - 1 |, end points included; for curves in noise space.",
    evaluate,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let points = subject.curve.points();
    let radius = (points.ncols() as f64).sqrt();
    let deviations = points.rows().into_iter().map(|row| (row.dot(&row).sqrt() / radius - 1.0).abs());
    Reading::exact(deviations.sum::<f64>() / points.nrows() as f64)
}
