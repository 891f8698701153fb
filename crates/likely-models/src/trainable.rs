//! What `likely train` can train, and on which points: the two tables.
//!
//! To add a model: a function that builds its [`Objective`], and an entry in [`TRAINABLE`]. To add data: a function that
//! builds its [`DataSource`], and an entry in [`DATA`]. Both tables are sorted by id.

use crate::{BuildError, Config, images, pictures, samples, sphere};
use crate::{autoregressive_training, diffusion_2d, energy_network_training, normalizing_flow_training, vae};
use likely_networks::training::{DataSource, Objective};
use ndarray::ArrayView2;
use std::path::Path;

/// What a configuration with its defaults filled in describes.
pub struct Resolved<T: ?Sized> {
    /// What was built.
    pub built: Box<T>,
    /// The configuration with every default filled in.
    pub config: toml::Table,
}

/// Builds what is trained, from its configuration and the training points.
pub type BuildObjective = fn(Config<'_>, ArrayView2<'_, f64>) -> Result<Resolved<dyn Objective>, BuildError>;

/// Builds data, from their configuration and the folder of the spec.
pub type BuildData = fn(Config<'_>, &Path) -> Result<Resolved<dyn DataSource>, BuildError>;

/// One entry of the table of models that can be trained.
#[derive(Debug, Clone, Copy)]
pub struct Trainable {
    /// The id of the model in [`crate::ALL`] that evaluates the weights; a network in [`crate::FEATURES`] does so for a classifier.
    pub id: &'static str,
    /// One sentence: the loss and its source.
    pub summary: &'static str,
    /// Builds what is trained from `[model.config]`; the training points, shape `(points, dim)`, are there for their dimension
    /// and for statistics that a model needs of them. A configuration error carries its place in the spec.
    pub build: BuildObjective,
}

/// One entry of the table of data.
#[derive(Debug, Clone, Copy)]
pub struct Data {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Builds it from `[data.config]`; relative paths start from the folder of the spec. A configuration error carries its
    /// place in the spec.
    pub build: BuildData,
}

/// Every model that can be trained, sorted by id.
pub const TRAINABLE: &[Trainable] = &[
    autoregressive_training::TRAINABLE,
    diffusion_2d::TRAINABLE,
    energy_network_training::TRAINABLE,
    images::classifier::TRAINABLE,
    images::diffusion::TRAINABLE,
    images::gan::TRAINABLE,
    images::score_sde::TRAINABLE,
    images::vae::TRAINABLE,
    normalizing_flow_training::TRAINABLE,
    sphere::training::TRAINABLE,
    vae::TRAINABLE,
];

/// All data, sorted by id.
pub const DATA: &[Data] = &[
    samples::checkerboard::DATA,
    samples::circle_3d::DATA,
    samples::dino::DATA,
    sphere::events_data::DATA,
    pictures::fashion_mnist::DATA,
    samples::half_moons::DATA,
    pictures::image_folder::DATA,
    samples::sine::DATA,
    samples::two_moons::DATA,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(TRAINABLE.iter().map(|entry| entry.id).is_sorted());
        assert!(DATA.iter().map(|entry| entry.id).is_sorted());
    }
}
