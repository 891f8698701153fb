//! Numbers about curves and samples, one file each, and the table of them.
//!
//! Metrics cannot see methods, so none is measured by its own ruler. The id of a metric names its definition.
//!
//! To add one: a file with a constant of type [`Metric`], and two lines here (`mod` and the entry in [`ALL`]).

mod barrier_height;
mod energy;
mod evaluations;
mod iterations;
mod length;
mod log_likelihood;
mod metric;
mod norm_deviation;
mod potential_along;
mod regularised_energy;
mod smoothness;
mod speed_uniformity;
mod typicality_gap;

pub use metric::{Better, Metric, MetricError, Reading, Subject};

/// Every metric of a curve, sorted by id.
pub const ALL: &[Metric] = &[
    barrier_height::METRIC,
    energy::METRIC,
    evaluations::TOTAL,
    evaluations::GRADIENT,
    evaluations::VALUE,
    iterations::METRIC,
    length::METRIC,
    log_likelihood::MEAN,
    log_likelihood::MIN,
    log_likelihood::SUM,
    norm_deviation::METRIC,
    potential_along::MEAN,
    potential_along::SUM,
    regularised_energy::METRIC,
    smoothness::SECOND,
    smoothness::THIRD,
    speed_uniformity::METRIC,
    typicality_gap::METRIC,
];

/// The metric with the given id.
pub fn find(id: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.id == id)
}
