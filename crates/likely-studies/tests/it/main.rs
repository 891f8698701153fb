//! Studies, looked at from outside.
#![expect(clippy::float_cmp, reason = "exact results are asserted exactly")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data should stop there")]

mod bundles;
mod convergence_order;
mod densities;
mod duality_gap;
mod image_curves;
mod local_metric;
mod mean_references;
mod mean_studies;
mod mean_uniqueness;
mod means;
mod optimiser_traces;
mod principal;
mod shooting;
mod support;
mod transport;
mod typical_weight;
