//! Shooting: the initial-value problem of likely curves, and its inverse.
//!
//! A likely interpolant obeys `z'' = -Gamma(z', z') + (lambda / 2) G^-1 grad S`, the Euler-Lagrange equation of
//! `int <z', G z'> + lambda S`. Given a point and a velocity the equation has one solution: [`Shooting::shoot`] follows it, for
//! many velocities at once. [`logarithm`] finds the velocity whose shot hits a given point.
//!
//! # Source
//! arXiv 2510.26266, version 2, equation 7, with the sign corrected; DEVIATIONS.md.

mod adaptive;
mod integrator;
mod logarithm;
mod motion;
mod shot;
mod study;

pub(crate) use study::{STUDY, Spacing, directions};

pub use integrator::Integrator;
pub use logarithm::{Difference, Logarithm, LogarithmError, initial_velocity, logarithm};
pub use motion::{Force, ForceSign, Motion, Pull};
pub use shot::{Lost, ShootError, Shooting, Shot};
