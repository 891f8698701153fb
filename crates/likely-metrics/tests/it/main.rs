//! The metrics, seen from outside.

mod conformance;
mod distances;
mod golden;
mod samples;
