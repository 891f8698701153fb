//! Geometries that a model makes: of its decoder, or of its density, short where it is likely, or where its score or that score's
//! derivative is small.
//!
//! All of the density are written with `S = -log p`. A constant in `S`, which many models leave open, is no more than a unit of length for
//! `inverse-density` and changes nothing for `density-fisher-rao`, `jacobian` and `monge`; for the others it changes the
//! geometry, so that their parameters mean something else for a density that is not normalised.

mod conformal;
mod conformal_energy;
mod conformal_energy_inverse;
mod density_fisher_rao;
mod generative;
mod inverse_density;
mod jacobi;
mod jacobian;
mod monge;
mod monge_collapsed;
mod numbers;
mod pull_back;
mod rank_one;

use crate::Derived;

/// Every geometry derived from a model, sorted by id.
pub(crate) const ALL: &[Derived] = &[
    conformal_energy::DERIVED,
    conformal_energy_inverse::DERIVED,
    conformal_energy_inverse::RELEASED,
    conformal_energy::RELEASED,
    density_fisher_rao::DERIVED,
    generative::DERIVED,
    generative::RELEASED,
    inverse_density::DERIVED,
    inverse_density::RELEASED,
    jacobi::DERIVED,
    jacobian::DERIVED,
    monge::DERIVED,
    monge_collapsed::DERIVED,
    pull_back::DERIVED,
];
