//! What a curve cost: the points at which the density was evaluated, in all and by kind.

use crate::{Better, Metric, MetricError, Reading, Subject};

pub(crate) const TOTAL: Metric = Metric {
    id: "evaluations",
    unit: "points",
    better: Better::Lower,
    definition: "Points at which the method evaluated the density, values and gradients together; a value with its gradient counts once.",
    evaluate: total,
};

pub(crate) const GRADIENT: Metric = Metric {
    id: "evaluations-gradient",
    unit: "points",
    better: Better::Lower,
    definition: "Points at which the method asked for the gradient of the potential, with or without the value, or for the score.",
    evaluate: gradient,
};

pub(crate) const VALUE: Metric = Metric {
    id: "evaluations-value",
    unit: "points",
    better: Better::Lower,
    definition: "Points at which the method asked for the value of the potential alone.",
    evaluate: value,
};

fn total(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.evaluations.total() as f64)
}

fn gradient(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.evaluations.gradients as f64)
}

fn value(subject: &Subject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(subject.evaluations.values as f64)
}
