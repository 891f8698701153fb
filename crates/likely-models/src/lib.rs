//! Generative models, one file each, and the table of them.
//!
//! To add one: a file with a constant of type [`Model`], and two lines here (`mod` and the entry in [`ALL`]).

mod finite_set;
mod table;

pub use table::{BuildError, Built, Config, Model, Resources};

/// Every model, sorted by id.
pub const ALL: &[Model] = &[finite_set::MODEL];

/// The model with the given id.
pub fn find(id: &str) -> Option<&'static Model> {
    ALL.iter().find(|model| model.id == id)
}
