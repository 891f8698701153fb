//! The models, seen from outside.

mod chi_square_norm;
mod conformance;
mod curvature;
mod finite_set;
mod gmm;
mod kde;
mod planar;
mod quadratic;
mod sphere;
mod strip;
mod support;
