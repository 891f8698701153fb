//! Networks that see features in images: the table, and how one is read.
//!
//! To add one: a constant of type [`Features`], and an entry in [`FEATURES`].

use crate::images::{classifier, inception, mobilenet_v2, pixels};
use crate::{BuildError, Config};
use likely_core::FeatureNetwork;
use serde::de::Error as _;
use std::path::Path;

/// Builds a feature network from its configuration and the folder that relative paths start from.
pub type BuildFeatures = fn(Config<'_>, &Path) -> Result<Box<dyn FeatureNetwork>, BuildError>;

/// One entry of the table of feature networks.
#[derive(Debug, Clone, Copy)]
pub struct Features {
    /// The kebab-case name that specs use, and that numbers made with the network carry.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the network comes from.
    pub source: &'static str,
    /// Builds it from the configuration without its `id`; relative paths start from the folder of the spec.
    pub build: BuildFeatures,
}

/// All feature networks, sorted by id.
pub const FEATURES: &[Features] = &[
    inception::CLEAN_FID,
    classifier::FEATURES,
    inception::FID,
    inception::NSFWJS,
    mobilenet_v2::FEATURES,
    pixels::FEATURES,
    inception::TF1_FID,
];

/// The feature network of a configuration such as
/// `{ id = "fashion-classifier", weights = "models/images/fashion-classifier.safetensors" }`; relative paths start from `folder`.
///
/// # Errors
/// [`BuildError`]: with its place in the spec for a wrong key or value, with names and shapes for weights that do not fit.
pub fn feature_network(config: Config<'_>, folder: &Path) -> Result<Box<dyn FeatureNetwork>, BuildError> {
    let span = config.span();
    let mut table = config.into_inner();
    let id = table.remove("id");
    let id = id.as_ref().and_then(|id| id.get_ref().as_str());
    let entry = FEATURES.iter().find(|entry| Some(entry.id) == id).ok_or_else(|| {
        let known: Vec<String> = FEATURES.iter().map(|entry| format!("`{}`", entry.id)).collect();
        let known = known.join(", ");
        toml::de::Error::custom(match id {
            Some(id) => format!("there is no feature network `{id}`; there is {known}"),
            None => format!("the `id` of a feature network is missing; there is {known}"),
        })
    })?;
    (entry.build)(toml::Spanned::new(span, table), folder)
}
