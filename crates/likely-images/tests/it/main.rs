//! Tests of pictures.

mod idx;
mod pictures;
mod resize;
mod set;
