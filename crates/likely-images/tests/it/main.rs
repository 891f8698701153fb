//! Tests of pictures.

mod idx;
mod set;
