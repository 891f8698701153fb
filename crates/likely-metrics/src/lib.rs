//! Numbers about curves and samples, one file each, and the table of them.
//!
//! Metrics cannot see methods, so none is measured by its own ruler. The id of a metric names its definition.
//!
//! To add one: a file with a constant of type [`Metric`], and two lines here (`mod` and the entry in [`ALL`]); for samples
//! instead of curves, of type [`SampleMetric`] and in [`SAMPLE_ALL`]. No id is in both tables.
//!
//! Numbers about two sets of images are in [`distances`].

mod barrier_height;
mod convex_hull;
pub mod distances;
mod energy;
mod energy_midpoint;
mod evaluations;
mod evaluations_flow;
mod hull_distance;
mod iterations;
mod length;
mod log_likelihood;
mod memorisation;
mod metric;
mod nearest_distance;
mod norm_deviation;
mod potential_along;
mod regularised_energy;
mod residual_variance;
mod sample;
mod smoothness;
mod speed_uniformity;
mod typicality_gap;
mod velocity_error;

pub use convex_hull::{HullDistance, distance_to_hull};
pub use metric::{Better, Metric, MetricError, Reading, Subject};
pub use sample::{SampleMetric, SampleSubject};

/// Every metric of a curve, sorted by id.
pub const ALL: &[Metric] = &[
    barrier_height::METRIC,
    energy::METRIC,
    energy_midpoint::METRIC,
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
    regularised_energy::WITH_ENDS,
    smoothness::SECOND,
    smoothness::THIRD,
    speed_uniformity::METRIC,
    typicality_gap::METRIC,
];

/// The metric with the given id.
pub fn find(id: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.id == id)
}

/// Every metric of samples, sorted by id.
pub const SAMPLE_ALL: &[SampleMetric] = &[
    evaluations_flow::METRIC,
    hull_distance::BOUND,
    hull_distance::MAX,
    hull_distance::RATIO,
    memorisation::METRIC,
    nearest_distance::MAX,
    nearest_distance::MEAN,
    nearest_distance::RMS,
    residual_variance::MEASURED,
    residual_variance::PREDICTED,
    residual_variance::RATIO,
    velocity_error::METRIC,
];

/// The metric of samples with the given id.
pub fn find_sample(id: &str) -> Option<&'static SampleMetric> {
    SAMPLE_ALL.iter().find(|metric| metric.id == id)
}
