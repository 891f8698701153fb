//! The geometries, seen from outside.

mod bad_input;
mod closed_forms;
mod conformance;
mod derived;
mod golden;
mod projections;
mod support;
