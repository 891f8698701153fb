//! How far samples are from the convex hull of the training points, beside what theory allows.

use crate::convex_hull::distance_to_hull;
use crate::{Better, MetricError, Reading, SampleMetric, SampleSubject};
use likely_core::HullBound;

pub(crate) const BOUND: SampleMetric = SampleMetric {
    id: "hull-distance-bound",
    unit: "units",
    better: Better::Neither,
    definition: "Largest bound on the distance of a sample to the hull H of the training points, max_j P dist(z_j, H) + E + |1 - c| max_i |x_i| with z_j its start, P = prod_k f_k, E = h d sum_k prod_{l>k} f_l, f_k = 1 + h b'/b; h d for the linear schedule run to its end with step h and velocity error d.",
    evaluate: bound,
};

pub(crate) const MAX: SampleMetric = SampleMetric {
    id: "hull-distance-max",
    unit: "units",
    better: Better::Neither,
    definition: "Largest distance of a sample to the convex hull of the training points, max_j min_{w >= 0, sum w = 1} |x_j - sum_i w_i x_i|, by Wolfe's algorithm with a certified duality gap.",
    evaluate: max,
};

pub(crate) const RATIO: SampleMetric = SampleMetric {
    id: "hull-distance-ratio",
    unit: "1",
    better: Better::Neither,
    definition: "Largest ratio over the samples of the distance to the convex hull of the training points to the bound for that sample; at most 1 where the theory holds.",
    evaluate: ratio,
};

/// Largest share of a distance, or of the size of the data, that the certificate may leave open.
const CERTIFIED: f64 = 1e-9;

fn distances(subject: &SampleSubject<'_>) -> Result<Vec<f64>, MetricError> {
    subject.check()?;
    let size = subject.training.iter().fold(1.0_f64, |top, x| top.max(x.abs()));
    subject
        .samples
        .rows()
        .into_iter()
        .map(|x| {
            let found = distance_to_hull(x, subject.training);
            if found.upper - found.lower <= CERTIFIED * found.upper.max(size) {
                Ok(found.upper)
            } else {
                Err(MetricError::NotFinite)
            }
        })
        .collect()
}

fn bounds(subject: &SampleSubject<'_>) -> Result<Vec<f64>, MetricError> {
    subject.check()?;
    let HullBound { start_factor, error_term, hull_scale } =
        subject.prediction.hull.ok_or(MetricError::Needs { what: "a sampler without noise in its steps" })?;
    let norm = subject.training.rows().into_iter().map(|row| row.dot(&row).sqrt()).fold(0.0, f64::max);
    let common = error_term + (1.0 - hull_scale).abs() * norm;
    Ok(subject
        .starts
        .rows()
        .into_iter()
        .map(|start| {
            let left = if start_factor > 0.0 { distance_to_hull(start, subject.training).upper } else { 0.0 };
            start_factor * left + common
        })
        .collect())
}

fn bound(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(bounds(subject)?.into_iter().fold(0.0, f64::max))
}

fn max(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    Reading::exact(distances(subject)?.into_iter().fold(0.0, f64::max))
}

fn ratio(subject: &SampleSubject<'_>) -> Result<Reading, MetricError> {
    let bounds = bounds(subject)?;
    let size = subject.training.iter().fold(1.0_f64, |top, x| top.max(x.abs()));
    if bounds.iter().any(|bound| *bound <= CERTIFIED * size) {
        return Err(MetricError::Needs { what: "a bound above rounding" });
    }
    let ratios = distances(subject)?.into_iter().zip(bounds).map(|(distance, bound)| distance / bound);
    Reading::exact(ratios.fold(0.0, f64::max))
}
