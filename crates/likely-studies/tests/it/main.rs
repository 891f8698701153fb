//! Studies, looked at from outside.

mod convergence_order;
mod densities;
mod duality_gap;
mod local_metric;
mod mean_studies;
mod means;
mod optimiser_traces;
mod principal;
mod shooting;
mod support;
mod transport;
mod typical_weight;
