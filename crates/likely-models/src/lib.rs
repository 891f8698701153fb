//! Generative models, one file each, and the table of them.
//!
//! To add one: a file with a constant of type [`Model`], and two lines here (`mod` and the entry in [`ALL`]).

mod chi_square_norm;
mod finite_set;
mod gmm;
mod kde;
mod lanes;
mod numbers;
mod table;

pub use chi_square_norm::ChiSquareNorm;
pub use gmm::{Covariances, Mixture, MixtureError};
pub use kde::{Bandwidth, KernelDensity, KernelDensityError};
pub use table::{BuildError, Built, Config, Model, Resources};

/// Every model, sorted by id.
pub const ALL: &[Model] = &[chi_square_norm::MODEL, finite_set::MODEL, gmm::MODEL, kde::MODEL];

/// The model with the given id.
pub fn find(id: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.id == id)
}
