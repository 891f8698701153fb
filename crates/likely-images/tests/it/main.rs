//! Tests of pictures.

mod idx;
mod resize;
mod set;
