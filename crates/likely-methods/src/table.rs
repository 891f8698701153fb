//! What an entry of the table of methods is.

use crate::Interpolator;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The `config` table of a spec, with the places of its keys and values in the text of the spec.
pub type Config<'a> = toml::Spanned<toml::de::DeTable<'a>>;

/// A method that was built from its configuration.
#[derive(Debug)]
pub struct Built {
    /// The method, ready to interpolate.
    pub interpolator: Box<dyn Interpolator>,
    /// Its configuration with every default filled in.
    pub resolved: toml::Table,
}

/// One entry of the table of methods.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The kebab-case name that specs use.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where the method comes from.
    pub source: &'static str,
    /// Builds the method; an error carries its place in the spec.
    pub build: fn(Config<'_>) -> Result<Built, toml::de::Error>,
}

impl Method {
    /// The configuration that an empty one stands for, as one line of TOML; the reason where there is none.
    pub fn defaults(&self) -> String {
        defaults(|config| (self.build)(config).map(|built| built.resolved))
    }
}

/// What `build` makes of an empty configuration, as one line of TOML.
pub(crate) fn defaults(build: impl FnOnce(Config<'_>) -> Result<toml::Table, toml::de::Error>) -> String {
    let built = toml::de::DeTable::parse("").and_then(build);
    built.map_or_else(|error| error.message().to_owned(), |table| toml::Value::Table(table).to_string())
}

/// Builds a method whose configuration struct is the method itself.
pub(crate) fn from_config<T>(config: Config<'_>) -> Result<Built, toml::de::Error>
where
    T: Interpolator + DeserializeOwned + Serialize + 'static,
{
    let method = T::deserialize(toml::Deserializer::from(config))?;
    let resolved = toml::Table::try_from(&method).map_err(serde::de::Error::custom)?;
    Ok(Built { interpolator: Box::new(method), resolved })
}
