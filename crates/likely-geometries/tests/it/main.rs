//! The geometries, seen from outside.

mod bad_input;
mod closed_forms;
mod conformance;
mod golden;
mod support;
