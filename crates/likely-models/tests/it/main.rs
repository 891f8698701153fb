//! The models, seen from outside.

mod finite_set;
