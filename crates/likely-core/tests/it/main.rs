//! Tests of what the unit tests of this crate cannot see.

mod layers;
