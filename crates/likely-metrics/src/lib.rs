//! Numbers about curves and samples, one file each, and the table of them.
//!
//! Metrics cannot see methods, so none is measured by its own ruler. The id of a metric names its definition.
//!
//! To add one: a file with a constant of type [`Metric`], and two lines here (`mod` and the entry in [`ALL`]).

mod metric;

pub use metric::{Better, Metric, MetricError, Reading, Subject};

/// Every metric of a curve, sorted by id.
pub const ALL: &[Metric] = &[];

/// The metric with the given id.
pub fn find(id: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.id == id)
}
