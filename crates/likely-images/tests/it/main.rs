//! Tests of pictures.

mod grid;
mod idx;
mod pictures;
mod resize;
mod set;
