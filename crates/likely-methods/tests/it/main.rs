//! Behaviour of the methods: against reference cases, and of every entry of the table alike.
#![expect(clippy::float_cmp, reason = "exact results are asserted exactly")]
#![expect(clippy::unwrap_used, reason = "a test that cannot read its own data should stop there")]

mod backgrounds;
mod conformance;
mod curved;
mod figure_three;
mod golden;
mod latent_paths;
mod optima;
mod optimisers;
mod potentials;
mod samplers;
