//! What entries of the tables of geometries are.

use crate::ParameterError;
use likely_core::{Geometry, Potential, SmoothMap};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The `config` table of a spec, with the places of its keys and values in the text of the spec.
pub type Config<'a> = toml::Spanned<toml::de::DeTable<'a>>;

/// A manifold that was built from its configuration.
pub struct Built {
    /// The geometry.
    pub geometry: Box<dyn Geometry>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
}

/// One entry of the table of manifolds.
#[derive(Debug, Clone, Copy)]
pub struct Manifold {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the geometry comes from.
    pub source: &'static str,
    /// Builds the geometry; an error carries its place in the spec.
    pub build: fn(Config<'_>) -> Result<Built, toml::de::Error>,
}

/// A configuration that says which manifold is meant.
pub(crate) trait Recipe: Serialize + DeserializeOwned {
    /// The manifold.
    fn geometry(&self) -> Result<Box<dyn Geometry>, ParameterError>;
}

/// Builds a manifold from its configuration.
pub(crate) fn from_config<T: Recipe>(config: Config<'_>) -> Result<Built, toml::de::Error> {
    let recipe = T::deserialize(toml::Deserializer::from(config))?;
    let geometry = recipe.geometry().map_err(serde::de::Error::custom)?;
    let resolved = toml::Table::try_from(&recipe).map_err(serde::de::Error::custom)?;
    Ok(Built { geometry, resolved })
}

/// What of a model a geometry can be made of.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Its potential.
    pub potential: &'a dyn Potential,
    /// The map from its points to images, where it has one that can be differentiated.
    pub decoder: Option<&'a dyn SmoothMap>,
}

impl<'a> Origin<'a> {
    /// A density, and nothing else.
    pub fn density(potential: &'a dyn Potential) -> Self {
        Self { potential, decoder: None }
    }
}

/// Makes a geometry of a model: of its density or of its decoder.
pub trait Derive: fmt::Debug + Send + Sync {
    /// The geometry of a model.
    ///
    /// # Errors
    /// The reason, in words, where the model lacks what the geometry needs; it becomes a row of the table.
    fn over<'a>(&self, origin: Origin<'a>) -> Result<Box<dyn Geometry + 'a>, String>;
}

/// A derived geometry that was built from its configuration.
#[derive(Debug)]
pub struct BuiltDerived {
    /// Makes the geometry once there is a model.
    pub derive: Box<dyn Derive>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
}

/// One entry of the table of derived geometries.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the geometry comes from.
    pub source: &'static str,
    /// Reads the configuration; an error carries its place in the spec.
    pub build: fn(Config<'_>) -> Result<BuiltDerived, toml::de::Error>,
}

/// Builds a derived geometry whose configuration struct is the recipe itself.
pub(crate) fn derived_from_config<T>(config: Config<'_>) -> Result<BuiltDerived, toml::de::Error>
where
    T: Derive + DeserializeOwned + Serialize + 'static,
{
    let derive = T::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&derive).map_err(serde::de::Error::custom)?;
    Ok(BuiltDerived { derive: Box::new(derive), resolved })
}
