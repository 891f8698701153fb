//! The metrics, seen from outside.

mod conformance;
mod golden;
mod samples;
