//! The metrics, seen from outside.

mod conformance;
mod distances;
mod feature_files;
mod golden;
mod samples;
