//! The program as users meet it: commands, exit codes, messages, kills and interrupts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod absent;
mod bad_input;
mod commands;
mod distance;
mod faults;
mod fetch;
mod interpolate;
mod project;
mod same_bytes;
mod training;
mod versions;
