//! What the likely interpolants minimise.

use crate::{Better, Metric, MetricError, Reading, Subject};
use ndarray::s;

pub(crate) const METRIC: Metric = Metric {
    id: "regularised-energy",
    unit: "squared units",
    better: Better::Lower,
    definition: "Energy plus the weighted potential of the interior points, sum_{i=0..N-1} <dz_i, G(z_i) dz_i> + lambda_norm sum_{i=1..N-1} S(z_i), with the factor that the method used; comparable only at the same factor.",
    evaluate,
};

pub(crate) const WITH_ENDS: Metric = Metric {
    id: "regularised-energy-with-ends",
    unit: "squared units",
    better: Better::Lower,
    definition: "Energy plus the weighted potential of all points, sum_{i=0..N-1} <dz_i, G(z_i) dz_i> + lambda_norm sum_{i=0..N} S(z_i), as the tables of two-dimensional models of arXiv 2510.26266 have it; above what is minimised by the potential of the end points.",
    evaluate: with_ends,
};

fn evaluate(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    let interior = subject.potential()?.slice(s![1..subject.curve.segments()]).sum();
    weighted(subject, interior)
}

fn with_ends(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    weighted(subject, subject.potential()?.sum())
}

fn weighted(subject: &Subject<'_>, potential: f64) -> Result<Reading, MetricError> {
    let lambda_norm =
        subject.lambda_norm.ok_or(MetricError::Needs { what: "a method with a weighted potential" })?;
    Reading::exact(subject.squared_steps()?.sum() + lambda_norm * potential)
}
