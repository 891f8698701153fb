//! The models, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod chi_square_norm;
mod conformance;
mod curvature;
mod decoders;
mod feature_networks;
mod finite_set;
mod gmm;
mod image_gan;
mod image_gaussian;
mod image_score_digits;
mod image_score_sde;
mod images;
mod kde;
mod learned_golden;
mod networks;
mod pictures;
mod planar;
mod quadratic;
mod samples;
mod sphere;
mod strip;
mod support;
