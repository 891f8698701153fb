//! Run folders as the runner and the report use them, and files of earlier formats.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod curve;
mod folder;
mod format;
mod pictures;
mod sample;
mod series;
