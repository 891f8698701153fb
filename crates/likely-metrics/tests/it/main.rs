//! The metrics, seen from outside.

mod conformance;
mod distances;
mod feature_files;
mod golden;
mod left_out;
mod samples;
